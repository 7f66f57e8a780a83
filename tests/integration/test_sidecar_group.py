"""Sidecars of a group over real sockets: they find each other, obey, come again, and turn strangers away."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from runtime.sidecar.group.coordinator import Coordinator
from runtime.sidecar.group.envelope import MAX_LINE_BYTES, Envelope, new_nonce
from runtime.sidecar.group.member import GroupMember
from runtime.sidecar.group.words import Here, Phase, encode_word
from translator.argo.payload import GroupPayload, Member

HOST = "127.0.0.1"
PATIENCE_SECONDS = 20.0


def group_of(
    port: int, *, token: str = "token", ignore: bool = True, names: tuple[str, ...] = ("a", "b")
) -> GroupPayload:
    """A group of `lead` and others."""
    members = tuple(Member(task=name, task_uuid=name, lead=name == "lead") for name in ("lead", *names))
    return GroupPayload(
        coordinator=f"{HOST}:{port}", token=token, barrier=True, ignore_nonlead_status=ignore, members=members
    )


class Puppet:
    """A task without a program: does what its group says, and remembers it."""

    def __init__(self, link: Coordinator | GroupMember, attempt: int = 0) -> None:
        self.did: list[str] = []
        self.link = link
        self.attempt = attempt
        self.round = 0
        self.phase = Phase.PREPARING

    async def begin(self) -> None:
        await self.link.open(self)
        self.become(Phase.PREPARING)

    def become(self, phase: Phase, status: int = 0) -> None:
        self.phase = phase
        self.link.report(phase, attempt=self.attempt, round_number=self.round, status=status)

    def go(self, round_number: int) -> None:
        if self.phase is Phase.WAITING:
            self.did.append(f"go {round_number}")
            self.round = round_number
            self.become(Phase.RUNNING)

    def restart(self, round_number: int) -> None:
        if self.phase is Phase.RUNNING:
            self.did.append("restart")
            self.become(Phase.WAITING)

    def stop(self, code: int, reason: str) -> None:
        if self.phase is not Phase.ENDED:
            self.did.append(f"stop {code}")
            self.become(Phase.ENDED, code)


async def until(holds: Callable[[], bool]) -> None:
    """Return when something is so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():
            await asyncio.sleep(0.005)


async def started(ignore: bool = True, attempt: int = 0, port: int = 0) -> tuple[Puppet, GroupPayload, Coordinator]:
    """A lead that coordinates on a free port."""
    group = group_of(port, ignore=ignore)
    coordinator = Coordinator(group, attempt, time.monotonic, host=HOST, port=port)
    lead = Puppet(coordinator, attempt)
    await lead.begin()
    return lead, group_of(coordinator.port, ignore=ignore), coordinator


async def joined(group: GroupPayload, name: str, attempt: int = 0) -> Puppet:
    puppet = Puppet(GroupMember(group, name), attempt)
    await puppet.begin()
    return puppet


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a scene, with an end."""

    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scene()

    asyncio.run(bounded())


def test_barrier_start_and_the_leads_end() -> None:
    async def scene() -> None:
        lead, group, coordinator = await started()
        a, b = await joined(group, "a"), await joined(group, "b")
        lead.become(Phase.WAITING)
        a.become(Phase.WAITING)
        await asyncio.sleep(0.05)
        assert (lead.did, a.did) == ([], [])
        b.become(Phase.WAITING)
        await until(lambda: all(one.did == ["go 0"] for one in (lead, a, b)))
        lead.become(Phase.ENDED, 0)
        await until(lambda: a.did[-1] == b.did[-1] == "stop 0")
        for one in (a, b):
            await one.link.leave()
        await coordinator.leave()
        for one in (a, b, lead):
            await one.link.close()

    play(scene)


def test_a_member_that_is_rescheduled_restarts_the_others() -> None:
    async def scene() -> None:
        lead, group, _ = await started(ignore=False)
        a, b = await joined(group, "a"), await joined(group, "b")
        for one in (lead, a, b):
            one.become(Phase.WAITING)
        await until(lambda: all(one.did == ["go 0"] for one in (lead, a, b)))
        a.become(Phase.ENDED, 251)
        await a.link.leave()
        await a.link.close()
        await until(lambda: lead.phase is b.phase is Phase.WAITING)
        again = await joined(group, "a", attempt=1)
        again.become(Phase.WAITING)
        await until(lambda: lead.did == b.did == ["go 0", "restart", "go 1"] and again.did == ["go 1"])
        for one in (again, b, lead):
            await one.link.close()

    play(scene)


def test_members_find_a_lead_that_comes_again() -> None:
    """Reconnect after a broken connection, to a coordinator that knows nothing any more."""

    async def scene() -> None:
        lead, group, coordinator = await started()
        a, b = await joined(group, "a"), await joined(group, "b")
        for one in (lead, a, b):
            one.become(Phase.WAITING)
        await until(lambda: all(one.did == ["go 0"] for one in (lead, a, b)))
        b.become(Phase.ENDED, 0)
        await b.link.leave()
        await b.link.close()
        port = coordinator.port
        await coordinator.close()
        again, _, second = await started(attempt=1, port=port)
        await until(lambda: a.did == ["go 0", "restart"])
        again.become(Phase.WAITING)
        await until(lambda: a.did[-1] == "go 1" and again.did == ["go 1"])
        await a.link.close()
        await second.close()

    play(scene)


def test_a_broken_connection_is_nothing() -> None:
    async def scene() -> None:
        lead, group, coordinator = await started()
        a, b = await joined(group, "a"), await joined(group, "b")
        lead.become(Phase.WAITING)
        a.become(Phase.WAITING)
        await until(lambda: len(coordinator._guests) == 2)
        for guest in [*coordinator._guests.values()]:
            guest.writer.transport.abort()
        b.become(Phase.WAITING)
        await until(lambda: all(one.did == ["go 0"] for one in (lead, a, b)))
        for one in (a, b, lead):
            await one.link.close()

    play(scene)


def test_a_hundred_members() -> None:
    async def scene() -> None:
        names = tuple(f"w{number}" for number in range(100))
        coordinator = Coordinator(group_of(0, names=names), 0, time.monotonic, host=HOST)
        lead = Puppet(coordinator)
        await lead.begin()
        group = group_of(coordinator.port, names=names)
        others = [await joined(group, name) for name in names]
        for one in (lead, *others):
            one.become(Phase.WAITING)
        await until(lambda: all(one.did == ["go 0"] for one in (lead, *others)))
        lead.become(Phase.ENDED, 1)
        await until(lambda: all(one.did[-1] == "stop 250" for one in others))
        for one in (*others, lead):
            await one.link.close()

    play(scene)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str = "token") -> Envelope:
    theirs = await reader.readuntil(b"\n")
    mine = new_nonce()
    writer.write(mine)
    return Envelope(token, coordinator=theirs, member=mine, speaks_as_coordinator=False)


async def _wrong_token(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    envelope = await _greet(reader, writer, "guess")
    writer.write(envelope.seal(encode_word(Here(task="a", attempt=0, phase=Phase.WAITING))))


async def _garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00" * 100 + b"\n")


async def _endless_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _greet(reader, writer)
    for _ in range(200):
        writer.write(b"x" * MAX_LINE_BYTES)
        await writer.drain()


async def _as_the_lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    envelope = await _greet(reader, writer)
    writer.write(envelope.seal(encode_word(Here(task="lead", attempt=9, phase=Phase.ENDED, status=0))))


async def _as_somebody_unknown(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    envelope = await _greet(reader, writer)
    writer.write(envelope.seal(encode_word(Here(task="nobody", attempt=0, phase=Phase.WAITING))))


async def _as_two_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    envelope = await _greet(reader, writer)
    for name in ("a", "b"):
        writer.write(envelope.seal(encode_word(Here(task=name, attempt=0, phase=Phase.PREPARING))))


async def _twice_the_same_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    envelope = await _greet(reader, writer)
    line = envelope.seal(encode_word(Here(task="a", attempt=0, phase=Phase.PREPARING)))
    writer.write(line + line)


async def _broken_json(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    envelope = await _greet(reader, writer)
    writer.write(envelope.seal(b'{"task": "a", "attempt": "x"}'))


STRANGERS: list[Talk] = [
    _wrong_token,
    _garbage,
    _endless_line,
    _as_the_lead,
    _as_somebody_unknown,
    _as_two_at_once,
    _twice_the_same_line,
    _broken_json,
]


@pytest.mark.parametrize("talk", STRANGERS)
def test_strangers_are_shown_out_and_disturb_nobody(talk: Talk) -> None:
    """Each message authenticated, replay refused, memory bounded."""

    async def scene() -> None:
        lead, group, coordinator = await started()
        reader, writer = await asyncio.open_connection(HOST, coordinator.port)
        with contextlib.suppress(ConnectionError):
            await talk(reader, writer)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await reader.read(1000):
                    pass
        writer.close()
        await until(lambda: not coordinator._open)
        a, b = await joined(group, "a"), await joined(group, "b")
        for one in (lead, a, b):
            one.become(Phase.WAITING)
        await until(lambda: all(one.did == ["go 0"] for one in (lead, a, b)))
        for one in (a, b, lead):
            await one.link.close()

    play(scene)


def test_more_strangers_than_there_is_room_for() -> None:
    async def scene() -> None:
        lead, group, coordinator = await started()
        crowd = [await asyncio.open_connection(HOST, coordinator.port) for _ in range(150)]
        await until(lambda: len(coordinator._open) == 64 + 2 * 3)
        for _, writer in crowd:
            writer.close()
        a, b = await joined(group, "a"), await joined(group, "b")
        for one in (lead, a, b):
            one.become(Phase.WAITING)
        await until(lambda: all(one.did == ["go 0"] for one in (lead, a, b)))
        for one in (a, b, lead):
            await one.link.close()

    play(scene)


def test_a_false_coordinator_is_not_obeyed() -> None:
    async def scene() -> None:
        asked = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            asked += 1
            mine = new_nonce()
            writer.write(mine)
            theirs = await reader.readuntil(b"\n")
            envelope = Envelope("guess", coordinator=mine, member=theirs, speaks_as_coordinator=True)
            writer.write(envelope.seal(b'{"do": "stop", "code": 0}'))

        server = await asyncio.start_server(serve, HOST, 0)
        a = await joined(group_of(server.sockets[0].getsockname()[1]), "a")
        a.become(Phase.WAITING)
        await until(lambda: asked >= 3)
        assert a.did == []
        await a.link.close()
        server.close()

    play(scene)
