"""A cluster as a runner: effects become requests to its API server, objects there become facts.

Argo orders, starts and retries; the gateway creates runs, watches, ends what is to end, and cleans up. Nothing waits
for the cluster: `apply` queues, workers carry out, and a fault that may pass is tried again for as long as it takes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import assert_never

import msgspec
import structlog

from engine.crashpoints import crash_point
from engine.log_lines import Masker
from engine.ports import Run
from gateway.ports.backends import BackendReport
from gateway.ports.runner import Reports
from gateway.ports.surroundings import Surroundings
from gateway.runners.argo import nodes
from gateway.runners.argo.access import Server
from gateway.runners.argo.chores import Chores, PodDeletion
from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.creation import RunCreator
from gateway.runners.argo.deeds import Deeds
from gateway.runners.argo.faults import ClusterError, NotThere, Refused, TryAgain
from gateway.runners.argo.feed import AnyFeed, Feed
from gateway.runners.argo.follower import FollowedLog, Follower
from gateway.runners.argo.gate_keeping import GateKeeper
from gateway.runners.argo.heartbeat import Heartbeat
from gateway.runners.argo.news import EventNews, PodEvent, PodNews, WorkflowNews
from gateway.runners.argo.paths import Paths
from gateway.runners.argo.patience import Patience, Stopping
from gateway.runners.argo.pulse import Pulse
from gateway.runners.argo.reflector import Reflector, Watched
from gateway.runners.argo.secrets import TokenKey, secrets_of, texts_to_mask
from gateway.runners.argo.settings import ArgoBackend
from gateway.runners.argo.strays import Strays
from gateway.runners.argo.waiting_events import pod_stage
from gateway.runners.argo.workers import Workers
from gateway.runners.argo.world import Recovery, World
from gateway.services.sleepers import Sleepers
from translator.argo.faults import TranslationError
from translator.argo.labels import WORKFLOW_UUID, workflow_selector
from translator.argo.observe_objects import Pod, Workflow, decode_pod, decode_workflow
from translator.argo.translation import translate
from translator.lifecycle.effects import AnyEffect, CreateGroup, CreateTask, DeleteGroup, RestartInPlace, Seal
from translator.lifecycle.facts import GroupCreationFailed
from translator.lifecycle.state import WorkflowState
from translator.plan.model import GroupName, WorkflowUuid

_TRIES_AT_ONCE = 4
# Rounds of the ticker.
_STRAYS_EVERY = 60
_log = structlog.get_logger(__name__)


def utc_now() -> datetime:
    """The time, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


class ArgoRunner:
    """Implements `gateway.ports.runner.Runner`. What runs on the cluster goes on when the runner stops."""

    def __init__(
        self,
        backend: ArgoBackend,
        server: Server,
        now: Callable[[], datetime] = utc_now,
        around: Surroundings | None = None,
    ) -> None:
        pace = backend.pace
        self._backend = backend
        self._now = now
        self._around = around or Surroundings()
        self._stopped = threading.Event()
        self._patience = Patience(stopped=self._stopped, first_seconds=pace.first_retry, most_seconds=pace.most_retry)
        self._client = KubeClient(server, request_seconds=pace.request)
        self._paths = Paths(self._client, backend.target.namespace)
        self._deeds = Deeds(self._client, self._around.may_act)
        repeat = partial(self._patience.call, attempts=_TRIES_AT_ONCE)
        self._creator = RunCreator(self._client, self._deeds, self._paths, repeat)
        self._gates = GateKeeper(self._client, self._deeds, self._paths, now)
        self._strays = Strays(self._around.is_sealed, self._remove_stray)
        self._key = TokenKey(self._around.signing_key)
        self._lock = threading.Lock()
        self._worlds: dict[WorkflowUuid, World] = {}
        self._sleepers = Sleepers()
        self._pulse: Pulse[World] | None = None
        self._workers: Workers[World] = Workers(self._work, pace.workers, f"argo {backend.name}")
        self._ticker = threading.Thread(target=self._tick, name=f"argo {backend.name} ticker", daemon=True)
        self._event_news = EventNews(self)
        self._heartbeat = Heartbeat(self._client, backend.target.namespace, self._stopped, now)
        self._inventory = nodes.NodeInventory(backend.name)
        self._feeds: Mapping[str, AnyFeed] = self._made_feeds()
        self.reflectors: Mapping[str, Reflector] = {
            kind: Reflector(self._client, watched, self._feeds[kind], self._patience)
            for kind, watched in self._watched().items()
        }
        """By kind, for metrics and health."""

    def start(self, sink: Reports) -> None:
        """Begin to watch and to report. The cluster need not be reachable yet."""
        name = f"argo {self._backend.name} pulse"
        self._pulse = Pulse(sink, self._workers.ask, self._backend.pace.gather, name, self._draw)
        self._pulse.start()
        self._workers.start()
        self._ticker.start()
        for reflector in self.reflectors.values():
            reflector.start()
        self._heartbeat.start()

    def admit(self, run: Run) -> None:
        """Make a workflow known."""
        with self._lock:
            known = self._worlds.get(run.plan.workflow_uuid)
            # One that was let go of may not be gone yet.
            if known is None or known.forgotten:
                self._worlds[run.plan.workflow_uuid] = self._world(run)

    def apply(self, run: Run, effects: Sequence[AnyEffect]) -> None:
        """Queue effects, in order."""
        world = self._known(run)
        world.effects.extend(effects)
        self._workers.ask(world)

    def recover(self, run: Run, state: WorkflowState) -> None:
        """Queue a comparison of `state` with what exists on the cluster."""
        world = self._known(run)
        world.effects.append(Recovery(state=state))
        self._workers.ask(world)

    def forget(self, run: Run) -> None:
        """Drop what is held of a sealed workflow, or of one that another process has now."""
        with self._lock:
            world = self._worlds.get(run.plan.workflow_uuid)
        if world is not None:
            world.let_go()
            self._workers.ask(world)

    def stop(self) -> None:
        """End all threads and connections. Runs on the cluster go on."""
        self._stopped.set()
        for reflector in self.reflectors.values():
            reflector.stop()
        self._workers.stop()
        self._heartbeat.stop()
        for world in self.all():
            world.close()
        if self._ticker.is_alive():
            self._ticker.join()
        if self._pulse is not None:
            self._pulse.stop()
        self._client.close()

    @property
    def online(self) -> bool:
        """Whether the cluster was reached and all that runs there is known."""
        return all(self.reflectors[kind].synced.is_set() for kind in ("pods", "workflows"))

    def report(self) -> BackendReport:
        """The backend as it is now. Implements `gateway.ports.backends.Reporting`."""
        found = self._heartbeat.capabilities
        return BackendReport(
            online=self.online and self._heartbeat.online,
            heartbeat=self._heartbeat.last,
            version=found.argo if found is not None else "",
            kubernetes=found.kubernetes if found is not None else "",
            cluster_uid=found.cluster_uid if found is not None else "",
            capabilities=found.words if found is not None else (),
            nodes=self._inventory.nodes,
        )

    # What the reflectors ask

    def find(self, uuid: WorkflowUuid) -> World | None:
        """A run that is known."""
        with self._lock:
            return self._worlds.get(uuid)

    def all(self) -> Iterable[World]:
        """All runs that are known."""
        with self._lock:
            return list(self._worlds.values())

    def look_at(self, world: World) -> None:
        """Have a worker do what a run calls for, soon."""
        if self._pulse is not None:
            self._pulse.look_at(world)

    # What workers do

    def _work(self, world: World) -> None:
        """Carry out effects in order, then whatever else the run calls for."""
        if world.forgotten and not (world.all_cleaned and self._around.may_act()):
            # Another process has it now; nothing of it is ours to touch.
            self._drop(world)
            return
        if self._stopped.is_set() or (world.retry_at is not None and self._now() < world.retry_at):
            return
        try:
            while world.effects:
                self._deeds.check()
                self._carry_out(world, world.effects[0])
                world.effects.popleft()
            self._deeds.check()
            self._do_chores(world)
            world.retry_at, world.attempts_failed = None, 0
        except Stopping:
            return
        except TryAgain as error:
            self._later(world, error)
        except (ClusterError, msgspec.MsgspecError) as error:
            _log.error("cluster refuses", workflow=world.uuid, reason=str(error))
            self._later(world, None)
        if world.forgotten and world.retry_at is None:
            self._drop(world)

    def _carry_out(self, world: World, effect: AnyEffect | Recovery) -> None:
        match effect:
            case CreateGroup(group=group):
                self._create(world, group)
            case CreateTask(task=task, retry_id=retry_id):
                world.attempt_wanted(task, retry_id)
            case DeleteGroup(group=group, force=force):
                world.doom(group, force=force)
            case Recovery(state=state):
                self._look(world)
                world.recovered(state)
            case RestartInPlace() | Seal():
                # The group's coordinator restarts its members itself; a seal concerns only the log.
                pass
            case _:
                assert_never(effect)

    def _create(self, world: World, group: GroupName) -> None:
        """Create the run with its first group; all others Argo begins by itself."""
        if not world.created and world.creation_error is None:
            try:
                self._create_run(world)
            except (TranslationError, Refused, NotThere) as error:
                world.creation_error = str(error)
        if world.creation_error is None and world.created and not world.names()[1]:
            self._look(world)
            if not world.names()[1]:
                world.creation_error = "The run's Workflow was deleted on its cluster."
        if world.creation_error is not None:
            world.facts([GroupCreationFailed(group=group, message=world.creation_error, at=self._now())])
            return
        world.group_wanted(group)

    def _create_run(self, world: World) -> None:
        run = world.run
        # Before anything runs, so that no end is told without its lines.
        world.begin()
        translation = translate(run.plan, self._backend.target, secrets_of(run, self._backend, self._key))
        for workflow in self._creator.create(translation, run.plan.workflow_uuid):
            world.workflow_seen(workflow)
        world.created = True

    def _do_chores(self, world: World) -> None:
        chores = world.chores()
        if chores.look_again:
            self._look(world)
            world.all_seen()
            more = world.chores()
            chores = Chores(
                deletions=[*chores.deletions, *more.deletions],
                shutdowns=[*dict.fromkeys([*chores.shutdowns, *more.shutdowns])],
                removals=[*chores.removals, *more.removals],
                cleaned=more.cleaned,
            )
        self._gates.release(world)
        for name in chores.shutdowns:
            self._shut_down(world, name)
        for deletion in chores.deletions:
            self._delete_pod(world, deletion)
        for name in chores.removals:
            self._remove(world, name)
        # Only now: once all groups are told to be clean, the run is sealed, and nobody looks after it any more.
        world.say_cleaned(chores.cleaned)

    def _shut_down(self, world: World, name: str) -> None:
        change = {"spec": {"shutdown": "Terminate", "suspend": None}}
        crash_point("argo.before-shutdown")
        try:
            shut_down = decode_workflow(self._deeds.patch(self._paths.workflow(name), change))
            crash_point("argo.shut-down")
            world.workflow_seen(shut_down)
        except NotThere:
            world.workflow_vanished(name)

    def _delete_pod(self, world: World, deletion: PodDeletion) -> None:
        options = {"gracePeriodSeconds": deletion.grace_seconds, "preconditions": {"uid": deletion.uid}}
        crash_point("argo.before-pod-deletion")
        try:
            self._deeds.delete(self._paths.pod(deletion.name), options)
            crash_point("argo.pod-deleted")
        except NotThere:
            world.pod_vanished(deletion.name)
        except ClusterError:
            world.not_done(deletion=deletion)
            raise

    def _remove(self, world: World, name: str) -> None:
        """Delete a Workflow with all that belongs to it."""
        crash_point("argo.before-removal")
        try:
            self._deeds.delete(self._paths.workflow(name), {"propagationPolicy": "Background"})
            crash_point("argo.removed")
        except NotThere:
            world.workflow_vanished(name)
        except ClusterError:
            world.not_done(removal=name)
            raise

    def _look(self, world: World) -> None:
        """See all objects of a run that exist now. Errors: ClusterError."""
        # What a list shows makes older events void: those that have come by now still count.
        self._draw()
        selector = {"labelSelector": workflow_selector(world.uuid)}
        # Pods first: a Workflow may name one that was not there yet, but a pod's Workflow always is.
        listed = _LIST.decode(self._patience.call(lambda: self._client.get(self._paths.pods, selector)))
        pods = [decode_pod(one) for one in listed.items or ()]
        world.pods_seen(pods)
        world.pods_listed({pod.metadata.name for pod in pods}, listed.metadata.resource_version)
        listed = _LIST.decode(self._patience.call(lambda: self._client.get(self._paths.workflows, selector)))
        workflows = [decode_workflow(one) for one in listed.items or ()]
        for workflow in workflows:
            world.workflow_seen(workflow)
        world.workflows_listed({workflow.metadata.name for workflow in workflows}, listed.metadata.resource_version)
        crash_point("argo.looked")

    def _remove_stray(self, name: str, uid: str) -> None:
        options = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        self._deeds.delete(self._paths.workflow(name), options)

    def _is_tracked(self, uuid: WorkflowUuid) -> bool:
        return self.find(uuid) is not None

    def _later(self, world: World, error: TryAgain | None) -> None:
        pace = self._backend.pace
        delay = min(pace.first_retry * 2 ** min(world.attempts_failed, 16), pace.most_retry)
        if error is not None and error.after_seconds is not None:
            delay = max(delay, error.after_seconds)
        world.attempts_failed += 1
        world.retry_at = self._now() + timedelta(seconds=delay)

    def _drop(self, world: World) -> None:
        with self._lock:
            if self._worlds.get(world.uuid) is world:
                del self._worlds[world.uuid]
        self._sleepers.forget(world)
        world.close()

    def _tick(self) -> None:
        rounds = 0
        while not self._stopped.wait(self._backend.pace.tick):
            rounds += 1
            if rounds % _STRAYS_EVERY == 0 and self._around.may_act():
                self._strays.collect(self._is_tracked)
            for world in self.all():
                if rounds % 10 == 0:
                    world.refresh()
                if world.busy or world.effects or world.retry_at is not None or world.forgotten:
                    self._workers.ask(world)

    def _known(self, run: Run) -> World:
        with self._lock:
            return self._worlds[run.plan.workflow_uuid]

    def _world(self, run: Run) -> World:
        if self._pulse is None:
            raise RuntimeError("the runner was not started")
        given = secrets_of(run, self._backend, self._key)
        return World(
            run,
            sink=self._pulse,
            pace=self._backend.pace,
            now=self._now,
            masker=Masker(texts_to_mask(run, given)),
            around=self._around,
            follow=self._follower,
            log_path=self._paths.log,
            sleepers=self._sleepers,
        )

    def _follower(self, world: World, log: FollowedLog) -> Follower:
        return Follower(self._client, log, world, world.masker, self._patience, self._backend.pace.log_silence)

    def _wake(self) -> None:
        if self._pulse is not None:
            self._pulse.wake()

    def _await_beat(self) -> None:
        if self._pulse is not None:
            self._pulse.await_beat()

    def _draw(self) -> None:
        for feed in self._feeds.values():
            feed.flush()

    def _made_feeds(self) -> Mapping[str, AnyFeed]:
        paths = self._paths
        workflows, pods = WorkflowNews(self, self._strays), PodNews(self, self._event_news.pod_known)
        # Pods first, as they know the causes: what waits is drawn in this order.
        return {
            "pods": Feed(paths.pods, Pod, pods, self._wake, self._await_beat, pod_stage),
            "workflows": Feed(paths.workflows, Workflow, workflows, self._wake, self._await_beat),
            "events": Feed(paths.events, PodEvent, self._event_news, self._wake, self._await_beat),
            "nodes": Feed(nodes.PATH, nodes.ClusterNode, self._inventory, self._wake, self._await_beat),
        }

    def _watched(self) -> Mapping[str, Watched]:
        pace = self._backend.pace
        pods = Watched(
            path=self._paths.pods,
            label_selector=WORKFLOW_UUID,
            page=pace.page,
            watch_seconds=pace.watch,
            silence_seconds=pace.watch_silence,
        )
        everything = replace(pods, label_selector="")
        return {
            "workflows": replace(pods, path=self._paths.workflows),
            "pods": pods,
            "events": replace(everything, path=self._paths.events, field_selector="involvedObject.kind=Pod"),
            "nodes": replace(everything, path=nodes.PATH, optional=True),
        }


class _ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""


class _List(msgspec.Struct, frozen=True):
    metadata: _ListMeta = _ListMeta()
    items: list[msgspec.Raw] | None = None


_LIST = msgspec.json.Decoder(_List)
