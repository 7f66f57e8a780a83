"""Configuration directories. Source: design §10, api.md §8."""

from __future__ import annotations

import pytest

from pools.config import parse_config
from pools.documents import as_json
from pools.model import ConfigError, ConfigProblem, ConfigSeverity
from pools.shipped import MachineResources, shipped_config
from tests.unit.pools.configs import problems, read

MACHINE = MachineResources(cpu_count=8, memory_bytes=32 << 30, storage_bytes=100 << 30)

GOOD = """
    backends:
      east: {cluster: {in_cluster: true}, scheduler_settings: {scheduler_type: kai}}
    pools:
      robots:
        backend: east
        default_platform: arm
        common_pod_template: [default_user, common]
        common_default_variables: {USER_CPU: 2, TEAM: a}
        platforms:
          arm: {default_variables: {TEAM: b}, override_pod_template: [arm]}
    pod_templates:
      common: {spec: {tolerations: [{key: gpu, operator: Exists}]}}
      arm: {spec: {nodeSelector: {arch: arm64}, containers: [{name: osmo-ctrl, resources: {requests: {cpu: 500m}}}]}}
    nodes:
    - {name: n1, labels: {arch: arm64}, taints: [{key: gpu}], allocatable: {cpu: 7900m, memory: 16Gi, gpu: 2}}
    """


def test_a_platform_has_everything_merged() -> None:
    config = read(a=GOOD)
    policy = config.policies["robots", "arm"]
    assert policy.placement.node_selector == {"arch": "arm64"}
    assert policy.placement.tolerations == ({"key": "gpu", "operator": "Exists"},)
    assert policy.default_variables == {"USER_CPU": 2, "TEAM": "b"}
    assert (policy.backend, policy.sidecar.cpu) == ("east", 1)
    assert config.backends["east"].scheduler_settings.effective_name == "kai-scheduler"


def test_nodes_go_to_the_only_backend() -> None:
    nodes = read(a=GOOD).nodes
    assert nodes is not None
    assert (nodes[0].backend, nodes[0].allocatable.cpu, nodes[0].allocatable.gpu) == ("east", 7, 2)


def test_what_a_node_does_not_state_is_no_limit() -> None:
    nodes = read(a=GOOD).nodes
    assert nodes is not None
    assert nodes[0].allocatable.storage_bytes == 1 << 60


def test_no_inventory_is_not_an_empty_one() -> None:
    assert read(a="pools: {}").nodes is None


def test_sections_may_be_spread_over_files() -> None:
    config = read(
        a="backends: {b: {engine: local}}\npools: {p: {backend: b, platforms: {x: {}}}}",
        b="pools: {q: {backend: b, platforms: {x: {}}}}",
        c="",
    )
    assert list(config.pools) == ["p", "q"]


def test_lists_of_named_objects_are_maps_too() -> None:
    config = read(a="backends: [{name: b, engine: local}]\nroles: [{name: team, policies: [{actions: ['pool:List']}]}]")
    assert config.backends["b"].is_local
    assert config.roles["team"].name == "team"


def test_limits_that_are_not_set_are_the_shipped_ones() -> None:
    workflow = read(a="workflow: {max_num_ports_per_task: 3}").workflow
    assert (workflow.max_num_tasks, workflow.max_retry_per_task, workflow.max_num_ports_per_task) == (5000, 3, 3)
    assert read(b="workflow: {max_num_tasks: 20, max_retry_per_task: 0}").workflow.max_retry_per_task == 0


def test_shipped_templates_rules_and_roles_are_there_unless_replaced() -> None:
    config = read(a="pod_templates: {default_user: {metadata: {}}}\nresource_validations: {default_cpu: []}")
    assert config.pod_templates["default_user"] == {"metadata": {}}
    assert "default_ctrl" in config.pod_templates
    assert config.resource_validations["default_cpu"] == ()
    assert "osmo-admin" in config.roles


def test_an_empty_field_keeps_its_default() -> None:
    config = read(a="service:\nworkflow: {max_exec_timeout: }\nbackends: {b: {engine: local, description: }}")
    assert config.workflow.max_exec_timeout == "60d"


def test_a_directory_keeps_of_the_base_what_it_does_not_give() -> None:
    base = shipped_config(MACHINE)
    config = parse_config({"a.yaml": b"workflow: {max_num_tasks: 7}"}, base=base)
    assert (config.pools, config.backends, config.nodes) == (base.pools, base.backends, base.nodes)
    assert config.workflow.max_num_tasks == 7
    pools = parse_config({"a.yaml": b"pools: {p: {backend: local, platforms: {x: {}}}}"}, base=base)
    assert (list(pools.pools), pools.backends, pools.nodes) == (["p"], base.backends, base.nodes)
    given = parse_config({"a.yaml": b"pools: {p: {backend: b}}\nbackends: {b: {engine: local}}"}, base=base)
    assert (list(given.pools), given.nodes) == (["p"], None)


def test_pools_given_by_an_administrator_are_strict() -> None:
    assert read(a=GOOD).pools["robots"].strict
    assert not shipped_config(MACHINE).pools["default"].strict


@pytest.mark.parametrize(
    ("text", "line", "path", "message"),
    [
        ("service: {nope: 1}", 1, "service.nope", "Unknown key"),
        ("workflow:\n  labels_config:\n    nope: 1", 3, "workflow.labels_config.nope", "Unknown key"),
        ("workflow:\n  max_num_tasks: many", 2, "workflow.max_num_tasks", "valid integer"),
        ("workflow: {default_exec_timeout: 1h30m}", 1, "workflow.default_exec_timeout", "Cannot recognize duration"),
        ("poools: {}", 1, "poools", 'Unknown section "poools"'),
        ("- a", 1, "", "Expected sections at the top level"),
        ("workflow: 5", 1, "workflow", "must be a mapping"),
        ("pools: 5", 1, "pools", "must map names to objects"),
        ("backends: [{engine: local}]", 1, "backends[0]", "needs a `name`"),
        ("a: [", 2, "", "Not readable as YAML"),
        ("x: !foo 1", 1, "", "Not readable as YAML"),
        ("pools: {}\npools: {}", 2, "pools", 'Key "pools" stands twice'),
        ("pools:\n  p: {backend: nope}", 2, "pools.p.backend", 'Unknown backend "nope"'),
        ("pools:\n  p: {}", 2, "pools.p.backend", "Field required"),
        ("pools:\n  p: {backend: b, default_platform: x}", 2, "pools.p", 'default_platform "x" is not one of'),
        (
            "pools:\n  p:\n    backend: b\n    common_pod_template:\n    - nope",
            5,
            "pools.p.common_pod_template[0]",
            'Unknown pod template "nope"',
        ),
        ("pools: {p: {backend: b, default_exit_actions: {RESTART: '1'}}}", 1, None, "Invalid exit action RESTART"),
        ("pools: {p: {backend: b, default_exit_actions: {FAIL: 'x'}}}", 1, None, "Invalid exit codes x"),
        ("pools: {p: {backend: b, topology_keys: [{key: a, label: x}, {key: a, label: y}]}}", 1, None, "twice"),
        ("backends: {b: {cluster: {}}}", 1, "backends.b.cluster", "expected exactly one of"),
        ("backends: {b: {cluster: {in_cluster: true, token_file: x}}}", 1, None, "go with server"),
        ("backends: {b: {engine: local, cluster: {in_cluster: true}}}", 1, None, "remove `cluster` or `engine`"),
        ("backends: {b: {engine: local, tests: [t]}}", 1, "backends.b.tests[0]", 'Unknown backend test "t"'),
        ("backends: {b: {engine: local, node_conditions: {rules: {'[': 'True'}}}}", 1, None, "regular expression"),
        ("backends: {b: {engine: local, node_conditions: {rules: {A: Yes!}}}}", 1, None, "list of statuses"),
        ("backends: {-b: {engine: local}}", 1, "backends.-b", 'Name "-b" of backend is not valid'),
        ("resource_validations: {r: [{operator: XX, left_operand: a, right_operand: b}]}", 1, None, "operator|Input"),
        (
            "resource_validations:\n  r:\n  - {operator: GT, left_operand: '{{ a', right_operand: b}",
            3,
            "resource_validations.r[0].left_operand",
            "cannot be parsed",
        ),
        ("pod_templates: {t: {spec: '{% if %}'}}", 1, "pod_templates.t.spec", "cannot be parsed"),
        ("pod_templates: {t: {when: 2024-01-01}}", 1, "pod_templates.t.when", "Put a date in quotes"),
        ("group_templates: {g: {kind: X, metadata: {name: a}}}", 1, "group_templates.g", '"apiVersion"'),
        (
            "backend_tests: {t: {cron_schedule: '* *', node_conditions: [x], common_pod_template: [default_user]}}",
            1,
            "backend_tests.t.cron_schedule",
            "five fields",
        ),
        (
            "backend_tests: {t: {cron_schedule: '* * * * *', node_conditions: [], common_pod_template: [nope]}}",
            1,
            "backend_tests.t.node_conditions",
            "at least 1",
        ),
        ("roles: {r: {policies: [{actions: ['pool:list']}]}}", 1, None, "should match pattern"),
        ("roles: {osmo-admin: {policies: [{actions: ['pool:List']}]}}", 1, "roles.osmo-admin", "immutable"),
        ("nodes: [{name: n, allocatable: {cpu: lots}}]\nbackends: {b: {engine: local}}", 1, None, "not a Kubernetes"),
        (
            "nodes: [{name: n}]\nbackends: {b: {engine: local}, c: {engine: local}}",
            1,
            "nodes.n",
            "needs `backend`",
        ),
        ("nodes: [{name: n, backend: z}]\nbackends: {b: {engine: local}}", 1, "nodes[0].backend", "Unknown backend"),
        (
            "workflow: {labels_config: {policy: [{key: a}, {key: a}]}}",
            1,
            "workflow.labels_config.policy",
            "several rules for a",
        ),
        ('workflow: {labels_config: {policy: [{key: a, assert_message: "a\\nb"}]}}', 1, None, "should match pattern"),
        (
            f"workflow: {{labels_config: {{policy: [{{key: a, assert_message: {'m' * 257}}}]}}}}",
            1,
            None,
            "at most 256 characters",
        ),
        ("service: {service_auth: {active_key: k}}", 1, "service.service_auth", 'active_key "k"'),
        ("service: {cli_config: {latest_version: new}}", 1, None, "not a version"),
    ],
)
def test_what_is_refused_names_its_place(text: str, line: int, path: str | None, message: str) -> None:
    texts = {"a": text if "backends" in text else f"{text}\n"}
    if "backend: b" in text:
        texts["z"] = "backends: {b: {engine: local}}"
    found = problems(**texts)
    assert any(_says(problem, message) for problem in found), found
    first = next(problem for problem in found if _says(problem, message))
    assert (first.file, first.line) == ("a.yaml", line)
    assert path is None or first.path == path


def _says(problem: ConfigProblem, message: str) -> bool:
    return any(part in problem.message for part in message.split("|"))


def test_everything_wrong_is_said_at_once_and_in_all_files() -> None:
    found = problems(a="service: {x: 1, y: 2}\nfoo: 1", b="workflow: {z: 1}")
    assert {(problem.file, problem.path) for problem in found} == {
        ("a.yaml", "service.x"),
        ("a.yaml", "service.y"),
        ("a.yaml", "foo"),
        ("b.yaml", "workflow.z"),
    }


def test_an_object_is_defined_once() -> None:
    (found,) = problems(a="backends:\n  b: {engine: local}", b="\nbackends: {b: {engine: local}}")
    assert (found.file, found.line, found.path) == ("b.yaml", 2, "backends.b")
    assert "a.yaml:2" in found.message


def test_a_single_section_stands_in_one_file() -> None:
    (found,) = problems(a="workflow: {}", b="workflow: {}")
    assert (found.file, found.message) == (
        "b.yaml",
        'Section "workflow" stands in a.yaml already. Put all of it in one file.',
    )


def test_unknown_keys_of_pools_are_ignored_with_a_warning() -> None:
    """'Unknown keys are rejected (422) in service and workflow configs and ignored in pools'."""
    config = read(
        a="""
        backends: {b: {engine: local, colour: red, online: true}}
        pools:
          p: {backend: b, flavour: 1, status: ONLINE, platforms: {x: {shape: 2, tolerations: []}}}
        """
    )
    assert [(problem.path, problem.severity) for problem in config.warnings] == [
        ("backends.b.colour", ConfigSeverity.WARNING),
        ("pools.p.flavour", ConfigSeverity.WARNING),
        ("pools.p.platforms.x.shape", ConfigSeverity.WARNING),
    ]


def test_what_cannot_work_is_worth_a_warning() -> None:
    config = read(a="backends: {b: {}}\npools: {p: {backend: b}}")
    assert ["no platforms" in w.message or "nothing can be run" in w.message for w in config.warnings] == [True, True]


def test_secrets_do_not_stand_in_messages() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config({"a.yaml": b"workflow: {workflow_log: {credential: {endpoint: [], access_key: hunter2}}}"})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("credential", "said"),
    [
        ("{endpoint: bucket/logs}", "is no place of a store"),
        ("{endpoint: 'http://bucket'}", "is no place of a store"),
        ("{endpoint: 's3://'}", "is no place of a store"),
        ("{endpoint: 's3://b', access_key_id: me}", "has no access_key"),
        ("{endpoint: 's3://b', access_key_id: me, access_key: ''}", "has no access_key"),
        ("{region: x}", "endpoint"),
        ("{endpoint: 's3://b', colour: red}", "colour"),
    ],
)
@pytest.mark.parametrize("section", ["workflow_data", "workflow_log"])
def test_a_place_that_cannot_be_one_is_refused(section: str, credential: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_config({"a.yaml": f"workflow: {{{section}: {{credential: {credential}}}}}".encode()})


def test_places_are_taken_with_and_without_keys() -> None:
    """ "or without them to use the ambient identity" (api.md §8.2)"""
    config = read(
        a="""
        workflow:
          workflow_log:
            credential: {endpoint: "azure://account/container", access_key: "sig=x"}
            former: [{endpoint: "s3://old/logs"}, {endpoint: "file:///srv/logs"}]
        """
    )
    log = config.workflow.workflow_log
    assert [place.endpoint for place in log.former] == ["s3://old/logs", "file:///srv/logs"]
    assert "sig" not in str(as_json(config.workflow))


def test_an_alias_bomb_is_read_in_no_time() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
    assert problems(a=bomb)
    loop = "pod_templates: &a {x: *a}"
    assert any("alias contains itself" in problem.message for problem in problems(a=loop))


def test_depth_is_bounded() -> None:
    assert problems(a="a: " + "[" * 5000 + "]" * 5000)
