"""How an API server is spoken to: over TLS or not, by IPv6, below a path."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gateway.runners.argo.access import Server
from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.credentials import FixedToken
from gateway.runners.argo.faults import TryAgain

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@contextmanager
def listening(family: socket.AddressFamily, host: str) -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers everything; its port, and what it was sent."""
    with socket.socket(family) as server:
        try:
            server.bind((host, 0))
        except OSError as error:
            pytest.skip(f"no {host} here: {error}")
        server.listen()
        came: list[bytes] = []

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                came.append(connection.recv(65536))
                connection.sendall(_ANSWER)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], came
        thread.join(10)


def test_no_token_is_said_in_clear_to_a_server_that_is_to_speak_tls() -> None:
    with listening(socket.AF_INET, "127.0.0.1") as (port, came):
        client = KubeClient(Server(url=f"https://127.0.0.1:{port}", token=FixedToken("top-secret")))
        with pytest.raises(TryAgain):
            client.get("/version")
        client.close()
    assert not any(b"top-secret" in data for data in came)


@pytest.mark.parametrize(
    ("family", "host", "shown"), [(socket.AF_INET, "127.0.0.1", "127.0.0.1"), (socket.AF_INET6, "::1", "[::1]")]
)
def test_a_server_is_found_by_address_and_below_a_path(family: socket.AddressFamily, host: str, shown: str) -> None:
    with listening(family, host) as (port, came):
        client = KubeClient(Server(url=f"http://{shown}:{port}/k8s/c-1", token=FixedToken("t")))
        assert client.get("/api/v1/pods", {"limit": 5, "watch": True, "labelSelector": "a=b,c"}) == b"{}"
        client.close()
    head = came[0].decode().splitlines()
    assert head[0] == "GET /k8s/c-1/api/v1/pods?limit=5&watch=true&labelSelector=a%3Db%2Cc HTTP/1.1"
    assert "Authorization: Bearer t" in head


def test_what_a_stream_has_is_handed_on_before_more_comes() -> None:
    heard = threading.Event()
    lines = [b'{"n":%d}%s\n' % (number, b" " * 20_000) for number in range(40)]
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                # More than is read at a time, then a single small one.
                connection.sendall(b"".join(b"%x\r\n%s\r\n" % (len(line), line) for line in lines[:-1]))
                connection.sendall(b"3\r\n{}\n\r\n")
                assert heard.wait(30)
                connection.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(lines[-1]), lines[-1]))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        client = KubeClient(Server(url=f"http://127.0.0.1:{server.getsockname()[1]}"))
        came = []
        with client.stream("/api/v1/pods", {"watch": True}, silence_seconds=30) as stream:
            for chunk in stream.chunks():
                came.append(chunk)
                if chunk == b"{}\n":
                    heard.set()
        client.close()
        thread.join(10)
    assert came == [*lines[:-1], b"{}\n", lines[-1]]
