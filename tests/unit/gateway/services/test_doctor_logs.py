"""What the doctor says of places of logs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from gateway.services.doctor_findings import Finding, Level
from gateway.services.doctor_logs import log_place_findings
from gateway.store.archive_health import backlog_findings
from gateway.store.session import open_store
from pools.config import parse_config
from tests.workplace import START, insert, plan


def found(settings: str) -> list[Finding]:
    """The findings of a configuration."""
    config = parse_config({"c.yaml": f"workflow: {{workflow_log: {settings}}}".encode()})
    return list(log_place_findings(config))


def test_without_a_place_logs_stay() -> None:
    (finding,) = found("{}")
    assert finding.level is Level.OK
    assert "stay in the data directory" in finding.found


def test_a_place_that_can_be_used_is_left_as_it_was(tmp_path: Path) -> None:
    (finding,) = found(f'{{credential: {{endpoint: "file://{tmp_path}/logs"}}}}')
    assert finding.level is Level.OK
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_places_that_cannot_be_used_are_told_apart(tmp_path: Path) -> None:
    blocked = tmp_path / "logs"
    blocked.write_text("in the way")
    closed = '{endpoint: "s3://bucket/x", override_url: "http://127.0.0.1:9", access_key_id: me, access_key: hunter2}'
    current, former, lost = found(
        f'{{credential: {{endpoint: "file://{blocked}"}}, former: [{{endpoint: "file://{tmp_path}/old"}}, {closed}]}}'
    )
    assert (current.level, former.level, lost.level) == (Level.PROBLEM, Level.OK, Level.WARNING)
    assert "workflow.workflow_log.credential" in current.advice
    assert "workflow.workflow_log.former" in lost.advice
    assert "hunter2" not in f"{current}{former}{lost}"


def test_logs_that_wait_are_said_with_the_reason(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'test.db'}"
    assert list(backlog_findings(url, START)) == []
    store = open_store(url)
    uuids = [insert(store, plan(number=number)) for number in (1, 2)]
    with store.writing() as writes:
        for uuid in uuids:
            writes.expect_archive(uuid, START)
    assert list(backlog_findings(url, START)) == []
    (late,) = backlog_findings(url, START + timedelta(hours=1))
    assert late.found == "2 logs wait since 2026-01-01 12:00 UTC to be brought to their place."
    with store.writing() as writes:
        for uuid in uuids:
            writes.note_archive_problem(uuid, "the bucket is away.")
    (wrong,) = backlog_findings(url, START)
    assert wrong.found.endswith("to their place: the bucket is away.")
    with store.writing() as writes:
        for uuid in uuids:
            writes.finish_archive(uuid, START)
    store.close()
    assert list(backlog_findings(url, START + timedelta(hours=1))) == []
    assert list(backlog_findings("nonsense", START)) == []
