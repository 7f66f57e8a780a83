"""A gateway with a place of logs, as its clients see it: nothing is different, and what is wrong is said."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gateway.mirror.clock import VirtualClock
from gateway.ports.archive import ArchiveBacklog
from gateway.services.identity import ADMIN_ROLE, Caller
from gateway.services.retention import Retention
from tests.integration.api_support import Api, one_task, running_api
from tests.object_store import S3Server

ADMIN = Caller(user="root", roles=(ADMIN_ROLE,))
QUESTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("logs", {}),
    ("logs", {"last_n_lines": 1}),
    ("logs", {"task_name": "job"}),
    ("logs", {"task_name": "job", "last_n_lines": 1}),
    ("logs", {"query": "second"}),
    ("error_logs", {"task_name": "job"}),
    ("error_logs", {}),
    ("events", {}),
    ("spec", {}),
    ("spec", {"use_template": True}),
)
FAILING = one_task("job", log="first\nsecond\nthird", exit_code="3")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where logs go."""
    return tmp_path / "shared logs"


@pytest.fixture
def api(tmp_path: Path, place: Path) -> Iterator[Api]:
    """A gateway whose logs go there."""
    with running_api(tmp_path, config=config_of(place), follow_idle_seconds=0.2) as running:
        yield running


def config_of(place: Path) -> str:
    """A configuration with this place of logs."""
    return f"""\
workflow:
  workflow_log: {{credential: {{endpoint: "file://{place}", access_key_id: me, access_key: hunter2}}}}
  retention: {{rules: [{{logs_after: 7d, workflows_after: 30d}}]}}
"""


def replies(api: Api, workflow_id: str) -> list[str]:
    """What all questions get."""
    found = []
    for path, params in QUESTIONS:
        reply = api.get(f"/api/workflow/{workflow_id}/{path}", **params)
        assert reply.status_code == 200, reply.text
        found.append(reply.text)
    return found


def moved(api: Api) -> None:
    """Wait until nothing waits to be brought away."""
    assert api.gateway.archiver.wait_idle(20)
    assert backlog(api).logs == 0


def retention_of(api: Api) -> tuple[Retention, VirtualClock]:
    """Retention with a clock that rings for nobody, so that days cost nothing."""
    clock = VirtualClock(api.clock.now())
    return replace(api.gateway.services.retention, clock=clock), clock


def test_clients_see_no_difference(api: Api, tmp_path: Path, place: Path) -> None:
    workflow_id = api.accepted(FAILING)
    before = replies(api, workflow_id)
    assert "second" in before[0]
    moved(api)
    local = tmp_path / "data" / "logs"
    assert [path for path in local.rglob("*") if path.is_file()] == []
    assert replies(api, workflow_id) == before
    (directory,) = (place / workflow_id).iterdir()
    assert sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()) == [
        "events.txt",
        "log/000001.gz",
        "spec.yaml",
        "tasks/job/0/log.gz",
    ]
    assert (directory / "spec.yaml").read_text() == before[-2]


@pytest.mark.xdist_group("s3")
def test_clients_see_no_difference_on_s3(tmp_path: Path, s3: S3Server) -> None:
    key, prefix = s3.credential(), uuid4().hex
    config = f"""\
workflow:
  workflow_log:
    credential:
      endpoint: "s3://{s3.bucket}/{prefix}/"
      override_url: "{key.override_url}"
      addressing_style: path
      access_key_id: {key.access_key_id}
      access_key: {key.access_key}
"""
    with running_api(tmp_path, config=config, follow_idle_seconds=0.2) as api:
        workflow_id = api.accepted(FAILING)
        before = replies(api, workflow_id)
        moved(api)
        assert replies(api, workflow_id) == before
        assert not [path for path in (tmp_path / "data" / "logs").rglob("*") if path.is_file()]
        assert len(s3.keys(f"{prefix}/{workflow_id}/")) == 4


def test_a_workflow_without_a_line_goes_there_too(api: Api, place: Path) -> None:
    workflow_id = api.accepted(one_task("silent"))
    before = api.get(f"/api/workflow/{workflow_id}/logs").text
    moved(api)
    (directory,) = (place / workflow_id).iterdir()
    assert sorted(path.name for path in directory.iterdir()) == ["events.txt", "spec.yaml"]
    assert api.get(f"/api/workflow/{workflow_id}/logs").text == before


def test_the_log_of_an_attempt_goes_there_when_it_has_ended(api: Api, place: Path) -> None:
    """The workflow still runs."""
    workflow_id = api.accepted(
        """\
workflow:
  name: two
  tasks:
  - {name: first, image: ubuntu:24.04, command: [echo], environment: {DUMMY_LOG: done}}
  - {name: second, image: ubuntu:24.04, command: [echo], inputs: [{task: first}], environment: {DUMMY_SECONDS: "100"}}
"""
    )
    deadline = time.monotonic() + 20
    while not list(place.glob(f"{workflow_id}/*/tasks/first/0/log.gz")):
        assert time.monotonic() < deadline, list(place.rglob("*"))
        time.sleep(0.02)
    assert api.workflow(workflow_id)["status"] == "RUNNING"
    assert not list(place.glob(f"{workflow_id}/*/log"))
    assert "[first] done" in api.get(f"/api/workflow/{workflow_id}/logs", last_n_lines=10, task_name="first").text
    api.pass_time(200)
    moved(api)
    assert "[first] done" in api.get(f"/api/workflow/{workflow_id}/logs").text


def test_a_log_that_is_lost_is_404_with_what_to_do(api: Api, place: Path) -> None:
    workflow_id = api.accepted(FAILING)
    moved(api)
    for stored in place.rglob("*.gz"):
        stored.unlink()
    for path, params in (("logs", {}), ("logs", {"task_name": "job"}), ("error_logs", {"task_name": "job"})):
        reply = api.get(f"/api/workflow/{workflow_id}/{path}", **params)
        assert reply.status_code == 404, reply.text
        assert reply.json()["workflow_id"] == workflow_id
        assert "is there no more" in reply.json()["message"]


def test_a_place_that_is_away_is_503_and_not_forever(api: Api, place: Path) -> None:
    workflow_id = api.accepted(FAILING)
    moved(api)
    place.rename(place.parent / "away")
    place.write_text("in the way")
    reply = api.get(f"/api/workflow/{workflow_id}/logs")
    assert reply.status_code == 503
    assert "cannot be read now" in reply.json()["message"]
    place.unlink()
    (place.parent / "away").rename(place)
    assert "second" in api.get(f"/api/workflow/{workflow_id}/logs").text


def test_retention_removes_what_is_there(api: Api, place: Path) -> None:
    workflow_id = api.accepted(FAILING)
    moved(api)
    retention, clock = retention_of(api)
    assert retention.preview(ADMIN, 10).workflows == []
    clock.advance(timedelta(days=8))
    (entry,) = retention.preview(ADMIN, 10).workflows
    size = sum(path.stat().st_size for path in place.rglob("*.gz"))
    assert (entry.logs, entry.log_bytes, entry.record) == (True, size, False)
    assert list(place.rglob("*.gz"))
    assert retention.apply(ADMIN, 10).workflows == [entry]
    assert sorted(path.name for path in place.rglob("*") if path.is_file()) == ["events.txt", "spec.yaml"]
    assert "second" not in api.get(f"/api/workflow/{workflow_id}/logs").text
    clock.advance(timedelta(days=30))
    (entry,) = retention.apply(ADMIN, 10).workflows
    assert entry.record
    assert not entry.problem
    assert [path for path in place.rglob("*") if path.is_file()] == []


def test_retention_keeps_the_record_of_what_it_could_not_remove(api: Api, place: Path) -> None:
    workflow_id = api.accepted(FAILING)
    moved(api)
    retention, clock = retention_of(api)
    clock.advance(timedelta(days=40))
    place.rename(place.parent / "away")
    place.write_text("in the way")
    (entry,) = retention.apply(ADMIN, 10).workflows
    assert (entry.logs, entry.record) == (False, False)
    assert str(place) in entry.problem
    place.unlink()
    (place.parent / "away").rename(place)
    (entry,) = retention.apply(ADMIN, 10).workflows
    assert (entry.logs, entry.record) == (True, True)
    assert api.get(f"/api/workflow/{workflow_id}").status_code == 400


def test_the_key_is_shown_nowhere(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    api.accepted(FAILING)
    moved(api)
    shown = [api.get(path).text for path in ("/api/argosmo/v1/config/status", "/metrics")]
    assert "hunter2" not in "".join([*shown, repr(api.gateway.services.config.current()), *capfd.readouterr()])


def test_a_place_that_is_away_stops_nothing_and_gets_everything_later(api: Api, tmp_path: Path, place: Path) -> None:
    """ "Store not reachable: the mirror goes on, uploads are tried again, logs stay local and readable"."""
    place.write_text("in the way")
    names = [api.accepted(FAILING) for _ in range(3)]
    before = [replies(api, name) for name in names]
    deadline = time.monotonic() + 20
    while not backlog(api).problem:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert backlog(api).logs == 3
    assert str(place) in backlog(api).problem
    assert "argosmo_log_archives_waiting 3.0" in api.get("/metrics").text
    assert [replies(api, name) for name in names] == before
    place.unlink()
    moved(api)
    assert [replies(api, name) for name in names] == before
    assert sorted(path.name for path in place.iterdir()) == sorted(names)
    assert not [path for path in (tmp_path / "data" / "logs").rglob("*") if path.is_file()]


def test_what_a_gateway_leaves_the_next_one_brings_there(tmp_path: Path, place: Path) -> None:
    place.write_text("in the way")
    config = config_of(place)
    with running_api(tmp_path, config=config, follow_idle_seconds=0.2) as api:
        workflow_id = api.accepted(FAILING)
        before = replies(api, workflow_id)
        deadline = time.monotonic() + 20
        while not backlog(api).problem:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    place.unlink()
    (tmp_path / "config" / "config.yaml").unlink()
    (tmp_path / "config").rmdir()
    with running_api(tmp_path, config=config, follow_idle_seconds=0.2) as api:
        deadline = time.monotonic() + 20
        while backlog(api).logs:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert replies(api, workflow_id) == before


def test_a_log_that_one_gateway_brought_there_is_read_by_the_other(
    tmp_path: Path, place: Path, database_url: str
) -> None:
    """They share the database and the place, and no directory."""
    homes = [tmp_path / "one", tmp_path / "other"]
    for home in homes:
        home.mkdir()
    given: dict[str, Any] = {"config": config_of(place), "database": database_url, "follow_idle_seconds": 0.2}
    with running_api(homes[0], **given) as first, running_api(homes[1], **given) as second:
        workflow_id = first.accepted(FAILING)
        before = replies(first, workflow_id)
        moved(first)
        assert replies(second, workflow_id) == before
    assert not [path for home in homes for path in (home / "data" / "logs").rglob("*") if path.is_file()]


def backlog(api: Api) -> ArchiveBacklog:
    """What waits."""
    with api.gateway.store.reading() as reads:
        return reads.archive_backlog()
