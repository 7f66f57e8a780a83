"""A small gateway for one workflow, whose database is a file of facts; as a program, it may be killed at any moment.

It does what any driver of the engine does: facts are written down, then reduced, then the effects are applied. After
a start it reads the facts, lets the engine recover, and applies what is outstanding.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import msgspec

from engine.local import Engine, utc_now
from engine.ports import EventLine, LogLine, Run
from engine.settings import EngineSettings, IsolationChoice
from tests.integration.engine_scene import MACHINE, group, run, task
from translator.lifecycle.effects import Seal
from translator.lifecycle.facts import Accepted, AnyFact
from translator.lifecycle.reduce import PlanIndex, initial_state, outstanding, reduce
from translator.lifecycle.state import WorkflowState
from translator.plan.model import (
    DatasetOutput,
    ExitAction,
    ExitRule,
    Mount,
    TaskInput,
    TaskName,
    WorkflowId,
    WorkflowUuid,
)

START = datetime(2026, 1, 1)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyFact)


class Keeper:
    """Keeps the facts of one workflow in a file and drives the engine with them."""

    def __init__(self, run: Run, directory: Path, settings: EngineSettings) -> None:
        self.run = run
        self.sealed = threading.Event()
        self._file = directory / "facts.jsonl"
        self._log = directory / "lines.jsonl"
        self._index = PlanIndex.of(run.plan)
        self._lock = threading.RLock()
        self.state: WorkflowState = initial_state(run.plan, START)
        known = self.known_facts()
        self._engine = Engine(settings, self)
        self._engine.start()
        self._engine.admit(run)
        with self._lock:
            if known:
                self.state = reduce(self._index, self.state, known).state
                self._engine.recover(run, self.state)
                self._apply(outstanding(self._index, self.state))
            else:
                self.facts(run.plan.workflow_uuid, [Accepted(at=utc_now())])

    def stop(self) -> None:
        """Stop the engine."""
        self._engine.stop()

    def known_facts(self) -> list[AnyFact]:
        """What was written down; half a line at the end was not."""
        if not self._file.exists():
            return []
        whole, _, _ = self._file.read_bytes().rpartition(b"\n")
        return [_decoder.decode(line) for line in whole.split(b"\n") if line]

    def facts(self, workflow: WorkflowUuid, facts: Sequence[AnyFact]) -> None:
        """Write down, reduce, apply."""
        with self._lock:
            with self._file.open("ab") as file:
                file.write(b"".join(_encoder.encode(fact) + b"\n" for fact in facts))
            change = reduce(self._index, self.state, facts)
            self.state = change.state
            self._apply(change.effects)

    def lines(self, workflow: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        """Write down."""
        with self._log.open("a") as file:
            file.writelines(f"{line.task} {line.retry_id} {line.text}\n" for line in lines)

    def events(self, workflow: WorkflowUuid, events: Sequence[EventLine]) -> None:
        """Nobody asks for them here."""

    def _apply(self, effects: Sequence[object]) -> None:
        if effects:
            self._engine.apply(self.run, effects)  # type: ignore[arg-type]
        if any(isinstance(effect, Seal) for effect in effects):
            self.sealed.set()


def story(shared: Path, mark: str) -> Run:
    """Two groups: one whose helper fails once and comes again, and one that reads what it wrote.

    Every start of a command leaves a line in `shared/starts`; everything that runs has `mark` in its command line.
    """

    def tell(name: str, script: str) -> tuple[str, ...]:
        return ("sh", "-c", f'echo {name} >> "$SHARED/starts"; {script}', mark)

    fields = {"mounts": (Mount(source=str(shared), destination="/shared"),), "environment": {"SHARED": "/shared"}}
    again = (ExitRule(action=ExitAction.RESCHEDULE, ranges=((75, 75),)),)
    stored = DatasetOutput(index=0, dataset="d", location=f"file://{shared.parent}/datasets")
    saying = tell("lead", "sleep 0.3; echo out > /osmo/data/output/f; echo said")
    lead = task("lead", *saying, datasets=(stored,), **fields)
    helper = task(
        "helper",
        *tell("helper", "test -e $SHARED/once && exec sleep 1000; touch $SHARED/once; exit 75"),
        exit_rules=again,
        max_retries=1,
        **fields,
    )
    first = group("first", lead, helper, barrier=False)
    # The same in each process.
    name = WorkflowId("story-1")
    plan = msgspec.structs.replace(run(first).plan, workflow_id=name, workflow_uuid=WorkflowUuid("5" * 32))
    fetched = TaskInput(index=0, task=TaskName("lead"), workflow_id=name)
    reader = task("reader", *tell("reader", "cat /osmo/data/input/0/f"), inputs=(fetched,), **fields)
    second = msgspec.structs.replace(group("second", reader), upstream=(first.name,))
    return Run(plan=msgspec.structs.replace(plan, groups=(first, second)))


def settings_for(directory: Path, isolation: str) -> EngineSettings:
    """Settings of both processes."""
    base = EngineSettings(root=directory / "root", machine=MACHINE, isolation=IsolationChoice(isolation))
    return replace(base, grace_seconds=2.0, data=f"file://{directory}/data")


def main(directory: str, isolation: str, mark: str) -> None:
    """Drive the story to its end; a crash point may come first."""
    place = Path(directory)
    keeper = Keeper(story(place / "shared", mark), place, settings_for(place, isolation))
    keeper.sealed.wait()
    keeper.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
