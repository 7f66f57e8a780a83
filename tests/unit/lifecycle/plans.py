"""Plans, facts and a small driver, so that a test reads as a story about a workflow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from translator.lifecycle.effects import AnyEffect
from translator.lifecycle.facts import Accepted, AnyFact, CancelRequested, GroupCleaned, TaskObserved, Tick
from translator.lifecycle.reduce import PlanIndex, initial_state, reduce
from translator.lifecycle.state import GroupState, TaskState, WorkflowState
from translator.lifecycle.words import TaskStatus
from translator.plan.model import (
    ExitAction,
    ExitRule,
    GroupName,
    GroupPlan,
    Plan,
    TaskName,
    TaskPlan,
    WorkflowId,
    WorkflowUuid,
)

START = datetime(2026, 1, 1, 12)


def moment(seconds: float) -> datetime:
    """`seconds` after the submission."""
    return START + timedelta(seconds=seconds)


def rule(action: ExitAction, *ranges: tuple[int, int]) -> ExitRule:
    """One exit action."""
    return ExitRule(action=action, ranges=ranges)


def task(
    name: str,
    *,
    lead: bool = False,
    rules: tuple[ExitRule, ...] = (),
    pool_rules: tuple[ExitRule, ...] = (),
    max_retries: int = 0,
) -> TaskPlan:
    """A task."""
    return TaskPlan(
        name=TaskName(name),
        uuid=f"uuid-{name}",
        lead=lead,
        image="image",
        command=("true",),
        exit_rules=rules,
        default_exit_rules=pool_rules,
        max_retries=max_retries,
    )


def group(
    name: str, *tasks: TaskPlan, after: Sequence[str] = (), ignore_nonlead_status: bool = True, barrier: bool = True
) -> GroupPlan:
    """A group; without tasks it has one, the lead `<name>-task`."""
    return GroupPlan(
        name=GroupName(name),
        uuid=f"uuid-{name}",
        tasks=tasks or (task(f"{name}-task", lead=True),),
        upstream=tuple(GroupName(upstream) for upstream in after),
        barrier=barrier,
        ignore_nonlead_status=ignore_nonlead_status,
    )


def plan(
    *groups: GroupPlan,
    exec_timeout_seconds: float | None = None,
    queue_timeout_seconds: float | None = None,
    start_timeout_seconds: float | None = 1800.0,
) -> Plan:
    """A workflow `wf-1`."""
    return Plan(
        name="wf",
        workflow_id=WorkflowId("wf-1"),
        workflow_uuid=WorkflowUuid("uuid-wf"),
        owner="alice",
        pool="default",
        backend="local",
        groups=groups,
        exec_timeout_seconds=exec_timeout_seconds,
        queue_timeout_seconds=queue_timeout_seconds,
        start_timeout_seconds=start_timeout_seconds,
    )


def seen(
    name: str, status: TaskStatus, at: float, *, exit_code: int | None = None, message: str = "", retry_id: int = 0
) -> TaskObserved:
    """A runner saw a task."""
    return TaskObserved(
        task=TaskName(name),
        retry_id=retry_id,
        status=status,
        at=moment(at),
        exit_code=exit_code,
        message=message,
    )


class Story:
    """A workflow to which facts happen one after the other; `effects` holds those of the last step."""

    def __init__(self, of: Plan, *, accepted: bool = True) -> None:
        self.index = PlanIndex.of(of)
        self.state: WorkflowState = initial_state(of, START)
        self.effects: tuple[AnyEffect, ...] = ()
        if accepted:
            self.happen(Accepted(at=moment(0)))

    def happen(self, *facts: AnyFact) -> Story:
        """Apply facts, together."""
        change = reduce(self.index, self.state, facts)
        self.state, self.effects = change.state, change.effects
        return self

    def runs(self, *names: str, at: float = 1) -> Story:
        """Bring tasks to RUNNING through all statuses before it."""
        for name in names:
            for step, status in enumerate((TaskStatus.SCHEDULING, TaskStatus.INITIALIZING, TaskStatus.RUNNING)):
                self.happen(seen(name, status, at + step / 10, retry_id=self.task(name).retry_id))
        return self

    def ends(
        self, name: str, exit_code: int = 0, *, at: float = 10, message: str = "", status: TaskStatus | None = None
    ) -> Story:
        """End the current attempt of a task with a code: COMPLETED for 0, else FAILED unless `status` says more."""
        reported = status or (TaskStatus.COMPLETED if exit_code == 0 else TaskStatus.FAILED)
        retry_id = self.task(name).retry_id
        return self.happen(seen(name, reported, at, exit_code=exit_code, message=message, retry_id=retry_id))

    def tick(self, at: float) -> Story:
        """Let time go by."""
        return self.happen(Tick(at=moment(at)))

    def cancel(self, *, at: float = 20, message: str = "", force: bool = False, user: str = "bob") -> Story:
        """A user cancels."""
        return self.happen(CancelRequested(user=user, at=moment(at), message=message, force=force))

    def cleaned(self, *names: str, at: float = 30) -> Story:
        """The runner cleaned groups."""
        return self.happen(*(GroupCleaned(group=GroupName(name), at=moment(at)) for name in names))

    def task(self, name: str) -> TaskState:
        """The current attempt of a task."""
        return self.attempts(name)[-1]

    def attempts(self, name: str) -> tuple[TaskState, ...]:
        """All attempts of a task."""
        return self.state.attempts[TaskName(name)]

    def group(self, name: str) -> GroupState:
        """One group."""
        return self.state.groups[GroupName(name)]
