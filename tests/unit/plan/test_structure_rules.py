"""Groups, names, labels, sizes. Source: workflow-spec.md §1.2 steps 7 to 11, §2.4, §2.7, §2.8, §4.1."""

from __future__ import annotations

import pytest

from tests.unit.plan.specs import (
    after,
    group,
    grouped,
    local_config,
    on_cluster,
    on_machine,
    one,
    refusal,
    spec,
    task,
    warnings,
)
from translator.plan.checks import validate_plan
from translator.plan.context import PlanContext
from translator.problems import ErrorCode, Severity, SpecError
from translator.spec.model import WorkflowSpec


def said(error: SpecError) -> tuple[str, ErrorCode, bool, str]:
    """Message, class and record of a refusal, and the place of its first problem."""
    return error.message, error.error_code, error.records_submission, error.problems[0].path


def test_an_unknown_input() -> None:
    """'task: X, X not in this workflow: 400 SUBMISSION Task input X does not exist.'"""
    assert said(refusal(spec(after("b", "nobody")), on_machine())) == (
        "Task input nobody does not exist.",
        ErrorCode.SUBMISSION,
        False,
        "workflow.tasks[0].inputs[0].task",
    )


def test_names_of_inputs_are_case_sensitive() -> None:
    """'Exact, case-sensitive match on the name as written'."""
    assert "Task input A does not" in refusal(spec(task("a"), after("b", "A")), on_machine()).message


@pytest.mark.parametrize(
    ("workflow", "message"),
    [
        (spec(after("b", "a"), task("a")), 'Group "b-group" requires input group "a-group" exists before itself.'),
        (spec(after("b", "b")), 'Group "b-group" requires input group "b-group" exists before itself.'),
        (grouped(group("g", task("a"), after("b", "a"))), 'Group "g" requires input group "g" exists before itself.'),
        (
            grouped(group("g", after("b", "a")), group("h", task("a"))),
            'Group "g" requires input group "h" exists before itself.',
        ),
    ],
)
def test_inputs_come_from_groups_listed_before(workflow: WorkflowSpec, message: str) -> None:
    """'X in the same group, or in a group/task listed later': same text, 400 SUBMISSION (§10.4)."""
    error = refusal(workflow, on_machine())
    assert (error.message, error.error_code, error.records_submission) == (message, ErrorCode.SUBMISSION, False)


def test_the_same_task_twice_is_allowed() -> None:
    """'same task twice in inputs: allowed'."""
    assert warnings(spec(task("a"), after("b", "a", "a")), on_machine()) == ()


NO_DEFAULT_PLATFORM = """
    pools: {bare: {backend: east, platforms: {p: {}}}}
    """


def in_pool(context: PlanContext, pool: str) -> PlanContext:
    return PlanContext(config=context.config, pool=pool, owner="ada")


def test_every_resource_listed_needs_a_platform() -> None:
    """'pool has none -> Resource X does not have a platform!'; 'even if unused by any task'."""
    context = in_pool(on_cluster(NO_DEFAULT_PLATFORM), "bare")
    workflow = spec(task("t"), resources={"default": {"platform": "p"}, "unused": {"cpu": 1}})
    assert said(refusal(workflow, context)) == (
        "Resource unused does not have a platform!",
        ErrorCode.RESOURCE,
        False,
        "workflow.resources.unused",
    )
    assert refusal(one(), context).message == "Resource default does not have a platform!"


def test_topology_keys_are_those_of_the_pool() -> None:
    workflow = spec(task("t"), resources={"default": {}, "odd.name": {"topology": [{"key": "row"}]}})
    assert said(refusal(workflow, on_cluster())) == (
        'Topology key "row" in resource "odd.name" is not available in pool "lab". Available keys: zone, rack.',
        ErrorCode.SUBMISSION,
        False,
        'workflow.resources["odd.name"].topology[0].key',
    )
    assert "Available keys: none." in refusal(workflow, on_machine()).message


def test_undefined_resources() -> None:
    assert said(refusal(one(resource="big"), on_machine())) == (
        "Requesting undefined resource big.",
        ErrorCode.RESOURCE,
        False,
        "workflow.tasks[0].resource",
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Task t has no specified resource. Specify a default resource in the resources section."),
        ({"resource": "default"}, "Requesting undefined resource default."),
    ],
)
def test_resources_without_default(fields: dict[str, str], message: str) -> None:
    """'If resources is given without default, a task without resource: fails'."""
    error = refusal(spec(task("t", **fields), resources={"big": {}}), on_machine())
    assert (error.message, error.error_code) == (message, ErrorCode.RESOURCE)


@pytest.mark.parametrize(("first", "second"), [("a", "a-group"), ("a", "A_group")])
def test_implicit_groups_take_part_in_uniqueness(first: str, second: str) -> None:
    """'tasks a and a-group clash (found at step 8, 400 USAGE)'."""
    error = refusal(spec(task(first), task(second)), on_machine())
    assert error.message.startswith("Multiple tasks/groups have the same name")
    assert (error.error_code, error.records_submission) == (ErrorCode.USAGE, False)


def test_the_workflows_own_name_does_not_take_part() -> None:
    assert warnings(spec(task("wf")), on_machine()) == ()


def test_too_many_tasks() -> None:
    context = on_cluster("workflow: {max_num_tasks: 2}")
    assert warnings(spec(task("a"), task("b")), context) == ()
    assert said(refusal(spec(task("a"), task("b"), task("c")), context))[:3] == (
        "Workflow cannot have more than 2 tasks.",
        ErrorCode.USER,
        False,
    )


def test_the_shipped_limit_is_5000_tasks() -> None:
    tasks = [task(f"t{number}") for number in range(5001)]
    assert warnings(spec(*tasks[:5000]), on_machine()) == ()
    assert refusal(spec(*tasks), on_machine()).message == "Workflow cannot have more than 5000 tasks."


def test_the_prefix_of_labels_must_leave_them_legal() -> None:
    context = on_cluster("workflow: {labels_config: {pod_label_prefix: '-'}}")
    error = refusal(spec(task("t"), labels={"team": "x"}), context)
    assert error.message == (
        "Label key team with the configured pod label prefix - forms an invalid Kubernetes label key -team."
    )
    assert (error.error_code, error.records_submission) == (ErrorCode.USAGE, False)


POLICY = """
    workflow:
      labels_config:
        policy:
        - {key: team, enforcement: enforce, allow_list: [arms, legs], assert_message: Ask Eve.}
        - {key: cost, enforcement: warn, allow_list: ["1"]}
        - {key: idle, enforcement: "off"}
    """


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({}, "Workflow is missing required label 'team'. Ask Eve."),
        ({"team": "x"}, "Workflow label 'team' has a value that is not allowed. Ask Eve."),
    ],
)
def test_enforced_labels(labels: dict[str, str], message: str) -> None:
    error = refusal(spec(task("t"), labels=labels), on_cluster(POLICY))
    assert (error.message, error.error_code, error.records_submission) == (message, ErrorCode.USAGE, False)


def test_labels_that_only_warn() -> None:
    found = warnings(spec(task("t"), labels={"team": "arms"}), on_cluster(POLICY))
    assert [(problem.message, problem.severity) for problem in found] == [
        (
            "Workflow is missing label 'cost'; add it now to avoid rejected submissions once it is required.",
            Severity.WARNING,
        )
    ]


@pytest.mark.parametrize(
    ("workflow", "name", "path"),
    [
        (spec(task("t"), name="w" * 65), "w" * 65, "workflow.name"),
        (spec(task("t" * 65)), "t" * 65 + "-group", "workflow.tasks[0].name"),
        (spec(task("t" * 59)), "t" * 59 + "-group", "workflow.tasks[0].name"),
        (grouped(group("g" * 65, task("t"))), "g" * 65, "workflow.groups[0].name"),
        (grouped(group("g", task("t"), task("u" * 65))), "u" * 65, "workflow.groups[0].tasks[1].name"),
    ],
)
def test_long_names(workflow: WorkflowSpec, name: str, path: str) -> None:
    """'Name X is too long. It must be 64 characters or less.'; the implicit group counts (task <= 58)."""
    message = f"Name {name} is too long. It must be 64 characters or less."
    assert said(refusal(workflow, on_machine())) == (message, ErrorCode.USER, True, path)


def test_longest_names() -> None:
    assert warnings(spec(task("t" * 58), name="w" * 64), on_machine()) == ()
    assert warnings(grouped(group("g" * 64, task("t" * 64))), on_machine()) == ()


def test_an_unknown_pool() -> None:
    context = PlanContext(config=local_config(), pool="mars", owner="ada")
    assert said(refusal(one(), context))[:3] == ("Pool mars not found.", ErrorCode.USER, False)


def test_all_problems_are_said_the_first_step_decides() -> None:
    """'first failure wins' for message, class and record; every problem has its place."""
    workflow = spec(after("b", "nobody"), task("c" * 70), task("d", image="BAD IMAGE"), task("e", resource="none"))
    context = on_machine()
    with pytest.raises(SpecError) as refused:
        validate_plan(workflow, context, locate=lambda path: (len(path), 1))
    error = refused.value
    assert (error.message, error.error_code, error.records_submission) == (
        "Task input nobody does not exist.",
        ErrorCode.SUBMISSION,
        False,
    )
    assert [problem.code for problem in error.problems] == [
        "unknown-task",
        "unknown-resource",
        "name-length",
        "name-length",
        "bad-image",
    ]
    assert all(problem.line == len(problem.path) for problem in error.problems)


def test_warnings_come_after_errors() -> None:
    error = refusal(one(args=["{{uuid}}"], resource="none"), on_machine())
    assert [problem.severity for problem in error.problems] == [Severity.ERROR, Severity.WARNING]
