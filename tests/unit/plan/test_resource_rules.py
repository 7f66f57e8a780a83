"""Requests, platforms, mounts, privileges, topology. Source: workflow-spec.md §1.2 step 16, §7.2, §7.4, §7.6."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pools.nodes import Node
from templates.variables import NodeCapacity
from tests.unit.plan.specs import on_cluster, on_machine, one, refusal, sized, spec, task, warnings
from translator.problems import ErrorCode, Severity


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ({"cpu": 1000000}, "Value 1000000 too high for CPU"),
        ({"cpu": 9}, "Value 9 too high for CPU"),
        ({"memory": "33Gi"}, "Value 33Gi too high for memory"),
        ({"memory": "1T"}, "Value 1T too high for memory"),
        ({"storage": "100Gi"}, "Value 100Gi too high for storage"),
        ({"gpu": 1}, "Value 1 too high for GPU"),
    ],
)
def test_too_big_for_every_node(resource: dict[str, object], reason: str) -> None:
    """'400 RESOURCE with a table of the nodes and reasons and Please check available resources …'; a row."""
    context = on_cluster()
    error = refusal(sized(**resource), replace(context, nodes=(context.config.nodes or ())[:1]))
    assert error.message.splitlines() == [
        "Resource validation failed for task: t",
        "Assertion failed for task t: no node of platform cpu can take it.",
        "Node  Reason",
        "----  ------",
        f"c1    {reason}",
        'Please check available resources with "osmo resource list".',
    ]
    assert (error.error_code, error.records_submission, error.problems[0].path) == (
        ErrorCode.RESOURCE,
        True,
        "workflow.resources.default",
    )


@pytest.mark.parametrize(
    "resource",
    [
        {},
        {"cpu": 8},
        {"memory": "32Gi"},
        {"memory": "32G"},
        {"storage": "99Gi"},
        {"platform": "gpu", "cpu": 16, "gpu": 4, "memory": "64Gi"},
    ],
)
def test_what_fits(resource: dict[str, object]) -> None:
    assert warnings(sized(**resource), on_cluster()) == ()


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ({"memory": "0"}, "Value 0.0Ki needs to be greater than 0 for memory"),
        ({"storage": "0Gi"}, "Value 0Gi needs to be greater than 0 for storage"),
    ],
)
def test_static_rules(resource: dict[str, object], reason: str) -> None:
    """'Static assertions: evaluated once per task; failure -> 400 USER'; a row is written."""
    error = refusal(sized(**resource), on_cluster())
    assert error.message == f"Resource validation failed for task: t\nAssertion failed for task t: {reason}"
    assert (error.error_code, error.records_submission) == (ErrorCode.USER, True)


def test_a_default_of_zero_cores_is_refused() -> None:
    """'USER_CPU GT 0': '… needs to be greater than 0 for CPU'; a request cannot say 0, a pool's default can."""
    pool = (
        "backend: east, default_platform: p, platforms: {p: {}}, common_default_variables: {USER_CPU: 0},"
        " common_resource_validations: [default_cpu]"
    )
    error = refusal(one(), replace(on_cluster(f"pools: {{idle: {{{pool}}}}}"), pool="idle"))
    assert error.message == (
        "Resource validation failed for task: t\n"
        "Assertion failed for task t: Value 0 needs to be greater than 0 for CPU"
    )
    assert error.error_code is ErrorCode.USER


def test_static_rules_come_before_node_rules() -> None:
    error = refusal(sized(cpu=99, memory="0Gi"), on_cluster())
    assert (error.error_code, [problem.code for problem in error.problems]) == (
        ErrorCode.USER,
        ["resource-rule", "resource-nodes"],
    )


def test_an_unset_variable_is_a_clear_refusal() -> None:
    """'comparing string with number -> TypeError -> 500': ours 400."""
    pool = "backend: east, default_platform: p, platforms: {p: {}}, common_resource_validations: [default_cpu]"
    context = on_cluster(f"pools: {{bare: {{{pool}}}}}")
    error = refusal(one(), replace(context, pool="bare"))
    assert 'cannot compare the text "None" with the number 0' in error.message
    assert error.error_code is ErrorCode.USER
    assert warnings(sized(cpu=1), replace(context, pool="bare")) == ()


def test_unknown_platforms() -> None:
    """'Platform unknown -> 400 RESOURCE Platform X does not exist in pool P!'"""
    error = refusal(sized(platform="moon"), on_cluster())
    assert (error.message, error.error_code, error.records_submission) == (
        "Platform moon does not exist in pool lab!",
        ErrorCode.RESOURCE,
        True,
    )
    assert error.problems[0].path == "workflow.resources.default.platform"


def test_platforms_of_unused_resources_do_not_matter() -> None:
    workflow = spec(task("t"), resources={"default": {}, "unused": {"platform": "moon"}})
    assert warnings(workflow, on_cluster()) == ()


def test_a_platform_without_nodes() -> None:
    """'There are no resources in platform X and pool P!'"""
    context = replace(on_cluster(), nodes=(Node(name="c1", backend="east", allocatable=NodeCapacity(cpu=99)),))
    error = refusal(sized(platform="gpu"), context)
    assert error.message == "There are no resources in platform gpu and pool lab!"
    assert (error.error_code, error.records_submission) == (ErrorCode.RESOURCE, True)


@pytest.mark.parametrize("nodes", [(), (Node(name="x", backend="west"),)])
def test_where_no_node_of_the_backend_is_known_nothing_is_judged(nodes: tuple[Node, ...]) -> None:
    (warning,) = warnings(sized(cpu=999), replace(on_cluster(), nodes=nodes))
    assert (warning.code, warning.severity) == ("nodes-unknown", Severity.WARNING)


def test_a_platform_without_rules_accepts_any_quantity() -> None:
    context = on_cluster("pools: {free: {backend: east, default_platform: p, platforms: {p: {}}}}")
    assert warnings(sized(cpu=10**6, memory="1000T"), replace(context, pool="free")) == ()


def test_capacity_is_less_what_others_use_and_the_sidecar() -> None:
    """'Uses node capacity (allocatable less non-workflow usage and ctrl overhead), not free capacity'."""
    node = Node(
        name="c1",
        backend="east",
        allocatable=NodeCapacity(cpu=8, memory_bytes=32 << 30, storage_bytes=1 << 40),
        foreign_usage=NodeCapacity(cpu=2),
    )
    context = replace(on_cluster(), nodes=(node,))
    assert warnings(sized(cpu=6), context) == ()
    assert "too high for CPU" in refusal(sized(cpu=7), context).message


def test_a_pool_that_is_not_strict_only_warns_about_size() -> None:
    (warning,) = warnings(sized(cpu=1000), on_machine())
    assert (warning.code, warning.severity) == ("resource-nodes", Severity.WARNING)
    assert "Value 1000 too high for CPU" in warning.message
    assert refusal(sized(memory="0Gi"), on_machine()).error_code is ErrorCode.USER
    assert "does not exist" in refusal(sized(platform="moon"), on_machine()).message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"privileged": True}, "Task with platform: cpu does not have privileged flag enabled. Task t"),
        ({"hostNetwork": True}, "Task with platform: cpu does not have hostNetwork flag enabled. Task t"),
        ({"volumeMounts": ["/etc"]}, "Task with platform: cpu does not allow mount: /etc. Task t"),
    ],
)
def test_privileges(fields: dict[str, object], message: str) -> None:
    error = refusal(one(**fields), on_cluster())
    assert (error.message, error.error_code, error.records_submission) == (message, ErrorCode.RESOURCE, True)
    assert warnings(spec(task("t", **fields | {"volumeMounts": ["/data"]}), resources=GPU), on_cluster()) == ()


GPU = {"default": {"platform": "gpu"}}


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        ("/a:/b:/c", "Invalid task volume mount: /a:/b:/c."),
        ("/data:", "Invalid task volume mount: /data:."),
        (":/data", "Invalid task volume mount: :/data."),
        ("", "Invalid task volume mount: ."),
        (
            "/shm",
            "Mount /shm is already provided by platform gpu and cannot be set in volumeMounts. "
            "Remove it from volumeMounts.",
        ),
        ("/shm/", "Task with platform: gpu does not allow mount: /shm/. Task t"),
        ("/data/", "Task with platform: gpu does not allow mount: /data/. Task t"),
        ("/data/x", "Task with platform: gpu does not allow mount: /data/x. Task t"),
    ],
)
def test_mounts_that_are_refused(mount: str, message: str) -> None:
    """'Source compared literally with the allowed_mounts entries (no prefix, no normalisation)'."""
    error = refusal(spec(task("t", volumeMounts=["/data", mount]), resources=GPU), on_cluster())
    assert (error.message, error.error_code) == (message, ErrorCode.RESOURCE)
    assert error.problems[0].path == "workflow.tasks[0].volumeMounts[1]"


@pytest.mark.parametrize("mount", ["/data", "/data:/x", "/both"])
def test_mounts_that_are_allowed(mount: str) -> None:
    assert warnings(spec(task("t", volumeMounts=[mount]), resources=GPU), on_cluster()) == ()


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ("150%", "Cache size must be between 0-100 percent: 150%"),
        ("x%", "Improperly formatted cache size: x%"),
        ("5GB", "Resource cache field has invalid unit: GB"),
    ],
)
def test_cache_sizes(size: str, message: str) -> None:
    error = refusal(one(cacheSize=size), on_cluster())
    assert error.message.startswith(message)
    assert (error.error_code, error.problems[0].path) == (ErrorCode.RESOURCE, "workflow.tasks[0].cacheSize")


def test_topology_keys_agree_over_the_workflow() -> None:
    """'all tasks of the workflow that use topology must use the same set of keys; tasks without are fine'."""
    resources = {
        "default": {},
        "zone": {"topology": [{"key": "zone"}]},
        "both": {"topology": [{"key": "rack"}, {"key": "zone"}]},
        "both2": {"topology": [{"key": "zone", "group": "x"}, {"key": "rack"}]},
    }
    fine = spec(task("a"), task("b", resource="both"), task("c", resource="both2"), resources=resources)
    assert warnings(fine, on_cluster()) == ()
    error = refusal(spec(task("b", resource="zone"), task("c", resource="both"), resources=resources), on_cluster())
    assert error.message.startswith("Topology validation failed: All tasks must use the same topology keys")
    assert (error.error_code, error.records_submission) == (ErrorCode.RESOURCE, True)


BROKEN = """
    pools: {broken: {backend: east, default_platform: p, platforms: {p: {}}, common_pod_template: [broken]}}
    pod_templates: {broken: {spec: {priority: "{{ USER_MEMORY_Gi * 2 }}", labels: {wf: "{{WF_ID}}"}}}}
    """


def test_templates_that_cannot_be_rendered_for_a_request() -> None:
    """A template that fails for this request is found at submission, not when the pod is made."""
    context = replace(on_cluster(BROKEN), pool="broken")
    error = refusal(one(), context)
    assert error.message.startswith("Pod template of platform p cannot be used for task t")
    assert error.error_code is ErrorCode.RESOURCE
    assert warnings(sized(memory="1Gi"), context) == ()


def test_group_templates_know_group_variables_only() -> None:
    text = """
    pools: {g: {backend: east, default_platform: p, platforms: {p: {}}, common_group_templates: [g]}}
    group_templates: {g: {apiVersion: v1, kind: X, metadata: {name: "{{WF_GROUP_UUID}}-VAR"}}}
    """
    assert warnings(one(), replace(on_cluster(text.replace("VAR", "{{WF_POOL}}")), pool="g")) == ()
    error = refusal(one(), replace(on_cluster(text.replace("VAR", "{{USER_CPU}}")), pool="g"))
    assert "Group template of pool g cannot be used" in error.message


def test_one_finding_for_tasks_that_share_a_request() -> None:
    error = refusal(spec(*(task(f"t{n}") for n in range(50)), resources={"default": {"cpu": 99}}), on_cluster())
    assert len(error.problems) == 1
