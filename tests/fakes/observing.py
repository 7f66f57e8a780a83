"""A runner that sees what feeds tell it and changes nothing on any cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engine.log_lines import Masker
from engine.ports import Run
from gateway.ports.runner import Reports
from gateway.ports.surroundings import Surroundings
from gateway.runners.argo.feed import AnyFeed, Feed
from gateway.runners.argo.follower import FollowedLog
from gateway.runners.argo.news import PodNews, WorkflowNews
from gateway.runners.argo.pulse import Pulse
from gateway.runners.argo.runner import utc_now
from gateway.runners.argo.settings import Pace
from gateway.runners.argo.strays import Strays
from gateway.runners.argo.waiting_events import pod_stage
from gateway.runners.argo.world import World
from gateway.services.sleepers import Sleepers
from translator.argo.observe_objects import Pod, Workflow
from translator.lifecycle.effects import AnyEffect, CreateGroup, CreateTask
from translator.lifecycle.state import WorkflowState
from translator.plan.model import WorkflowUuid


class ObservingRunner:
    """Implements `gateway.ports.runner.Runner` and `gateway.runners.argo.news.Worlds`.

    What it is told by `feeds` becomes facts as in `gateway.runners.argo.runner`. Of effects it takes only what is
    expected from now on: Argo begins it by itself. All logs are empty.
    """

    def __init__(self) -> None:
        self._worlds: dict[WorkflowUuid, World] = {}
        self._sleepers = Sleepers()
        self._pulse: Pulse[World] | None = None
        workflows = WorkflowNews(self, Strays(lambda _: False, lambda _name, _uid: None))
        pods = PodNews(self, lambda _world, _pod: None)
        self.feeds: Mapping[str, AnyFeed] = {
            "pods": Feed("pods", Pod, pods, self._wake, self._await_beat, pod_stage),
            "workflows": Feed("workflows", Workflow, workflows, self._wake, self._await_beat),
        }

    def start(self, sink: Reports) -> None:
        """Begin to report."""
        self._pulse = Pulse(sink, lambda _: None, Pace().gather, "pulse", self._draw)
        self._pulse.start()

    def admit(self, run: Run) -> None:
        """Make a run known."""
        assert self._pulse is not None
        self._worlds[run.plan.workflow_uuid] = World(
            run,
            sink=self._pulse,
            pace=Pace(),
            now=utc_now,
            masker=Masker(()),
            around=Surroundings(),
            follow=_EmptyLog,
            log_path=str,
            sleepers=self._sleepers,
        )
        self._worlds[run.plan.workflow_uuid].begin()

    def apply(self, run: Run, effects: Sequence[AnyEffect]) -> None:
        """Tell again what was seen of what is wanted only now."""
        world = self._worlds[run.plan.workflow_uuid]
        for effect in effects:
            if isinstance(effect, CreateGroup):
                world.group_wanted(effect.group)
            elif isinstance(effect, CreateTask):
                world.attempt_wanted(effect.task, effect.retry_id)

    def recover(self, run: Run, state: WorkflowState) -> None:
        """Nothing."""

    def forget(self, run: Run) -> None:
        """Drop a run."""
        world = self._worlds.pop(run.plan.workflow_uuid, None)
        if world is not None:
            self._sleepers.forget(world)

    def stop(self) -> None:
        """Hand on what is left."""
        if self._pulse is not None:
            self._pulse.stop()

    def find(self, uuid: WorkflowUuid) -> World | None:
        """A run that is known."""
        return self._worlds.get(uuid)

    def all(self) -> Iterable[World]:
        """All runs that are known."""
        return list(self._worlds.values())

    def look_at(self, world: World) -> None:
        """Nothing."""

    def hand_on(self) -> None:
        """Have everything that was seen be facts of the mirror's."""
        assert self._pulse is not None
        self._pulse.flush()

    def _wake(self) -> None:
        if self._pulse is not None:
            self._pulse.wake()

    def _await_beat(self) -> None:
        if self._pulse is not None:
            self._pulse.await_beat()

    def _draw(self) -> None:
        for feed in self.feeds.values():
            feed.flush()


class _EmptyLog:
    """Implements `gateway.runners.argo.follower.Reading`."""

    def __init__(self, world: World, log: FollowedLog) -> None:
        self._world = world
        self._log = log

    def start(self) -> None:
        self._world.done(self._log)

    def ended(self) -> None:
        pass

    def wake(self) -> None:
        pass

    def join(self, timeout_seconds: float) -> None:
        pass
