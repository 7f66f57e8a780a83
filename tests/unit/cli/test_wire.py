"""Connections: retries, proxies, time limits."""

from __future__ import annotations

import socket
import threading

import pytest

from cli.errors import Unreachable
from cli.wire import exchange, read_body
from tests.unit.cli.gateway_stub import Answer, GatewayStub


def test_connecting_is_tried_again() -> None:
    """ "up to 5 connection retries when the version header is sent": a server that starts late is still met."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]

    def late() -> None:
        with socket.create_server(("127.0.0.1", port)) as server:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull")

    timer = threading.Timer(0.2, late)
    timer.start()
    try:
        assert read_body(exchange("GET", f"http://127.0.0.1:{port}/", {})) == b"null"
    finally:
        timer.join()


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (b"", "broke off the connection"),
        (b"no HTTP at all\r\n\r\n", "broke off the connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nnull", "did not arrive whole"),
    ],
)
def test_broken_servers(reply: bytes, message: str) -> None:
    """What breaks off is named, and is no traceback."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Unreachable, match=message):
            read_body(exchange("GET", f"http://127.0.0.1:{server.getsockname()[1]}/", {}))
        thread.join()


def test_silent_server() -> None:
    """A server that does not answer in time is given up."""
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(Unreachable, match="did not answer"):
        exchange("GET", f"http://127.0.0.1:{server.getsockname()[1]}/", {}, read_seconds=0.05)


def test_proxy(gateway: GatewayStub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain requests to other machines go through http_proxy, whole address and all."""
    monkeypatch.setenv("http_proxy", gateway.url)
    gateway.on("GET http://gateway.invalid/api/tag", Answer(body=b'{"tags": []}'))
    assert read_body(exchange("GET", "http://gateway.invalid/api/tag", {})) == b'{"tags": []}'


def test_no_proxy_for_this_machine(gateway: GatewayStub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses of this machine are never sent to a proxy."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    gateway.on("GET /api/tag", {"tags": []})
    assert read_body(exchange("GET", f"{gateway.url}/api/tag", {})) == b'{"tags": []}'


def test_not_a_trusted_certificate() -> None:
    """A TLS failure says so; it is not retried as if nobody were there."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Unreachable, match="TLS"):
            exchange("GET", f"https://127.0.0.1:{server.getsockname()[1]}/", {})
        thread.join()
