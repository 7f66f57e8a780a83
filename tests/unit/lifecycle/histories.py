"""Workflows and histories of facts as they may really happen, drawn by hypothesis.

A history is causal: every fact is about something that existed when it was observed. It may hold facts that come late
or twice, and its times rise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from hypothesis import strategies as st

from tests.unit.lifecycle.plans import START, group, moment, plan, rule, task
from translator.lifecycle.facts import (
    Accepted,
    AnyFact,
    CancelRequested,
    DataObserved,
    GroupCleaned,
    GroupCreationFailed,
    TaskCreationFailed,
    TaskObserved,
    Tick,
)
from translator.lifecycle.reduce import Change, PlanIndex, initial_state, reduce
from translator.lifecycle.state import TaskState, WorkflowState
from translator.lifecycle.words import TaskStatus
from translator.plan.model import ExitAction, ExitRule, GroupPlan, Plan, TaskPlan

CODES = (0, 1, 1, 2, 2, 301, 3001, 3004, 3005, 3006)
_ACTIONS = [ExitAction.FAIL, ExitAction.COMPLETE, *[ExitAction.RESCHEDULE] * 3]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a history may hold."""

    cancel: bool = True
    ticks: bool = True
    creation_failures: bool = True
    preempted_non_leads: bool = True
    always_ignore_non_leads: bool = False


EVERYTHING = Kind()


class History:
    """Facts with the change that each one made. `before` is the state they started from."""

    def __init__(self, of: Plan) -> None:
        self.index = PlanIndex.of(of)
        self.before = initial_state(of, START)
        self.facts: list[AnyFact] = []
        self.changes: list[Change] = []

    def __repr__(self) -> str:
        """The groups and the facts: enough to follow a counterexample."""
        groups = [(known.name, known.upstream, [of.name for of in known.tasks]) for known in self.index.plan.groups]
        return "\n".join(map(str, ["History", *groups, *self.facts]))

    @property
    def state(self) -> WorkflowState:
        """The state that the facts led to."""
        return self.changes[-1].state if self.changes else self.before

    def happen(self, fact: AnyFact) -> None:
        """Add a fact."""
        self.changes.append(reduce(self.index, self.state, [fact]))
        self.facts.append(fact)


@st.composite
def histories(draw: st.DrawFn, kind: Kind = EVERYTHING, *, ended: bool = False) -> History:
    """A history of a drawn workflow; `ended` goes on until every group is finished and clean."""
    # A seed and a length, not each choice: hypothesis would favour the same few choices, and histories would be poor.
    random = Random(draw(st.integers(min_value=0, max_value=2**32)))
    length = draw(st.integers(min_value=1, max_value=120))
    history = History(random_plan(random, kind))
    while len(history.facts) < length or (ended and not is_over(history.state)):
        history.happen(_next_fact(random, history, kind, len(history.facts) + 1))
        if is_over(history.state) and random.random() < 0.3:
            break
    return history


def is_over(state: WorkflowState) -> bool:
    """Whether nothing can happen any more."""
    return state.status.finished and all(known.cleaned_up for known in state.groups.values())


def random_plan(random: Random, kind: Kind) -> Plan:
    """A workflow of one to six groups of one to three tasks, with exit actions, retries and timers."""
    groups: list[GroupPlan] = []
    for number in range(random.randint(1, 6)):
        upstream = [known.name for known in groups if random.random() < 0.4]
        ignore = kind.always_ignore_non_leads or random.random() < 0.5
        groups.append(group(f"g{number}", *_random_tasks(random, number), after=upstream, ignore_nonlead_status=ignore))
    return plan(
        *groups,
        exec_timeout_seconds=random.choice([None, 20, 60]),
        queue_timeout_seconds=random.choice([None, 20, 60]),
        start_timeout_seconds=random.choice([None, 20, 60]),
    )


def _random_tasks(random: Random, group_number: int) -> list[TaskPlan]:
    count = random.randint(1, 3)
    lead = random.randrange(count)
    return [
        task(
            f"g{group_number}t{number}",
            lead=number == lead,
            rules=_random_rules(random),
            pool_rules=_random_rules(random),
            max_retries=random.randint(0, 2),
        )
        for number in range(count)
    ]


def _random_rules(random: Random) -> tuple[ExitRule, ...]:
    if random.random() < 0.5:
        return ()
    return tuple(
        rule(action, *((code, code) for code in random.sample(CODES, 4)))
        for action in random.sample(_ACTIONS, random.randint(1, 3))
    )


def _next_fact(random: Random, history: History, kind: Kind, step: int) -> AnyFact:
    kinds_of_fact = [_likely] * 18 + [_again] * 4 + [_rare]
    for offered in (random.choice(kinds_of_fact), _likely, _rare):
        facts = list(offered(random, history, kind, step))
        if facts:
            return random.choice(facts)
    return Accepted(at=moment(step))


def _likely(random: Random, history: History, kind: Kind, step: int) -> Iterator[AnyFact]:
    state = history.state
    if any(known.status is TaskStatus.SUBMITTING for known in state.groups.values()):
        yield Accepted(at=moment(step))
        return
    for known in state.groups.values():
        if known.status.group_finished and not known.cleaned_up:
            yield GroupCleaned(group=known.name, at=moment(step))
    for attempt in _existing(state):
        yield _observation(random, attempt, history.index.tasks[attempt.name], kind, step)
        if attempt.status is TaskStatus.RUNNING:
            yield DataObserved(task=attempt.name, retry_id=attempt.retry_id, input_download_start_time=moment(step))
    if kind.ticks:
        yield Tick(at=moment(step))


def _again(_random: Random, history: History, _kind: Kind, _step: int) -> Iterator[AnyFact]:
    yield from history.facts


def _rare(random: Random, history: History, kind: Kind, step: int) -> Iterator[AnyFact]:
    state = history.state
    # One cancel ends a whole history.
    if kind.cancel and random.random() < 0.2:
        yield CancelRequested(user="bob", at=moment(step), message="enough", force=random.random() < 0.5)
    for known in state.groups.values():
        if kind.creation_failures and known.status is TaskStatus.PROCESSING:
            yield GroupCreationFailed(group=known.name, message="no", at=moment(step))
    for attempt in _existing(state):
        if attempt.retry_id and attempt.status is TaskStatus.PROCESSING:
            yield TaskCreationFailed(task=attempt.name, retry_id=attempt.retry_id, message="no", at=moment(step))


def _observation(random: Random, attempt: TaskState, of: TaskPlan, kind: Kind, step: int) -> TaskObserved:
    status, exit_code = _sight(random, attempt, of, kind)
    return TaskObserved(
        task=attempt.name,
        retry_id=attempt.retry_id,
        status=status,
        at=moment(step),
        exit_code=exit_code,
        message=random.choice(("", "because")),
        node=random.choice(("", "node-1")),
        pod_name=f"pod-{attempt.name}-{attempt.retry_id}",
    )


def _sight(random: Random, attempt: TaskState, of: TaskPlan, kind: Kind) -> tuple[TaskStatus, int | None]:
    if attempt.status.prerunning and random.random() < 0.85:
        return random.choice((TaskStatus.SCHEDULING, TaskStatus.INITIALIZING, TaskStatus.RUNNING)), None
    ends: list[tuple[TaskStatus, int | None]] = [
        *[(TaskStatus.COMPLETED, 0)] * 8,
        *[(TaskStatus.FAILED, random.choice((1, 2)))] * 4,
        (TaskStatus.FAILED, None),
        (TaskStatus.FAILED_EVICTED, 3004),
        (TaskStatus.FAILED_BACKEND_ERROR, 3001),
        (TaskStatus.FAILED_IMAGE_PULL, 301),
    ]
    if of.lead or kind.preempted_non_leads:
        ends.append((TaskStatus.FAILED_PREEMPTED, 3006))
    return random.choice(ends)


def _existing(state: WorkflowState) -> Iterator[TaskState]:
    for attempts in state.attempts.values():
        latest = attempts[-1]
        if not latest.status.finished and latest.status is not TaskStatus.WAITING:
            yield latest
