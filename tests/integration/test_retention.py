"""Retention on a directory and on a real S3 server: what is due goes, all else stays, whatever interrupts it."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.mirror.clock import VirtualClock
from gateway.services.errors import Forbidden
from gateway.services.identity import ADMIN_ROLE, Caller
from gateway.services.intermediate import IntermediateData
from gateway.services.retention import Retention
from pools.config import parse_config
from runtime.passport import OURS, Bearer
from storage.lanes import NEVER
from tests.e2e.shelves import Shelves
from tests.integration.api_support import one_task, running_api
from tests.object_store import S3Server
from tests.workplace import Workplace, group, lines_of, plan, workplace
from translator.lifecycle.words import WorkflowStatus
from translator.plan.model import Plan, TaskInput, TaskName, WorkflowId

ADMIN = Caller(user="root", roles=(ADMIN_ROLE,))
RULES = "{rules: [{name: week, pools: [default], data_after: 7d, logs_after: 14d, workflows_after: 30d}]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A gateway without HTTP, a place of intermediate data, and its retention, with a clock that rings for nobody."""

    place: Workplace
    clock: VirtualClock
    shelves: Shelves
    data: str
    retention: Retention

    def ended(self, number: int, **fields: Any) -> Plan:
        """A workflow `wf-<number>` with task `a` that ended, and its data of 3 objects."""
        made = plan(group("a"), number=number, **fields)
        self.place.submit_plan(made)
        self.place.advance(1)
        self.clock.advance(timedelta(seconds=1))
        self.shelves.put(f"{self.data}/{made.workflow_id}/a/f", "12345")
        self.shelves.put(f"{self.data}/{made.workflow_id}/a/d/g", "1")
        self.passport(made, made.workflow_uuid)
        return made

    def passport(self, of: Plan, owner: str) -> None:
        """A passport as the task leaves it."""
        bearer = Bearer(
            workflow_id=of.workflow_id,
            workflow_uuid=owner,
            group="a-group",
            task="a",
            task_uuid="",
            retry_id=0,
            image="i",
        )
        text = msgspec.json.encode(bearer.passport((), complete=True)).decode()
        self.shelves.put(f"{self.data}/{of.workflow_id}/{OURS}/passports/a/0.json", text)

    def left(self) -> list[str]:
        """What is in the place, by path."""
        return sorted(self.shelves.below(self.data))

    def pass_days(self, days: float) -> None:
        """Let time go by."""
        self.clock.advance(timedelta(days=days))


@contextmanager
def staged(home: Path, s3: S3Server | None, rules: str = RULES) -> Iterator[Stage]:
    """A stage."""
    shelves = Shelves(s3)
    data = shelves.place(home, on_s3=s3 is not None)
    key = None if s3 is None else msgspec.structs.replace(s3.credential(), endpoint=data)
    config = parse_config({"c.yaml": f"workflow: {{retention: {rules}}}".encode()})
    with workplace(home) as place:
        clock = VirtualClock(place.clock.now())
        retention = Retention(
            store=place.store,
            logs=place.logs,
            clock=clock,
            config=lambda: config,
            data=IntermediateData(here=data, key=key),
        )
        yield Stage(place=place, clock=clock, shelves=shelves, data=data, retention=retention)


@pytest.fixture(params=["directory", pytest.param("s3", marks=pytest.mark.xdist_group("s3"))])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """A stage on either kind of store."""
    server = request.getfixturevalue("s3") if request.param == "s3" else None
    with staged(tmp_path, server) as made:
        yield made


def test_what_is_due_goes_and_all_else_stays(stage: Stage) -> None:
    """Never anything outside of what our own workflows wrote."""
    old = stage.ended(1)
    neighbours = ["wf-10/a/f", "wf-1/b/f", "wf-1/af", "others/f", "wf-1f"]
    for name in neighbours:
        stage.shelves.put(f"{stage.data}/{name}", "x")
    stage.ended(2, pool="other")
    stage.place.advance(3600)
    young = stage.ended(3)
    stage.pass_days(7)
    before = stage.left()
    preview = stage.retention.preview(ADMIN, 10)
    assert [(entry.workflow_id, entry.rule, entry.objects, entry.data) for entry in preview.workflows] == [
        (old.workflow_id, "week", 3, True)
    ]
    assert stage.left() == before
    done = stage.retention.apply(ADMIN, 10)
    assert [entry.model_dump() for entry in done.workflows] == [entry.model_dump() for entry in preview.workflows]
    gone = {name for name in before if name.startswith(("wf-1/a/", f"wf-1/{OURS}/"))}
    assert len(gone) == 3
    assert stage.left() == sorted(set(before) - gone)
    assert not stage.retention.apply(ADMIN, 10).workflows
    assert stage.place.record(young.workflow_uuid).status is WorkflowStatus.COMPLETED


def test_logs_and_records_go_in_their_time(stage: Stage) -> None:
    made = stage.ended(1)
    stage.pass_days(14)
    report = stage.retention.sweep(NEVER)
    assert [(entry.data, entry.logs, entry.record) for entry in report.workflows] == [(True, True, False)]
    assert lines_of(stage.place.logs, made.workflow_uuid) == []
    assert stage.place.record(made.workflow_uuid).status is WorkflowStatus.COMPLETED
    stage.pass_days(16)
    assert [entry.record for entry in stage.retention.sweep(NEVER).workflows] == [True]
    with stage.place.store.reading() as reads:
        assert reads.workflow(made.workflow_id) is None
    assert stage.left() == []


def test_what_an_unfinished_workflow_reads_is_kept(stage: Stage) -> None:
    """§2.7 WORKFLOW_ID:NAME: data of an earlier workflow."""
    old = stage.ended(1)
    reader = plan(group("r"), number=2)
    task = msgspec.structs.replace(
        reader.groups[0].tasks[0],
        inputs=(TaskInput(index=0, task=TaskName("a"), workflow_id=WorkflowId(old.workflow_id)),),
        environment={"DUMMY_STAYS": "1"},
    )
    waiting = msgspec.structs.replace(reader, groups=(msgspec.structs.replace(reader.groups[0], tasks=(task,)),))
    stage.place.submit_plan(waiting, instance=None)
    stage.pass_days(40)
    report = stage.retention.sweep(NEVER)
    kept = next(entry for entry in report.workflows if entry.workflow_id == old.workflow_id)
    assert (kept.data, kept.record) == (False, False)
    assert "unfinished workflow reads" in kept.problem
    assert len(stage.left()) == 3


def test_data_of_another_workflow_of_the_same_id_is_kept(stage: Stage) -> None:
    """Two gateways that share a place give the same ids."""
    made = stage.ended(1)
    stage.passport(made, uuid.uuid4().hex)
    stage.pass_days(8)
    entry = stage.retention.sweep(NEVER).workflows[0]
    assert not entry.data
    assert "another workflow of this id" in entry.problem
    assert len(stage.left()) == 3


def test_only_administrators_may(stage: Stage) -> None:
    with pytest.raises(Forbidden):
        stage.retention.preview(Caller(user="anybody"), 1)
    with pytest.raises(Forbidden):
        stage.retention.apply(Caller(user="anybody"), 1)


@pytest.mark.parametrize("killed_at", ["remove:1", "remove:2", "note_data_removed", "logs", "note_logs_removed"])
def test_a_kill_in_between_is_made_good_by_the_next(tmp_path: Path, killed_at: str) -> None:
    with staged(tmp_path, None) as stage:
        stage.ended(1)
        stage.shelves.put(f"{stage.data}/kept", "x")
        stage.pass_days(15)
        now = stage.clock.now().isoformat()
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.integration.retention_child",
                str(tmp_path),
                stage.data,
                now,
                RULES,
                killed_at,
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert done.returncode == -9, done.stderr
        stage.retention.sweep(NEVER)
        assert stage.left() == ["kept"]
        assert not stage.retention.sweep(NEVER).workflows


def test_rest(tmp_path: Path) -> None:
    config = """
backends: {local: {engine: local}}
pools: {default: {backend: local, strict: false, default_platform: default, platforms: {default: {}}}}
workflow: {retention: {rules: [{labels: {tmp: "*"}, logs_after: 1h}]}}
"""
    with running_api(tmp_path, config=config) as api:
        temporary, kept = api.accepted(one_task(log="hello"), label="tmp=yes"), api.accepted(one_task(log="hello"))
        api.pass_time(60)
        api.pass_time(3600)
        found = api.get("/api/argosmo/v1/retention").raise_for_status().json()
        assert (found["dry_run"], [entry["workflow_id"] for entry in found["workflows"]]) == (True, [temporary])
        assert "hello" in api.get(f"/api/workflow/{temporary}/logs").text
        done = api.post("/api/argosmo/v1/retention").raise_for_status().json()
        assert (done["dry_run"], done["more"]) == (False, False)
        assert "hello" not in api.get(f"/api/workflow/{temporary}/logs").text
        assert "hello" in api.get(f"/api/workflow/{kept}/logs").text
        assert not api.post("/api/argosmo/v1/retention").json()["workflows"]
