"""The coordinator's end: listens for members, proves them, keeps the book, sends what it orders.

Bounded whatever comes: lines, connections, the time until a stranger has proved himself, and what waits to be sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from runtime.sidecar.group.book import GroupBook, lead_of
from runtime.sidecar.group.envelope import MAX_LINE_BYTES, Envelope, Forged, checked_nonce, new_nonce
from runtime.sidecar.group.link import Director, direct
from runtime.sidecar.group.names import Lookup, NameWatch, looked_up
from runtime.sidecar.group.words import Here, Order, Phase, decode_here, encode_word
from translator.argo.payload import GroupPayload

_STRANGERS = 64
_PROOF_SECONDS = 10.0
_SILENCE_SECONDS = 90.0
_LOOK_SECONDS = 5.0
_LEAVE_SECONDS = 15.0
_MAX_UNSENT_BYTES = 64 * 1024


@dataclass(slots=True)
class _Guest:
    """A proven connection. Shape: `told` is the order sent last for what it reported last."""

    writer: asyncio.StreamWriter
    envelope: Envelope
    task: str = ""
    attempt: int = -1
    told: Order | None = None


class Coordinator:
    """Implements GroupLink for the lead's sidecar.

    Shape: `host` None listens on all addresses, `port` 0 on any port; `lookup` says whether a name has an address.
    """

    def __init__(
        self,
        group: GroupPayload,
        attempt: int,
        clock: Callable[[], float],
        *,
        host: str | None = None,
        port: int = 0,
        lookup: Lookup = looked_up,
    ) -> None:
        self._group = group
        self._lead = lead_of(group).task
        self._address = (host, port)
        self._clock = clock
        self._book = GroupBook(group, attempt, clock())
        self._names = NameWatch(group, lookup)
        self._guests: dict[str, _Guest] = {}
        self._director: Director | None = None
        self._own_order: Order | None = None
        self._server: asyncio.Server | None = None
        self._watch: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()

    async def open(self, director: Director) -> None:
        """Listen. Errors: OSError where the port is taken."""
        self._director = director
        host, port = self._address
        self._server = await asyncio.start_server(self._serve, host, port, limit=MAX_LINE_BYTES, backlog=256)
        self._watch = asyncio.create_task(self._look_again())

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server is not None else self._address[1]

    def report(self, phase: Phase, *, attempt: int, round_number: int = 0, status: int = 0) -> None:
        """Take the lead's own state."""
        self._own_order = None
        self._book.take(Here(task=self._lead, attempt=attempt, phase=phase, round=round_number, status=status))
        self._give_orders()

    async def leave(self) -> None:
        """Return when every member that is connected has ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_SECONDS):
                while not self._book.all_told():
                    self._changed.clear()
                    await self._changed.wait()

    async def close(self) -> None:
        """Close the port and all connections."""
        if self._watch is not None:
            self._watch.cancel()
        if self._server is not None:
            self._server.close()
        for writer in [*self._open]:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= _STRANGERS + 2 * len(self._group.members):
            writer.close()
            return
        self._open.add(writer)
        guest: _Guest | None = None
        try:
            async with asyncio.timeout(_PROOF_SECONDS):
                guest, first = await self._proved(reader, writer)
            self._hear(guest, first)
            while True:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    line = await reader.readuntil(b"\n")
                self._hear(guest, decode_here(guest.envelope.open(line)))
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        except (Forged, msgspec.MsgspecError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()
            self._left(guest)

    async def _proved(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[_Guest, Here]:
        mine = new_nonce()
        writer.write(mine)
        theirs = checked_nonce(await reader.readuntil(b"\n"))
        envelope = Envelope(self._group.token, coordinator=mine, member=theirs, speaks_as_coordinator=True)
        first = decode_here(envelope.open(await reader.readuntil(b"\n")))
        return _Guest(writer, envelope, first.task, first.attempt), first

    def _hear(self, guest: _Guest, here: Here) -> None:
        """Errors: Forged for a connection that speaks for another one than before, or for a replaced attempt."""
        is_same = (here.task, here.attempt) == (guest.task, guest.attempt)
        if not is_same or here.task == self._lead or not self._book.take(here):
            raise Forged("not the member that it was, or one that was replaced")
        former = self._guests.get(here.task)
        if former is not None and former is not guest:
            former.writer.close()
        self._guests[here.task] = guest
        self._names.met(here.task)
        guest.told = None
        self._give_orders()

    def _left(self, guest: _Guest | None) -> None:
        if guest is not None and self._guests.get(guest.task) is guest:
            del self._guests[guest.task]
            self._book.left(guest.task, guest.attempt, self._clock())
            self._give_orders()

    def _give_orders(self) -> None:
        orders = self._book.orders(self._clock())
        for task, order in orders.items():
            guest = self._guests.get(task)
            if guest is not None and guest.told != order:
                self._send(guest, order)
        own = orders.get(self._lead)
        if own is not None and own != self._own_order and self._director is not None:
            self._own_order = own
            direct(self._director, own)
        self._changed.set()

    def _send(self, guest: _Guest, order: Order) -> None:
        if guest.writer.transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
            # It does not read; it may come again.
            guest.writer.close()
            return
        guest.told = order
        guest.writer.write(guest.envelope.seal(encode_word(order)))

    async def _look_again(self) -> None:
        """Some decisions follow from nothing but time."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for task in await self._names.gone(self._book.unheard()):
                self._book.vanished(task)
            self._give_orders()
