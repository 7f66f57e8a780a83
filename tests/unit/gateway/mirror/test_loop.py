"""The mirror with the dummy runner: what is saved, what is carried out, what is told, and what survives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.ports import Run
from gateway.mirror.clock import VirtualClock
from gateway.mirror.loop import Mirror
from gateway.mirror.ownership import LockedInstance
from gateway.ports.faults import StoreUnavailable
from gateway.ports.logs import LogQuery
from gateway.ports.mirror import MirrorPort
from gateway.ports.runner import Reports, Runner
from gateway.ports.runs import FIRST_FENCE, Owned, StateChange
from gateway.runners.dummy import DummyRunner
from gateway.runners.dummy_script import scripts_from
from gateway.store.session import WriteSession
from tests.workplace import (
    BACKEND,
    PATIENCE_SECONDS,
    START,
    chain,
    group,
    insert,
    insert_to,
    lines_of,
    moment,
    plan,
    task,
    workplace,
)
from translator.lifecycle.cancel import POSTPONED_BY
from translator.lifecycle.effects import AnyEffect, CreateGroup, DeleteGroup, Seal
from translator.lifecycle.facts import AnyFact, CancelRequested, TaskObserved
from translator.lifecycle.words import TaskStatus as S
from translator.lifecycle.words import WorkflowStatus as W
from translator.plan.model import GroupName, TaskName, WorkflowUuid


def test_it_is_a_mirror_and_a_sink(tmp_path: Path) -> None:
    with workplace(tmp_path) as place:
        port: MirrorPort = place.mirror
        sink: Reports = place.mirror
        runner: Runner = place.runner
        assert None not in (port, sink, runner)


def test_a_workflow_runs_to_its_end_and_is_sealed(tmp_path: Path) -> None:
    scripts = scripts_from({"a": [{"log": ["hello"]}], "b": [{"log": ["one", "two"]}]})
    with workplace(tmp_path, scripts) as place:
        uuid = place.submit(group("a"), group("b", after=["a"]))
        assert place.record(uuid).status is W.COMPLETED
        assert place.record(uuid).sealed
        assert place.statuses(uuid) == {"a": [S.COMPLETED], "b": [S.COMPLETED]}
        assert lines_of(place.logs, uuid) == ["hello", "one", "two"]
        with place.store.reading() as reads:
            events = reads.events(uuid)
        assert [(event.task, event.reason) for event in events][:4] == [
            ("a", "Scheduled"),
            ("a", "Pulling"),
            ("a", "Started"),
            ("a", "Completed"),
        ]
        assert place.mirror.counts()["tracked"] == 0
        assert place.runner.existing(uuid) == {}


def test_effects_come_in_order_and_once(tmp_path: Path) -> None:
    with workplace(tmp_path) as place:
        uuid = place.submit(group("a"), group("b", after=["a"]))
        a, b = GroupName("a-group"), GroupName("b-group")
        assert [effect for owner, effect in place.runner.applied if owner == uuid] == [
            CreateGroup(group=a),
            DeleteGroup(group=a),
            CreateGroup(group=b),
            DeleteGroup(group=b),
            Seal(),
        ]


def test_a_rescheduled_task_comes_back(tmp_path: Path) -> None:
    scripts = scripts_from({"t": [{"exit": 75, "log": ["first"]}, {"exit": 0, "log": ["second"]}]})
    with workplace(tmp_path, scripts) as place:
        uuid = place.submit(group("g", task("t", reschedule=((75, 75),), max_retries=2)))
        assert place.statuses(uuid) == {"t": [S.RESCHEDULED, S.COMPLETED]}
        assert [line.retry_id for line in place.logs.read(uuid, LogQuery())] == [0, 1]
        assert place.record(uuid).status is W.COMPLETED


def test_a_lead_that_comes_back_restarts_the_others_in_place(tmp_path: Path) -> None:
    """ "If the lead ends by RESCHEDULE, all other tasks restart in place"."""
    scripts = scripts_from({"lead": [{"exit": 75}, {}], "helper": [{"until": "deleted", "log": ["start"]}]})
    with workplace(tmp_path, scripts) as place:
        lead = task("lead", reschedule=((75, 75),), max_retries=1)
        uuid = place.submit(group("g", lead, task("helper", lead=False)))
        assert place.runner.restarts == [("helper", "lead", 1)]
        assert place.statuses(uuid) == {"lead": [S.RESCHEDULED, S.COMPLETED], "helper": [S.COMPLETED]}
        assert lines_of(place.logs, uuid) == ["start", "start"]


def test_a_thousand_wide(tmp_path: Path) -> None:
    with workplace(tmp_path) as place:
        uuid = place.submit(*(group(f"t{index}") for index in range(1000)))
        assert place.record(uuid).status is W.COMPLETED
        assert all(statuses == [S.COMPLETED] for statuses in place.statuses(uuid).values())


def test_many_workflows_side_by_side(tmp_path: Path) -> None:
    with workplace(tmp_path, start=False) as place:
        uuids = [insert(place.store, plan(*chain(3), number=number)) for number in range(1, 101)]
        place.mirror.start()
        place.settle()
        assert {place.record(uuid).status for uuid in uuids} == {W.COMPLETED}
        # Batches: fewer transactions than steps.
        assert place.mirror.counts()["saved"] < place.mirror.counts()["steps"] / 2


# Cancel


def test_a_cancel_ends_what_runs(tmp_path: Path) -> None:
    with workplace(tmp_path, scripts_from({"a": [{"until": "deleted"}]})) as place:
        uuid = place.submit(group("a"), group("b", after=["a"]))
        assert place.record(uuid).status is W.RUNNING
        place.cancel(uuid, message="enough")
        record = place.record(uuid)
        assert (record.status, record.cancelled_by, record.sealed) == (W.FAILED_CANCELED, "bob", True)
        assert place.statuses(uuid) == {"a": [S.FAILED_CANCELED], "b": [S.FAILED_CANCELED]}
        state = place.state(uuid)
        assert state.attempts[TaskName("a")][0].failure_message == "Task was canceled by user: bob. enough"
        assert place.runner.existing(uuid) == {}


def test_a_workflow_canceled_before_it_was_attended_to_never_starts(tmp_path: Path) -> None:
    """ "A workflow canceled before its worker processed it never starts."""
    with workplace(tmp_path, start=False) as place:
        uuid = insert(place.store, plan())
        with place.store.writing() as writes:
            writes.request_cancel(uuid, _cancel())
        place.mirror.start()
        place.settle()
        assert place.record(uuid).status is W.FAILED_CANCELED
        assert place.runner.applied == [(uuid, Seal())]


def test_a_new_workflow_that_is_canceled_at_once_is_begun_and_ended(tmp_path: Path) -> None:
    with workplace(tmp_path, scripts_from({"a": [{"until": "deleted"}]}), start=False) as place:
        new, run = insert_to(place.mirror, place.store, plan())
        place.mirror.attend_new(new, run)
        with place.store.writing() as writes:
            writes.request_cancel(new.plan.workflow_uuid, _cancel())
        place.mirror.attend(new.plan.workflow_uuid)
        place.mirror.start()
        place.settle()
        assert CreateGroup(group=GroupName("a-group")) in [effect for _, effect in place.runner.applied]
        place.advance(POSTPONED_BY.total_seconds())
        record = place.record(new.plan.workflow_uuid)
        assert (record.status, record.sealed) == (W.FAILED_CANCELED, True)
        assert place.runner.existing(new.plan.workflow_uuid) == {}


def test_of_a_new_workflow_that_another_process_has_the_rows_are_believed(tmp_path: Path) -> None:
    with workplace(tmp_path) as place:
        new, run = insert_to(place.mirror, place.store, plan())
        with place.store.writing() as writes:
            owned = Owned(uuid=new.plan.workflow_uuid, backend=BACKEND, instance=new.instance, fence=FIRST_FENCE)
            assert writes.take_over(owned, "another") is not None
        place.mirror.attend_new(new, run)
        place.settle()
        assert place.record(new.plan.workflow_uuid).status is W.PENDING
        assert place.mirror.counts()["fenced"] == 1
        assert place.mirror.parked == {}


def test_a_cancel_request_is_found_without_being_told(tmp_path: Path) -> None:
    """The process that wrote the row may die before it tells, or be another one."""
    with workplace(tmp_path, scripts_from({"a": [{"until": "deleted"}]})) as place:
        uuid = place.submit(group("a"))
        with place.store.writing() as writes:
            writes.request_cancel(uuid, _cancel())
        place.advance(2)
        assert place.record(uuid).status is W.FAILED_CANCELED


def test_a_new_workflow_is_found_without_being_told(tmp_path: Path) -> None:
    with workplace(tmp_path) as place:
        told = [
            insert(place.store, plan(number=1)),
            insert(place.store, plan(number=2), instance=place.mirror.instance),
        ]
        place.advance(15)
        assert [place.record(uuid).status for uuid in told] == [W.COMPLETED, W.COMPLETED]


# Timers


def test_a_timer_fires_at_its_time(tmp_path: Path) -> None:
    """§5.7: exec "Starts: group first RUNNING … On expiry: FAILED_EXEC_TIMEOUT"."""
    with workplace(tmp_path, scripts_from({"a": [{"until": "deleted"}]})) as place:
        uuid = place.submit_plan(plan(exec_timeout_seconds=120))
        place.advance(119)
        assert place.record(uuid).status is W.RUNNING
        place.advance(1)
        assert place.record(uuid).status is W.FAILED_EXEC_TIMEOUT
        assert place.record(uuid).end_time == moment(120)


def test_a_missed_timer_fires_at_the_start(tmp_path: Path) -> None:
    markers = tmp_path / "world"
    clock = VirtualClock(START)
    scripts = scripts_from({"a": [{"stays": "SCHEDULING"}]})
    with workplace(tmp_path, clock=clock, runner=DummyRunner(clock, scripts, markers)) as place:
        uuid = place.submit_plan(plan(queue_timeout_seconds=60))
        place.advance(30)
    later = VirtualClock(moment(500))
    with workplace(tmp_path, clock=later, runner=DummyRunner(later, scripts, markers)) as place:
        assert place.record(uuid).status is W.FAILED_QUEUE_TIMEOUT


def test_a_timer_is_a_row_while_it_runs(tmp_path: Path) -> None:
    with workplace(tmp_path, scripts_from({"a": [{"until": "deleted"}]})) as place:
        uuid = place.submit_plan(plan(exec_timeout_seconds=120))
        with place.store.reading() as reads:
            stored = reads.load_run(uuid)
        assert stored is not None
        assert [(timer.kind, timer.subject, timer.due) for timer in stored.timers] == [("exec", "a-group", moment(120))]
        place.cancel(uuid)
        with place.store.reading() as reads:
            stored = reads.load_run(uuid)
        assert stored is not None
        assert stored.timers == frozenset()


# Restarts of the process


def test_what_ran_on_is_taken_up(tmp_path: Path) -> None:
    """ "runs go on when the gateway is down, and it catches up from facts when it returns"."""
    markers = tmp_path / "world"
    clock = VirtualClock(START)
    slow = scripts_from({"a": [{"seconds": 100}], "b": [{"log": ["b ran"]}]})
    with workplace(tmp_path, clock=clock, runner=DummyRunner(clock, slow, markers)) as place:
        uuid = place.submit(group("a"), group("b", after=["a"]))
        assert place.statuses(uuid)["a"] == [S.RUNNING]
    later = VirtualClock(moment(1000))
    with workplace(tmp_path, clock=later, runner=DummyRunner(later, slow, markers)) as place:
        assert place.statuses(uuid)["a"] == [S.RUNNING]
        place.advance(100)
        assert place.record(uuid).status is W.COMPLETED
        assert lines_of(place.logs, uuid) == ["b ran"]


def test_what_is_gone_failed(tmp_path: Path) -> None:
    """ "an attempt that is no longer there is reported as FAILED_BACKEND_ERROR, 3001"."""
    clock = VirtualClock(START)
    before = DummyRunner(clock, scripts_from({"a": [{"until": "deleted"}]}))
    with crashed(tmp_path, before, clock) as uuid, workplace(tmp_path, runner=DummyRunner(clock)) as place:
        (attempt,) = place.state(uuid).attempts[TaskName("a")]
        assert (attempt.status, attempt.exit_code) == (S.FAILED_BACKEND_ERROR, 3001)
        assert place.record(uuid).sealed


def test_an_effect_that_was_saved_and_not_carried_out_is_done_after_the_start(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    with crashed(tmp_path, _Deaf(clock), clock) as uuid, workplace(tmp_path, clock=clock) as place:
        assert place.record(uuid).status is W.COMPLETED
        assert place.runner.applied[0] == (uuid, CreateGroup(group=GroupName("a-group")))


def test_nothing_new_begins_while_it_stops(tmp_path: Path) -> None:
    scripts = scripts_from({"t0": [{"until": "deleted"}]})
    with workplace(tmp_path, scripts) as place:
        first, second = task("t0", reschedule=((3001, 3001),), max_retries=5), group("t1", after=["t0"])
        uuid = place.submit(group("t0", first), second)
        place.mirror.stop()
        assert place.statuses(uuid)["t0"] == [S.RESCHEDULED, S.PROCESSING]
        assert [effect for _, effect in place.runner.applied] == [CreateGroup(group=GroupName("t0-group"))]


# Several processes


def test_a_living_owner_is_left_alone_and_a_dead_one_is_inherited_from(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    with workplace(tmp_path, scripts_from({"a": [{"until": "deleted"}]}), clock=clock) as first:
        uuid = first.submit(group("a"))
        with workplace(tmp_path, clock=clock) as second:
            second.advance(30)
            assert second.runner.applied == []
            assert second.mirror.counts()["tracked"] == 0
            # What a kill does: the lock is gone, and nothing else.
            _let_go_of_the_lock(first.mirror)
            second.advance(30)
            assert second.mirror.counts()["tracked"] == 0
            assert second.statuses(uuid) == {"a": [S.FAILED_BACKEND_ERROR]}
            with second.store.reading() as reads:
                stored = reads.load_run(uuid)
                assert stored is not None
                assert stored.owner.instance == second.mirror.instance
                assert stored.owner.fence == 1
            # The first one, were it still alive, cannot write any more.
            first.mirror.facts(uuid, [_observed("a", S.COMPLETED, 0)])
            first.settle()
            assert first.mirror.counts()["fenced"] == 1
            assert second.statuses(uuid) == {"a": [S.FAILED_BACKEND_ERROR]}


def test_a_cancel_reaches_the_process_that_owns_the_workflow(tmp_path: Path) -> None:
    clock = VirtualClock(START)
    with workplace(tmp_path, scripts_from({"a": [{"until": "deleted"}]}), clock=clock) as owner:
        uuid = owner.submit(group("a"))
        with workplace(tmp_path, clock=clock) as server:
            server.cancel(uuid)
            assert server.record(uuid).cancelled_by == "bob"
            owner.advance(2)
            assert server.record(uuid).status is W.FAILED_CANCELED


def test_a_workflow_of_a_backend_that_this_process_has_not_is_left_alone(tmp_path: Path) -> None:
    with workplace(tmp_path) as place:
        uuid = place.submit_plan(plan(backend="elsewhere"), instance=None)
        place.advance(20)
        assert place.record(uuid).status is W.PENDING
        assert place.mirror.parked == {}


# What goes wrong


def test_a_broken_workflow_is_parked_and_stops_no_other(tmp_path: Path) -> None:
    with workplace(tmp_path, runners={BACKEND: _Broken(VirtualClock(START), "bad-1")}) as place:
        bad = place.submit_plan(plan(name="bad"))
        good = place.submit_plan(plan(name="good"))
        assert list(place.mirror.parked) == [bad]
        assert "broken on purpose" in place.mirror.parked[bad]
        assert place.record(good).status is W.COMPLETED
        assert place.mirror.counts()["parked"] == 1


def test_a_parked_workflow_is_tried_again_when_cancelled_and_after_a_start(tmp_path: Path) -> None:
    broken = _Broken(VirtualClock(START), "bad-1")
    with workplace(tmp_path, runners={BACKEND: broken}, clock=VirtualClock(START)) as place:
        bad = place.submit_plan(plan(name="bad"))
        place.advance(60)
        assert broken.tries == 1
        place.cancel(bad)
        place.advance(60)
        assert broken.tries == 2
        assert place.record(bad).status is W.FAILED_CANCELED
    with workplace(tmp_path) as place:
        assert place.record(bad).sealed


def test_a_row_that_cannot_be_read_parks_only_itself(tmp_path: Path) -> None:
    with workplace(tmp_path, start=False) as place:
        bad, good = insert(place.store, plan(number=1)), insert(place.store, plan(number=2))
        with place.store.writing() as writes:
            writes._connection.exec_driver_sql(f"UPDATE groups SET status = 'NONSENSE' WHERE workflow_uuid = '{bad}'")
        place.mirror.start()
        place.settle()
        assert list(place.mirror.parked) == [bad]
        assert place.record(good).status is W.COMPLETED


def test_a_database_that_is_away_for_a_while_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.mirror.loop._RETRY_SECONDS", (0.0,))
    with workplace(tmp_path) as place:
        failures = _fail_writes(monkeypatch, 5, lambda: StoreUnavailable("disk full"))
        uuid = place.submit(*chain(3))
        assert place.record(uuid).status is W.COMPLETED
        assert next(failures, None) is None


def test_one_change_that_cannot_be_saved_spoils_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with workplace(tmp_path, start=False) as place:
        bad, good = insert(place.store, plan(number=1)), insert(place.store, plan(number=2))
        _fail_writes(monkeypatch, 99, lambda: ValueError("not this one"), only=bad)
        place.mirror.start()
        place.settle()
        assert list(place.mirror.parked) == [bad]
        assert place.record(good).status is W.COMPLETED


def test_facts_about_unknown_workflows_are_nothing(tmp_path: Path) -> None:
    with workplace(tmp_path) as place:
        place.mirror.facts(WorkflowUuid("0" * 32), [_observed("a", S.RUNNING)])
        place.mirror.attend(WorkflowUuid("1" * 32))
        place.settle()
        assert place.mirror.parked == {}


# Listeners


def test_subscribers_hear_of_changes_that_are_in_the_rows(tmp_path: Path) -> None:
    with workplace(tmp_path, scripts_from({"a": [{"seconds": 10}]})) as place:
        told: list[W] = []
        end = place.mirror.listen(lambda uuid: told.append(place.record(uuid).status))
        with place.mirror.subscribe() as every:
            uuid = place.submit(group("a"))
            with place.mirror.subscribe(uuid) as one, place.mirror.subscribe(WorkflowUuid("x")) as other:
                assert every.wait(PATIENCE_SECONDS) == {uuid}
                assert one.wait(0) == frozenset()
                place.advance(10)
                assert one.wait(PATIENCE_SECONDS) == {uuid}
                assert other.wait(0) == frozenset()
            assert one.closed
        end()
        heard = len(told)
        place.submit(group("a"))
        assert len(told) == heard
        assert told[0] in (W.PENDING, W.RUNNING)
        assert told[-1] is W.COMPLETED
        place.advance(10)
        last = place.mirror.subscribe()
    assert last.closed
    assert last.wait(0) == frozenset()


# Parts of the stories


@contextmanager
def crashed(home: Path, runner: DummyRunner, clock: VirtualClock) -> Iterator[WorkflowUuid]:
    """A workflow whose process has died: its lock is gone, its rows are as it left them, and it writes no more."""
    with workplace(home, clock=clock, runner=runner) as place:
        uuid = place.submit(group("a"))
        _let_go_of_the_lock(place.mirror)
        yield uuid


class _Deaf(DummyRunner):
    """Carries out nothing: the process died before."""

    def apply(self, run: Run, effects: Sequence[AnyEffect]) -> None:
        """Do nothing."""


class _Broken(DummyRunner):
    """Fails for one workflow, until it is recovered for the second time."""

    def __init__(self, clock: VirtualClock, workflow_id: str) -> None:
        super().__init__(clock)
        self._broken = workflow_id
        self.tries = 0

    def admit(self, run: Run) -> None:
        """Fail at the first try."""
        if run.plan.workflow_id == self._broken:
            self.tries += 1
            if self.tries == 1:
                raise RuntimeError("broken on purpose")
        super().admit(run)


def _let_go_of_the_lock(mirror: Mirror) -> None:
    ownership = mirror._custody._ownership
    assert isinstance(ownership, LockedInstance)
    ownership.close()


def _observed(name: str, status: S, exit_code: int | None = None) -> AnyFact:
    return TaskObserved(task=TaskName(name), retry_id=0, status=status, at=START, exit_code=exit_code)


def _cancel() -> CancelRequested:
    return CancelRequested(user="bob", at=START)


def _fail_writes(
    monkeypatch: pytest.MonkeyPatch, times: int, fault: Callable[[], Exception], only: WorkflowUuid | None = None
) -> Iterator[int]:
    """Let the next saves fail (only those of one workflow); what is left of the failures."""
    failures = iter(range(times))
    save = WriteSession.save_changes

    def failing(session: WriteSession, changes: Sequence[StateChange]) -> None:
        if only in (None, *(change.uuid for change in changes)) and next(failures, None) is not None:
            raise fault()
        save(session, changes)

    monkeypatch.setattr(WriteSession, "save_changes", failing)
    return failures
