"""What every database must do: the same questions, the same answers."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from engine.ports import EventLine
from gateway.ports.faults import Fenced, KeyConflict, StoreUnavailable, UnknownRun
from gateway.ports.logs import LogEnd
from gateway.ports.records import (
    AppRef,
    Cursor,
    DocumentKind,
    FailedSubmission,
    LabelFilter,
    NewWorkflow,
    Page,
    Parent,
    Profile,
    TaskFilter,
    UnfinishedCounts,
    WorkflowFilter,
)
from gateway.ports.runs import Instance, Owned, Segment, StateChange, StoredRun, Timer
from gateway.ports.store import Store
from gateway.store.session import SqlStore
from tests.databases import wiped
from tests.workplace import START, chain, group, insert, moment, plan, task
from translator.lifecycle.facts import Accepted, AnyFact, CancelRequested, GroupCleaned, TaskObserved
from translator.lifecycle.reduce import PlanIndex, initial_state, reduce
from translator.lifecycle.state import WorkflowState
from translator.lifecycle.words import TaskStatus, WorkflowStatus
from translator.plan.model import GroupName, Plan, Priority, ResourceRequest, TaskName, WorkflowUuid, decode


class Interrupted(Exception):
    """Something happens in the middle of a transaction."""


UNKNOWN = WorkflowUuid("0" * 32)


@pytest.fixture
def store(shared_store: SqlStore) -> SqlStore:
    """An empty database."""
    return wiped(shared_store)


def test_it_is_a_store(store: SqlStore) -> None:
    checked: Store = store
    with checked.reading() as reads, checked.writing() as writes:
        assert reads.submitters() == writes.submitters() == ()


def loaded(store: SqlStore, uuid: WorkflowUuid) -> StoredRun:
    """The rows of a workflow."""
    with store.reading() as reads:
        found = reads.load_run(uuid)
    assert found is not None
    return found


def apply(store: SqlStore, made: Plan, *facts: AnyFact) -> WorkflowState:
    """Reduce facts over what the rows hold, and save."""
    stored = loaded(store, made.workflow_uuid)
    after = reduce(PlanIndex.of(made), stored.state, facts).state
    with store.writing() as writes:
        writes.save_changes(
            [
                StateChange(
                    uuid=made.workflow_uuid,
                    fence=stored.owner.fence,
                    before=stored.state,
                    after=after,
                    sealed=after.status.finished,
                )
            ]
        )
    return after


def seen(name: str, status: TaskStatus, seconds: float, exit_code: int | None = None, retry_id: int = 0) -> AnyFact:
    """A runner's report."""
    return TaskObserved(
        task=TaskName(name), retry_id=retry_id, status=status, at=moment(seconds), exit_code=exit_code, node="n1"
    )


def names(store: SqlStore, chosen: WorkflowFilter, page: Page | None = None) -> list[str]:
    """The ids of a page."""
    with store.reading() as reads:
        return [str(found.workflow_id) for found in reads.workflows(chosen, page or Page()).workflows]


def refused(name: str, number: int, user: str = "alice", seconds: float = 0) -> FailedSubmission:
    """A failed submission."""
    return FailedSubmission(
        uuid=WorkflowUuid(uuid4().hex),
        name=name,
        number=number,
        submitted_by=user,
        pool="default",
        backend="local",
        submit_time=moment(seconds),
        message="bad \0 spec",
    )


# Numbers and keys


def test_numbers_are_one_more_than_the_highest_used(store: SqlStore) -> None:
    """ "N = 1 + highest number used by any workflow with that name; FAILED_SUBMISSION rows consume numbers"."""
    given = []
    for _ in range(3):
        with store.writing() as writes:
            given.append(writes.reserve_number("hello"))
    with store.writing() as writes:
        given.append(writes.reserve_number("hello"))
        writes.insert_failed_submission(refused("hello", given[-1]))
    with store.writing() as writes:
        given.append(writes.reserve_number("hello"))
        assert writes.reserve_number("Hello") == 1
    assert given == [1, 2, 3, 4, 5]


def test_a_number_of_a_rolled_back_submission_is_given_again(store: SqlStore) -> None:
    with suppress(Interrupted), store.writing() as writes:
        assert writes.reserve_number("hello") == 1
        raise Interrupted
    with store.writing() as writes:
        assert writes.reserve_number("hello") == 1


def test_numbers_differ_under_concurrency(store: SqlStore) -> None:
    def submit(_: int) -> int:
        with store.writing() as writes:
            return writes.reserve_number("hello")

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(submit, range(40))) == list(range(1, 41))


def test_the_same_request_is_the_same_workflow(store: SqlStore) -> None:
    made = plan()
    with store.writing(durable=True) as writes:
        assert writes.claim_key("alice", "k1", b"digest", made.workflow_uuid, START) is None
        writes.insert_workflow(NewWorkflow(plan=made, state=initial_state(made, START), number=1))
    with store.writing() as writes:
        again = writes.claim_key("alice", "k1", b"digest", WorkflowUuid(uuid4().hex), START)
        assert again == writes.claimed_key("alice", "k1", b"digest") == made.workflow_uuid
        assert writes.claim_key("bob", "k1", b"other", WorkflowUuid(uuid4().hex), START) is None
    with pytest.raises(KeyConflict, match="already used for a different request"), store.writing() as writes:
        writes.claim_key("alice", "k1", b"another", WorkflowUuid(uuid4().hex), START)
    with store.reading() as reads:
        assert reads.claimed_key("alice", "k2", b"digest") is None
        with pytest.raises(KeyConflict):
            reads.claimed_key("alice", "k1", b"another")


def test_a_key_of_a_rolled_back_submission_is_free(store: SqlStore) -> None:
    with suppress(Interrupted), store.writing() as writes:
        writes.claim_key("alice", "k1", b"digest", UNKNOWN, START)
        raise Interrupted
    with store.writing() as writes:
        assert writes.claim_key("alice", "k1", b"other", UNKNOWN, START) is None


def test_one_of_many_equal_requests_at_once_wins(store: SqlStore) -> None:
    together = threading.Barrier(8)

    def submit(_: int) -> tuple[bool, str]:
        made = plan()
        together.wait()
        with store.writing() as writes:
            earlier = writes.claim_key("alice", "k", b"digest", made.workflow_uuid, START)
            if earlier is None:
                number = writes.reserve_number("wf")
                assert number == 1
                writes.insert_workflow(NewWorkflow(plan=made, state=initial_state(made, START), number=number))
        return earlier is None, earlier or made.workflow_uuid

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(submit, range(8)))
    assert sum(new for new, _ in results) == 1
    assert len({uuid for _, uuid in results}) == 1


# Workflows and their states


def test_an_inserted_workflow_is_loaded_as_it_was(store: SqlStore) -> None:
    made = plan(group("a"), group("b", task("x"), task("y", lead=False), after=["a"]), labels={"team": "r&d"})
    insert(store, made, instance="me")
    stored = loaded(store, made.workflow_uuid)
    assert stored.state == initial_state(made, START)
    assert list(stored.state.attempts) == ["a", "x", "y"]
    assert decode(stored.plan) == made
    assert stored.owner == Owned(uuid=made.workflow_uuid, backend="local", instance="me", fence=0)
    assert (stored.sealed, stored.timers) == (False, frozenset())


def test_a_workflow_is_found_by_id_and_by_uuid(store: SqlStore) -> None:
    made = plan(labels={"team": "x"}, exec_timeout_seconds=60.5, priority=Priority.LOW)
    insert(store, made, parent=Parent(name="wf", number=7), app=AppRef(uuid="u", version=3, owner="o", name="n"))
    with store.reading() as reads:
        by_id, by_uuid = reads.workflow("wf-1"), reads.workflow(made.workflow_uuid)
        assert reads.workflow("wf-2") is None
        assert reads.workflow("WF-1") is None
        assert reads.workflow("wf-1\0") is None
    assert by_id == by_uuid
    assert by_id is not None
    assert (by_id.workflow_id, by_id.labels, by_id.exec_timeout_seconds) == ("wf-1", {"team": "x"}, 60.5)
    assert (by_id.parent, by_id.priority) == (Parent(name="wf", number=7), Priority.LOW)
    assert by_id.app == AppRef(uuid="u", version=3, owner="o", name="n")


def test_a_failed_submission_is_finished_and_never_run(store: SqlStore) -> None:
    one = refused("bad", 1)
    with store.writing() as writes:
        writes.insert_failed_submission(replace(one, documents={DocumentKind.SPEC: "text"}, labels={"a": "b"}))
    with store.reading() as reads:
        found = reads.workflow("bad-1")
        assert reads.document(one.uuid, DocumentKind.SPEC) == "text"
        assert reads.unsealed() == ()
        assert reads.load_run(one.uuid) is None
        assert reads.groups(one.uuid) == ()
    assert found is not None
    assert (found.status, found.sealed, found.end_time) == (WorkflowStatus.FAILED_SUBMISSION, True, START)
    assert found.failure_message == "bad � spec"


def test_changes_are_saved_and_only_they(store: SqlStore) -> None:
    made = plan(group("a"), group("b", after=["a"]))
    insert(store, made)
    state = apply(store, made, Accepted(at=moment(1)), seen("a", TaskStatus.RUNNING, 2))
    assert loaded(store, made.workflow_uuid).state == state
    state = apply(store, made, seen("a", TaskStatus.COMPLETED, 3, 0))
    assert loaded(store, made.workflow_uuid).state == state
    with store.reading() as reads:
        groups = reads.groups(made.workflow_uuid)
        attempts = reads.attempts(made.workflow_uuid)
    assert [(known.name, known.status) for known in groups] == [
        ("a-group", TaskStatus.COMPLETED),
        ("b-group", TaskStatus.PROCESSING),
    ]
    assert (groups[0].downstream, groups[1].remaining_upstream) == ((), ())
    assert [(known.name, known.status, known.exit_code, known.node_name) for known in attempts] == [
        ("a", TaskStatus.COMPLETED, 0, "n1"),
        ("b", TaskStatus.PROCESSING, None, None),
    ]


def test_a_retry_is_a_row_of_its_own(store: SqlStore) -> None:
    wanted = ResourceRequest(cpu=2.5, gpu=1, memory_bytes=2**40, storage_bytes=7)
    made = plan(group("a", task("a", reschedule=((75, 75),), max_retries=3, resources=wanted)))
    insert(store, made)
    state = apply(
        store,
        made,
        Accepted(at=START),
        seen("a", TaskStatus.FAILED, 1, 75),
        seen("a", TaskStatus.FAILED, 2, 75, retry_id=1),
    )
    state = apply(store, made, seen("a", TaskStatus.RUNNING, 3, retry_id=2))
    assert loaded(store, made.workflow_uuid).state == state
    with store.reading() as reads:
        (latest,) = reads.attempts(made.workflow_uuid)
        every = reads.attempts(made.workflow_uuid, all_retries=True)
        first = reads.attempt(made.workflow_uuid, "a", 0)
        assert reads.attempt(made.workflow_uuid, "a") == latest
        assert reads.attempt(made.workflow_uuid, "a", 3) is None
        assert reads.attempt(made.workflow_uuid, "a", 2**70) is None
        assert reads.attempt(made.workflow_uuid, "nobody") is None
    assert [known.retry_id for known in every] == [2, 1, 0]
    assert first is not None
    assert (first.status, first.uuid) == (TaskStatus.RESCHEDULED, latest.uuid)
    assert (latest.cpu, latest.gpu, latest.memory_bytes, latest.storage_bytes) == (2.5, 1, 2**40, 7)
    assert latest.status is TaskStatus.RUNNING


def test_a_process_that_lost_a_workflow_cannot_write_it(store: SqlStore) -> None:
    mine, other = plan(number=1), plan(number=2)
    insert(store, mine, instance="old")
    insert(store, other, instance="old")
    stored, kept = loaded(store, mine.workflow_uuid), loaded(store, other.workflow_uuid)
    with store.writing() as writes:
        taken = writes.take_over(stored.owner, "new")
        assert taken == replace(stored.owner, instance="new", fence=1)
        assert writes.take_over(stored.owner, "third") is None
    after = reduce(PlanIndex.of(mine), stored.state, [Accepted(at=START)]).state
    late = StateChange(uuid=mine.workflow_uuid, fence=0, before=stored.state, after=after)
    fine = StateChange(
        uuid=other.workflow_uuid,
        fence=0,
        before=kept.state,
        after=reduce(PlanIndex.of(other), kept.state, [Accepted(at=START)]).state,
    )
    with pytest.raises(Fenced) as caught, store.writing() as writes:
        writes.save_changes([fine, late])
    assert caught.value.workflows == (mine.workflow_uuid,)
    assert loaded(store, other.workflow_uuid).state == kept.state
    with store.writing() as writes:
        writes.save_changes([fine, replace(late, fence=1)])
    assert loaded(store, mine.workflow_uuid).state == after


def test_one_of_many_takes_over(store: SqlStore) -> None:
    made = plan()
    insert(store, made, instance="dead")
    owned = loaded(store, made.workflow_uuid).owner

    def take(name: str) -> Owned | None:
        with store.writing() as writes:
            return writes.take_over(owned, name)

    with ThreadPoolExecutor(6) as pool:
        winners = [taken for taken in pool.map(take, "abcdef") if taken is not None]
    assert len(winners) == 1
    assert loaded(store, made.workflow_uuid).owner == winners[0]


def test_timers_events_and_answered_requests_go_with_the_change(store: SqlStore) -> None:
    made = plan()
    insert(store, made, instance="me")
    first = Timer(kind="queue", subject="a-group", due=moment(60))
    moved = replace(first, due=moment(90))
    last = Timer(kind="exec", subject="a-group", due=moment(99))
    event = EventLine(at=START, task=TaskName("a"), retry_id=0, reason="Scheduled", message="on \0 n1")
    state = loaded(store, made.workflow_uuid).state
    change = StateChange(uuid=made.workflow_uuid, fence=0, before=state, after=state)
    with store.writing() as writes:
        writes.request_cancel(made.workflow_uuid, CancelRequested(user="bob", at=START, message="why", force=True))
        (request,) = writes.cancel_requests("me")
        assert writes.cancel_requests("another") == ()
        writes.save_changes([replace(change, timers_new=[first], events=[event, event])])
    assert request.fact == CancelRequested(user="bob", at=START, message="why", force=True)
    assert loaded(store, made.workflow_uuid).timers == {first}
    with store.writing() as writes:
        writes.save_changes(
            [
                replace(
                    change,
                    timers_gone=[first],
                    timers_new=[moved, last],
                    cancels=[request.number],
                )
            ]
        )
        assert writes.cancel_requests("me") == ()
    assert loaded(store, made.workflow_uuid).timers == {moved, last}
    with store.reading() as reads:
        events = reads.events(made.workflow_uuid)
        assert reads.events(made.workflow_uuid, after=events[0].number) == events[1:]
        assert reads.events(made.workflow_uuid, last=1) == events[1:]
        assert reads.events(made.workflow_uuid, task="a", retry_id=0) == events
        assert reads.events(made.workflow_uuid, task="b") == ()
        assert reads.events(made.workflow_uuid, task="a", retry_id=2**40) == ()
    assert [(known.reason, known.message) for known in events] == [("Scheduled", "on � n1")] * 2
    assert events[0].number < events[1].number


def test_sealing_ends_it(store: SqlStore) -> None:
    made = plan()
    insert(store, made, instance="me")
    timer = Timer(kind="queue", subject="a-group", due=moment(60))
    state = loaded(store, made.workflow_uuid).state
    with store.writing() as writes:
        writes.request_cancel(made.workflow_uuid, CancelRequested(user="bob", at=START))
        assert not writes.sealed(made.workflow_uuid)
        writes.save_changes(
            [
                StateChange(
                    uuid=made.workflow_uuid,
                    fence=0,
                    before=state,
                    after=state,
                    timers_new=[timer],
                    sealed=True,
                )
            ]
        )
    with store.writing() as writes:
        assert writes.sealed(made.workflow_uuid)
        assert writes.unsealed() == ()
        writes.request_cancel(made.workflow_uuid, CancelRequested(user="bob", at=START, force=True))
        assert writes.cancel_requests("me") == ()
        assert writes.take_over(Owned(uuid=made.workflow_uuid, backend="local", instance="me", fence=0), "x") is None
    assert loaded(store, made.workflow_uuid).timers == frozenset()
    with store.reading() as reads:
        assert reads.sealed(UNKNOWN)


def test_a_cancel_shows_at_once_and_changes_no_state(store: SqlStore) -> None:
    """ "cancel marks the workflow cancelled_by": the first one who asked."""
    made = plan()
    insert(store, made, instance="me")
    for user in ("bob", "carol"):
        with store.writing() as writes:
            writes.request_cancel(made.workflow_uuid, CancelRequested(user=user, at=START))
    with store.reading() as reads:
        found = reads.workflow("wf-1")
        assert found is not None
        assert (found.cancelled_by, found.status) == ("bob", WorkflowStatus.PENDING)
        assert [request.fact.user for request in reads.cancel_requests("me")] == ["bob", "carol"]
    assert loaded(store, made.workflow_uuid).state.cancelled_by is None
    apply(store, made, CancelRequested(user="bob", at=START), Accepted(at=START))
    assert loaded(store, made.workflow_uuid).state.cancelled_by == "bob"
    with pytest.raises(UnknownRun), store.writing() as writes:
        writes.request_cancel(UNKNOWN, CancelRequested(user="bob", at=START))


def test_unsealed_tells_who_owns_what(store: SqlStore) -> None:
    for number, owner in enumerate(("me", None, "other"), start=1):
        insert(store, plan(number=number), moment(-number), instance=owner)
    with store.reading() as reads:
        assert [owned.instance for owned in reads.unsealed()] == ["other", None, "me"]
        assert [owned.instance for owned in reads.unsealed(besides="me")] == ["other", None]


# Lists


def fill(store: SqlStore) -> None:
    """Six workflows that differ in what filters ask for."""
    rows = [
        plan(name="train", number=1, owner="alice", pool="gpu", labels={"team": "vision", "env": "prod-eu"}),
        plan(name="train", number=2, owner="bob@x.org", pool="gpu", labels={"team": "Vision"}, priority=Priority.LOW),
        plan(name="train_a", number=1, owner="alice", pool="cpu", labels={"env": "prod-us"}, priority=Priority.HIGH),
        plan(name="trainXa", number=1, owner="carol", pool="cpu", labels={"env": "test"}),
        plan(name="sim", number=10, owner="alice", pool="gpu"),
    ]
    for index, made in enumerate(rows):
        app = AppRef(uuid="u", version=index, owner="o", name="app") if index < 2 else None
        insert(store, made, moment(index), app=app)
    apply(store, rows[4], Accepted(at=moment(5)), seen("a", TaskStatus.RUNNING, 5))
    with store.writing() as writes:
        writes.insert_failed_submission(refused("bad", 1, "dave", seconds=5))
        writes.change_tags(rows[0].workflow_uuid, add=["nightly", "keep"])
        writes.change_tags(rows[3].workflow_uuid, add=["keep"])


ALL = ["train-1", "train-2", "train_a-1", "trainXa-1", "sim-10", "bad-1"]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (WorkflowFilter(), ALL),
        (WorkflowFilter(users=("alice",)), ["train-1", "train_a-1", "sim-10"]),
        (WorkflowFilter(users=("alice", "carol")), ["train-1", "train_a-1", "trainXa-1", "sim-10"]),
        (WorkflowFilter(users=()), []),
        (WorkflowFilter(users=("alice\0",)), []),
        (WorkflowFilter(statuses=(WorkflowStatus.RUNNING,)), ["sim-10"]),
        (WorkflowFilter(statuses=tuple(set(WorkflowStatus) - {WorkflowStatus.FAILED_SUBMISSION})), ALL[:-1]),
        (WorkflowFilter(name="train"), ALL[:4]),
        (WorkflowFilter(name="n_a"), ["train_a-1"]),
        (WorkflowFilter(name="%"), []),
        (WorkflowFilter(name="TRAIN"), []),
        (WorkflowFilter(name="-1"), ["train-1", "train_a-1", "trainXa-1", "sim-10", "bad-1"]),
        (WorkflowFilter(name=""), ALL),
        (WorkflowFilter(pools=("cpu",)), ["train_a-1", "trainXa-1"]),
        (WorkflowFilter(tags=("keep", "no")), ["train-1", "trainXa-1"]),
        (WorkflowFilter(tags=()), []),
        (WorkflowFilter(app_name="app"), ["train-1", "train-2"]),
        (WorkflowFilter(app_name="app", app_version=1), ["train-2"]),
        (WorkflowFilter(app_name="app", app_version=2**80), []),
        (WorkflowFilter(priorities=(Priority.LOW, Priority.HIGH)), ["train-2", "train_a-1"]),
        (WorkflowFilter(submitted_after=moment(3)), ["trainXa-1", "sim-10", "bad-1"]),
        (WorkflowFilter(submitted_before=moment(3)), ALL[:3]),
        (WorkflowFilter(labels=(LabelFilter(key="team", patterns=("vision",)),)), ["train-1"]),
        (WorkflowFilter(labels=(LabelFilter(key="team", patterns=("*",)),)), ["train-1", "train-2"]),
        (WorkflowFilter(labels=(LabelFilter(key="env", patterns=("prod*",)),)), ["train-1", "train_a-1"]),
        (WorkflowFilter(labels=(LabelFilter(key="env", patterns=("*-us", "te*")),)), ["train_a-1", "trainXa-1"]),
        (WorkflowFilter(labels=(LabelFilter(key="env", patterns=("prod",)),)), []),
        (WorkflowFilter(labels=(LabelFilter(key="env", patterns=("prod?eu", "prod_eu", "prod%")),)), []),
        (WorkflowFilter(labels=(LabelFilter(key="env", patterns=("[p]rod-eu",)),)), []),
        (
            WorkflowFilter(labels=(LabelFilter(key="env", patterns=("*",)), LabelFilter(key="team", patterns=("v*",)))),
            ["train-1"],
        ),
        (WorkflowFilter(no_labels=("team",)), ["train_a-1", "trainXa-1", "sim-10", "bad-1"]),
        (WorkflowFilter(no_labels=("team", "env"), users=("alice",)), ["sim-10"]),
    ],
)
def test_filters(store: SqlStore, chosen: WorkflowFilter, expected: list[str]) -> None:
    """api.md §2.8: name is a substring in which `_` and `%` are literal; tags any of; labels all of; anchored."""
    fill(store)
    assert names(store, chosen) == expected
    assert names(store, chosen, Page(descending=True)) == expected[::-1]


def test_pages(store: SqlStore) -> None:
    """ "rows sorted by submit time in the requested direction"; "more_entries says whether another row exists"."""
    fill(store)
    with store.reading() as reads:
        first = reads.workflows(WorkflowFilter(), Page(limit=4))
        rest = reads.workflows(WorkflowFilter(), Page(limit=4, offset=4))
        exact = reads.workflows(WorkflowFilter(), Page(limit=2, offset=4))
        assert reads.workflows(WorkflowFilter(), Page(limit=0)).workflows == ()
        assert reads.workflows(WorkflowFilter(), Page(offset=2**80)).workflows == ()
    assert [str(row.workflow_id) for row in (*first.workflows, *rest.workflows)] == ALL
    assert (first.more_entries, rest.more_entries, exact.more_entries) == (True, False, False)


@pytest.mark.parametrize("descending", [False, True])
def test_cursors_lead_through_all(store: SqlStore, descending: bool) -> None:
    for number in range(1, 8):
        # Two each have the same time.
        insert(store, plan(number=number), moment(number // 2))
    found: list[str] = []
    after = None
    while True:
        with store.reading() as reads:
            page = reads.workflows(WorkflowFilter(), Page(limit=2, after=after, descending=descending))
        found += [row.uuid for row in page.workflows]
        if not page.more_entries:
            break
        after = Cursor(submit_time=page.workflows[-1].submit_time, uuid=page.workflows[-1].uuid)
    assert len(found) == len(set(found)) == 7


def fill_tasks(store: SqlStore) -> None:
    """Attempts in several statuses."""
    size = ResourceRequest(cpu=1.5, gpu=2, memory_bytes=2**40, storage_bytes=2**41)
    one = plan(
        group("g", task("lead", resources=size), *(task(name, lead=False) for name in ("b", "c", "d"))),
        name="one",
        owner="alice",
        pool="gpu",
    )
    two = plan(group("x", task("x", resources=size)), name="two", owner="bob", pool="cpu", priority=Priority.LOW)
    insert(store, one, moment(0))
    insert(store, two, moment(1))
    apply(
        store,
        one,
        Accepted(at=START),
        seen("lead", TaskStatus.RUNNING, 10),
        seen("b", TaskStatus.SCHEDULING, 11),
        seen("c", TaskStatus.INITIALIZING, 12),
        seen("d", TaskStatus.RUNNING, 13),
    )


def task_names(store: SqlStore, chosen: TaskFilter, page: Page | None = None) -> list[str]:
    """The names of a page of tasks."""
    with store.reading() as reads:
        return [str(found.task.name) for found in reads.tasks(chosen, page or Page(descending=True))]


def test_tasks_come_in_osmos_order(store: SqlStore) -> None:
    """ "SCHEDULING, then INITIALIZING, then RUNNING, then the rest; within that by start time … all descending"."""
    fill_tasks(store)
    assert task_names(store, TaskFilter()) == ["b", "c", "d", "lead", "x"]
    assert task_names(store, TaskFilter(), Page(limit=2, offset=1, descending=True)) == ["c", "d"]
    assert task_names(store, TaskFilter(), Page(limit=2, offset=1)) == ["d", "c"]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (TaskFilter(workflow_id="ne-"), ["b", "c", "d", "lead"]),
        (TaskFilter(statuses=(TaskStatus.RUNNING, TaskStatus.PROCESSING)), ["d", "lead"]),
        (TaskFilter(users=("bob",)), ["x"]),
        (TaskFilter(pools=("gpu",)), ["b", "c", "d", "lead"]),
        (TaskFilter(nodes=("n1",)), ["b", "c", "d", "lead"]),
        (TaskFilter(nodes=("n2",)), []),
        (TaskFilter(priorities=(Priority.LOW,)), ["x"]),
        (TaskFilter(started_after=moment(13)), ["b", "c", "d", "x"]),
        (TaskFilter(started_before=moment(13)), ["lead"]),
    ],
)
def test_task_filters(store: SqlStore, chosen: TaskFilter, expected: list[str]) -> None:
    """api.md §2.11: "started_after (also keeps tasks that have not started)"."""
    fill_tasks(store)
    assert task_names(store, chosen) == expected


def test_sums(store: SqlStore) -> None:
    fill_tasks(store)
    with store.reading() as reads:
        plain = reads.resource_sums(TaskFilter())
        by_workflow = reads.resource_sums(TaskFilter(), by_workflow=True)
        assert reads.resource_sums(TaskFilter(users=("nobody",))) == ()
    assert [(row.submitted_by, row.pool, row.priority, row.cpu, row.gpu) for row in plain] == [
        ("alice", "gpu", Priority.NORMAL, 1.5, 2),
        ("bob", "cpu", Priority.LOW, 1.5, 2),
    ]
    assert (plain[0].memory_bytes, plain[0].storage_bytes, plain[0].workflow_id) == (2**40, 2**41, None)
    assert [row.workflow_id for row in by_workflow] == ["one-1", "two-1"]


def test_unfinished_counts(store: SqlStore) -> None:
    made = plan(*chain(3))
    insert(store, made)
    insert(store, plan(number=2))

    def counts() -> UnfinishedCounts:
        with store.reading() as reads:
            return reads.unfinished_counts("alice")

    assert counts() == UnfinishedCounts(workflows=2, tasks=4)
    apply(store, made, Accepted(at=START), seen("t0", TaskStatus.COMPLETED, 1, 0))
    assert counts() == UnfinishedCounts(workflows=2, tasks=3)
    apply(store, made, seen("t1", TaskStatus.FAILED, 1, 1))
    assert counts() == UnfinishedCounts(workflows=1, tasks=1)


def test_unfinished_by_status(store: SqlStore) -> None:
    fill(store)
    with store.reading() as reads:
        assert reads.unfinished_by_status() == {WorkflowStatus.PENDING: 4, WorkflowStatus.RUNNING: 1}


# Small things


def test_tags(store: SqlStore) -> None:
    """ "removal happens before adding"."""
    made = plan()
    insert(store, made)
    with store.writing() as writes:
        writes.change_tags(made.workflow_uuid, add=["b", "a", "b"])
        writes.change_tags(made.workflow_uuid, add=["a", "c"], remove=["a", "b", "zzz"])
    with store.reading() as reads:
        assert reads.tags(made.workflow_uuid) == ("a", "c")


def test_profiles(store: SqlStore) -> None:
    with store.reading() as reads:
        assert reads.profile("alice") == Profile(user="alice")
    with store.writing() as writes:
        writes.set_profile("alice", pool="gpu")
        writes.set_profile("alice", email_notification=True)
        writes.set_profile("bob")
    with store.reading() as reads:
        assert reads.profile("alice") == Profile(user="alice", pool="gpu", email_notification=True)
        assert reads.profile("bob") == Profile(user="bob")


@pytest.mark.parametrize("body", ["", "short", "long " * 10_000, "ünïcode 😀", "nul \0 inside"])
def test_documents_come_back_as_they_were(store: SqlStore, body: str) -> None:
    made = plan()
    new = NewWorkflow(
        plan=made, state=initial_state(made, START), number=1, documents={DocumentKind.SPEC: body}, outputs="s3://x"
    )
    with store.writing() as writes:
        writes.insert_workflow(new)
    with store.reading() as reads:
        assert reads.document(made.workflow_uuid, DocumentKind.SPEC) == body
        assert reads.document(made.workflow_uuid, DocumentKind.TEMPLATE) is None


def test_submitters(store: SqlStore) -> None:
    """ "a name without @ also matches a unique name@…"."""
    for number, owner in enumerate(("bob@x.org", "bob@y.org", "bobby@x.org", "eve@x.org", "eve", "Zed"), start=1):
        insert(store, plan(number=number, owner=owner))
    with store.reading() as reads:
        assert reads.submitters() == ("Zed", "bob@x.org", "bob@y.org", "bobby@x.org", "eve", "eve@x.org")
        assert reads.submitters_called("bob") == ("bob@x.org", "bob@y.org")
        assert reads.submitters_called("eve") == ("eve",)
        assert reads.submitters_called("eve@x.org") == ("eve@x.org",)
        assert reads.submitters_called("EVE") == ()


def test_instances(store: SqlStore) -> None:
    one = Instance(name="i", place="host:/x", pid=7, started_at=START, heartbeat_at=START)
    with store.writing() as writes:
        writes.beat(one)
        writes.beat(replace(one, heartbeat_at=moment(5)))
    with store.writing() as writes:
        assert writes.instances() == (replace(one, heartbeat_at=moment(5)),)
        writes.forget_instance("i")
        writes.forget_instance("i")
        assert writes.instances() == ()


def test_segments(store: SqlStore) -> None:
    made = plan()
    insert(store, made)
    one = Segment(
        number=1,
        first_line=0,
        lines=3,
        first_at=START,
        last_at=moment(1),
        raw_bytes=100,
        stored_bytes=50,
        attempts={("a", 0): 2, ("a", 1): 1},
        ends={("a", 0, True): LogEnd(at=START, lines=2), ("a", 1, False): LogEnd(at=moment(1), lines=1)},
    )
    with store.writing() as writes:
        writes.add_segment(made.workflow_uuid, replace(one, number=2, first_line=3))
        writes.add_segment(made.workflow_uuid, replace(one, stored_bytes=1))
        writes.add_segment(made.workflow_uuid, one)
    with store.reading() as reads:
        assert reads.segments(made.workflow_uuid) == (one, replace(one, number=2, first_line=3))
    with store.writing() as writes:
        writes.add_segment(made.workflow_uuid, replace(one, ends=None))
        assert writes.segments(made.workflow_uuid)[0].ends is None


def test_a_signing_key_is_made_once(store: SqlStore) -> None:
    with store.writing() as writes:
        assert writes.signing_key("argo/a", b"first") == b"first"
        assert writes.signing_key("argo/b", b"other") == b"other"
    with store.writing() as writes:
        assert writes.signing_key("argo/a", b"second") == b"first"


def test_purge(store: SqlStore) -> None:
    old, young = plan(number=1), plan(number=2)
    for made in (old, young):
        with store.writing() as writes:
            writes.claim_key("alice", f"key-{made.workflow_id}", b"d", made.workflow_uuid, START)
            writes.reserve_number("wf")
        insert(store, made)
        apply(store, made, Accepted(at=START), seen("a", TaskStatus.COMPLETED, 60, 0))
        apply(store, made, GroupCleaned(group=GroupName("a-group"), at=START))
    alive = plan(number=3)
    insert(store, alive)
    with store.reading() as reads:
        assert [reads.sealed(one.workflow_uuid) for one in (old, young, alive)] == [True, True, False]
    with store.writing() as writes:
        writes.purge([old.workflow_uuid, alive.workflow_uuid])
    assert set(names(store, WorkflowFilter())) == {"wf-2", "wf-3"}
    with store.writing() as writes:
        assert writes.attempts(old.workflow_uuid) == ()
        assert writes.submitters() == ("alice",)
        assert writes.reserve_number("wf") == 3
        assert writes.claim_key("alice", "key-wf-1", b"other", UNKNOWN, START) is None


# Sessions


def test_an_exception_rolls_everything_back(store: SqlStore) -> None:
    with suppress(Interrupted), store.writing() as writes:
        writes.set_profile("alice", pool="gpu")
        raise Interrupted
    with store.reading() as reads:
        assert reads.profile("alice").pool is None


def test_a_reading_session_sees_one_state(store: SqlStore) -> None:
    with store.reading() as reads:
        assert reads.submitters() == ()
        insert(store, plan())
        assert reads.submitters() == ()
    with store.reading() as reads:
        assert reads.submitters() == ("alice",)


def test_a_reading_session_cannot_write(store: SqlStore) -> None:
    with store.reading() as reads, pytest.raises((DBAPIError, StoreUnavailable)):
        reads._connection.execute(text("DELETE FROM workflows"))


def test_readers_do_not_wait_for_a_writer(store: SqlStore) -> None:
    with store.writing() as writes:
        writes.set_profile("alice", pool="gpu")
        with store.reading() as reads:
            assert reads.profile("alice").pool is None


def test_the_initial_state_is_not_the_only_one_that_fits(store: SqlStore) -> None:
    """Every field of a state has a column: a state with all of them set comes back."""
    made = plan(group("a"), group("b", after=["a"]))
    insert(store, made)
    before = loaded(store, made.workflow_uuid).state
    after = msgspec.structs.replace(
        before,
        **_filled(before),
        groups={
            name: msgspec.structs.replace(state, **_filled(state), remaining_upstream=frozenset({GroupName("a-group")}))
            for name, state in before.groups.items()
        },
        attempts={
            name: tuple(msgspec.structs.replace(state, **_filled(state)) for state in states)
            for name, states in before.attempts.items()
        },
    )
    with store.writing() as writes:
        writes.save_changes([StateChange(uuid=made.workflow_uuid, fence=0, before=before, after=after)])
    assert loaded(store, made.workflow_uuid).state == after


def _filled(state: msgspec.Struct) -> dict[str, object]:
    """A value for every field that is empty at first."""
    values: dict[str, object] = {}
    for number, field in enumerate(msgspec.structs.fields(state)):
        if field.name.endswith(("_time", "_due")):
            values[field.name] = START + timedelta(seconds=number, microseconds=number)
        elif field.name in ("failure_message", "node_name", "pod_name", "pod_ip", "cancelled_by", "cancel_message"):
            values[field.name] = f"text {number}"
        elif field.name in ("cleaned_up", "cancel_forced"):
            values[field.name] = True
        elif field.name == "exit_code":
            values[field.name] = 3004
    values.pop("submit_time", None)
    return values
