"""Replies that go on: until their end, until silence lasts too long, until we stop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from gateway.api.streams import Streams

Value = TypeVar("Value")


class Script:
    """Gives what a test puts in; ended when that is used up, if it ends at all."""

    def __init__(self, *chunks: bytes, endless: bool = False) -> None:
        self.chunks = deque(chunks)
        self.endless = endless
        self.closed = 0
        self.wake: Callable[[], None] = lambda: None

    def advance(self) -> bytes:
        return self.chunks.popleft() if self.chunks else b""

    @property
    def ended(self) -> bool:
        return not self.endless and not self.chunks

    def on_change(self, wake: Callable[[], None]) -> None:
        self.wake = wake

    def close(self) -> None:
        self.closed += 1


def run(work: Coroutine[Any, Any, Value]) -> Value:
    async def bounded() -> Value:
        return await asyncio.wait_for(work, 20)

    return asyncio.run(bounded())


def test_all_of_it_in_order_and_then_closed() -> None:
    async def read() -> list[bytes]:
        return [chunk async for chunk in Streams().pump(source)]

    source = Script(b"a", b"b", b"c")
    assert run(read()) == [b"a", b"b", b"c"]
    assert source.closed == 1


def test_silence_ends_it() -> None:
    async def read() -> list[bytes]:
        return [chunk async for chunk in Streams().pump(source, idle_seconds=0.01)]

    source = Script(b"a", endless=True)
    assert run(read()) == [b"a"]
    assert source.closed == 1


def test_heartbeats_while_it_is_silent() -> None:
    async def read() -> list[bytes]:
        found = []
        async for chunk in Streams().pump(source, heartbeat=(0.01, b":")):
            found.append(chunk)
            source.endless = len(found) < 3
        return found

    source = Script(endless=True)
    assert run(read()) == [b":", b":", b":"]


def test_a_change_is_seen_without_waiting_for_the_next_look() -> None:
    async def read() -> list[bytes]:
        found = []
        # A look every hour: only the call can be what wakes it.
        async for chunk in Streams(poll_seconds=3600).pump(source):
            found.append(chunk)
            if chunk == b"a":
                source.chunks.append(b"b")
                source.endless = False
                asyncio.get_running_loop().run_in_executor(None, source.wake)
        return found

    source = Script(b"a", endless=True)
    assert run(read()) == [b"a", b"b"]


def test_ending_all_ends_those_to_come_as_well() -> None:
    async def read() -> tuple[list[bytes], list[bytes]]:
        streams = Streams(poll_seconds=3600)
        found = []
        async for chunk in streams.pump(first):
            found.append(chunk)
            assert len(streams) == 1
            streams.end_all()
        return found, [chunk async for chunk in streams.pump(second)]

    first, second = Script(b"a", endless=True), Script(b"b", endless=True)
    assert run(read()) == ([b"a"], [])
    assert (first.closed, second.closed) == (1, 1)


def test_a_reader_who_goes_away_closes_the_source() -> None:
    async def read() -> int:
        streams = Streams()
        pump = streams.pump(source)
        assert await anext(pump) == b"a"
        await pump.aclose()
        return len(streams)

    source = Script(b"a", endless=True)
    assert run(read()) == 0
    assert source.closed == 1


def test_a_call_that_comes_too_late_does_no_harm() -> None:
    async def read() -> None:
        async for _ in Streams().pump(source):
            pass

    source = Script(b"a")
    run(read())
    source.wake()
