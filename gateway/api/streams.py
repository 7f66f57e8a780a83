"""Replies that go on: a growing text is sent as it grows, until it ends, is silent for too long, or we stop."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator

from starlette.concurrency import run_in_threadpool

from gateway.services.growing import Growing

# Where another process runs the workflow, no call tells of a change; so often is looked all the same.
POLL_SECONDS = 1.0


class Streams:
    """All open streams of one application, so that they can be ended together."""

    def __init__(self, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._poll_seconds = poll_seconds
        self._open: set[_Wake] = set()
        self._stopping = False

    def __len__(self) -> int:
        """How many streams are open."""
        return len(self._open)

    async def pump(
        self, source: Growing, *, idle_seconds: float | None = None, heartbeat: tuple[float, bytes] | None = None
    ) -> AsyncGenerator[bytes]:
        """The bytes of `source` as they come; the source is closed at the end, whatever ended it.

        Units: seconds. Shape: `idle_seconds` of silence end the stream; `heartbeat` is what to send after so many
        seconds of silence.
        """
        wake = _Wake()
        self._open.add(wake)
        try:
            source.on_change(wake.from_thread)
            clock = asyncio.get_running_loop().time
            last_data = last_sent = clock()
            while not self._stopping:
                chunk = await run_in_threadpool(source.advance)
                if chunk:
                    yield chunk
                    last_data = last_sent = clock()
                    continue
                if source.ended:
                    return
                until_end = math.inf if idle_seconds is None else last_data + idle_seconds - clock()
                until_beat = math.inf if heartbeat is None else last_sent + heartbeat[0] - clock()
                if until_end <= 0:
                    return
                if heartbeat is not None and until_beat <= 0:
                    yield heartbeat[1]
                    last_sent = clock()
                else:
                    await wake.wait(min(self._poll_seconds, until_end, until_beat))
        finally:
            self._open.discard(wake)
            source.close()

    def end_all(self) -> None:
        """End all streams, now and from now on. From the thread of the event loop."""
        self._stopping = True
        for wake in self._open:
            wake.now()


class _Wake:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def now(self) -> None:
        self._event.set()

    def from_thread(self) -> None:
        # A loop that was closed meanwhile refuses the call, and has nobody left to wake.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return
        finally:
            self._event.clear()
