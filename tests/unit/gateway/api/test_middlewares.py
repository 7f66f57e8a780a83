"""What happens to a request before it reaches a route."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from starlette.websockets import WebSocketDisconnect

from gateway.api.body_limit import BodyLimit
from gateway.api.guard import LoopbackGuard
from gateway.api.paths import OneSpelling, one_spelling
from gateway.api.versions import ClientVersions, VersionPolicy


async def _echo(request: Request) -> Response:
    body = await request.body()
    return JSONResponse({"path": request.url.path, "size": len(body)})


def _client(*middleware: Middleware) -> TestClient:
    routes = [Route("/{rest:path}", _echo, methods=["GET", "POST", "DELETE"])]
    return TestClient(Starlette(routes=routes, middleware=list(middleware)), base_url="http://localhost:8000")


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("//api/pool_quota", "/api/pool_quota"),
        ("/api//workflow///a-1", "/api/workflow/a-1"),
        ("/api/workflow/", "/api/workflow"),
        ("/", "/"),
        ("///", "/"),
    ],
)
def test_runs_of_slashes_are_collapsed(written: str, path: str) -> None:
    """api.md §1.1: collapse runs of slashes before routing."""
    assert one_spelling(written) == path


@pytest.mark.parametrize("target", ["/api/workflow/a%2Fb", "/api/workflow/a%2fb", "/api/%00", "/api/x?name=%00"])
def test_encoded_separators_and_nul_are_refused(target: str) -> None:
    reply = _client(Middleware(OneSpelling)).get(target)
    assert reply.status_code == 400
    assert reply.json()["error_code"] == "USER"


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 200),
        ("GET", {"host": "127.0.0.1:9"}, 200),
        ("GET", {"host": "[::1]:9"}, 200),
        ("GET", {"host": "ours.example:80"}, 200),
        ("GET", {"host": "evil.example"}, 403),
        ("GET", {"host": "127.0.0.1.evil.example"}, 403),
        ("GET", {"host": ""}, 403),
        ("GET", {"origin": "http://evil.example"}, 200),
        ("POST", {}, 200),
        ("POST", {"origin": "http://localhost:8000"}, 200),
        ("POST", {"origin": "http://ours.example"}, 200),
        ("POST", {"origin": "http://evil.example"}, 403),
        ("POST", {"origin": "null"}, 403),
        ("POST", {"sec-fetch-site": "cross-site"}, 403),
        ("POST", {"sec-fetch-site": "same-origin"}, 200),
        ("DELETE", {"origin": "https://evil.example"}, 403),
    ],
)
def test_foreign_pages_are_kept_away(method: str, headers: dict[str, str], status: int) -> None:
    client = _client(Middleware(LoopbackGuard, allowed_hosts=("ours.example",)))
    assert client.request(method, "/x", headers=headers).status_code == status


def test_a_body_at_the_limit_passes() -> None:
    assert _client(Middleware(BodyLimit, max_bytes=10)).post("/x", content=b"a" * 10).json()["size"] == 10


def test_a_declared_body_over_the_limit_is_refused() -> None:
    reply = _client(Middleware(BodyLimit, max_bytes=10)).post("/x", content=b"a" * 11)
    assert reply.status_code == 413
    assert "larger than 10 bytes" in reply.json()["message"]


def test_a_chunked_body_over_the_limit_is_refused() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"a" * 6
        yield b"a" * 6

    assert _client(Middleware(BodyLimit, max_bytes=10)).post("/x", content=chunks()).status_code == 413


POLICY = VersionPolicy(newest="6.4.0", oldest="6.0.0", install_url="https://example.com/install.sh")


def _versioned(policy: VersionPolicy = POLICY) -> TestClient:
    return _client(Middleware(ClientVersions, policy=lambda: policy))


def test_a_client_that_is_too_old_is_told_how_to_update() -> None:
    reply = _versioned().get("/x", headers={"x-osmo-client-version": "5.9.9"})
    assert reply.status_code == 400
    assert reply.json()["error_code"] == "OSMO_ERROR"
    assert "install.sh" in reply.json()["message"]


def test_an_older_client_is_warned_beside_the_reply() -> None:
    reply = _versioned().get("/x", headers={"x-osmo-client-version": "6.3.9"})
    assert reply.status_code == 200
    assert reply.headers["x-osmo-service-version"] == "6.4.0"
    warning = base64.b64decode(reply.headers["x-osmo-warning"]).decode()
    assert warning.startswith("WARNING: New client")
    assert "install.sh" in warning.splitlines()[-1]


@pytest.mark.parametrize("version", ["6.4.0", "6.4.1", "7.0.0", "6.4.0.abc", "six", "", "6.4", "1" * 5000])
def test_current_newer_and_malformed_versions_pass_silently(version: str) -> None:
    reply = _versioned().get("/x", headers={"x-osmo-client-version": version})
    assert reply.status_code == 200
    assert "x-osmo-warning" not in reply.headers


def test_client_paths_are_not_checked() -> None:
    assert _versioned().get("/client/version", headers={"x-osmo-client-version": "1.0.0"}).status_code == 200


def test_websockets_of_foreign_pages_are_closed() -> None:
    async def never(scope: object, receive: object, send: object) -> None:
        raise AssertionError("reached the application")

    app: ASGIApp = LoopbackGuard(never)
    client = TestClient(app, base_url="http://localhost")
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        client.websocket_connect("/x", headers={"origin": "http://evil.example"}),
    ):
        pass
    assert refused.value.code == 1008


def test_text_replies_pass_unchanged() -> None:
    async def text(_request: Request) -> Response:
        return PlainTextResponse("ok")

    app = Starlette(routes=[Route("/", text)], middleware=[Middleware(OneSpelling), Middleware(LoopbackGuard)])
    assert TestClient(app, base_url="http://localhost").get("/").text == "ok"
