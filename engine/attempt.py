"""One attempt of one task, from admission to the last of its processes.

    queued -> opening -> fetching -> waiting -> running -> saving -> over -> gone
                                        ^          |
                                        +----------+  restart in place

It tells what happens to it; what that means is decided elsewhere. Once told to stop it tells nothing more of its own.
Source: workflow-spec.md §5.5, §5.6, §6.3, §8.1.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

import msgspec

from engine.cells.cell import BOX, Cell, CellFault
from engine.checkpoints import CheckpointClock
from engine.command_runs import CommandRuns
from engine.crashpoints import crash_point
from engine.data_moves import NO_FILES, DataFault
from engine.preparing import PREPARATION_ERRORS, attempt_directory, cell_spec, claim_of, mover_of
from engine.reactor import Timer
from engine.records import AttemptRecord, Stage, write_record
from engine.reporting import AttemptVoice
from engine.services import RunInHand, Services
from engine.strays import start_ticks
from storage.faults import TransferStopped
from translator.lifecycle.facts import DataObserved, DatasetMade, TaskObserved
from translator.lifecycle.transitions import Ending
from translator.lifecycle.words import ExitCode, TaskStatus
from translator.plan.model import TaskPlan

_log = logging.getLogger(__name__)
_KILLED_CODE = 255


class Step(Enum):
    """How far an attempt is."""

    QUEUED = auto()
    OPENING = auto()
    FETCHING = auto()
    WAITING = auto()
    RUNNING = auto()
    SAVING = auto()
    OVER = auto()
    GONE = auto()


class AttemptOwner(Protocol):
    """Who decides for an attempt: its group."""

    def announced(self, attempt: Attempt) -> None:
        """It stands in the barrier; `proceed` lets it go on."""

    def creation_failed(self, attempt: Attempt, message: str) -> None:
        """It could not even be prepared; nothing was told."""

    def ended(self, attempt: Attempt, ending: Ending) -> None:
        """It is over, and that was told; what it holds of the machine is its group's to give back."""

    def gone(self, attempt: Attempt) -> None:
        """Nothing of it runs any more."""


class Attempt:
    """One attempt; the engine's thread only."""

    def __init__(self, services: Services, held: RunInHand, task: TaskPlan, retry_id: int, owner: AttemptOwner) -> None:
        self.task = task
        self.retry_id = retry_id
        self.step = Step.QUEUED
        self.claim = claim_of(held, task, retry_id)
        self.voice = AttemptVoice(services.reporter, held.run.plan.workflow_uuid, task.name, retry_id)
        self._services = services
        self._held = held
        self._owner = owner
        self._directory = attempt_directory(services, held, task, retry_id)
        self._cell: Cell | None = None
        self._record = AttemptRecord(stage=Stage.BEGUN)
        self._stop_transfer = threading.Event()
        self._made: list[DatasetMade] = []
        self._mover = mover_of(
            services, held, task, retry_id, self._stop_transfer, self.voice.system, self._made.append
        )
        self._checkpoints = CheckpointClock(services.reactor, services.transfers, self._mover, self._checkpoint_failed)
        self._commands = CommandRuns(services.reactor, self.voice, held.masker, self._command_started, self._ran)
        self._transferring = False
        self._stopping = False
        self._closing = False
        self._grace: Timer | None = None
        self._checkpoint_fault: DataFault | None = None
        self._last_words: Ending | None = None

    # What its group tells it

    def begin(self, gpus: tuple[str, ...]) -> None:
        """Start, with what was granted."""
        crash_point("attempt.admitted")
        self.step = Step.OPENING
        self.observe(TaskStatus.INITIALIZING)
        self.voice.event("Scheduled", f"Assigned to {self._services.host}")
        try:
            spec = cell_spec(self._services, self._held, self.task, self._directory, self.claim, gpus)
        except PREPARATION_ERRORS as error:
            self.step = Step.OVER
            self._owner.creation_failed(self, str(error))
            self._close()
            return
        self._cell = self._services.isolation.cell(spec)
        self._cell.open(self._opened)

    def resume(self, record: AttemptRecord) -> None:
        """Take up an attempt whose command had ended when an engine before was killed: what is left is its data."""
        self._record = record
        if self.task.checkpoints:
            self.voice.system("Warning: the last checkpoint was not uploaded: the engine was killed before it")
        self._save(record.exit_code or 0, ())

    def proceed(self) -> None:
        """Start the command: the barrier is open."""
        if self.step is Step.WAITING and not self._stopping and self._cell is not None:
            self._run(self._cell)

    def restart(self) -> None:
        """Kill the command and start it anew in the same place; nothing where no command runs."""
        if self.step is not Step.RUNNING or self._stopping or self._cell is None:
            return
        self.voice.event("Killing", "Restarting the command in place")
        self._checkpoints.stop()
        self._commands.kill_for_restart(self._cell, self._killed_for_restart)

    def stop(self, *, force: bool, last_words: Ending | None = None) -> None:
        """End whatever still runs; `gone` follows. Told again with `force`, it no longer waits.

        With `last_words` the attempt tells that end when nothing runs any more, unless it ended by itself; then it
        gets the time to save its data.
        """
        self._last_words = last_words
        if self.step is Step.GONE:
            self._owner.gone(self)
        elif force or self.step not in (Step.RUNNING, Step.SAVING) or (self.step is Step.SAVING and not last_words):
            self._stopping = True
            self._close()
        elif self._grace is None:
            self._grace = self._services.reactor.call_later(self._services.grace_seconds, self._grace_is_over)
            if self.step is Step.RUNNING and self._cell is not None:
                self._stopping = True
                self._checkpoints.stop()
                self.voice.event("Killing", "Stopping the command")
                self._cell.signal(signal.SIGTERM)

    def lose(self, ending: Ending) -> None:
        """Forget processes that are gone without its doing. Data that is being saved is saved all the same."""
        self._cell = None
        if self.step is not Step.SAVING:
            self._last_words, self._stopping, self._closing = ending, True, True
            self._closed()

    def observe(self, status: TaskStatus) -> None:
        """Tell a status on the way."""
        self.voice.fact(
            TaskObserved(
                task=self.task.name,
                retry_id=self.retry_id,
                status=status,
                at=self.voice.now(),
                node="" if status is TaskStatus.SCHEDULING else self._services.host,
                pod_ip="" if status is TaskStatus.SCHEDULING else self.task.host,
            )
        )

    # Opening and inputs

    def _opened(self, fault: CellFault | None) -> None:
        if self._stopping:
            return
        if fault is not None:
            self._finish(fault.status, fault.exit_code, fault.message)
            return
        self.observe(TaskStatus.RUNNING)
        if (refused := self._mover.check_outputs()) is not None:
            self._finish(TaskStatus.FAILED, refused.exit_code, refused.message)
        elif self._mover.asks:
            self.step = Step.FETCHING
            self._transfer(self._mover.check_access, self._checked, ExitCode.ACCESS_UNCHECKED)
        else:
            self._checked(None)

    def _checked(self, fault: DataFault | None) -> None:
        if fault is not None:
            self._finish(TaskStatus.FAILED, fault.exit_code, fault.message)
        elif self.task.inputs:
            self.step = Step.FETCHING
            name, now = self.task.name, self.voice.now()
            self.voice.fact(DataObserved(task=name, retry_id=self.retry_id, input_download_start_time=now))
            if self._mover.finds_nothing():
                # It only says so, which takes less time than to have a thread do it.
                self._fetched(self._mover.fetch_inputs())
            else:
                self._transfer(self._mover.fetch_inputs, self._fetched, ExitCode.DOWNLOAD_FAILED)
        else:
            self._announce()

    def _fetched(self, fault: DataFault | None) -> None:
        name, now = self.task.name, self.voice.now()
        self.voice.fact(DataObserved(task=name, retry_id=self.retry_id, input_download_end_time=now))
        if fault is not None:
            self._finish(TaskStatus.FAILED, fault.exit_code, fault.message)
        else:
            crash_point("inputs.fetched")
            self._announce()

    def _announce(self) -> None:
        if not self._stopping:
            self.step = Step.WAITING
            self._owner.announced(self)

    # The command

    def _run(self, cell: Cell) -> None:
        try:
            # Without it a new engine would take the command for one that was never started, and start it.
            write_record(self._directory, AttemptRecord(stage=Stage.BEGUN))
            crash_point("start.recorded")
            self.step = Step.RUNNING
            self._commands.start(cell)
        except OSError as error:
            self._finish(TaskStatus.FAILED_START_ERROR, ExitCode.START_ERROR, f"Cannot start the command: {error}")
            return
        self._checkpoints.start(cell.view)

    def _command_started(self, pid: int) -> None:
        crash_point("command.started")
        self.voice.event("Started", "Started the command")
        self._keep(AttemptRecord(stage=Stage.BEGUN, pid=pid, start_ticks=start_ticks(pid)))

    def _killed_for_restart(self) -> None:
        if self._stopping:
            self._close()
        else:
            self._checkpoints.when_idle(self._announce)

    def _checkpoint_failed(self, fault: DataFault) -> None:
        if self.step is Step.RUNNING and self._cell is not None and not self._stopping:
            self._checkpoint_fault = fault
            self._checkpoints.stop()
            self._cell.signal(signal.SIGKILL)

    def _ran(self, status: int) -> None:
        self._checkpoints.stop()
        if self._stopping:
            self._save_last_checkpoints()
            return
        if status < 0:
            self.voice.system(f"The command was killed by signal {-status}")
        code = status if status >= 0 else _KILLED_CODE
        # A new engine would take the attempt's end from the record, and its lines would be missing.
        self._services.reporter.flush_lines(self._held.run.plan.workflow_uuid)
        self._keep(msgspec.structs.replace(self._record, stage=Stage.ENDED, exit_code=code))
        crash_point("exit.recorded")
        self.step = Step.SAVING
        self._checkpoints.when_idle(lambda: self._save(code, self.task.checkpoints))

    # Outputs

    def _save_last_checkpoints(self) -> None:
        """Take them of a command that was told to stop, as long as the grace time lasts; its outputs are lost."""
        cell = self._cell
        if self._closing or cell is None or not self.task.checkpoints:
            self._close()
            return

        def save() -> None:
            self._transfer(
                lambda: self._checkpoints.save_all(cell.view), lambda _: self._close(), ExitCode.UPLOAD_FAILED
            )

        self._checkpoints.when_idle(save)

    def _save(self, code: int, checkpoints: tuple[object, ...]) -> None:
        if self._stopping:
            return
        self.step = Step.SAVING
        if not checkpoints and self._mover.nothing_to_save():
            self.voice.system(NO_FILES)
            self._saved(code, None)
            return
        name, now = self.task.name, self.voice.now()
        self.voice.fact(DataObserved(task=name, retry_id=self.retry_id, output_upload_start_time=now))
        cell = self._cell

        def save() -> DataFault | None:
            last = self._checkpoints.save_all(cell.view) if checkpoints and cell is not None else None
            return self._mover.save_outputs() or last

        self._transfer(save, lambda fault: self._saved(code, fault), ExitCode.UPLOAD_FAILED)

    def _saved(self, code: int, fault: DataFault | None) -> None:
        faults = [found for found in (fault, self._checkpoint_fault) if found is not None]
        highest = max((code, *(found.exit_code for found in faults)))
        message = " ".join(found.message for found in faults)
        self._finish(TaskStatus.FAILED if highest else TaskStatus.COMPLETED, highest, message)

    def _transfer(
        self, job: Callable[[], DataFault | None], then: Callable[[DataFault | None], None], unexpected_code: int
    ) -> None:
        self._transferring = True

        def done(outcome: DataFault | Exception | None) -> None:
            self._transferring = False
            if self._closing:
                self._close_cell()
            elif isinstance(outcome, TransferStopped):
                return
            elif isinstance(outcome, Exception):
                then(DataFault(unexpected_code, f"Data could not be moved: {outcome!r}"))
            else:
                then(outcome)

        self._services.transfers.submit(job, done)

    # The end

    def _finish(self, status: TaskStatus, code: int, message: str = "") -> None:
        self._tell_end(Ending(status=status, exit_code=code, message=message))
        self._close()

    def _tell_end(self, ending: Ending) -> None:
        at = self.voice.now()
        self._services.reporter.flush_lines(self._held.run.plan.workflow_uuid)
        self._keep(
            msgspec.structs.replace(
                self._record,
                stage=Stage.FINISHED,
                exit_code=ending.exit_code,
                status=ending.status,
                message=ending.message,
                at=at,
                made=tuple(self._made),
            )
        )
        crash_point("end.recorded")
        self.voice.fact(
            TaskObserved(
                task=self.task.name,
                retry_id=self.retry_id,
                status=ending.status,
                at=at,
                exit_code=ending.exit_code,
                message=ending.message,
                made=tuple(self._made),
            )
        )
        self.step = Step.OVER
        self._owner.ended(self, ending)

    def _keep(self, record: AttemptRecord) -> None:
        self._record = record
        try:
            write_record(self._directory, record)
        except OSError:
            # Only a new engine would miss it, and would take the attempt for lost.
            _log.exception("The record of attempt %s could not be written", self.claim)

    def _grace_is_over(self) -> None:
        self._stopping = True
        self._close()

    def _close(self) -> None:
        if self._closing:
            return
        self._closing = True
        if self._grace is not None:
            self._grace.cancel()
        self._checkpoints.stop()
        self._stop_transfer.set()
        if not self._transferring:
            self._checkpoints.when_idle(self._close_cell)

    def _close_cell(self) -> None:
        if self._cell is None:
            self._closed()
        else:
            # What was not saved yet is saved by the next engine.
            self._cell.close(self._closed, keep_files=self.step is Step.SAVING)

    def _closed(self) -> None:
        if self.step is Step.GONE:
            return
        crash_point("cell.closed")
        self._commands.drain()
        if self._last_words is not None and self.step not in (Step.QUEUED, Step.SAVING, Step.OVER):
            self._tell_end(self._last_words)
        if self.step is not Step.SAVING:
            self._services.directories.remove(self._directory / BOX)
        self.step = Step.GONE
        self._owner.gone(self)
