"""Facts from recorded watch streams: what became of each run, in whatever order its events come."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import msgspec
import pytest

from tests.fakes.recordings import SCENARIOS, Event, created_at, in_order, plan_of, stream
from translator.argo.observe import Attempt, RunIndex
from translator.argo.observe_objects import Workflow, decode_pod, decode_workflow, nodes_of, packed, unpacked
from translator.argo.observe_run import RunObservations
from translator.lifecycle.effects import CreateTask
from translator.lifecycle.facts import Accepted, AnyFact, CancelRequested
from translator.lifecycle.reduce import PlanIndex, initial_state, reduce
from translator.lifecycle.state import WorkflowState
from translator.lifecycle.words import TaskStatus as S
from translator.lifecycle.words import WorkflowStatus as W
from translator.plan.model import TaskName

WITH_TASKS = [scenario for scenario in SCENARIOS if scenario != "compressed"]
CANCELED = {"cancel", "cancel-stop", "image-missing"}
"""The user canceled them through the gateway; the recordings hold only what that led to on the cluster."""

ENDS: dict[str, tuple[W, dict[str, tuple[S, int | None]]]] = {
    "hello": (W.COMPLETED, {"a": (S.COMPLETED, 0), "b": (S.COMPLETED, 0)}),
    "fan": (W.COMPLETED, {f"t{number}": (S.COMPLETED, 0) for number in range(20)}),
    "group": (
        W.COMPLETED,
        {"lead": (S.COMPLETED, 0), "worker": (S.COMPLETED, 0), "eval": (S.COMPLETED, 0)},
    ),
    "failure": (
        W.FAILED,
        {
            "a": (S.FAILED, 1),
            "b": (S.FAILED_UPSTREAM, 3000),
            "c": (S.FAILED_UPSTREAM, 3000),
            "d": (S.COMPLETED, 0),
        },
    ),
    "cancel": (W.FAILED_CANCELED, {"a": (S.FAILED_CANCELED, None), "b": (S.FAILED_CANCELED, None)}),
    "cancel-stop": (W.FAILED_CANCELED, {"a": (S.FAILED_CANCELED, None), "b": (S.FAILED_CANCELED, None)}),
    "pod-deleted-running": (
        W.FAILED,
        {"a": (S.FAILED_BACKEND_ERROR, 3001), "b": (S.FAILED_UPSTREAM, 3000)},
    ),
    "pod-deleted-exit0": (
        W.FAILED,
        {"a": (S.FAILED_BACKEND_ERROR, 3001), "b": (S.FAILED_UPSTREAM, 3000)},
    ),
    "pod-deleted-pending": (
        W.FAILED,
        {"a": (S.FAILED_BACKEND_ERROR, 3001), "b": (S.FAILED_UPSTREAM, 3000)},
    ),
    "image-missing": (W.FAILED_CANCELED, {"a": (S.FAILED_CANCELED, None), "b": (S.FAILED_CANCELED, None)}),
    "image-pull-backoff": (W.FAILED, {"a": (S.FAILED_IMAGE_PULL, 302)}),
    "oom": (W.FAILED_EVICTED, {"a": (S.FAILED_EVICTED, 3004)}),
    "deadline": (
        W.FAILED_EXEC_TIMEOUT,
        {"a": (S.FAILED_EXEC_TIMEOUT, None), "b": (S.FAILED_UPSTREAM, 3000)},
    ),
    "pending-timeout": (
        W.FAILED_QUEUE_TIMEOUT,
        {"a": (S.FAILED_QUEUE_TIMEOUT, None), "b": (S.FAILED_UPSTREAM, 3000)},
    ),
    "cleanup": (W.COMPLETED, {"a": (S.COMPLETED, 0)}),
}


@dataclass
class Replay:
    """A reducer fed by the observations of one run."""

    scenario: str

    def __post_init__(self) -> None:
        self.plan = plan_of(self.scenario)
        self.index = PlanIndex.of(self.plan)
        self.seen = RunObservations(RunIndex.of(self.plan))
        self.now = created_at(self.scenario) + timedelta(minutes=1)
        self.state: WorkflowState = initial_state(self.plan, created_at(self.scenario))
        self.canceled_version = _canceled_version(self.scenario) if self.scenario in CANCELED else 10**9
        self.reduce([Accepted(at=created_at(self.scenario))])

    def reduce(self, facts: Sequence[AnyFact]) -> None:
        change = reduce(self.index, self.state, facts)
        self.state = change.state
        for effect in change.effects:
            # An attempt that Argo began by itself is told again once it is asked for.
            if isinstance(effect, CreateTask):
                self.reduce(self.seen.facts_of(Attempt(task=effect.task, retry_id=effect.retry_id), self.now))

    def take(self, event: Event) -> None:
        if event.version >= self.canceled_version:
            # What the cancel led to can only be seen after it.
            self.reduce([CancelRequested(user="jane", at=self.now, force=True)])
        if event.kind == "pods":
            pod = decode_pod(event.object)
            self.reduce(self.seen.pod_seen(pod, self.now, gone=event.type == "DELETED"))
            return
        self.reduce(self.seen.workflow_seen(decode_workflow(event.object), self.now))

    def play(self, events: Iterable[Event]) -> None:
        for event in events:
            self.take(event)
        self.reduce([*self.seen.unsaid(self.now)])

    def ends(self) -> tuple[W, dict[str, tuple[S, int | None]]]:
        return self.state.status, {
            name: (attempts[-1].status, attempts[-1].exit_code) for name, attempts in self.state.attempts.items()
        }


@pytest.mark.parametrize("scenario", WITH_TASKS)
def test_each_recording_ends_as_the_language_says(scenario: str) -> None:
    replay = Replay(scenario)
    replay.play(in_order(scenario))
    assert replay.ends() == ENDS[scenario]


def test_every_recording_has_an_expected_end() -> None:
    assert set(ENDS) == set(WITH_TASKS)


@pytest.mark.parametrize("scenario", WITH_TASKS)
@pytest.mark.parametrize("seed", range(12))
def test_order_repetition_and_loss_change_no_end(scenario: str, seed: int) -> None:
    """The streams interleave anyhow, parts come again after reconnects, and a relist shows only the last state."""
    replay = Replay(scenario)
    replay.play(_disturbed(scenario, random.Random(seed)))
    status, tasks = replay.ends()
    expected, expected_tasks = ENDS[scenario]
    assert status == expected
    assert {name: end for name, (end, _code) in tasks.items()} == {
        name: end for name, (end, _code) in expected_tasks.items()
    }


def test_a_task_that_is_retried_keeps_the_code_that_caused_it() -> None:
    replay = Replay("group")
    replay.play(in_order("group"))
    attempts = replay.state.attempts[TaskName("worker")]
    assert [(attempt.status, attempt.exit_code) for attempt in attempts] == [(S.RESCHEDULED, 3), (S.COMPLETED, 0)]


def test_times_places_and_addresses_are_those_of_the_pod() -> None:
    replay = Replay("hello")
    replay.play(in_order("hello"))
    attempt = replay.state.attempts[TaskName("a")][-1]
    assert attempt.node_name == "node-1"
    assert attempt.pod_ip == "10.244.0.101"
    assert attempt.pod_name == "hello-1-4d71d03f-task-1647649764"
    stamps = [attempt.scheduling_start_time, attempt.initializing_start_time, attempt.start_time, attempt.end_time]
    assert None not in stamps
    assert stamps == sorted(stamp for stamp in stamps if stamp is not None)


def test_the_end_is_known_before_the_pod_is_over() -> None:
    """The container's status shows code and report 2 s before Argo's node is final: read them there (§1.2)."""
    replay = Replay("cleanup")
    for event in in_order("cleanup"):
        replay.take(event)
        if replay.state.status.finished:
            assert json.loads(event.object)["status"]["phase"] == "Running"
            return
    pytest.fail("the run did not end")


def test_a_missing_image_is_no_failure_by_itself() -> None:
    """Waiting reasons that match nothing end by the start timeout (workflow-spec.md §5.2)."""
    replay = Replay("image-missing")
    for event in in_order("image-missing"):
        if b'"shutdown"' in event.object:
            break
        replay.take(event)
    assert replay.state.attempts[TaskName("a")][-1].status is S.INITIALIZING


def test_compressed_nodes_are_read() -> None:
    last = [decode_workflow(event.object) for event in stream("compressed", "workflows")][-1]
    assert last.status is not None
    assert last.status.nodes is None
    nodes = nodes_of(last)
    assert len(nodes) == 63
    assert {node.phase for node in nodes.values()} == {"Succeeded"}
    assert unpacked(packed(b"{}")) == b"{}"


@pytest.mark.parametrize("text", ["no base64!", "AAAA", "H4sI", "KLUv/QQA"])
def test_nodes_packed_another_way_are_said_to_be_so(text: str) -> None:
    status = {"phase": "Running", "compressedNodes": text}
    workflow = msgspec.convert({"metadata": {"name": "w"}, "status": status}, Workflow)
    with pytest.raises(msgspec.MsgspecError):
        nodes_of(workflow)


def test_mutated_recordings_crash_nothing() -> None:
    """What cannot be read is refused as unreadable; what can be read is judged without an exception."""
    assert mutate_recordings(random.Random(7), count=1500) == 1500


def mutate_recordings(chance: random.Random, count: int) -> int:
    """Play `count` recordings with damaged objects; how many were played."""
    for number in range(count):
        scenario = chance.choice(SCENARIOS)
        replay = Replay(scenario)
        for event in chance.choices(in_order(scenario), k=6):
            damaged = json.dumps(_damaged(_parsed(event), chance)).encode()
            try:
                replay.take(Event(event.kind, event.type, event.version, event.name, damaged))
            except msgspec.MsgspecError:
                continue
        replay.reduce([*replay.seen.unsaid(replay.now), *replay.seen.refused(replay.now)])
        assert replay.state is not None, number
    return count


@cache
def _parsed(event: Event) -> Any:
    parsed = json.loads(event.object)
    for name in ("managedFields", "ownerReferences", "uid"):
        parsed["metadata"].pop(name, None)
    kept = ("nodeName", "suspend", "shutdown")
    parsed["spec"] = {key: value for key, value in parsed["spec"].items() if key in kept}
    return parsed


def _damaged(value: Any, chance: random.Random) -> Any:
    """The object with some of its status lost, doubled, or replaced by something else."""
    if isinstance(value, dict):
        return {key: _damaged(one, chance) for key, one in value.items() if chance.random() > 0.01}
    if isinstance(value, list):
        kept = [_damaged(one, chance) for one in value if chance.random() > 0.03]
        return kept + kept[:1] if chance.random() < 0.02 else kept
    if chance.random() > 0.02:
        return value
    return chance.choice(_ODDITIES)


_ODDITIES: list[Any] = [
    "", "Failed", "Succeeded", "Unknown", "true", "{}", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00",
    "2026-11-22T04:45:12Z", '{"code":3,"phase":"x"}', '{"code":99999999999,"phase":""}', "\ud83d", "(1)", "Evicted",
    "ImagePullBackOff", "OOMKilled", 0, 1, -1, 2**31, 1.5, True,
]  # fmt: skip


def _canceled_version(scenario: str) -> int:
    return next(event.version for event in stream(scenario, "workflows") if b'"shutdown"' in event.object)


def _disturbed(scenario: str, chance: random.Random) -> list[Event]:
    """The events of a run as they may come: per object in order, with parts repeated and some lost."""
    queues: dict[str, list[Event]] = {}
    for event in in_order(scenario):
        # Where a task ran on although its upstream had failed, only the order of the stream says which came first.
        name = "" if scenario == "pod-deleted-exit0" else event.name
        queues.setdefault(f"{event.kind} {name}", []).append(event)
    disturbed = []
    waiting = dict.fromkeys(queues, 0)
    while waiting:
        key = chance.choice(sorted(waiting))
        queue, place = queues[key], waiting[key]
        may_be_lost = scenario != "image-pull-backoff" and place < len(queue) - 1
        if not (may_be_lost and chance.random() < 0.3):
            disturbed.append(queue[place])
        if chance.random() < 0.1:
            disturbed += queue[max(0, place - chance.randint(1, 5)) : place + 1]
        waiting[key] = place + 1
        if waiting[key] == len(queue):
            del waiting[key]
    return disturbed
