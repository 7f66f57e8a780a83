"""Watch events of many runs of 1, 10 and 100 nodes, made from the recordings of a real cluster.

A run of one node is the recording `cleanup` as it stands; larger ones have the nodes and pods of `fan` under other
names, in waves of at most fifty nodes, as a busy cluster shows them. What is the run's own in names and ids are eight
hex digits, so that one replacement makes the event of a run. Source: tests/data/recordings/README.md.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import msgspec

from tests.fakes.recordings import ROOT, plan_of
from translator.plan.model import (
    GroupName,
    GroupPlan,
    Plan,
    TaskName,
    WorkflowId,
    WorkflowUuid,
    decode,
    encode,
)

Kind = Literal["pods", "workflows"]
SIZES = (1, 10, 100)
_MARK = "5eed5eed"
_WAVE = 50
_BEGIN = b'"object":'
_UID = re.compile(rb'("uid":"[0-9a-f-]{28})[0-9a-f]{8}(?=")')
_RESOURCE_VERSION = re.compile(rb'"resourceVersion":"(\d+)"')


@dataclass(frozen=True, slots=True)
class Pattern:
    """One event of all runs of a size. Shape: `line` as the server sends it, without its end; `name` of its object."""

    kind: Kind
    type: str
    name: str
    line: bytes

    @property
    def version(self) -> int:
        """The resource version of the object, which no other event of its kind has."""
        found = _RESOURCE_VERSION.search(self.line)
        return int(found.group(1)) if found is not None else 0

    @property
    def object(self) -> bytes:
        """The object alone."""
        return self.line[self.line.index(_BEGIN) + len(_BEGIN) : -1]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a size."""

    size: int
    number: int

    @property
    def patterns(self) -> Sequence[Pattern]:
        """Its events, in order."""
        return patterns(self.size)

    @property
    def plan(self) -> Plan:
        """Its Plan."""
        return decode(self.own(_encoded_plan(self.size)))

    @property
    def uuid(self) -> WorkflowUuid:
        """Its uuid."""
        return WorkflowUuid(_uuid_of(self.size).replace(_MARK, self._mark))

    def own(self, text: bytes) -> bytes:
        """A text of the pattern as it is for this run."""
        return text.replace(_MARK.encode(), self._mark.encode())

    @property
    def _mark(self) -> str:
        return f"{10_000_000 + self.number}"


def runs_of(events: int) -> list[Run]:
    """Runs that have about that many events together, a third of them in runs of each size, in no order."""
    sizes = [size for size in SIZES for _ in range(round(events / len(SIZES) / len(patterns(size))) or 1)]
    random.Random(1).shuffle(sizes)
    return [Run(size, number) for number, size in enumerate(sizes)]


def interleaved(runs: Iterable[Run], at_once: int = 60) -> Iterator[tuple[Run, Pattern]]:
    """The events of all runs, `at_once` of which go on side by side; each run's in its order."""
    chance = random.Random(2)
    waiting = iter(runs)
    active: list[tuple[Run, Iterator[Pattern]]] = []
    while True:
        while len(active) < at_once and (run := next(waiting, None)) is not None:
            active.append((run, iter(run.patterns)))
        if not active:
            return
        place = chance.randrange(len(active))
        run, events = active[place]
        pattern = next(events, None)
        if pattern is None:
            active[place] = active[-1]
            active.pop()
        else:
            yield run, pattern


@lru_cache
def patterns(size: int) -> tuple[Pattern, ...]:
    """The events of a run of a size, in the order of their versions."""
    scenario, prefix, uuid = _source(size)
    recorded = _recorded(scenario)
    if size == 1:
        return tuple(Pattern(kind, type_, name, _marked(line, prefix, uuid)) for kind, type_, name, line in recorded)
    found: list[Pattern] = []
    finished: dict[str, Any] = {}
    for first in range(0, size, _WAVE):
        numbers = range(first, min(first + _WAVE, size))
        last = numbers.stop == size
        for kind, type_, name, line in recorded:
            if kind == "workflows":
                event = _with_nodes(json.loads(line), numbers, finished, size=size, last=last)
                if first and event["type"] == "ADDED":
                    continue
                text = json.dumps(event, separators=(",", ":")).encode()
                found.append(Pattern(kind, type_, prefix, _versioned(_marked(text, prefix, uuid), len(found))))
            else:
                source = _task_of(line)
                for number in numbers:
                    if f"t{number % 20}" == source:
                        text = _renamed(line, source, number)
                        found.append(
                            Pattern(kind, type_, f"{name}{number}", _versioned(_marked(text, prefix, uuid), len(found)))
                        )
        finished.update(_nodes_at_the_end(recorded, numbers))
    return tuple(found)


def _with_nodes(event: Any, numbers: range, finished: dict[str, Any], *, size: int, last: bool) -> Any:
    """The Workflow's event with the nodes of one wave, and those of the waves before."""
    workflow = event["object"]
    name = workflow["metadata"]["name"]
    for template in workflow["spec"]["templates"]:
        if "dag" in template:
            tasks = {task["name"]: task for task in template["dag"]["tasks"]}
            template["dag"]["tasks"] = [_copied(tasks[f"t{number % 20}"], number) for number in range(size)]
    status = workflow.get("status", {})
    if "nodes" in status:
        status["nodes"] = {name: status["nodes"][name], **finished, **_nodes_of(status["nodes"], numbers)}
    if not last and status.get("phase") == "Succeeded":
        status["phase"] = "Running"
        status.pop("finishedAt", None)
        status["nodes"][name]["phase"] = "Running"
        workflow["metadata"]["labels"].update(
            {"workflows.argoproj.io/completed": "false", "workflows.argoproj.io/phase": "Running"}
        )
    return event


def _nodes_at_the_end(recorded: Sequence[tuple[Kind, str, str, bytes]], numbers: range) -> dict[str, Any]:
    last = [line for kind, _, _, line in recorded if kind == "workflows"][-1]
    return _nodes_of(json.loads(last)["object"]["status"]["nodes"], numbers)


def _nodes_of(nodes: dict[str, Any], numbers: range) -> dict[str, Any]:
    by_task = {node["displayName"]: node for node in nodes.values() if node["type"] == "Pod"}
    copies = [_copied(by_task[f"t{number % 20}"], number) for number in numbers if f"t{number % 20}" in by_task]
    return {copy["id"]: copy for copy in copies}


def _copied(part: Any, number: int) -> Any:
    return json.loads(_renamed(json.dumps(part).encode(), f"t{number % 20}", number))


def _renamed(text: bytes, source: str, number: int) -> bytes:
    """The text of one task's objects as it is for task `number`: other name, other ids of the same length."""
    if number < 20:
        return text
    text = re.sub(rb"\b%s\b" % source.encode(), b"t%d" % number, text)
    uuid = str(plan_of("fan").groups[int(source[1:])].tasks[0].uuid)
    text = text.replace(uuid.encode(), _task_uuid(uuid, number).encode())
    digits = re.compile(rb"(?<=fan-1-47531a5a-)(task-)?(\d{6,})")
    text = digits.sub(lambda found: (found[1] or b"") + b"%d" % (int(found[2]) + number // 20), text)
    return re.sub(rb'(?<="uid":")[0-9a-f]{8}(?=-)', b"%08x" % number, text)


def _task_uuid(uuid: str, number: int) -> str:
    return uuid if number < 20 else hashlib.md5(f"{uuid}{number}".encode(), usedforsecurity=False).hexdigest()


def _task_of(line: bytes) -> str:
    return str(json.loads(line)["object"]["metadata"]["labels"]["osmo.task_name"])


def _versioned(line: bytes, place: int) -> bytes:
    return re.sub(rb'(?<="resourceVersion":")\d+', b"%d" % (20_000 + place), line, count=1)


def _marked(text: bytes, prefix: str, uuid: str) -> bytes:
    text = text.replace(prefix.encode(), f"r-{_MARK}-{_MARK}".encode())
    text = _UID.sub(rb"\g<1>" + _MARK.encode(), text)
    return text.replace(uuid.encode(), (_MARK + uuid[8:]).encode())


@lru_cache
def _recorded(scenario: str) -> tuple[tuple[Kind, str, str, bytes], ...]:
    """Both streams by resource version: kind, type, name, line."""
    found: list[tuple[int, tuple[Kind, str, str, bytes]]] = []
    kinds: tuple[Kind, ...] = ("pods", "workflows")
    for kind in kinds:
        for line in gzip.decompress((ROOT / scenario / f"{kind}.jsonl.gz").read_bytes()).splitlines():
            event = json.loads(line)
            meta = event["object"]["metadata"]
            if event["type"] != "BOOKMARK":
                found.append((int(meta["resourceVersion"]), (kind, event["type"], meta["name"], line)))
    return tuple(one for _, one in sorted(found, key=lambda pair: pair[0]))


@lru_cache
def _source(size: int) -> tuple[str, str, str]:
    """Scenario, name of its Workflow, uuid of its run."""
    scenario = "cleanup" if size == 1 else "fan"
    uuid = str(plan_of(scenario).workflow_uuid)
    return scenario, f"{scenario}-1-{uuid[:8]}", uuid


def _uuid_of(size: int) -> str:
    return _MARK + _source(size)[2][8:]


@lru_cache
def _encoded_plan(size: int) -> bytes:
    scenario, _, _ = _source(size)
    whole = plan_of(scenario)
    groups = whole.groups if size == 1 else tuple(_group(whole.groups[n % 20], n) for n in range(size))
    return encode(
        msgspec.structs.replace(
            whole,
            name="r",
            workflow_id=WorkflowId(f"r-{_MARK}"),
            workflow_uuid=WorkflowUuid(_uuid_of(size)),
            groups=groups,
        )
    )


def _group(group: GroupPlan, number: int) -> GroupPlan:
    task = group.tasks[0]
    copy = msgspec.structs.replace(task, name=TaskName(f"t{number}"), uuid=_task_uuid(task.uuid, number))
    return msgspec.structs.replace(group, name=GroupName(f"t{number}"), uuid=f"group-t{number}", tasks=(copy,))
