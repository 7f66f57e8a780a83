"""Laws of the reducer: replay, batches, order. Each test quotes the sentence that it proves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.lifecycle.histories import EVERYTHING, History, Kind, histories
from translator.lifecycle.effects import AnyEffect, CreateGroup, CreateTask, DeleteGroup, RestartInPlace, Seal
from translator.lifecycle.facts import (
    Accepted,
    AnyFact,
    DataObserved,
    GroupCleaned,
    GroupCreationFailed,
    TaskCreationFailed,
    TaskObserved,
)
from translator.lifecycle.outstanding import outstanding, still_wanted
from translator.lifecycle.reduce import reduce
from translator.lifecycle.state import WorkflowState
from translator.lifecycle.words import TaskStatus
from translator.plan.model import GroupName

LAW = settings(deadline=None, max_examples=200)
SHUFFLES = st.integers(min_value=0, max_value=2**32).map(Random)
NO_OUTSIDE = Kind(cancel=False, ticks=False)
LEADS_DECIDE = Kind(
    cancel=False, ticks=False, creation_failures=False, preempted_non_leads=False, always_ignore_non_leads=True
)


@LAW
@given(histories(EVERYTHING))
def test_every_fact_again_changes_nothing(history: History) -> None:
    """ "Facts may come twice and late; the reducer must not mind." Only a forced cancel asks again for clean-up."""
    for fact in history.facts:
        change = reduce(history.index, history.state, [fact])
        assert change.state is history.state
        assert all(isinstance(effect, DeleteGroup) and effect.force for effect in change.effects)


@LAW
@given(histories(EVERYTHING))
def test_replaying_all_facts_changes_nothing(history: History) -> None:
    """reduce(state, facts), then the same facts again: the same state, no effect but a harmless repeat."""
    change = reduce(history.index, history.state, history.facts)
    assert change.state is history.state
    assert all(isinstance(effect, DeleteGroup) and effect.force for effect in change.effects)


@LAW
@given(histories(EVERYTHING))
def test_replaying_everything_from_the_start_gives_the_same_rows(history: History) -> None:
    """design.md §2.4; together or one by one is the same, and effects that were overtaken are not asked for."""
    change = reduce(history.index, history.before, history.facts)
    assert change.state == history.state
    asked = {effect for step in history.changes for effect in step.effects}
    for effect in change.effects:
        assert effect in asked
        assert still_wanted(history.index, history.state, effect)


@LAW
@given(histories(EVERYTHING))
def test_effects_of_a_step_are_outstanding_after_it(history: History) -> None:
    """What is asked for is also derived from the state alone, so a crash between the two loses nothing."""
    for change in history.changes:
        derived = {_identity(effect) for effect in outstanding(history.index, change.state)}
        clean = {name for name, known in change.state.groups.items() if known.cleaned_up}
        for effect in change.effects:
            if not (isinstance(effect, DeleteGroup) and effect.force and effect.group in clean):
                assert _identity(effect) in derived


@LAW
@given(histories(NO_OUTSIDE), SHUFFLES)
def test_facts_about_different_groups_commute(history: History, random: Random) -> None:
    """Without cancel and Tick, every order that keeps the order within each group leads to the same statuses, codes
    and messages."""
    shuffled = _interleaving(history.facts, [_group_of(history, fact) for fact in history.facts], random)
    assert _outcome(reduce(history.index, history.before, shuffled).state) == _outcome(history.state)


@LAW
@given(histories(LEADS_DECIDE, ended=True), SHUFFLES)
def test_order_within_each_task_suffices_where_leads_decide(history: History, random: Random) -> None:
    """Where non-leads are ignored and none was preempted, the order within each task suffices for the statuses of all
    groups and of the workflow."""
    shuffled = _interleaving(history.facts, [_task_of(fact) for fact in history.facts], random)
    state = reduce(history.index, history.before, shuffled).state
    assert state.status is history.state.status
    assert {known.name: known.status for known in state.groups.values()} == {
        known.name: known.status for known in history.state.groups.values()
    }


@LAW
@given(histories(EVERYTHING))
def test_state_survives_storage(history: History) -> None:
    """The state is a plain value: written as JSON and read again, it is the same."""
    data = msgspec.json.encode(history.state)
    assert msgspec.json.decode(data, type=WorkflowState) == history.state


def _identity(effect: AnyEffect) -> Hashable:
    match effect:
        case RestartInPlace(because_of=task, retry_id=retry_id):
            return ("restart", task, retry_id)
        case CreateGroup() | CreateTask() | DeleteGroup() | Seal():
            return effect


def _outcome(state: WorkflowState) -> Hashable:
    attempts = tuple(
        (attempt.name, attempt.retry_id, attempt.status, attempt.exit_code, attempt.failure_message)
        for tries in state.attempts.values()
        for attempt in tries
        # A group that waits for its turn may have been seen already in another order.
        if attempt.status not in (TaskStatus.WAITING, TaskStatus.PROCESSING)
    )
    known = tuple(
        (known.name, known.status, known.failure_message, known.cleaned_up) for known in state.groups.values()
    )
    return state.status, known, attempts


def _group_of(history: History, fact: AnyFact) -> Hashable:
    match fact:
        case TaskObserved() | DataObserved() | TaskCreationFailed():
            return history.index.group_of[fact.task].name
        case GroupCreationFailed() | GroupCleaned():
            return fact.group
        case Accepted():
            return GroupName("")
        case _:
            raise AssertionError(f"{fact} is not about one group")


def _task_of(fact: AnyFact) -> Hashable:
    match fact:
        case TaskObserved() | DataObserved() | TaskCreationFailed():
            return ("task", fact.task)
        case GroupCleaned():
            return ("group", fact.group)
        case _:
            return ()


def _interleaving(facts: Sequence[AnyFact], keys: Sequence[Hashable], random: Random) -> list[AnyFact]:
    streams: dict[Hashable, list[AnyFact]] = defaultdict(list)
    for fact, key in zip(facts, keys, strict=True):
        streams[key].append(fact)
    order = list(keys)
    random.shuffle(order)
    heads = {key: iter(stream) for key, stream in streams.items()}
    return [next(heads[key]) for key in order]
