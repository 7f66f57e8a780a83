"""One task beside its wrapper, from the wrapper's hello to its last word.

    preparing -> waiting -> running -> saving -> ended
                    ^          |
                    +----------+  restart in place

Source: workflow-spec.md §5.5, §6.3; runtime/wrapper/run.go is the other side.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor

from runtime.sidecar.group.link import GroupLink
from runtime.sidecar.group.words import Phase
from runtime.sidecar.messages import STOPPED, BadLine, Kind, Message, message_line, read_message
from runtime.task_data import DataFault, DataMover
from storage.faults import TransferStopped
from translator.argo.made_datasets import made_text
from translator.lifecycle.facts import DatasetMade
from translator.lifecycle.words import ExitCode

LOST_STATUS = 255
"""What a wrapper counts as ended with that went without a word: it was killed."""
_MAX_TEXT = 300


class Session:
    """One task; the loop's thread only. Implements Director for its group.

    Shape: `made` grows while data is saved, by the datasets that are stored.
    """

    def __init__(
        self,
        mover: DataMover,
        group: GroupLink,
        threads: Executor,
        stopped: threading.Event,
        *,
        attempt: int = 0,
        broken: DataFault | None = None,
        made: Sequence[DatasetMade] = (),
    ) -> None:
        self.over = asyncio.Event()
        self._mover = mover
        self._group = group
        self._threads = threads
        self._stopped = stopped
        self._broken = broken
        self._made = made
        self._phase = Phase.PREPARING
        self._round = 0
        self._attempt = attempt
        self._wrapper: asyncio.StreamWriter | None = None
        self._restarting = False
        self._terminated = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def begun(self) -> bool:
        """Whether the wrapper has come."""
        return self._wrapper is not None

    async def converse(self, hello: Message, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the wrapper until it goes; whoever else says hello is turned away."""
        if self._wrapper is not None:
            return
        self._wrapper = writer
        self._begin(hello)
        try:
            while (message := await read_message(reader)) is not None:
                self._hear(message)
        except (BadLine, OSError):
            pass
        finally:
            self._gone(LOST_STATUS)

    def go(self, round_number: int) -> None:
        """Start the command."""
        if self._phase is Phase.WAITING:
            self._round = round_number
            self._say(Message(kind=Kind.START, round=round_number))
            self._report(Phase.RUNNING)

    def restart(self, round_number: int) -> None:
        """Have the command killed; it waits for its start when it is gone."""
        if self._phase is Phase.RUNNING and not self._restarting:
            self._restarting = True
            self._say(Message(kind=Kind.RESTART))

    def stop(self, code: int, reason: str) -> None:
        """End the run by order; nothing more is uploaded."""
        if self._phase is not Phase.ENDED:
            self._stopped.set()
            self._say(Message(kind=Kind.STOP, code=code, message=reason))

    def terminate(self) -> None:
        """The pod ends: nothing more is moved, and the wrapper, which was told too, is let go."""
        self._terminated = True
        self._stopped.set()
        if self._wrapper is None:
            self.over.set()
        elif self._phase is Phase.SAVING:
            self._say(Message(kind=Kind.FINISH))

    def _begin(self, hello: Message) -> None:
        """Take the run from its beginning, or from where a sidecar that was killed left it."""
        self._round = hello.round
        match hello.phase:
            case "running":
                self._report(Phase.RUNNING)
            case "waiting":
                self._report(Phase.WAITING)
            case "exited":
                self._report(Phase.SAVING)
                self._spawn(self._save())
            case _:
                self._report(Phase.PREPARING)
                self._spawn(self._prepare())

    def _hear(self, message: Message) -> None:
        if message.kind == Kind.KILLED:
            self._restarting = False
            self._report(Phase.WAITING)
        elif message.kind == Kind.EXITED and self._phase is Phase.RUNNING:
            self._report(Phase.SAVING)
            if message.phase == STOPPED:
                # The pod ends; the sidecar's own signal may come later.
                self._stopped.set()
            self._spawn(self._save())
        elif message.kind == Kind.ENDED:
            self._gone(message.code)

    async def _prepare(self) -> None:
        fault = self._broken or self._mover.check_outputs()
        if fault is None and self._mover.asks:
            fault = await self._move(self._mover.check_access, ExitCode.ACCESS_UNCHECKED)
        if fault is None:
            fault = await self._move(self._mover.fetch_inputs, ExitCode.DOWNLOAD_FAILED)
        if fault is not None:
            self._finish("download", fault)
        elif not self._stopped.is_set():
            self._report(Phase.WAITING)

    async def _save(self) -> None:
        fault = None if self._stopped.is_set() else await self._move(self._mover.save_outputs, ExitCode.UPLOAD_FAILED)
        self._finish("upload", fault)

    async def _move(self, move: Callable[[], DataFault | None], unexpected: int) -> DataFault | None:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, move)
        except TransferStopped:
            return None
        except Exception as error:  # noqa: BLE001  the run fails with it, and the wrapper must be let go
            self._mover.voice.say(f"Data could not be moved: {error!r}")
            return DataFault(unexpected, f"Data could not be moved: {error!r}")

    def _finish(self, phase: str, fault: DataFault | None) -> None:
        if fault is None:
            self._say(Message(kind=Kind.FINISH, made=self._made_texts()))
        else:
            text, made = fault.message[:_MAX_TEXT], self._made_texts()
            self._say(Message(kind=Kind.FINISH, code=fault.exit_code, phase=phase, message=text, made=made))

    def _made_texts(self) -> tuple[str, ...]:
        # A sidecar that came again may have stored one of them twice.
        return tuple(made_text(made) for made in {made.output: made for made in self._made}.values())

    def _gone(self, status: int) -> None:
        if self._phase is not Phase.ENDED:
            self._stopped.set()
            self._report(Phase.ENDED, status)
            self.over.set()

    def _report(self, phase: Phase, status: int = 0) -> None:
        self._phase = phase
        self._group.report(phase, attempt=self._attempt, round_number=self._round, status=status)

    def _say(self, message: Message) -> None:
        if self._wrapper is not None and not self._wrapper.is_closing():
            self._wrapper.write(message_line(message))

    def _spawn(self, job: Coroutine[None, None, None]) -> None:
        # The loop itself keeps only weak references.
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
