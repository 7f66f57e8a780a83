"""The process that is killed: submits some workflows, as a client does that repeats what it got no answer to, and
mirrors them on the dummy runner until all are sealed."""

from __future__ import annotations

import hashlib
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import structlog

from engine.crashpoints import arm
from gateway.mirror.clock import VirtualClock
from gateway.ports.records import DocumentKind, FailedSubmission, NewWorkflow
from gateway.runners.dummy import DummyRunner
from gateway.runners.dummy_script import scripts_from
from tests.workplace import START, Workplace, chain, group, plan, task, workplace
from translator.lifecycle.words import TaskStatus as S
from translator.lifecycle.words import WorkflowStatus as W
from translator.plan.model import GroupPlan, WorkflowUuid

ROLL_BYTES = 300
LINES = {
    "t0": [f"t0 line {number}" for number in range(12)],
    "t1": ["t1 only"],
    "again": ["first try", "of two"],
    "stuck": ["never ends"],
    "slow": ["too slow"],
}
SCRIPTS = scripts_from(
    {
        "t0": [{"log": LINES["t0"]}],
        "t1": [{"log": LINES["t1"]}],
        "again": [{"exit": 75, "log": LINES["again"]}, {"log": ["second try"]}],
        "helper": [{"until": "deleted"}],
        "stuck": [{"until": "deleted", "log": LINES["stuck"]}],
        "slow": [{"until": "deleted", "log": LINES["slow"]}],
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One workflow: what is submitted, whether it is cancelled, and how it must end."""

    name: str
    groups: tuple[GroupPlan, ...]
    status: W
    tasks: dict[str, list[S]]
    cancelled: bool = False
    exec_timeout_seconds: float | None = None


def stories() -> Iterator[Story]:
    """All of them, in the order of submission."""
    yield Story(name="chain", groups=chain(3), status=W.COMPLETED, tasks={f"t{n}": [S.COMPLETED] for n in range(3)})
    lead = task("again", reschedule=((75, 75),), max_retries=1)
    yield Story(
        name="retry",
        groups=(group("g", lead, task("helper", lead=False)),),
        status=W.COMPLETED,
        tasks={"again": [S.RESCHEDULED, S.COMPLETED], "helper": [S.COMPLETED]},
    )
    yield Story(
        name="stuck",
        groups=(group("stuck"), group("next", after=["stuck"])),
        status=W.FAILED_CANCELED,
        tasks={"stuck": [S.FAILED_CANCELED], "next": [S.FAILED_CANCELED]},
        cancelled=True,
    )
    yield Story(
        name="slow",
        groups=(group("slow"),),
        status=W.FAILED_EXEC_TIMEOUT,
        tasks={"slow": [S.FAILED_EXEC_TIMEOUT]},
        exec_timeout_seconds=60,
    )


def run(home: str, url: str, crash_at: str, turn: int) -> None:
    """Work until everything is sealed; with `crash_at` the process does not get there."""
    arm(crash_at)
    # What goes wrong here is read in a test's report: one line each, no pictures.
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.LogfmtRenderer()])
    directory = Path(home)
    clock = VirtualClock(START + timedelta(minutes=10 * turn))
    runner = DummyRunner(clock, SCRIPTS, directory / "world")
    with workplace(directory, url=url, clock=clock, runner=runner, roll_bytes=ROLL_BYTES) as place:
        _refuse(place)
        for story in stories():
            _submit(place, story)
        for _ in range(20):
            place.advance(10)
            with place.store.reading() as reads:
                if not reads.unsealed():
                    break


def _submit(place: Workplace, story: Story) -> None:
    made = WorkflowUuid(uuid.uuid4().hex)
    with place.store.writing(durable=True) as writes:
        digest = hashlib.sha256(story.name.encode()).digest()
        earlier = writes.claim_key("alice", story.name, digest, made, place.clock.now())
        if earlier is None:
            number = writes.reserve_number(story.name)
            ready = plan(
                *story.groups,
                name=story.name,
                number=number,
                uuid=made,
                exec_timeout_seconds=story.exec_timeout_seconds,
            )
            beginning = place.mirror.beginning(writes, ready, place.clock.now())
            writes.insert_workflow(
                NewWorkflow(
                    plan=ready,
                    state=beginning.state,
                    number=number,
                    instance=beginning.instance,
                    documents={DocumentKind.SPEC: f"name: {story.name}"},
                )
            )
    found = earlier or made
    place.mirror.attend(found)
    place.settle()
    if story.cancelled and place.record(found).cancelled_by is None:
        place.cancel(found, message="enough")


def _refuse(place: Workplace) -> None:
    with place.store.writing(durable=True) as writes:
        if writes.workflow("refused-1") is not None:
            return
        refused = FailedSubmission(
            uuid=WorkflowUuid(uuid.uuid4().hex),
            name="refused",
            number=writes.reserve_number("refused"),
            submitted_by="alice",
            pool=None,
            backend=None,
            submit_time=place.clock.now(),
            message="no",
        )
        writes.insert_failed_submission(refused)


def run_chains(home: str, name: str, count: int) -> None:
    """Submit and mirror some chains of one name."""
    with workplace(Path(home)) as place:
        for _ in range(count):
            place.submit(*chain(3), name=name)


def run_until_told(home: str, pipe: Connection) -> None:
    """Mirror a workflow that never ends; tell which, and be killed."""
    clock = VirtualClock(START)
    with workplace(Path(home), clock=clock, runner=DummyRunner(clock, SCRIPTS)) as place:
        pipe.send(place.submit(group("stuck")))
        signal.pause()
