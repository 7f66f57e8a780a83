"""The socket in `/osmo`: the wrapper's link, and one connection for each checkpoint on its way.

The user's program can reach the socket too. It finds the place of the wrapper taken, lines and connections limited, and
may at most store checkpoints, which are its own.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Executor
from pathlib import Path

from runtime.sidecar.checkpoints import CheckpointStorer
from runtime.sidecar.messages import MAX_LINE_BYTES, BadLine, Kind, Message, message_line, read_message
from runtime.sidecar.session import Session
from storage.faults import TransferStopped

_CONNECTIONS = 32
_FIRST_WORD_SECONDS = 30.0
_SILENCE_SECONDS = 600.0
_MAX_TEXT = 300


class WrapperServer:
    """Listens for the wrapper; the loop's thread only."""

    def __init__(self, session: Session, storer: CheckpointStorer, threads: Executor) -> None:
        self._session = session
        self._storer = storer
        self._threads = threads
        self._connections = 0
        self._server: asyncio.Server | None = None

    async def open(self, socket: Path) -> None:
        """Listen; one that is left of a sidecar before is replaced. Errors: OSError."""
        socket.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, socket, limit=MAX_LINE_BYTES)
        # The image of the user may run as anybody.
        os.chmod(socket, 0o666)

    def close(self) -> None:
        """Take no more connections."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._connections >= _CONNECTIONS:
            writer.close()
            return
        self._connections += 1
        try:
            async with asyncio.timeout(_FIRST_WORD_SECONDS):
                first = await read_message(reader)
            if first is not None and first.kind == Kind.HELLO:
                await self._session.converse(first, reader, writer)
            elif first is not None and first.kind == Kind.CHECKPOINT:
                await self._store(first, reader, writer)
        except (BadLine, OSError, TimeoutError):
            pass
        finally:
            self._connections -= 1
            writer.close()

    async def _store(self, first: Message, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        stream = _LoopStream(reader, loop)
        try:
            fault = await loop.run_in_executor(self._threads, self._storer.store, first.index, stream)
        except TransferStopped:
            writer.write(message_line(Message(kind=Kind.STOP, message="the pod ends")))
        else:
            if fault is None:
                writer.write(message_line(Message(kind=Kind.STORED, index=first.index)))
            else:
                writer.write(message_line(Message(kind=Kind.STOP, message=fault.message[:_MAX_TEXT])))
        await writer.drain()


class _LoopStream:
    """A stream of the loop, for a thread."""

    def __init__(self, reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop) -> None:
        self._reader = reader
        self._loop = loop

    def line(self) -> bytes:
        return asyncio.run_coroutine_threadsafe(self._line(), self._loop).result()

    def read(self, limit: int) -> bytes:
        return asyncio.run_coroutine_threadsafe(self._read(limit), self._loop).result()

    async def _line(self) -> bytes:
        try:
            async with asyncio.timeout(_SILENCE_SECONDS):
                return await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return b""
        except asyncio.LimitOverrunError as error:
            raise OSError("a line is too long") from error

    async def _read(self, limit: int) -> bytes:
        async with asyncio.timeout(_SILENCE_SECONDS):
            return await self._reader.read(limit)
