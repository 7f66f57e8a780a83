"""Every row of workflow-spec.md §2.2, §2.5-§2.7, §2.9-§2.13: what is accepted as what, and what is refused how."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from tests.unit.spec.specs import parsed, refused, task_of, with_fields, with_resource, with_task, workflow, workflow_of
from translator.problems import ErrorCode, Problem
from translator.spec.data_model import (
    DatasetSource,
    DatasetTarget,
    InputDataset,
    InputTask,
    InputUrl,
    OutputDataset,
    OutputUrl,
)
from translator.spec.exit_codes import ExitActionName
from translator.spec.model import RequirementType, as_document

TASK = "{name: t, image: i, command: [c]}"


def only_problem(text: str) -> Problem:
    error = refused(text)
    assert len(error.problems) == 1, error.problems
    return error.problems[0]


@pytest.mark.parametrize("name", ["a", "A", "a1", "a-b", "a_b", "hello-osmo", "A1_b-2"])
def test_name_begins_with_a_letter_and_ends_alphanumeric(name: str) -> None:
    assert workflow_of(f"workflow: {{name: {name}, tasks: [{TASK}]}}").name == name


@pytest.mark.parametrize("name", ["1a", "-a", "a-", "a_", "a b", "a.b", "é", "''", "'a\n\n'", "a/b", "{{output}}x"])
def test_other_names_are_refused(name: str) -> None:
    problem = only_problem(
        f"workflow: {{name: '{name}', tasks: [{TASK}]}}"
        if "'" not in name
        else f"workflow: {{name: {name}, tasks: [{TASK}]}}"
    )
    assert (problem.path, problem.code) == ("workflow.name", "bad-name")
    assert problem.message.startswith("String should match pattern '^[a-zA-Z]([a-zA-Z0-9_-]*[a-zA-Z0-9])?$'")


@pytest.mark.parametrize(
    ("lines", "path", "message"),
    [
        ("tasks: []", "workflow", "Workflows need to have at least one group or one task."),
        ("groups: []", "workflow", "Workflows need to have at least one group or one task."),
        (
            f"tasks: [{TASK}]\ngroups: [{{name: g, tasks: [{{name: u, image: i, command: [c]}}]}}]",
            "workflow",
            "Cannot use both groups and tasks in the same workflow.",
        ),
        ("groups: [{name: g, tasks: []}]", "workflow.groups[0].tasks", 'Group "g" needs to have at least one task.'),
        (
            "groups: [{name: g, tasks: [{name: a, image: i, command: [c]}, {name: b, image: i, command: [c]}]}]",
            "workflow.groups[0].tasks",
            'Group "g" has 0 leader(s) but must have exactly one.',
        ),
        (
            "groups: [{name: g, tasks: [{name: a, image: i, command: [c], lead: true},"
            " {name: b, image: i, command: [c], lead: 'yes'}]}]",
            "workflow.groups[0].tasks",
            'Group "g" has 2 leader(s) but must have exactly one.',
        ),
    ],
)
def test_groups_and_tasks(lines: str, path: str, message: str) -> None:
    error = refused(workflow(lines))
    assert [(problem.path, problem.message) for problem in error.problems] == [(path, message)]
    assert (error.error_code, error.records_submission) == (ErrorCode.USAGE, True)
    assert message in error.message


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ("tasks:", "workflow.tasks"),
        (f"tasks: [{TASK}]\ngroups:", "workflow.groups"),
        ("groups: [{name: g, tasks: }]", "workflow.groups[0].tasks"),
        (f"tasks: [{TASK}]\nresources:", "workflow.resources"),
        (f"tasks: [{TASK}]\ntimeout:", "workflow.timeout"),
        ("tasks: [{name: t, image: i, command: [c], environment: }]", "workflow.tasks[0].environment"),
        ("tasks: [{name: t, image: i, command: [c], args: }]", "workflow.tasks[0].args"),
        ("tasks: [{name: t, image: i, command: }]", "workflow.tasks[0].command"),
        ("tasks: [{name: t, image: , command: [c]}]", "workflow.tasks[0].image"),
        ("tasks: [{name: t, image: i, command: [c], lead: }]", "workflow.tasks[0].lead"),
        ("tasks: [null]", "workflow.tasks[0]"),
    ],
)
def test_null_is_not_absent(lines: str, path: str) -> None:
    problem = only_problem(workflow(lines))
    assert (problem.path, problem.code) == (path, "wrong-type")


def test_null_credentials_have_a_text_of_their_own() -> None:
    problem = only_problem(with_task("credentials:"))
    assert problem.message == "credentials must be a str or dict, got NoneType"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (with_fields("timeouts: {}"), "workflow.timeouts"),
        (with_fields("timeout: {start_timeout: 1m}"), "workflow.timeout.start_timeout"),
        (with_task("retry: 1"), "workflow.tasks[0].retry"),
        (with_task("update_dataset: {}"), "workflow.tasks[0].update_dataset"),
        (with_task("cpu: 1"), "workflow.tasks[0].cpu"),
        (with_task("host_network: true"), "workflow.tasks[0].host_network"),
        (with_task("files: [{path: /a, localpath: b, contents: c}]"), "workflow.tasks[0].files[0].localpath"),
        (with_task("inputs: [{url: 's3://b', name: x}]"), "workflow.tasks[0].inputs[0].name"),
        (with_task("outputs: [{url: 's3://b', task: x}]"), "workflow.tasks[0].outputs[0].task"),
        (with_resource("disk: 1Gi"), "workflow.resources.default.disk"),
        (workflow(f"groups: [{{name: g, tasks: [{TASK}], timeout: {{}}}}]"), "workflow.groups[0].timeout"),
    ],
)
def test_unknown_keys_are_refused_everywhere(text: str, path: str) -> None:
    problem = only_problem(text)
    assert (problem.path, problem.code) == (path, "unknown-key")
    assert problem.message.startswith("Extra inputs are not permitted: ")


@pytest.mark.parametrize(
    "field",
    [
        *("dataset", "datasets", "update_dataset", "folder", "retry", "retries", "priority", "cpu", "gpu", "memory"),
        *("workingDir", "imagePullPolicy", "ports", "livenessProbe", "user", "uid", "platform", "timeout", "labels"),
    ],
)
def test_fields_that_a_task_never_had_or_has_no_more(field: str) -> None:
    """'There is no dataset, …, retry, priority, cpu shortcut, working directory, …: all rejected as extra keys.'"""
    problem = only_problem(with_task(f"{field}: 1"))
    assert (problem.path, problem.code) == (f"workflow.tasks[0].{field}", "unknown-key")
    assert problem.message.startswith("Extra inputs are not permitted: ")


@pytest.mark.parametrize(
    "field", ["timeout", "resource", "resources", "retry", "inputs", "outputs", "lead", "priority"]
)
def test_fields_that_a_group_does_not_have(field: str) -> None:
    """'No other group keys exist (no group timeout, resource, retry, inputs …).'"""
    problem = only_problem(workflow(f"groups: [{{name: g, tasks: [{TASK}], {field}: 1}}]"))
    assert (problem.path, problem.code) == (f"workflow.groups[0].{field}", "unknown-key")


def test_unknown_key_names_the_likely_one() -> None:
    assert "Did you mean `environment`?" in only_problem(with_task("enviroment: {A: b}")).message


@pytest.mark.parametrize("field", ["name", "image", "command"])
def test_required_fields_of_a_task(field: str) -> None:
    fields = {"name": "t", "image": "i", "command": ["c"]}
    del fields[field]
    problem = only_problem(f"workflow: {{name: w, tasks: [{fields}]}}")
    assert problem.message == f"Field required: add `{field}`."
    assert problem.path == f"workflow.tasks[0].{field}"


def test_numbers_become_text_in_tasks_files_and_resources() -> None:
    task = task_of(with_task("args: [42, 1.5]\nfiles: [{path: /a, contents: 3}]\nbackend: 7"))
    assert (task.args, task.files[0].contents, task.backend) == (["42", "1.5"], "3", "7")
    assert task_of("workflow: {name: w, tasks: [{name: t, image: 5, command: [1]}]}").image == "5"
    assert workflow_of(with_resource("platform: 5\nmemory: 1024")).resources["default"].platform == "5"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (f"workflow: {{name: 5, tasks: [{TASK}]}}", "workflow.name"),
        (with_fields("pool: 5"), "workflow.pool"),
        (workflow(f"groups: [{{name: 5, tasks: [{TASK}]}}]"), "workflow.groups[0].name"),
        (with_task("inputs: [{task: 5}]"), "workflow.tasks[0].inputs[0].task"),
        (with_task("kpis: [{index: 1, path: a}]"), "workflow.tasks[0].kpis[0].index"),
    ],
)
def test_numbers_do_not_become_text_elsewhere(text: str, path: str) -> None:
    problem = only_problem(text)
    assert (problem.path, problem.code) == (path, "wrong-type")
    assert "quotes" in problem.message


def test_booleans_become_text_only_in_environment_exit_actions_and_credentials() -> None:
    task = task_of(with_task("environment: {A: true, B: no, C: 1, D: 1.5, E: x}\ncredentials: {c: true}"))
    assert task.environment == {"A": "True", "B": "False", "C": "1", "D": "1.5", "E": "x"}
    assert task.credentials == {"c": "True"}
    assert only_problem(with_task("args: [true]")).path == "workflow.tasks[0].args[0]"


@pytest.mark.parametrize("value", ["", "[a]", "{a: b}", "2024-01-01"])
def test_environment_values_are_scalars(value: str) -> None:
    assert only_problem(with_task(f"environment: {{A: {value}}}")).path == "workflow.tasks[0].environment.A"


def test_environment_names_are_text() -> None:
    problem = only_problem(with_task("environment: {on: 1}"))
    assert problem.code == "bad-key"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("'true'", True), ("yes", True), ("1", True), ("0", False), ("'off'", False), ("no", False)],
)
def test_booleans_have_pydantics_spellings(value: str, expected: bool) -> None:
    assert task_of(with_task(f"privileged: {value}")).privileged is expected


@pytest.mark.parametrize("value", ["2", "'maybe'", "[true]"])
def test_other_booleans_are_refused(value: str) -> None:
    assert only_problem(with_task(f"hostNetwork: {value}")).path == "workflow.tasks[0].hostNetwork"


def test_command_is_a_list_of_at_least_one() -> None:
    assert only_problem("workflow: {name: w, tasks: [{name: t, image: i, command: []}]}").message == (
        "Container t should have at least one command."
    )
    problem = only_problem("workflow: {name: w, tasks: [{name: t, image: i, command: echo hi}]}")
    assert problem.message.startswith("Input should be a valid list")


@pytest.mark.parametrize("name", ["osmo-ctrl", "OSMO_CTRL", "Osmo-Ctrl"])
def test_task_may_not_take_the_name_of_osmos_container(name: str) -> None:
    problem = only_problem(f"workflow: {{name: w, tasks: [{{name: {name}, image: i, command: [c]}}]}}")
    assert 'cannot be named "osmo-ctrl"' in problem.message


def test_osmo_init_is_not_refused() -> None:
    assert task_of("workflow: {name: w, tasks: [{name: osmo-init, image: i, command: [c]}]}").name == "osmo-init"


@pytest.mark.parametrize(
    ("names", "clash"),
    [(("a", "a"), "a"), (("a-b", "a_b"), "a_b"), (("A", "a"), "a")],
)
def test_names_share_one_space_after_normalisation(names: tuple[str, str], clash: str) -> None:
    problem = only_problem(
        f"workflow: {{name: w, tasks: [{', '.join(f'{{name: {name}, image: i, command: [c]}}' for name in names)}]}}"
    )
    assert problem.message.startswith(f"Multiple tasks/groups have the same name {clash}")
    assert problem.path == "workflow.tasks[1].name"


def test_groups_and_their_tasks_share_the_space_but_the_workflow_does_not() -> None:
    assert only_problem(workflow(f"groups: [{{name: T, tasks: [{TASK}]}}]")).path == "workflow.groups[0].tasks[0].name"
    assert workflow_of("workflow: {name: t, tasks: [{name: t, image: i, command: [c]}]}").name == "t"


def test_group_of_one_has_its_task_as_lead() -> None:
    group = workflow_of(workflow(f"groups: [{{name: g, tasks: [{TASK}]}}]")).groups[0]
    assert group.lead.name == "t"
    assert (group.barrier, group.ignore_nonlead_status) == (True, True)


def test_task_without_a_group_gets_one() -> None:
    group = workflow_of(with_task("lead: false")).all_groups()[0]
    assert (group.name, group.lead.name, len(group.tasks)) == ("t-group", "t", 1)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("task: up", InputTask(task="up")),
        ("task: up, regex: '.*'", InputTask(task="up", regex=".*")),
        ("task: 'wf-12:up'", InputTask(task="wf-12:up")),
        ("url: 's3://b/p', regex: a", InputUrl(url="s3://b/p", regex="a")),
        ("url: whatever", InputUrl(url="whatever")),
    ],
)
def test_inputs(entry: str, expected: InputTask | InputUrl) -> None:
    assert task_of(with_task(f"inputs: [{{{entry}}}]")).inputs == [expected]


def test_input_of_an_earlier_workflow_names_both() -> None:
    found = InputTask(task="wf-12:up")
    assert (found.workflow_id, found.task_name) == ("wf-12", "up")
    assert (InputTask(task="up").workflow_id, InputTask(task="up").task_name) == (None, "up")


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("{}", "unknown-input"),
        ("{task: a, url: b}", "unknown-input"),
        ("{regex: a}", "unknown-input"),
        ("{update_dataset: {name: d}}", "dataset"),
        ("{folder: d}", "dataset"),
        ("{dataset: {name: d}, url: u}", "unknown-input"),
        ("{dataset: d}", "wrong-type"),
        ("a", "wrong-type"),
        ("{task: 'a:b:c'}", "bad-name"),
        ("{task: ''}", "bad-name"),
        ("{task: ':a'}", "bad-name"),
        ("{task: 'a:'}", "bad-name"),
        ("{task: a, regex: '('}", "bad-regex"),
        ("{url: a, regex: '*'}", "bad-regex"),
        ("{url: 5}", "wrong-type"),
        ("{url: }", "wrong-type"),
    ],
)
def test_other_inputs_are_refused(entry: str, code: str) -> None:
    assert only_problem(with_task(f"inputs: [{entry}]")).code == code


def test_an_entry_that_is_no_map_has_its_own_place() -> None:
    assert only_problem(with_task("inputs: [{task: a}, b]")).path == "workflow.tasks[0].inputs[1]"


def test_bad_regex_says_why() -> None:
    assert only_problem(with_task("outputs: [{url: u, regex: '('}]")).message.startswith("Invalid regex: ")


@pytest.mark.parametrize(
    "pattern", ["[ä-ü]+", r"\u00e4\\u", r"\\\(", "é{2}", r"[\U00010000-\U0010ffff]", "(?i)" + "[b-\uffee]" * 600]
)
def test_regexes_beyond_ascii(pattern: str) -> None:
    assert task_of(with_task(f"inputs: [{{url: u, regex: '{pattern}'}}]")).inputs[0].regex == pattern
    problem = only_problem(with_task(f"inputs: [{{url: u, regex: '{pattern}('}}]"))
    assert problem.code == "bad-regex"


def test_datasets_are_inputs_and_outputs() -> None:
    """§2.6: 'rejected, or supported as a declared extension'; issue 3 asks for `dataset: {name: x:version, path}`."""
    found = task_of(with_task("inputs: [{dataset: {name: 'd:v1'}}]\noutputs: [{dataset: {name: e}}, {url: u}]"))
    assert found.inputs == [InputDataset(dataset=DatasetSource(name="d:v1"))]
    assert found.outputs == [OutputDataset(dataset=DatasetTarget(name="e")), OutputUrl(url="u")]


@pytest.mark.parametrize("key", ["update_dataset", "folder"])
def test_older_kinds_are_refused_with_a_hint(key: str) -> None:
    """§10.20: 'reject with a hint'."""
    problem = only_problem(with_task(f"outputs: [{{{key}: {{name: d}}}}]"))
    assert problem.code == "dataset"
    assert "`dataset:`" in problem.message
    assert "`url:`" in problem.message


def test_an_output_has_one_kind() -> None:
    assert only_problem(with_task("outputs: [{dataset: {name: d}, url: u}]")).code == "unknown-output"


def test_a_task_has_few_datasets_in_outputs() -> None:
    """What became of each has to fit into the last words of a pod."""
    outputs = ", ".join(f"{{dataset: {{name: d{number}}}}}" for number in range(9))
    problem = only_problem(with_task(f"outputs: [{outputs}]"))
    assert (problem.code, problem.path) == ("too-many-datasets", "workflow.tasks[0].outputs")
    assert len(task_of(with_task(f"outputs: [{outputs[: outputs.rindex(',')]}]")).outputs) == 8


def test_same_input_twice_is_allowed() -> None:
    assert len(task_of(with_task("inputs: [{task: a}, {task: a}]")).inputs) == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [("4", 4), ("'4'", 4), ("1.0", 1), ("'1.0'", 1), ("0", 0), ("null", None), ("1000000", 1000000)],
)
def test_counts(value: str, expected: int | None) -> None:
    resource = workflow_of(with_resource(f"cpu: {value}\ngpu: {value}")).resources["default"]
    assert (resource.cpu, resource.gpu) == (expected, expected)


@pytest.mark.parametrize("value", ["1.5", "500m", "-1", "a", "[1]", "1e300"])
def test_other_counts_are_refused(value: str) -> None:
    error = refused(with_resource(f"cpu: {value}"))
    assert error.problems[0].path == "workflow.resources.default.cpu"
    assert error.error_code is ErrorCode.USAGE


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1Gi", 2**30),
        ("1G", 2**30),
        ("1GiB", 2**30),
        ("2Ti", 2**41),
        ("1TiB", 2**40),
        ("1T", 2**40),
        ("1Mi", 2**20),
        ("1M", 2**20),
        ("1MiB", 2**20),
        ("1Ki", 1024),
        ("1K", 1024),
        ("1KiB", 1024),
        ("5B", 5),
        ("1024m", 1),
        ("1m", 1),
        ("10", 10),
        ("1.5Gi", 3 * 2**29),
        ("0Gi", 0),
    ],
)
def test_quantities_are_binary(value: str, expected: int) -> None:
    resource = workflow_of(with_resource(f"memory: {value}\nstorage: '{value}'")).resources["default"]
    assert (resource.memory, resource.storage) == (value, value)
    assert (resource.memory_bytes, resource.storage_bytes) == (expected, expected)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("1GB", "Resource memory field has invalid unit: GB"),
        ("1gi", "Resource memory field has invalid unit: gi"),
        ("1Pi", "Resource memory field has invalid unit: Pi"),
        ("1kb", "Resource memory field has invalid unit: kb"),
        ("-1Gi", "Resource memory field has invalid value -1Gi"),
        ("1 Gi", "Resource memory field has invalid value 1 Gi"),
        ("Gi", "Resource memory field has invalid value Gi"),
        (".5Gi", "Resource memory field has invalid value .5Gi"),
        ("''", "Resource memory field has invalid value "),
        ("1Gi1", "Resource memory field has invalid value 1Gi1"),
    ],
)
def test_other_quantities_are_refused_as_resources(value: str, message: str) -> None:
    # §1.2 step 5b: unit errors are 400 RESOURCE and leave no row.
    error = refused(with_resource(f"memory: {value}"))
    assert (error.message, error.error_code, error.records_submission) == (message, ErrorCode.RESOURCE, False)
    assert error.problems[0].path == "workflow.resources.default.memory"


def test_resource_error_leaves_the_others_in_sight() -> None:
    error = refused(workflow("tasks: [{name: t, image: i}]\nresources: {default: {storage: 1GB}}"))
    assert error.error_code is ErrorCode.RESOURCE
    assert [problem.code for problem in error.problems] == ["bad-quantity", "missing-field"]


def test_topology() -> None:
    text = with_resource("topology: [{key: rack}, {key: zone, group: b, requirementType: preferred}]")
    found = workflow_of(text).resources["default"].topology
    assert [(entry.key, entry.group, entry.requirement_type) for entry in found] == [
        ("rack", "default", RequirementType.REQUIRED),
        ("zone", "b", RequirementType.PREFERRED),
    ]
    assert only_problem(with_resource("topology: [{key: a, requirementType: maybe}]")).code == "bad-value"
    assert only_problem(with_resource("topology: [{group: a}]")).code == "missing-field"


def test_nodes_excluded() -> None:
    assert workflow_of(with_resource("nodesExcluded: [a, 5]")).resources["default"].nodes_excluded == ["a", "5"]


def test_resources_default_to_one_empty_default() -> None:
    assert list(workflow_of(with_task("")).resources) == ["default"]
    assert list(workflow_of(with_fields("resources: {gpu: {gpu: 1}}")).resources) == ["gpu"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("COMPLETE: 1", [(ExitActionName.COMPLETE, "1", ((1, 1),))]),
        ("complete: '1-5,7'", [(ExitActionName.COMPLETE, "1-5,7", ((1, 5), (7, 7)))]),
        ("Fail: 0", [(ExitActionName.FAIL, "0", ((0, 0),))]),
        ("RESCHEDULE: 5-1", [(ExitActionName.RESCHEDULE, "5-1", ((5, 1),))]),
        (
            "RESCHEDULE: 1, COMPLETE: 2, FAIL: 3",
            [
                (ExitActionName.FAIL, "3", ((3, 3),)),
                (ExitActionName.COMPLETE, "2", ((2, 2),)),
                (ExitActionName.RESCHEDULE, "1", ((1, 1),)),
            ],
        ),
    ],
)
def test_exit_actions(lines: str, expected: list[tuple[ExitActionName, str, object]]) -> None:
    table = task_of(with_task(f"exitActions: {{{lines}}}")).exit_actions
    assert [(rule.action, rule.codes, rule.ranges) for rule in table] == expected


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("RESTART: 1", "Invalid exit action RESTART for task t."),
        ("FAIL: '1, 2'", "Invalid exit codes 1, 2 for action FAIL for task t."),
        ("FAIL: -1", "Invalid exit codes -1 for action FAIL for task t."),
        ("FAIL: ''", "Invalid exit codes  for action FAIL for task t."),
        ("FAIL: '1-'", "Invalid exit codes 1- for action FAIL for task t."),
        ("FAIL: 1.5", "Invalid exit codes 1.5 for action FAIL for task t."),
        ("FAIL: true", "Invalid exit codes True for action FAIL for task t."),
        ("FAIL: ", "Invalid exit codes None for action FAIL for task t."),
        ("FAIL: [1]", "Invalid exit codes [1] for action FAIL for task t."),
    ],
)
def test_other_exit_actions_are_refused(lines: str, message: str) -> None:
    assert only_problem(with_task(f"exitActions: {{{lines}}}")).message.startswith(message)


@pytest.mark.parametrize(
    "path", ["/a", "a/b", "//a//b", "/osmo2/a", "{{output}}/meta.yaml", "/osmo/data/output/x", "{{input:0}}/x"]
)
def test_file_paths(path: str) -> None:
    assert task_of(with_task(f"files: [{{path: '{path}', contents: c}}]")).files[0].path == path


@pytest.mark.parametrize("path", ["", "/", "//", "/osmo", "osmo/x", "/osmo/data/output", "//osmo//x", "/osmo/data/x"])
def test_files_may_not_stand_in_osmos_directory(path: str) -> None:
    message = f'Empty path or adding file to "/osmo" is forbidden for file: {path}'
    assert only_problem(with_task(f"files: [{{path: '{path}', contents: c}}]")).message == message


def test_two_files_may_not_have_one_path() -> None:
    files = "files: [{path: /a, contents: c}, {path: /b, contents: c}, {path: /a, contents: d}]"
    problem = only_problem(with_task(files))
    assert problem.message.startswith('Task "t" has multiple files at the same path "/a".')
    assert problem.path == "workflow.tasks[0].files[2].path"
    # String equality only.
    assert len(task_of(with_task("files: [{path: /a, contents: c}, {path: //a, contents: c}]")).files) == 2


def test_file_contents_are_required_and_base64_is_a_flag() -> None:
    assert only_problem(with_task("files: [{path: /a}]")).code == "missing-field"
    assert task_of(with_task("files: [{path: /a, contents: '%%', base64: true}]")).files[0].base64


def test_checkpoint() -> None:
    entry = task_of(with_task("checkpoint: [{path: a/*, url: 's3://b/c', frequency: 90s, regex: x}]")).checkpoint[0]
    assert (entry.path, entry.url, entry.regex) == ("/a/*", "s3://b/c", "x")
    assert entry.frequency == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ("path: /a, url: 'ftp://b', frequency: 1m", "url"),
        ("path: /a, url: 's3://', frequency: 1m", "url"),
        ("path: /a, url: 's3://b;c', frequency: 1m", "url"),
        ("path: /a, url: 'azure://account', frequency: 1m", "url"),
        ("path: /a, url: 'swift://e/n', frequency: 1m", "url"),
        ("path: /a, url: 'tos://e', frequency: 1m", "url"),
        ("path: /a, url: 'file://host/p', frequency: 1m", "url"),
        ("path: /a, url: 's3://b', frequency: true", "frequency"),
        ("path: /a, url: 's3://b', frequency: '60'", "frequency"),
        ("path: /a, url: 's3://b', frequency: ", "frequency"),
        ("path: /a, url: 's3://b'", "frequency"),
        ("path: /a, frequency: 1m", "url"),
        ("url: 's3://b', frequency: 1m", "path"),
        ("path: /a, url: 's3://b', frequency: 1m, regex: '['", "regex"),
    ],
)
def test_other_checkpoints_are_refused(fields: str, path: str) -> None:
    assert only_problem(with_task(f"checkpoint: [{{{fields}}}]")).path == f"workflow.tasks[0].checkpoint[0].{path}"


@pytest.mark.parametrize(
    "url",
    [
        "s3://b",
        "s3://b/",
        "gs://b/p/q//",
        "azure://a/c",
        "swift://e/n/b",
        "tos://e/b",
        "s3://b/{{workflow_id}}",
        "file:///data/checkpoints",
    ],
)
def test_checkpoint_urls(url: str) -> None:
    assert task_of(with_task(f"checkpoint: [{{path: /a, url: '{url}', frequency: 1m}}]")).checkpoint[0].url == url


def test_credentials() -> None:
    task = task_of(with_task("credentials: {a: /dir, b: {KEY: token, N: 5}, c: 7}"))
    assert task.credentials == {"a": "/dir", "b": {"KEY": "token", "N": "5"}, "c": "7"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{x: [a]}", "credential value for x must be a str or dict, got list"),
        ("{x: }", "credential value for x must be a str or dict, got NoneType"),
        ("{x: {Y: [a]}}", "credential key mapping value for x.Y must be a scalar, got list"),
        ("{x: {Y: {}}}", "credential key mapping value for x.Y must be a scalar, got dict"),
        ("{x: {Y: }}", "credential key mapping value for x.Y must be a scalar, got NoneType"),
        ("[a]", "credentials must be a str or dict, got list"),
        ("a", "credentials must be a str or dict, got str"),
    ],
)
def test_other_credentials_are_refused(value: str, message: str) -> None:
    assert only_problem(with_task(f"credentials: {value}")).message == message


def test_kpis() -> None:
    assert task_of(with_task("kpis: [{index: i, path: p}]")).kpis[0].path == "p"
    assert only_problem(with_task("kpis: [{index: i}]")).code == "missing-field"


def test_download_type() -> None:
    assert task_of(with_task("downloadType: download")).download_type == "download"
    assert task_of(with_task("downloadType: ")).download_type is None
    problem = only_problem(with_task("downloadType: mount"))
    assert problem.code == "bad-download-type"
    assert problem.message == 'Task "t" uses invalid downloadType "mount". Valid types are: [\'download\']'


def test_fields_that_only_pass_through() -> None:
    task = task_of(with_task("volumeMounts: ['/a:/b', /c]\ncacheSize: 90%\nresource: gpu\nhostNetwork: true"))
    assert (task.volume_mounts, task.cache_size, task.resource, task.host_network) == (
        ["/a:/b", "/c"],
        "90%",
        "gpu",
        True,
    )
    assert task_of(with_task("cacheSize: ")).cache_size is None


@pytest.mark.parametrize(("lines", "field"), [("resources: {cpu: 1}", "resources"), ("backend: b", "backend")])
def test_internal_fields_of_a_task_are_accepted_with_a_warning(lines: str, field: str) -> None:
    # §10.25: accept + warn.
    warnings = parsed(with_task(lines)).warnings
    assert [(warning.path, warning.code) for warning in warnings] == [(f"workflow.tasks[0].{field}", "unused-field")]


def test_pool_and_backend_of_a_workflow_are_accepted() -> None:
    assert parsed(with_fields("pool: p\nbackend: b")).warnings == ()


@pytest.mark.parametrize("body", ["", " text", " 5", " [a]"])
def test_workflow_must_be_a_map(body: str) -> None:
    # §1.3: these gave 500; a compatible service answers 400.
    error = refused(f"workflow:{body}\n")
    assert (error.error_code, error.problems[0].path) == (ErrorCode.USAGE, "workflow")


@pytest.mark.parametrize("version", [1, 3, True, "2", None])
def test_documents_of_other_versions_are_refused(version: object) -> None:
    spec = {"name": "w", "tasks": [{"name": "t", "image": "i", "command": ["c"]}]}
    assert as_document({"workflow": spec, "version": 2}).version == 2
    with pytest.raises(ValidationError, match=f"Unsupported workflow version: {version}"):
        as_document({"workflow": spec, "version": version})


def test_everything_wrong_comes_at_once() -> None:
    error = refused("""
        workflow:
          name: 1st
          timeout: {exec_timeout: 1w}
          groups:
          - name: g
            tasks:
            - {name: a, image: i, command: []}
            - {name: A, image: i, comand: [x]}
    """)
    assert {(problem.path, problem.code) for problem in error.problems} == {
        ("workflow.name", "bad-name"),
        ("workflow.timeout.exec_timeout", "bad-duration"),
        ("workflow.groups[0].tasks[0].command", "empty-command"),
        ("workflow.groups[0].tasks[1].command", "missing-field"),
        ("workflow.groups[0].tasks[1].comand", "unknown-key"),
        ("workflow.groups[0].tasks[1].name", "repeated-name"),
        ("workflow.groups[0].tasks", "lead-count"),
    }
