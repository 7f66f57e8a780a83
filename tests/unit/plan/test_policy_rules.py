"""Earlier workflows, maintenance, priority, GPU guarantee, user limits.

Source: workflow-spec.md §1.2 steps 12 to 15 and 19.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from pools.config import parse_config
from tests.unit.plan.specs import after, group, grouped, on_cluster, on_machine, one, refusal, spec, task, warnings
from translator.plan.checks import check_user_limits
from translator.plan.context import EarlierWorkflow, PlanContext, UserLoad
from translator.plan.model import Priority
from translator.plan.outline import earlier_references, outline
from translator.problems import ErrorCode, Severity, SpecError

EARLIER = {"old-1": EarlierWorkflow(id="old-1", finished={"done": True, "open": False, "open2": False})}


def test_what_a_spec_takes_from_earlier_workflows() -> None:
    workflow = spec(after("a", "old-1:x", "old-2:x"), after("b", "a", "old-1:x"))
    assert earlier_references(outline(workflow)) == (("old-1", "x"), ("old-2", "x"))


def test_finished_tasks_of_earlier_workflows_may_be_read() -> None:
    assert warnings(spec(after("a", "old-1:done")), replace(on_machine(), earlier_workflows=EARLIER)) == ()


@pytest.mark.parametrize(
    ("source", "message"),
    [("new-1:x", "Workflow new-1 not found."), ("old-1:nobody", "Task nobody of workflow old-1 not found.")],
)
def test_earlier_tasks_must_exist(source: str, message: str) -> None:
    """'inputs from previous workflows: the task must exist (400 DATABASE)'; a row is written."""
    error = refusal(spec(after("a", source)), replace(on_machine(), earlier_workflows=EARLIER))
    assert (error.message, error.error_code, error.records_submission) == (message, ErrorCode.DATABASE, True)


def test_earlier_tasks_must_be_finished() -> None:
    workflow = spec(after("a", "old-1:open", "old-1:done", "old-1:open2"), after("b", "old-1:open"))
    error = refusal(workflow, replace(on_machine(), earlier_workflows=EARLIER))
    assert error.message == "Input tasks from previous workflows must be finished: old-1:open, old-1:open2"
    assert (error.error_code, error.records_submission) == (ErrorCode.SUBMISSION, True)


def test_without_a_server_earlier_tasks_are_taken_on_trust() -> None:
    (warning,) = warnings(spec(after("a", "old-1:x")), on_machine())
    assert (warning.code, warning.severity, warning.path) == (
        "input-not-checked",
        Severity.WARNING,
        "workflow.tasks[0].inputs[0].task",
    )


CLOSED = """
    pools: {closed: {backend: east, default_platform: p, platforms: {p: {}}, enable_maintenance: true}}
    """


def test_maintenance() -> None:
    """'pool status MAINTENANCE and caller lacks role osmo-admin: 400 USAGE', no row."""
    context = replace(on_cluster(CLOSED), pool="closed")
    error = refusal(one(), context)
    assert "maintenance" in error.message
    assert (error.error_code, error.records_submission) == (ErrorCode.USAGE, False)
    assert warnings(one(), replace(context, roles=frozenset({"osmo-admin"}))) == ()


PLAIN = """
backends: {plain: {cluster: {in_cluster: true}, scheduler_settings: {supports_priority: false}}}
pools: {plain: {backend: plain, default_platform: p, platforms: {p: {}}}}
"""


@pytest.mark.parametrize("priority", [Priority.HIGH, Priority.LOW])
def test_priorities_need_a_scheduler_that_knows_them(priority: Priority) -> None:
    """'backend scheduler supports priorities (only relevant if priority is not NORMAL)': 400 USAGE, no row."""
    context = PlanContext(config=parse_config({"a.yaml": PLAIN.encode()}), pool="plain", owner="ada")
    assert warnings(one(), context) == ()
    error = refusal(one(), replace(context, priority=priority))
    assert (error.error_code, error.records_submission) == (ErrorCode.USAGE, False)
    assert "does not support priorities" in error.message


QUOTA = """
    pools:
      small:
        backend: east
        default_platform: gpu
        resources: {gpu: {guarantee: 4, maximum: 8}}
        common_default_variables: {USER_GPU: 1}
        platforms: {gpu: {}}
    """


def test_groups_of_high_and_normal_priority_keep_to_the_guarantee() -> None:
    context = replace(on_cluster(QUOTA), pool="small")
    big = {"resources": {"default": {}, "big": {"gpu": 2}}}
    fits = grouped(group("g", task("a", resource="big"), task("b", resource="big")), group("h", task("c")), **big)
    assert warnings(fits, context) == ()
    wide = grouped(group("g", task("a", resource="big"), task("b", resource="big"), task("c")), **big)
    for priority in (Priority.HIGH, Priority.NORMAL):
        error = refusal(wide, replace(context, priority=priority))
        assert error.message.startswith("Pool small has 4 GPUs guaranteed")
        assert "group g requires 5 GPUs. Higher gpu counts must be submitted with LOW priority" in error.message
        assert (error.error_code, error.records_submission) == (ErrorCode.USAGE, True)
    assert warnings(wide, replace(context, priority=Priority.LOW)) == ()


@pytest.mark.parametrize("quota", ["{}", "{gpu: {guarantee: -1}}", "{gpu: {}}"])
def test_no_guarantee_no_check(quota: str) -> None:
    """'guarantee -1 = no limit; no GPU quota set = no check'."""
    context = replace(on_cluster(QUOTA.replace("{gpu: {guarantee: 4, maximum: 8}}", quota)), pool="small")
    assert warnings(spec(task("t"), resources={"default": {"gpu": 100}}), context) == ()


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (UserLoad(workflows=2, tasks=0), "User ada cannot submit more than 2 ongoing workflows."),
        (UserLoad(workflows=0, tasks=9), "User ada cannot submit more than 10 ongoing tasks."),
    ],
)
def test_user_limits(load: UserLoad, message: str) -> None:
    """'per-user limits over unfinished ones', 400 USER, no row."""
    limits = "workflow: {user_workflow_limits: {max_num_workflows: 2, max_num_tasks: 10}}"
    context = replace(on_cluster(limits), load=load)
    workflow = spec(task("a"), task("b"))
    with pytest.raises(SpecError) as refused:
        check_user_limits(workflow, context)
    error = refused.value
    assert (error.message, error.error_code, error.records_submission) == (message, ErrorCode.USER, False)
    assert warnings(workflow, context) == ()


def test_within_user_limits() -> None:
    limits = "workflow: {user_workflow_limits: {max_num_workflows: 2, max_num_tasks: 10}}"
    check_user_limits(one(), replace(on_cluster(limits), load=UserLoad(workflows=1, tasks=9)))
    check_user_limits(one(), on_cluster(limits))
    check_user_limits(one(), replace(on_cluster(), load=UserLoad(workflows=10**6, tasks=10**6)))
