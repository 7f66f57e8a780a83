"""A whole gateway for tests of REST: real store and logs in a directory, the dummy runner, a clock moved by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from httpx import Response
from starlette.testclient import TestClient

from gateway.log_setup import set_up_logging
from gateway.main import Gateway, build, create_app
from gateway.mirror.clock import VirtualClock
from gateway.ports.runner import Runner
from gateway.runners.dummy import DummyRunner
from gateway.settings import LogFormat, LogLevel, settings_from

BASE = "http://localhost:8000"
START = datetime(2026, 2, 12, 8, 38, 57, 123456)
# A backend of this name has no runner.
UNREACHED = "far"
HELLO = """\
workflow:
  name: hello
  tasks:
  - name: hello
    image: ubuntu:24.04
    command: [echo]
    args: [Hello from OSMO!]
    environment: {DUMMY_LOG: Hello from OSMO!}
"""


def one_task(name: str = "job", **environment: str) -> str:
    """A workflow of one task, which the dummy runner plays as the environment says (`exit_code`, `stays` …)."""
    played = {f"DUMMY_{key.upper()}": value for key, value in environment.items()}
    return f"""\
workflow:
  name: {name}
  tasks:
  - name: {name}
    image: ubuntu:24.04
    command: [echo]
    environment: {json.dumps(played)}
"""


class Api:
    """The gateway under test, as a client sees it."""

    def __init__(self, gateway: Gateway, clock: VirtualClock, client: TestClient) -> None:
        self.gateway = gateway
        self.clock = clock
        self.client = client

    def get(self, path: str, user: str = "", **params: Any) -> Response:
        """GET with a query; None is left out."""
        reply: Response = self.client.get(path, params=_given(params) or None, headers=_named(user))
        return reply

    def post(self, path: str, json: object = None, user: str = "", **params: Any) -> Response:
        """POST with a query and perhaps a body, as OSMO's client does: JSON type also without a body."""
        headers = {"content-type": "application/json", **_named(user)}
        body = {} if json is None else {"json": json}
        reply: Response = self.client.post(path, params=_given(params) or None, headers=headers, **body)
        return reply

    def submit(self, text: str = HELLO, *, pool: str = "default", user: str = "", **params: Any) -> Response:
        """Submit a file, and wait until the mirror has nothing left to do."""
        reply = self.post(f"/api/pool/{pool}/workflow", {"file": text}, user, **params)
        self.settle()
        return reply

    def accepted(self, text: str = HELLO, **given: Any) -> str:
        """Submit a file that must be accepted; its workflow id."""
        reply = self.submit(text, **given)
        assert reply.status_code == 200, reply.text
        return str(reply.json()["name"])

    def workflow(self, workflow_id: str, **params: Any) -> dict[str, Any]:
        """The detail of a workflow."""
        reply = self.get(f"/api/workflow/{workflow_id}", **params)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    def listed(self, **params: Any) -> list[str]:
        """The ids of a list over all users and pools."""
        reply = self.get("/api/workflow", all_users="True", all_pools="True", **params)
        assert reply.status_code == 200, reply.text
        return [entry["name"] for entry in reply.json()["workflows"]]

    def end_streams(self) -> None:
        """What the server does first when it is told to stop."""
        assert self.client.portal is not None
        self.client.portal.call(self.gateway.context.streams.end_all)

    def settle(self) -> None:
        """Wait until everything that has happened is in the database."""
        assert self.gateway.mirror.settle(20)

    def pass_time(self, seconds: float) -> None:
        """Let time go by."""
        self.clock.advance(timedelta(seconds=seconds))
        self.settle()


@contextmanager
def running_api(directory: Path, *, config: str | None = None, **settings: object) -> Iterator[Api]:
    """A gateway that runs; `config` is the text of its only configuration file."""
    set_up_logging(LogLevel.ERROR, LogFormat.JSON)
    clock = VirtualClock(START)
    flags: dict[str, object] = {"data_dir": directory / "data", "user": "admin", **settings}
    if config is not None:
        files = directory / "config"
        files.mkdir()
        (files / "config.yaml").write_text(config)
        flags["config"] = files
    gateway = build(settings_from({}, flags), runner_of=lambda name, _backend: _runner(name, clock), clock=clock)
    try:
        gateway.start()
        with TestClient(create_app(gateway), base_url=BASE, raise_server_exceptions=False) as client:
            yield Api(gateway, clock, client)
    finally:
        gateway.stop()


def _runner(backend: str, clock: VirtualClock) -> Runner | None:
    return None if backend == UNREACHED else DummyRunner(clock)


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if value is not None}


def _named(user: str) -> dict[str, str]:
    return {"x-osmo-user": user} if user else {}
