"""Recorded watch streams of a real cluster, and the Plans of the runs that they show.

`tests/data/recordings/README.md` says what each of them is.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from translator.plan.model import (
    ExitAction,
    ExitRule,
    GroupName,
    GroupPlan,
    Plan,
    TaskName,
    TaskPlan,
    WorkflowId,
    WorkflowUuid,
)

ROOT = Path(__file__).parent.parent / "data" / "recordings"
SCENARIOS = sorted(path.name for path in ROOT.iterdir() if path.is_dir())
BACKEND = "cluster"

Kind = Literal["pods", "workflows"]


@dataclass(frozen=True)
class Event:
    """One event of a watch. Shape: `object` is the raw JSON of the object."""

    kind: Kind
    type: str
    version: int
    name: str
    object: bytes


@lru_cache(maxsize=64)
def lines(scenario: str, kind: Kind) -> tuple[bytes, ...]:
    """One stream of a recording as the server sent it, line by line."""
    return tuple(gzip.decompress((ROOT / scenario / f"{kind}.jsonl.gz").read_bytes()).splitlines())


@lru_cache(maxsize=64)
def stream(scenario: str, kind: Kind) -> tuple[Event, ...]:
    """One stream of a recording, as it came, without bookmarks."""
    events = []
    for line in lines(scenario, kind):
        event = json.loads(line)
        meta = event["object"]["metadata"]
        if event["type"] != "BOOKMARK":
            version = int(meta["resourceVersion"])
            raw = json.dumps(event["object"]).encode()
            events.append(Event(kind=kind, type=event["type"], version=version, name=meta["name"], object=raw))
    return tuple(events)


@lru_cache
def in_order(scenario: str) -> tuple[Event, ...]:
    """Both streams, merged by resource version."""
    both = [*stream(scenario, "workflows"), *stream(scenario, "pods")]
    return tuple(sorted(both, key=lambda event: event.version))


@lru_cache
def plan_of(scenario: str) -> Plan:
    """The Plan of the recorded run: what its labels and its graph say."""
    first = json.loads(stream(scenario, "workflows")[0].object)
    labels = first["metadata"]["labels"]
    uuid, workflow_id = labels["osmo.workflow_uuid"], labels.get("osmo.workflow_id", scenario)
    templates = {template["name"]: template for template in first["spec"]["templates"]}
    groups = []
    for entry in templates[first["spec"]["entrypoint"]].get("dag", {}).get("tasks", []):
        upstream = entry.get("depends", "").replace(".Succeeded", "").split(" && ") if entry.get("depends") else []
        members = templates[entry["template"]].get("dag", {}).get("tasks", [entry])
        tasks = tuple(_task(member, number) for number, member in enumerate(members) if _uuid(member))
        if tasks:
            groups.append(_group(entry["name"], tasks, upstream))
    return Plan(
        name=scenario,
        workflow_id=WorkflowId(workflow_id),
        workflow_uuid=WorkflowUuid(uuid),
        owner="jane",
        pool="default",
        backend=BACKEND,
        groups=tuple(groups),
    )


@lru_cache
def created_at(scenario: str) -> datetime:
    """When the run's Workflow was created."""
    text = json.loads(stream(scenario, "workflows")[0].object)["metadata"]["creationTimestamp"]
    return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None)


def _group(name: str, tasks: Sequence[TaskPlan], upstream: Sequence[str]) -> GroupPlan:
    return GroupPlan(
        name=GroupName(name), uuid=f"group-{name}", tasks=tuple(tasks), upstream=tuple(GroupName(up) for up in upstream)
    )


def _task(entry: Mapping[str, Any], number: int) -> TaskPlan:
    return TaskPlan(
        name=TaskName(entry["name"]),
        uuid=_uuid(entry),
        lead=number == 0,
        image="ubuntu:24.04",
        command=("true",),
        exit_rules=(ExitRule(action=ExitAction.RESCHEDULE, ranges=((3, 3),)),),
        max_retries=3,
    )


def _uuid(entry: Mapping[str, Any]) -> str:
    parameters = entry.get("arguments", {}).get("parameters", [])
    return next((str(one["value"]) for one in parameters if one["name"] == "task-uuid"), "")
