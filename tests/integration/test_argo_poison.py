"""Poisoned objects: recordings damaged in every way, through feeds, observation, reducer and store.

Nothing stops, no exception leaves, what cannot be read is counted and logged once, and the healthy runs beside are
mirrored as if nothing were. `ARGOSMO_TEST_MUTATIONS` says how many damaged objects there are; `make test` takes fewer.
"""

from __future__ import annotations

import itertools
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.runners.argo import feed
from gateway.runners.argo.faults import Expired, TryAgain
from tests.fakes.heard_logs import heard_logs
from tests.fakes.observing import ObservingRunner
from tests.fakes.recordings import BACKEND, Event, in_order, plan_of
from tests.unit.argo.test_observe_recordings import ENDS
from tests.workplace import Workplace, workplace
from translator.lifecycle.words import TaskStatus, WorkflowStatus
from translator.plan.model import Plan, WorkflowId, WorkflowUuid

VARIABLE = "ARGOSMO_TEST_MUTATIONS"
HEALTHY = ("hello", "fan", "group", "failure", "oom", "deadline", "pod-deleted-running", "image-pull-backoff")
POISONED = ("hello", "group", "failure", "oom", "cancel", "pod-deleted-exit0", "image-missing", "deadline")
PAGE = 8

# The full run takes minutes.
pytestmark = pytest.mark.timeout(3600)

Json = Any
_VERSIONS = itertools.count(100_000)


def test_poisoned_objects_stop_nothing(tmp_path: Path) -> None:
    """>= 20,000 mutated recordings in the full run: mirror never stops."""
    poison(f"sqlite:///{tmp_path / 'test.db'}", tmp_path, count=int(os.environ.get(VARIABLE, "6000")), seed=1)


@pytest.mark.xdist_group("postgresql")
def test_the_same_on_postgresql(tmp_path: Path, postgres_emptied: str) -> None:
    poison(postgres_emptied, tmp_path, count=int(os.environ.get(VARIABLE, "1500")), seed=2)


def poison(url: str, home: Path, *, count: int, seed: int) -> None:
    """Play all healthy runs, with `count` damaged objects of other runs between their events."""
    chance = random.Random(seed)
    runner = ObservingRunner()
    healthy = [event for scenario in HEALTHY for event in in_order(scenario)]
    every = max(1, count // len(healthy))
    with heard_logs(feed) as logs, workplace(home, url=url, runners={BACKEND: runner}) as place:
        submitted = [place.submit_plan(_named(plan_of(scenario), scenario)) for scenario in HEALTHY]
        submitted += [place.submit_plan(poisoned_plan(scenario)) for scenario in POISONED]
        waiting = iter(healthy)
        for number, (kind, data) in enumerate(damaged(chance, count)):
            if number % every == 0 and (event := next(waiting, None)) is not None:
                tell(runner, event.kind, event.type, event.object)
            tell(runner, kind, chance.choice(("ADDED", "MODIFIED", "MODIFIED", "MODIFIED", "DELETED")), data)
            if number % 100 == 0:
                tell_page(runner, kind, [data, *(one for _, one in damaged(chance, PAGE - 1))])
        for event in waiting:
            tell(runner, event.kind, event.type, event.object)
        runner.hand_on()
        place.settle()
        check(place, runner, logs, submitted)


def check(place: Workplace, runner: ObservingRunner, logs: list[Any], submitted: list[WorkflowUuid]) -> None:
    """All of it was borne, and the healthy are whole."""
    assert place.mirror.parked == {}
    assert place.mirror.lag_seconds == 0
    for scenario, uuid in zip(HEALTHY, submitted, strict=False):
        assert (scenario, *ends(place, uuid)) == (scenario, *ENDS[scenario])
    for uuid in submitted[len(HEALTHY) :]:
        assert place.state(uuid) is not None
    complaints = [entry for entry in logs if entry["log_level"] in ("error", "critical")]
    assert {entry["event"] for entry in complaints} <= {"object not readable"}
    unreadable = sum(feed.counts["unreadable"] for feed in runner.feeds.values())
    # What is no event or no list at all is told by what is raised, not by the log.
    assert len(complaints) == unreadable - sum(feed.counts["no event"] for feed in runner.feeds.values())
    assert unreadable > 0
    # Seen again unchanged, they are not counted again; those without a version only while they are remembered.
    seen = [
        (entry["path"], entry["name"], entry["version"])
        for entry in complaints
        if entry["version"].isdigit() and len(entry["version"]) == 6
    ]
    assert [key for key, times in Counter(seen).items() if times > 1] == []


def ends(place: Workplace, uuid: WorkflowUuid) -> tuple[WorkflowStatus, dict[str, tuple[TaskStatus, int | None]]]:
    """How a run ended, as its rows say."""
    state = place.state(uuid)
    return state.status, {name: (tries[-1].status, tries[-1].exit_code) for name, tries in state.attempts.items()}


def tell(runner: ObservingRunner, kind: str, type_: str, data: bytes) -> None:
    """Send one event; the only fault that may leave is that it is none, or what the server itself calls one."""
    try:
        runner.feeds[kind].event(b'{"type":"%s","object":%s}' % (type_.encode(), data))
    except Expired:
        return


def tell_page(runner: ObservingRunner, kind: str, items: list[bytes]) -> None:
    """Send a page of a list; the same twice, as a list after a list does."""
    for _ in range(2):
        try:
            page = runner.feeds[kind].page(b'{"metadata":{"resourceVersion":"7"},"items":[%s]}' % b",".join(items))
        except TryAgain:
            return
        assert page.version == "7"


def damaged(chance: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Objects of the poisoned runs, each damaged in one to four ways."""
    for _ in range(count):
        scenario = chance.choice(POISONED)
        event = chance.choice(in_order(scenario))
        value = json.loads(_slim(event).replace(*_other_uuid(scenario)))
        # Newer than all before, else most would be left out as old.
        value["metadata"]["resourceVersion"] = str(next(_VERSIONS))
        for _damage in range(chance.randint(1, 4)):
            value = spoiled(value, chance)
        data = json.dumps(value).encode()
        yield event.kind, chance.choice(BYTES)(data, chance) if chance.random() < 0.05 else data


def spoiled(value: Json, chance: random.Random, depth: int = 0) -> Json:
    """The value with one thing in it changed, anywhere."""
    is_kept = chance.random() < (0.99, 0.97, 0.9)[min(depth, 2)]
    if isinstance(value, dict) and value and is_kept:
        key = chance.choice(sorted(value))
        fate = chance.random()
        if fate < 0.05:
            return {one: part for one, part in value.items() if one != key}
        if fate < 0.1:
            other = chance.choice(sorted(value))
            return {**value, key: value[other], other: value[key]}
        return {**value, key: spoiled(value[key], chance, depth + 1)}
    if isinstance(value, list) and value and is_kept:
        place = chance.randrange(len(value))
        if chance.random() < 0.1:
            return [*value[:place], *value[place + 1 :]]
        return [*value[:place], spoiled(value[place], chance, depth + 1), *value[place + 1 :]]
    return chance.choice(ODDITIES)


def _nested(depth: int) -> Json:
    value: Json = "deep"
    for level in range(depth):
        value = [value] if level % 2 else {"in": value}
    return value


ODDITIES: list[Json] = [
    None, True, False, 0, 1, -1, -(2**31), 2**31, 2**63, 2**64, -(2**63) - 1, 10**30, 1.5, -0.0, 1e308,
    "", " ", "0", "-1", "true", "null", "{}", "[]", "(3)", "(999999999)", "a\0b", "\ud83d", "\udc00x", "\u202eabc",
    "e\u0301" * 50, "\U0001f9e8" * 20, "x" * 20_000, "'; DROP TABLE tasks; --", "{{inputs.parameters.x}}", "%s%n",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-02-30T00:00:00Z", "2026-11-22T04:45:12",
    "2026-11-22T04:45:12.123456789Z", "1969-12-31T23:59:59Z", "yesterday", "2026-11-22",
    "Failed", "Succeeded", "Running", "Unknown", "Error", "Omitted", "Pending", "Evicted", "OOMKilled", "NodeLost",
    "ImagePullBackOff", "CreateContainerConfigError", "DeadlineExceeded", "OutOfcpu", "main", "osmo-ctrl", "osmo-init",
    '{"code":3,"phase":"x"}', '{"code":99999999999999,"phase":"finished"}',
    '{"code":-1,"phase":"finished","message":"\\u0000"}',
    '{"code":0,"phase":"finished","action":"251"}', "[" * 4096, "hello-1-4d71d03f",
    "H4sIAAAAAAAAA6uuBQBDv6ajAgAAAA==", "AAAA",
    [], {}, [[]], [None], {"": None}, [{}] * 30, {"name": "main"}, [1, "two", None], _nested(40), _nested(300),
]  # fmt: skip


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _not_utf8(data: bytes, chance: random.Random) -> bytes:
    place = data.find(b'"', chance.randrange(len(data))) + 1
    return data[:place] + b"\xff\xfe" + data[place:]


def _bottomless(data: bytes, chance: random.Random) -> bytes:
    depth = chance.choice((2_000, 20_000))
    return data[:-1] + b',"junk":' + b"[" * depth + b"]" * depth + b"}"


def _flipped(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]


BYTES: list[Callable[[bytes, random.Random], bytes]] = [_cut, _not_utf8, _bottomless, _flipped]


@cache
def _slim(event: Event) -> bytes:
    """The object without what is skipped anyhow, so that the damage meets what is read."""
    value = json.loads(event.object)
    for name in ("managedFields", "ownerReferences"):
        value["metadata"].pop(name, None)
    kept = ("nodeName", "suspend", "shutdown")
    value["spec"] = {key: part for key, part in value["spec"].items() if key in kept}
    return json.dumps(value).encode()


def poisoned_plan(scenario: str) -> Plan:
    """The Plan of the run that the damaged objects belong to."""
    plan = plan_of(scenario)
    uuid = plan.workflow_uuid.encode().replace(*_other_uuid(scenario)).decode()
    named = _named(plan, f"poisoned-{scenario}")
    return msgspec.structs.replace(named, workflow_uuid=WorkflowUuid(uuid))


def _named(plan: Plan, name: str) -> Plan:
    return msgspec.structs.replace(plan, name=name, workflow_id=WorkflowId(f"{name}-1"))


@cache
def _other_uuid(scenario: str) -> tuple[bytes, bytes]:
    uuid = plan_of(scenario).workflow_uuid.encode()
    return uuid, uuid[::-1]
