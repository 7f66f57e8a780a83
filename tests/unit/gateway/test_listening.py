"""The socket of a gateway."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from gateway.main import listening_socket
from gateway.settings import settings_from


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_answers_do_not_wait_for_more_to_send(host: str, tmp_path: Path) -> None:
    """Else the second part of each answer comes only when the client has acknowledged the first, 40 ms later."""
    settings = settings_from({}, {"data_dir": tmp_path, "host": host, "port": 0})

    async def option() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def accepted(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = listening_socket(settings)
        async with await asyncio.start_server(accepted, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname()[:2])
            writer.close()
            return await found

    assert asyncio.run(option()) == 1
