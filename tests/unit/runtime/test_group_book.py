"""What a group's coordinator decides."""

from __future__ import annotations

import pytest

from runtime.sidecar.group.book import LOST_SECONDS, GroupBook
from runtime.sidecar.group.words import Do, Here, Order, Phase
from translator.argo.payload import GroupPayload, Member

RESCHEDULED = 251


def book(*, barrier: bool = True, ignore: bool = True, attempt: int = 0) -> GroupBook:
    """A group of `lead`, `a` and `b`."""
    members = tuple(Member(task=name, task_uuid=name * 8, lead=name == "lead") for name in ("lead", "a", "b"))
    group = GroupPayload(coordinator="h:1", token="t", barrier=barrier, ignore_nonlead_status=ignore, members=members)
    return GroupBook(group, attempt, now=0.0)


def say(known: GroupBook, task: str, phase: Phase, *, attempt: int = 0, round_number: int = 0, status: int = 0) -> None:
    assert known.take(Here(task=task, attempt=attempt, phase=phase, round=round_number, status=status))


def all_in(known: GroupBook, phase: Phase, round_number: int = 0) -> None:
    for task in ("lead", "a", "b"):
        say(known, task, phase, round_number=round_number)


def doing(known: GroupBook, now: float = 1.0) -> dict[str, Do]:
    """What everybody is told that is told anything."""
    return {task: order.do for task, order in known.orders(now).items() if order.do is not Do.NOTE}


def test_nobody_goes_before_all_wait() -> None:
    """§5.5 when its size ≥ number of tasks whose latest retry is unfinished, all registered ctrls are released."""
    known = book()
    say(known, "lead", Phase.WAITING)
    say(known, "a", Phase.WAITING)
    say(known, "b", Phase.PREPARING)
    assert doing(known) == {}
    say(known, "b", Phase.WAITING)
    assert doing(known) == dict.fromkeys(("lead", "a", "b"), Do.GO)


def test_without_a_barrier_each_goes_when_its_inputs_are_there() -> None:
    known = book(barrier=False)
    say(known, "a", Phase.WAITING)
    assert doing(known) == {"a": Do.GO}


def test_who_failed_before_the_barrier_blocks_nobody() -> None:
    """§5.5 a task that fails before reaching the barrier, when ignored, does not block the others."""
    known = book()
    say(known, "lead", Phase.WAITING)
    say(known, "a", Phase.WAITING)
    say(known, "b", Phase.ENDED, status=1)
    assert doing(known) == {"lead": Do.GO, "a": Do.GO}


@pytest.mark.parametrize(("status", "code"), [(0, 0), (1, 250), (250, 250), (255, 250)])
def test_the_end_of_the_lead_stops_the_others(status: int, code: int) -> None:
    """§5.3 every unfinished sibling is set to COMPLETED if the lead COMPLETED, or FAILED if the lead failed."""
    known = book()
    all_in(known, Phase.RUNNING)
    say(known, "lead", Phase.ENDED, status=status)
    told = known.orders(1.0)
    stop = Order(do=Do.STOP, code=code, reason="Lead task finished")
    assert (told["a"], told["b"]) == (stop, stop)
    assert not known.all_told()
    say(known, "a", Phase.ENDED, status=code)
    say(known, "b", Phase.ENDED, status=code)
    assert known.all_told()


def test_a_failed_non_lead_is_ignored_or_ends_all() -> None:
    """§5.3 `ignoreNonleadStatus`."""
    for ignore, wanted in ((True, {}), (False, dict.fromkeys(("lead", "b"), Do.STOP))):
        known = book(ignore=ignore)
        all_in(known, Phase.RUNNING)
        say(known, "a", Phase.ENDED, status=7)
        assert doing(known) == wanted
    assert known.orders(1.0)["lead"] == Order(do=Do.STOP, code=250, reason="Task a Failed.")


def test_a_completed_non_lead_ends_nobody() -> None:
    known = book(ignore=False)
    all_in(known, Phase.RUNNING)
    say(known, "a", Phase.ENDED, status=0)
    assert doing(known) == {}


def test_a_rescheduled_non_lead_that_counts_restarts_the_others() -> None:
    """§5.3 that task is re-created and all other tasks restart in place; §5.5 they pass the barrier again."""
    known = book(ignore=False)
    all_in(known, Phase.RUNNING)
    say(known, "a", Phase.ENDED, status=RESCHEDULED)
    assert doing(known) == {"lead": Do.RESTART, "b": Do.RESTART}
    say(known, "lead", Phase.WAITING)
    say(known, "b", Phase.WAITING)
    assert doing(known) == {}, "they wait for the new attempt"
    say(known, "a", Phase.PREPARING, attempt=1)
    assert doing(known) == {}
    say(known, "a", Phase.WAITING, attempt=1)
    told = known.orders(1.0)
    assert {order.do for order in told.values()} == {Do.GO}
    assert {order.round for order in told.values()} == {1}


def test_a_rescheduled_non_lead_that_is_ignored_comes_alone() -> None:
    """§5.4 else only t's barrier entry is cleared: the others run on, and it passes at once."""
    known = book()
    all_in(known, Phase.RUNNING)
    say(known, "a", Phase.ENDED, status=RESCHEDULED)
    assert doing(known) == {}
    say(known, "a", Phase.WAITING, attempt=1)
    assert doing(known) == {"a": Do.GO}


def test_a_rescheduled_lead_restarts_the_others_although_they_are_ignored() -> None:
    known = book()
    all_in(known, Phase.RUNNING)
    say(known, "lead", Phase.ENDED, status=RESCHEDULED)
    assert doing(known) == {"a": Do.RESTART, "b": Do.RESTART}
    assert known.all_told(), "the new attempt need not wait for them"


@pytest.mark.parametrize("phase", [Phase.PREPARING, Phase.SAVING])
def test_restart_is_dropped_for_who_does_not_run(phase: Phase) -> None:
    """§5.5 dropped for a task that is still downloading, waiting in the barrier, or already uploading."""
    known = book(ignore=False)
    all_in(known, Phase.RUNNING)
    say(known, "b", phase)
    say(known, "a", Phase.ENDED, status=RESCHEDULED)
    assert doing(known) == {"lead": Do.RESTART}


def test_a_new_coordinator_learns_who_runs_in_an_earlier_round() -> None:
    known = book(attempt=1)
    say(known, "lead", Phase.PREPARING, attempt=1)
    say(known, "a", Phase.RUNNING)
    say(known, "b", Phase.WAITING)
    assert doing(known) == {"a": Do.RESTART}
    say(known, "a", Phase.WAITING)
    say(known, "lead", Phase.WAITING, attempt=1)
    assert {order.round for order in known.orders(1.0).values()} == {1}


def test_a_new_coordinator_learns_from_the_others_who_ended() -> None:
    first = book()
    all_in(first, Phase.RUNNING)
    say(first, "b", Phase.ENDED, status=0)
    memory = first.orders(1.0)["a"].memory
    assert memory
    known = book(attempt=1)
    say(known, "lead", Phase.WAITING, attempt=1)
    assert doing(known) == {}
    assert known.take(Here(task="a", attempt=0, phase=Phase.WAITING, memory=memory))
    assert doing(known) == {"lead": Do.GO, "a": Do.GO}
    assert known.memory == memory


@pytest.mark.parametrize("memory", ["x", "-1", "f" * 9, "0x1"])
def test_a_memory_of_others_making_does_no_harm(memory: str) -> None:
    known = book(attempt=1)
    known.take(Here(task="a", attempt=0, phase=Phase.WAITING, memory=memory))
    known.orders(1.0)


def test_a_new_coordinator_waits_some_time_for_who_never_comes() -> None:
    """Whoever ended before the lead came again, with nobody left to say so, must not block it for ever."""
    known = book(attempt=1)
    say(known, "lead", Phase.WAITING, attempt=1)
    assert doing(known, LOST_SECONDS - 1) == {}
    assert doing(known, LOST_SECONDS) == {"lead": Do.GO}
    first = book()
    say(first, "lead", Phase.WAITING)
    assert doing(first, 10 * LOST_SECONDS) == {}, "a first attempt waits until all were there"


def test_who_is_not_heard_of_any_more_is_not_waited_for() -> None:
    known = book()
    say(known, "lead", Phase.WAITING)
    say(known, "a", Phase.WAITING)
    say(known, "b", Phase.PREPARING)
    known.left("b", 0, 5.0)
    assert doing(known, 6.0) == {}
    assert doing(known, 5.0 + LOST_SECONDS) == {"lead": Do.GO, "a": Do.GO}
    say(known, "b", Phase.WAITING)
    assert doing(known, 5.0 + LOST_SECONDS)["b"] is Do.GO


def test_a_member_whose_pod_vanished_is_not_waited_for_until_it_reports() -> None:
    """§5.5 a task that fails before reaching the barrier does not block the others: here one that never started."""
    known = book()
    assert known.unheard() == [], "nobody waits yet"
    say(known, "lead", Phase.WAITING)
    assert [member.task for member in known.unheard()] == ["a", "b"]
    say(known, "a", Phase.WAITING)
    known.vanished("b")
    assert known.unheard() == []
    assert doing(known) == {"lead": Do.GO, "a": Do.GO}
    say(known, "b", Phase.PREPARING, attempt=1)
    assert doing(known) == {}


def test_one_that_is_connected_has_not_vanished() -> None:
    known = book()
    all_in(known, Phase.PREPARING)
    say(known, "lead", Phase.WAITING)
    known.vanished("b")
    assert doing(known) == {}


def test_old_attempts_and_strangers_are_refused() -> None:
    known = book()
    say(known, "a", Phase.WAITING, attempt=1)
    assert not known.take(Here(task="a", attempt=0, phase=Phase.RUNNING))
    assert not known.take(Here(task="zz", attempt=0, phase=Phase.RUNNING))


def test_an_end_is_the_last_word_of_an_attempt() -> None:
    known = book(ignore=False)
    all_in(known, Phase.RUNNING)
    say(known, "a", Phase.ENDED, status=0)
    say(known, "a", Phase.RUNNING)
    assert "a" not in doing(known)
    say(known, "a", Phase.WAITING, attempt=1)
    assert known.round == 1
