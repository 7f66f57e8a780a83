"""The inbox: order kept, bounded, and nobody waits who may be waited for."""

from __future__ import annotations

import threading

from gateway.mirror.inbox import Inbox
from tests.workplace import PATIENCE_SECONDS, moment
from translator.lifecycle.facts import Tick
from translator.plan.model import WorkflowUuid

A, B = WorkflowUuid("a"), WorkflowUuid("b")
FACTS = [Tick(at=moment(number)) for number in range(10)]


def test_facts_of_a_workflow_keep_their_order_and_workflows_come_oldest_first() -> None:
    inbox = Inbox(100)
    inbox.put(B, facts=FACTS[:1])
    inbox.put(A, facts=FACTS[1:3])
    inbox.put(B, facts=FACTS[3:5])
    taken = inbox.take(10)
    assert taken is not None
    sweep, batch = taken
    assert not sweep
    assert [(uuid, pending.facts) for uuid, pending in batch] == [(B, [FACTS[0], *FACTS[3:5]]), (A, FACTS[1:3])]


def test_a_step_takes_no_more_workflows_than_asked_for() -> None:
    inbox = Inbox(100)
    for uuid in (A, B):
        inbox.put(uuid, facts=FACTS[:2])
    first, second = inbox.take(1), inbox.take(1)
    assert first is not None
    assert second is not None
    assert [uuid for uuid, _ in first[1]] == [A]
    assert [uuid for uuid, _ in second[1]] == [B]
    assert inbox.size == 0


def test_marks_are_kept_once() -> None:
    inbox = Inbox(1)
    inbox.mark(A, attend=True)
    inbox.mark(A, tick=True)
    inbox.mark(A, attend=True)
    inbox.mark_sweep()
    taken = inbox.take(5)
    assert taken is not None
    sweep, ((uuid, pending),) = taken
    assert (sweep, uuid, pending.attend, pending.tick, pending.log_sealed) == (True, A, True, True, False)


def test_who_puts_too_much_waits_for_room() -> None:
    inbox = Inbox(2)
    inbox.put(A, facts=FACTS[:2])
    waited = threading.Event()

    def put() -> None:
        inbox.put(A, facts=FACTS[2:3])
        waited.set()

    thread = threading.Thread(target=put)
    thread.start()
    inbox.mark(B, tick=True)
    assert not waited.wait(0.02)
    assert inbox.take(5) is not None
    assert waited.wait(PATIENCE_SECONDS)
    thread.join()
    assert inbox.size == 1


def test_the_loop_itself_never_waits() -> None:
    inbox = Inbox(1)
    inbox.exempt_this_thread()
    for _ in range(5):
        inbox.put(A, facts=FACTS)
    assert inbox.size == 50


def test_closing_lets_everybody_go() -> None:
    inbox = Inbox(1)
    inbox.put(A, facts=FACTS[:1])
    waiting = threading.Thread(target=lambda: inbox.put(A, facts=FACTS[1:2]))
    waiting.start()
    inbox.close()
    waiting.join(PATIENCE_SECONDS)
    assert not waiting.is_alive()
    inbox.put(B, facts=FACTS)
    inbox.mark(B, attend=True)
    taken = inbox.take(5)
    assert taken is not None
    assert [uuid for uuid, _ in taken[1]] == [A]
    assert inbox.take(5) is None


def test_idle_is_when_nothing_waits_and_nothing_is_worked_on() -> None:
    inbox = Inbox(10)
    assert inbox.wait_idle(0)
    inbox.put(A, facts=FACTS)
    assert not inbox.wait_idle(0)
    inbox.take(5)
    assert not inbox.wait_idle(0)
    inbox.close()
    assert inbox.take(5) is None
    assert inbox.wait_idle(0)
