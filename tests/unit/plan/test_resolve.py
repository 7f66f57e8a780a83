"""From spec to Plan. Source: workflow-spec.md §2, §5.4, §5.7, §6.2, §7.1, §7.4, §7.5."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.plan.specs import (
    WORKFLOW_ID,
    WORKFLOW_UUID,
    after,
    group,
    grouped,
    on_cluster,
    on_machine,
    one,
    planned,
    planned_task,
    spec,
    task,
)
from translator.plan.context import EarlierWorkflow
from translator.plan.model import (
    ExitAction,
    ExitRule,
    Mount,
    Plan,
    PlatformPlan,
    Priority,
    TaskInput,
    TaskName,
    WorkflowId,
    decode,
    encode,
)
from translator.spec.model import TimeoutSpec


def test_the_head() -> None:
    context = replace(on_cluster("workflow: {labels_config: {pod_label_prefix: x.io/}}"), priority=Priority.LOW)
    plan = planned(spec(task("t"), labels={"team": "arms"}, pool="ignored", backend="ignored"), context)
    assert (plan.name, plan.workflow_id, plan.workflow_uuid, plan.owner) == ("wf", WORKFLOW_ID, WORKFLOW_UUID, "ada")
    assert (plan.pool, plan.backend, plan.priority) == ("lab", "east", Priority.LOW)
    assert (plan.labels, plan.pod_label_prefix) == ({"team": "arms"}, "x.io/")


def test_stand_alone_tasks_become_groups_of_one() -> None:
    plan = planned(spec(task("a"), task("b", lead=True)), on_machine())
    assert [(group.name, [one.name for one in group.tasks]) for group in plan.groups] == [
        ("a-group", ["a"]),
        ("b-group", ["b"]),
    ]
    assert all(group.lead.lead for group in plan.groups)


def test_a_group_of_one_has_its_task_as_lead() -> None:
    """'A one-task group makes its task lead automatically.'"""
    workflow = spec(groups=[{"name": "g", "tasks": [task("a")]}])
    assert planned(workflow, on_machine()).groups[0].lead.name == "a"


def test_groups_keep_their_settings_and_order() -> None:
    workflow = grouped(
        group("g", task("a"), task("b"), barrier=False, ignoreNonleadStatus=False), group("f", task("c"))
    )
    first, second = planned(workflow, on_machine()).groups
    assert (first.name, first.barrier, first.ignore_nonlead_status, first.lead.name) == ("g", False, False, "a")
    assert (second.name, second.barrier, second.ignore_nonlead_status) == ("f", True, True)


def test_edges_between_groups() -> None:
    """'upstream(g) = groups containing any task: input of any task of g; downstream_groups is the inverse'."""
    workflow = grouped(
        group("a", task("a1"), task("a2")),
        group("b", after("b1", "a1", "a2"), after("b2", "a1")),
        group("c", after("c1", "b2", "a1"), task("c2", inputs=[{"task": "old-1:x"}, {"url": "s3://b"}])),
    )
    groups = planned(workflow, on_machine()).groups
    assert [(one.name, one.upstream, one.downstream) for one in groups] == [
        ("a", (), ("b", "c")),
        ("b", ("a",), ("c",)),
        ("c", ("a", "b"), ()),
    ]


def test_inputs_carry_the_workflow_they_come_from() -> None:
    context = replace(on_machine(), earlier_workflows={"f" * 32: EarlierWorkflow(id="old-3", finished={"x": True})})
    workflow = spec(task("a"), task("t", inputs=[{"task": "a", "regex": "x.*"}, {"task": f"{'f' * 32}:x"}]))
    assert planned_task(workflow, context).inputs == (
        TaskInput(index=0, task=TaskName("a"), workflow_id=WORKFLOW_ID, regex="x.*"),
        TaskInput(index=1, task=TaskName("x"), workflow_id=WorkflowId("old-3")),
    )


def test_which_tasks_keep_their_output_for_others() -> None:
    """'group has downstream groups, or the task lists no outputs' (§6.2)."""
    url = {"outputs": [{"url": "s3://b"}]}
    workflow = grouped(group("up", task("a"), task("b", **url)), group("leaf", after("c", "a"), task("d", **url)))
    plan = planned(workflow, on_machine())
    kept = {one.name: one.keeps_intermediate for group in plan.groups for one in group.tasks}
    assert kept == {"a": True, "b": True, "c": True, "d": False}


def timeouts(plan: Plan) -> tuple[float | None, float | None, float | None]:
    return plan.exec_timeout_seconds, plan.queue_timeout_seconds, plan.start_timeout_seconds


TIMES = """
    workflow: {default_exec_timeout: 2h, max_exec_timeout: 10h, default_queue_timeout: 4h, max_queue_timeout: 3h}
    service: {max_pod_restart_limit: 5m}
    pools:
      slow: {backend: east, default_platform: x, platforms: {x: {}},
             default_exec_timeout: 1h, max_exec_timeout: 20h, max_queue_timeout: 30m}
      bad: {backend: east, default_platform: x, platforms: {x: {}}, default_exec_timeout: 0s, max_exec_timeout: 0s}
    """


@pytest.mark.parametrize(
    ("pool", "timeout", "expected"),
    [
        ("lab", {}, (7200, 10800, 300)),
        ("lab", {"exec_timeout": "5m", "queue_timeout": 30.5}, (300, 30.5, 300)),
        ("lab", {"exec_timeout": "11h", "queue_timeout": "P2D"}, (36000, 10800, 300)),
        ("lab", {"exec_timeout": 0, "queue_timeout": None}, (7200, 10800, 300)),
        ("slow", {}, (3600, 1800, 300)),
        ("slow", {"exec_timeout": "15h", "queue_timeout": "1m"}, (54000, 60, 300)),
        ("slow", {"exec_timeout": "30h"}, (72000, 1800, 300)),
        ("bad", {}, (None, 10800, 300)),
        ("bad", {"exec_timeout": "1m"}, (60, 10800, 300)),
    ],
)
def test_timeouts(pool: str, timeout: dict[str, object], expected: tuple[float, float, float]) -> None:
    """'Zero or null -> default. Result = min(value or default, configured max)'; the pool goes before the config."""
    plan = planned(spec(task("t"), timeout=timeout), replace(on_cluster(TIMES), pool=pool))
    assert timeouts(plan) == expected


def test_shipped_timeouts() -> None:
    assert timeouts(planned(one(), on_machine())) == (timedelta(days=60).total_seconds(),) * 2 + (1800,)
    assert TimeoutSpec().exec_timeout is None


def test_exit_rules() -> None:
    """'first entry of task.exitActions, or first matching entry of pool.default_exit_actions'; FAIL first (§10.8)."""
    text = """
    pools: {p: {backend: east, default_platform: x, platforms: {x: {}},
                default_exit_actions: {reschedule: 3006, COMPLETE: "7"}}}
    workflow: {max_retry_per_task: 2}
    """
    made = planned_task(
        one(exitActions={"reschedule": "1-5,137", "COMPLETE": 2, "fail": "5-1"}), replace(on_cluster(text), pool="p")
    )
    assert made.exit_rules == (
        ExitRule(action=ExitAction.FAIL, ranges=((5, 1),)),
        ExitRule(action=ExitAction.COMPLETE, ranges=((2, 2),)),
        ExitRule(action=ExitAction.RESCHEDULE, ranges=((1, 5), (137, 137))),
    )
    assert made.default_exit_rules == (
        ExitRule(action=ExitAction.COMPLETE, ranges=((7, 7),)),
        ExitRule(action=ExitAction.RESCHEDULE, ranges=((3006, 3006),)),
    )
    assert made.max_retries == 2


def test_platforms_of_the_tasks_are_in_the_plan() -> None:
    workflow = spec(task("a"), task("b", resource="g"), resources={"default": {}, "g": {"platform": "gpu"}})
    plan = planned(workflow, on_cluster())
    assert [group.tasks[0].platform for group in plan.groups] == ["cpu", "gpu"]
    assert list(plan.platforms) == ["cpu", "gpu"]
    gpu = plan.platforms["gpu"]
    assert isinstance(gpu, PlatformPlan)
    assert gpu.default_mounts == ("/shm", "/both")
    assert gpu.pod_template["spec"]["nodeSelector"] == {"gpu": "1"}
    assert gpu.default_variables["USER_MEMORY"] == "1Gi"


def test_privileges_and_mounts() -> None:
    """'Destination = source when omitted; a source that is also a default mount is not mounted twice'."""
    workflow = spec(
        task("t", privileged=True, hostNetwork=True, volumeMounts=["/data", "/data:/x", "/both", "/data"]),
        resources={"default": {"platform": "gpu"}},
    )
    made = planned_task(workflow, on_cluster())
    assert (made.privileged, made.host_network) == (True, True)
    assert made.mounts == (Mount(source="/data", destination="/data"), Mount(source="/data", destination="/x"))


def test_group_templates() -> None:
    text = """
    pools: {g: {backend: east, default_platform: p, platforms: {p: {}}, common_group_templates: [one, two]}}
    group_templates:
      one: {apiVersion: v1, kind: X, metadata: {name: "{{WF_GROUP_UUID}}"}, a: 1}
      two: {apiVersion: v1, kind: X, metadata: {name: "{{WF_GROUP_UUID}}"}, b: 2}
    """
    (made,) = planned(one(), replace(on_cluster(text), pool="g")).groups
    assert made.extra_objects == (
        {"apiVersion": "v1", "kind": "X", "metadata": {"name": "{{WF_GROUP_UUID}}"}, "a": 1, "b": 2},
    )


def test_pinned_images() -> None:
    context = replace(on_machine(), pinned_images={"ubuntu:24.04": "ubuntu@sha256:" + "0" * 64})
    assert planned_task(one(), context).image == "ubuntu@sha256:" + "0" * 64


def test_the_order_of_variables_survives_storage() -> None:
    """`$(NAME)` sees only the variables that come before it."""
    plan = planned(one(environment={"Z": "1", "A": "$(Z)", "M": "$(A)"}), on_machine())
    assert list(decode(encode(plan)).groups[0].tasks[0].environment) == ["Z", "A", "M"]


def test_same_arguments_same_bytes() -> None:
    workflow = grouped(group("g", task("a"), task("b")), group("h", after("c", "a", "b")))
    first = encode(planned(workflow, on_cluster()))
    assert first == encode(planned(workflow, on_cluster()))
    assert decode(first) == planned(workflow, on_cluster())
