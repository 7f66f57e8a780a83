"""How replies become exit codes and messages. Source: api.md §1.5, table "How the client maps replies"."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from cli.login_file import DevLogin, Login, write_login
from cli.main import main
from tests.unit.cli.gateway_stub import Answer, GatewayStub


def refusal(error_code: str, status: int = 400) -> Answer:
    """OSMO's error body."""
    body = {"message": "bad thing", "error_code": error_code, "workflow_id": "hello"}
    return Answer(status=status, body=json.dumps(body).encode())


@pytest.mark.parametrize(
    ("answer", "exit_code", "shown"),
    [
        (refusal("USAGE"), 1, "bad thing"),
        (refusal("RESOURCE"), 1, "bad thing"),
        (refusal("CREDENTIAL"), 2, "bad thing"),
        (refusal("USER"), 2, "bad thing"),
        (refusal("DATABASE"), 2, "bad thing"),
        (refusal("USER", 429), 75, "bad thing"),
        (Answer(status=401, body=b"Jwt is expired", headers={"Content-Type": "text/plain"}), 2, "Jwt is expired"),
        (Answer(status=422, body=b'{"detail": [{"msg": "wrong"}]}'), 2, '{"detail": [{"msg": "wrong"}]}'),
        (Answer(status=500, body=b'{"message": "Internal server error: x"}'), 10, "Internal server error: x"),
        (Answer(status=200, body=b"<html>"), 10, "is not JSON"),
        (Answer(status=200, body=b""), 10, "is not JSON"),
        (Answer(status=200, body=b'{"tags": 5}'), 10, "not what was expected"),
        (Answer(status=302, headers={"Location": "https://elsewhere"}), 10, "https://elsewhere"),
    ],
)
def test_exit_codes(
    gateway: GatewayStub, capsys: pytest.CaptureFixture[str], answer: Answer, exit_code: int, shown: str
) -> None:
    """One row of the table each; errors go to standard output, as `Error message` and `Error code`."""
    gateway.on("GET /api/tag", answer)
    assert main(["workflow", "tag"]) == exit_code
    printed = capsys.readouterr().out
    assert printed.startswith("Error message: ")
    assert shown in printed


@pytest.mark.parametrize(("error_code", "exit_code"), [("USAGE", 1), ("RESOURCE", 1), ("CREDENTIAL", 1), ("USER", 2)])
def test_refused_submission(
    gateway: GatewayStub, capsys: pytest.CaptureFixture[str], error_code: str, exit_code: int
) -> None:
    """Submission errors and wrapped credential errors exit 1, with the workflow's name before the message."""
    gateway.on("POST /api/pool/default/workflow", refusal(error_code))
    assert main(["workflow", "submit", "hello-1", "-p", "default"]) == exit_code
    printed = capsys.readouterr().out
    assert ("Workflow hello submit failed:" in printed) == (exit_code == 1)
    assert "bad thing" in printed


def test_error_as_json(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """`{"message": ..., "code": N}` when `--format-type json` was given."""
    gateway.on("GET /api/workflow/hello-1", refusal("DATABASE"))
    assert main(["workflow", "query", "hello-1", "--format-type", "json"]) == 2
    assert json.loads(capsys.readouterr().out) == {"message": "bad thing", "code": 400}


def test_server_error_shows_headers_and_body(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """5xx: prints status, all headers, body."""
    gateway.on("GET /api/tag", Answer(status=503, body=b"upstream is away", headers={"x-trace": "42"}))
    main(["workflow", "tag"])
    printed = capsys.readouterr().out
    assert "503" in printed
    assert "x-trace: 42" in printed
    assert "upstream is away" in printed


def test_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    """Connection refused: exit 10, and how to start a server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    write_login(Login(url=f"http://127.0.0.1:{port}", name="alice", identity=DevLogin(username="alice")))
    assert main(["workflow", "list"]) == 10
    assert "argosmo serve" in capsys.readouterr().out


def test_other_success_is_told_and_accepted(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """201 with null worked but printed a status line."""
    gateway.on("POST /api/workflow/hello-1/tag", Answer(status=201))
    assert main(["workflow", "tag", "-w", "hello-1", "-a", "x"]) == 0
    assert "Server responded with status code 201" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "exit_code"), [(Answer(status=401, body=b"Jwt is missing"), 0), (Answer(status=500, body=b"{}"), 10)]
)
def test_version_swallows_4xx(gateway: GatewayStub, answer: Answer, exit_code: int) -> None:
    """`version` swallows 4xx but not 5xx."""
    gateway.on("GET /api/version", answer)
    assert main(["version"]) == exit_code


@pytest.mark.parametrize(
    "words",
    [
        "workflow list -c 0",
        "workflow list -s DONE",
        "workflow list --submitted-after yesterday",
        "workflow submit x.yaml --set novalue",
        "workflow submit x.yaml --priority urgent",
        "workflow logs a-1 -n many",
        "workflow",
        "no-such-command",
        "workflow list --cou 3",
    ],
)
def test_wrong_use(capsys: pytest.CaptureFixture[str], words: str) -> None:
    """Wrong use: exit 2, and what was expected on standard error."""
    assert main(words.split()) == 2
    assert "error:" in capsys.readouterr().err


def test_missing_file(gateway: GatewayStub, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is said so, before any request."""
    assert main(["workflow", "submit", "absent.yaml", "-p", "default"]) == 2
    assert "absent.yaml does not exist" in capsys.readouterr().out
    assert gateway.lines == []


def test_values_do_not_go_with_an_id(gateway: GatewayStub) -> None:
    """Resubmit by id; then no `--dry-run`, `--set*`."""
    assert main(["workflow", "submit", "hello-1", "-p", "default", "--set", "a=1"]) == 2
    assert gateway.lines == []


def test_unexpected_error_has_no_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a traceback for a user; with --debug there is one."""
    monkeypatch.setattr("cli.logout.remove_login", lambda: 1 / 0)
    assert main(["logout"]) == 1
    plain = capsys.readouterr().err
    assert "ZeroDivisionError" in plain
    assert "Traceback" not in plain
    assert main(["--debug", "logout"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_interrupt(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends a command with 130 and one line."""

    def interrupted() -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.logout.remove_login", interrupted)
    assert main(["logout"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_unusable_login_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged login file is named, with the way out."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "login.yaml").write_text("url: [")
    assert main(["workflow", "list"]) == 2
    assert "Log in again" in capsys.readouterr().out
