"""A member's end: reports to the coordinator and obeys it, and comes again whenever the connection breaks."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import msgspec

from runtime.sidecar.group.envelope import MAX_LINE_BYTES, Envelope, Forged, checked_nonce, new_nonce
from runtime.sidecar.group.link import Director, direct
from runtime.sidecar.group.words import Here, Phase, decode_order, encode_word
from translator.argo.payload import GroupPayload

_CONNECT_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 3.0
_REPORT_SECONDS = 20.0
_SILENCE_SECONDS = 60.0
_LEAVE_SECONDS = 5.0
_BROKEN = (
    OSError,
    TimeoutError,
    asyncio.IncompleteReadError,
    asyncio.LimitOverrunError,
    Forged,
    msgspec.MsgspecError,
)


class GroupMember:
    """Implements GroupLink for all but the lead."""

    def __init__(self, group: GroupPayload, task: str) -> None:
        self._group = group
        self._host, _, port = group.coordinator.rpartition(":")
        self._port = int(port)
        self._here: Here | None = None
        self._task = task
        self._memory = ""
        self._was_heard = False
        self._changed = asyncio.Event()
        self._heard_end = asyncio.Event()
        self._director: Director | None = None
        self._running: asyncio.Task[None] | None = None

    async def open(self, director: Director) -> None:
        """Begin to look for the coordinator; it need not be there yet."""
        self._director = director
        self._running = asyncio.create_task(self._run())

    def report(self, phase: Phase, *, attempt: int, round_number: int = 0, status: int = 0) -> None:
        """Tell the coordinator, now or when it is reached."""
        self._here = Here(task=self._task, attempt=attempt, phase=phase, round=round_number, status=status)
        self._changed.set()

    async def leave(self) -> None:
        """Return when the coordinator knows of the end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self._heard_end.wait()

    async def close(self) -> None:
        """Give up."""
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    async def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            self._was_heard = False
            with suppress(*_BROKEN):
                await self._converse()
            if self._was_heard:
                pause = _FIRST_PAUSE_SECONDS
            # Not all members at the same time: a lead that comes again meets a thousand of them.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _converse(self) -> None:
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(self._host, self._port, limit=MAX_LINE_BYTES)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                theirs = checked_nonce(await reader.readuntil(b"\n"))
            mine = new_nonce()
            writer.write(mine)
            envelope = Envelope(self._group.token, coordinator=theirs, member=mine, speaks_as_coordinator=False)
            telling = asyncio.create_task(self._tell(writer, envelope))
            try:
                await self._listen(reader, envelope)
            finally:
                telling.cancel()
        finally:
            writer.close()

    async def _tell(self, writer: asyncio.StreamWriter, envelope: Envelope) -> None:
        while True:
            self._changed.clear()
            if self._here is not None:
                here = msgspec.structs.replace(self._here, memory=self._memory)
                writer.write(envelope.seal(encode_word(here)))
                await writer.drain()
            with suppress(TimeoutError):
                async with asyncio.timeout(_REPORT_SECONDS):
                    await self._changed.wait()

    async def _listen(self, reader: asyncio.StreamReader, envelope: Envelope) -> None:
        while True:
            async with asyncio.timeout(_SILENCE_SECONDS):
                line = await reader.readuntil(b"\n")
            order = decode_order(envelope.open(line))
            self._was_heard = True
            self._memory = order.memory or self._memory
            if self._here is not None and self._here.phase is Phase.ENDED:
                self._heard_end.set()
            elif self._director is not None:
                direct(self._director, order)
