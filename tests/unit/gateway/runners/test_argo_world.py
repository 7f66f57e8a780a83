"""What a run on a cluster tells, and when: the order of lines and ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from engine.log_lines import Masker
from engine.ports import EventLine, LogLine, Run
from gateway.ports.surroundings import Surroundings
from gateway.runners.argo.follower import FollowedLog
from gateway.runners.argo.settings import Pace
from gateway.runners.argo.world import World
from gateway.services.sleepers import Sleepers
from tests.unit.argo.plans import plan, single
from tests.unit.gateway.runners.test_argo_effects import ended
from translator.argo.observe_objects import Pod
from translator.lifecycle.facts import AnyFact, TaskObserved
from translator.lifecycle.reduce import initial_state
from translator.lifecycle.words import TaskStatus
from translator.plan.model import Plan, WorkflowUuid

NOW = datetime(2026, 11, 22, 5)


class Heard:
    """Implements `engine.ports.Sink`: what was told, in order."""

    def __init__(self) -> None:
        self.told: list[AnyFact | LogLine] = []

    def facts(self, _uuid: WorkflowUuid, facts: Sequence[AnyFact]) -> None:
        self.told.extend(facts)

    def lines(self, _uuid: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        self.told.extend(lines)

    def events(self, _uuid: WorkflowUuid, events: Sequence[EventLine]) -> None:
        pass


class OneLine:
    """Implements `gateway.runners.argo.follower.Reading` for a log of one line, read when the test says so."""

    def __init__(self, world: World, log: FollowedLog) -> None:
        self.world = world
        self.log = log
        self.begun = False
        self.hurried = False

    def start(self) -> None:
        self.begun = True

    def ended(self) -> None:
        self.hurried = True

    def wake(self) -> None:
        pass

    def join(self, timeout_seconds: float) -> None:
        pass

    def read(self) -> None:
        self.world.take(self.log, [(NOW, "hello")])
        self.world.done(self.log)


def one_pod(made: Plan, phase: str, state: object, *, version: str) -> Pod:
    (task,) = made.groups[0].tasks
    labels = {"osmo.workflow_uuid": made.workflow_uuid, "osmo.task_uuid": task.uuid, "osmo.retry_id": "0"}
    return msgspec.convert(
        {
            "metadata": {"name": "pod", "uid": "u", "labels": labels, "resourceVersion": version},
            "spec": {"nodeName": "node-1"},
            "status": {"phase": phase, "containerStatuses": [{"name": "main", "state": state}]},
        },
        Pod,
    )


def ended_pod(made: Plan) -> Pod:
    return one_pod(made, "Succeeded", ended(0), version="7")


def listening_world(made: Plan, heard: Heard, logs: list[OneLine]) -> World:
    def follow(world: World, log: FollowedLog) -> OneLine:
        logs.append(OneLine(world, log))
        return logs[-1]

    return World(
        Run(plan=made),
        sink=heard,
        pace=Pace(),
        now=lambda: NOW,
        masker=Masker(()),
        around=Surroundings(),
        follow=follow,
        log_path=str,
        sleepers=Sleepers(),
    )


def ends(told: Sequence[AnyFact | LogLine]) -> list[TaskStatus]:
    return [one.status for one in told if isinstance(one, TaskObserved) and one.status.finished]


def test_an_end_that_is_seen_before_the_run_is_taken_up_is_told_after_its_lines() -> None:
    """Else a gateway killed in between leaves a finished attempt, of which nobody reads the log any more."""
    made = plan(single("a"))
    heard = Heard()
    logs: list[OneLine] = []
    world = listening_world(made, heard, logs)
    world.pods_seen([ended_pod(made)])
    world.pod_seen(ended_pod(made))
    assert (heard.told, logs) == ([], [])
    world.recovered(initial_state(made, NOW))
    assert ends(heard.told) == []
    assert [one.begun for one in logs] == [True]
    logs[0].read()
    assert ends(heard.told) == [TaskStatus.COMPLETED]
    lines = [one.text for one in heard.told if isinstance(one, LogLine)]
    assert lines == ["hello"]
    assert isinstance(heard.told[-1], TaskObserved)


def test_the_rest_of_a_log_is_read_as_soon_as_its_container_is_seen_to_have_ended() -> None:
    made = plan(single("a"))
    logs: list[OneLine] = []
    world = listening_world(made, Heard(), logs)
    running = one_pod(made, "Running", {"running": {"startedAt": "2026-11-22T05:00:00Z"}}, version="6")
    world.pods_seen([running])
    world.recovered(initial_state(made, NOW))
    assert [one.hurried for one in logs] == [False]
    world.pod_seen(ended_pod(made))
    assert [one.hurried for one in logs] == [True]
