"""Logging in, and what is kept of it. Source: api.md §4, Appendix A."""

from __future__ import annotations

import base64
import getpass
import json
import stat
from pathlib import Path

import pytest
import yaml

from cli.login_file import DEFAULT_URL, DevLogin, current_login, read_login
from cli.main import main
from tests.unit.cli.gateway_stub import Answer, GatewayStub, Request, serving

LATER = 4_000_000_000
EARLIER = 1_000_000_000


def jwt(expires: int, **claims: str) -> str:
    """A token of the right shape; nobody here checks the signature."""
    payload = base64.urlsafe_b64encode(json.dumps({"exp": expires, **claims}).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


def stored(tmp_path: Path) -> dict[str, object]:
    """login.yaml as a value."""
    document = yaml.safe_load((tmp_path / "config" / "login.yaml").read_text())
    assert isinstance(document, dict)
    return document


def test_dev_asks_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`login http://H --method dev --username alice`: no request. Exit 0, "Welcome alice."."""
    assert main(["login", "http://gateway.invalid/", "--method", "dev", "--username", "alice"]) == 0
    assert capsys.readouterr().out == "Successfully logged in. Welcome alice.\n"
    assert stored(tmp_path) == {
        "url": "http://gateway.invalid",
        "name": "alice",
        "osmo_token": False,
        "dev_login": {"username": "alice"},
    }
    mode = stat.S_IMODE((tmp_path / "config" / "login.yaml").stat().st_mode)
    assert mode == 0o600


def test_token_is_exchanged(gateway: GatewayStub, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """POST /api/auth/jwt/access_token (no version header, no identity); later requests carry the JWT."""
    token = jwt(LATER, name="Alice A.")
    gateway.on("POST /api/auth/jwt/access_token", {"token": token, "expires_at": LATER})
    gateway.on("GET /api/tag", {"tags": []})
    assert main(["login", gateway.url, "--method", "token", "--token", "A" * 43]) == 0
    assert "Welcome Alice A." in capsys.readouterr().out
    main(["workflow", "tag"])
    exchange, tags = gateway.requests
    assert exchange.json == {"token": "A" * 43}
    assert not {"x-osmo-client-version", "x-osmo-user", "authorization"} & set(exchange.headers)
    assert tags.headers["authorization"] == f"Bearer {token}"
    assert stored(tmp_path)["osmo_token"] is True


def test_expired_token_is_exchanged_again(gateway: GatewayStub) -> None:
    """With a JWT that had expired, the next command first repeats the POST, then sends its request with the new one."""
    fresh = jwt(LATER)
    gateway.on("POST /api/auth/jwt/access_token", {"token": jwt(EARLIER)})
    gateway.on("POST /api/auth/jwt/access_token", {"token": fresh})
    gateway.on("GET /api/tag", {"tags": []})
    main(["login", gateway.url, "--token", "A" * 43])
    assert main(["workflow", "tag"]) == 0
    assert main(["workflow", "tag"]) == 0
    posts = [request for request in gateway.requests if request.method == "POST"]
    bearers = [request.headers["authorization"] for request in gateway.requests if request.method == "GET"]
    assert len(posts) == 2
    assert bearers == [f"Bearer {fresh}"] * 2


def test_refused_token(gateway: GatewayStub, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A refused token leaves the login as it was."""
    before = stored(tmp_path)
    body = b'{"message": "Token is unknown", "error_code": "USER", "workflow_id": null}'
    gateway.on("POST /api/auth/jwt/access_token", Answer(status=400, body=body))
    assert main(["login", gateway.url, "--token", "B" * 43]) == 10
    assert "Token is unknown" in capsys.readouterr().out
    assert stored(tmp_path) == before


def test_token_file(gateway: GatewayStub, tmp_path: Path) -> None:
    """The token may stand in a file."""
    gateway.on("POST /api/auth/jwt/access_token", {"token": jwt(LATER)})
    (tmp_path / "token").write_text("C" * 43 + "\n")
    assert main(["login", gateway.url, "--token-file", str(tmp_path / "token")]) == 0
    assert gateway.requests[0].json == {"token": "C" * 43}


def test_without_method_the_server_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """A server without authentication gets a dev login under the name of the system's user."""
    with serving() as stub:
        stub.on("GET /api/auth/login", {"device_endpoint": None, "browser_endpoint": None})
        assert main(["login", stub.url]) == 0
    assert f"Welcome {getpass.getuser()}." in capsys.readouterr().out
    assert set(_identity_headers(stub.requests[0])) == set()


def test_a_server_that_wants_a_browser(capsys: pytest.CaptureFixture[str]) -> None:
    """What is not supported is said, with what is."""
    with serving() as stub:
        stub.on("GET /api/auth/login", {"device_endpoint": "https://idp/device", "browser_endpoint": "https://idp"})
        assert main(["login", stub.url]) == 2
    assert "--token" in capsys.readouterr().out


@pytest.mark.parametrize("method", ["pkce", "code", "password"])
def test_methods_not_supported(capsys: pytest.CaptureFixture[str], method: str) -> None:
    """Others say clearly what is supported."""
    assert main(["login", "http://gateway.invalid", "--method", method]) == 2
    assert "Supported: dev" in capsys.readouterr().out


@pytest.mark.parametrize("url", ["gateway:8000", "ftp://gateway", "http://"])
def test_addresses(capsys: pytest.CaptureFixture[str], url: str) -> None:
    """The URL must be http or https."""
    assert main(["login", url, "--method", "dev"]) == 2
    assert "Expected an address" in capsys.readouterr().out


def test_url_defaults_to_the_last_one(gateway: GatewayStub) -> None:
    """URL defaults to the last one."""
    assert main(["login", "--method", "dev", "--username", "bob"]) == 0
    login = read_login()
    assert login is not None
    assert (login.url, login.identity) == (gateway.url, DevLogin(username="bob"))


def test_never_logged_in() -> None:
    """Without a login: the server that `argosmo serve` starts, and the system's user."""
    login = current_login()
    assert login.url == DEFAULT_URL == "http://127.0.0.1:8000"
    assert login.identity == DevLogin(username=getpass.getuser())


def test_logout_is_local(gateway: GatewayStub) -> None:
    """`logout` deletes login.yaml locally; no request."""
    assert main(["logout"]) == 0
    assert read_login() is None
    assert main(["logout"]) == 0
    assert gateway.requests == []


def test_xdg_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files stand under $XDG_CONFIG_HOME/argosmo, apart from an osmo client's."""
    monkeypatch.delenv("ARGOSMO_CONFIG_DIR")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    main(["login", "http://gateway.invalid", "--method", "dev"])
    assert (tmp_path / "xdg" / "argosmo" / "login.yaml").exists()


def _identity_headers(request: Request) -> list[str]:
    return [name for name in request.headers if name.startswith("x-osmo") or name == "authorization"]
