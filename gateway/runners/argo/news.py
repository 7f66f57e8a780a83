"""From the reflectors of one backend to the runs that objects belong to."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Protocol

import msgspec

from engine.ports import EventLine
from gateway.runners.argo.strays import Strays
from gateway.runners.argo.world import World
from translator.argo.observe import Attempt, workflow_uuid_of
from translator.argo.observe_objects import Meta, Pod, Workflow, naive
from translator.plan.model import TaskName, WorkflowUuid

_WAITING_EVENTS = 2000
_KNOWN_PODS = 20_000


class Worlds(Protocol):
    """The runs of a backend."""

    def find(self, uuid: WorkflowUuid) -> World | None:
        """A run that is known."""

    def all(self) -> Iterable[World]:
        """All runs."""

    def look_at(self, world: World) -> None:
        """Have a worker do what a run calls for."""


class PodNews:
    """Implements `gateway.runners.argo.feed.Observer` for pods."""

    def __init__(self, worlds: Worlds, on_pod: Callable[[World, Pod], None]) -> None:
        self._worlds = worlds
        self._on_pod = on_pod
        self._batch: dict[WorkflowUuid, list[Pod]] | None = None

    def seen(self, one: Pod) -> None:
        """A pod is new or changed."""
        self._take(one, gone=False)

    def deleted(self, one: Pod) -> None:
        """A pod is gone."""
        self._take(one, gone=True)

    def listing(self) -> None:
        """All pods are told next: they are kept, to be told together in the order in which things happened."""
        self._batch = {}

    def listed(self, names: Collection[str], version: str) -> None:
        """These are all pods."""
        self._tell_batch()
        present = set(names)
        for world in self._worlds.all():
            world.pods_listed(present, version)
            self._worlds.look_at(world)

    def _take(self, pod: Pod, *, gone: bool) -> None:
        world = _world_of(self._worlds, pod.metadata)
        if world is None:
            return
        if self._batch is not None and not gone:
            self._batch.setdefault(world.uuid, []).append(pod)
            return
        world.pod_seen(pod, gone=gone)
        self._worlds.look_at(world)
        self._on_pod(world, pod)

    def _tell_batch(self) -> None:
        batch, self._batch = self._batch or {}, None
        for uuid, pods in batch.items():
            world = self._worlds.find(uuid)
            if world is not None:
                world.pods_seen(pods)
                for pod in pods:
                    self._on_pod(world, pod)


class WorkflowNews:
    """Implements `gateway.runners.argo.feed.Observer` for Workflows."""

    def __init__(self, worlds: Worlds, strays: Strays) -> None:
        self._worlds = worlds
        self._strays = strays

    def seen(self, workflow: Workflow) -> None:
        """A Workflow is new or changed."""
        uuid = workflow_uuid_of(workflow.metadata)
        world = self._worlds.find(uuid) if uuid is not None else None
        if world is not None:
            world.workflow_seen(workflow)
            self._worlds.look_at(world)
        elif uuid is not None:
            self._strays.seen(uuid, workflow.metadata)

    def deleted(self, workflow: Workflow) -> None:
        """A Workflow is gone."""
        self._strays.gone(workflow.metadata.name)
        world = _world_of(self._worlds, workflow.metadata)
        if world is not None:
            world.workflow_seen(workflow)
            world.workflow_vanished(workflow.metadata.name)
            self._worlds.look_at(world)

    def listing(self) -> None:
        """They may come in any order."""

    def listed(self, names: Collection[str], version: str) -> None:
        """These are all Workflows."""
        present = set(names)
        for world in self._worlds.all():
            world.workflows_listed(present, version)
            self._worlds.look_at(world)


class EventNews:
    """Implements `gateway.runners.argo.feed.Observer` for events of pods. An event may come before its pod."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self._counted: OrderedDict[str, int] = OrderedDict()
        self._waiting: OrderedDict[str, list[EventLine]] = OrderedDict()
        self._pods: OrderedDict[str, tuple[WorkflowUuid, Attempt]] = OrderedDict()
        self._lock = threading.Lock()

    def seen(self, event: PodEvent) -> None:
        """An event is new, or happened again."""
        count = event.count or 1
        if self._counted.get(event.metadata.uid, 0) >= count:
            return
        self._counted[event.metadata.uid] = count
        self._counted.move_to_end(event.metadata.uid)
        while len(self._counted) > 10 * _WAITING_EVENTS:
            self._counted.popitem(last=False)
        at = event.last_timestamp or event.event_time or event.first_timestamp or event.metadata.creation_timestamp
        line = EventLine(
            at=naive(at) if at is not None else datetime.min,
            task=TaskName(""),
            retry_id=0,
            reason=event.reason or "",
            message=event.message or "",
        )
        self._tell(event.involved_object.name, line)

    def deleted(self, event: PodEvent) -> None:
        """Events expire; that is no news."""

    def listing(self) -> None:
        """They may come in any order."""

    def listed(self, names: Collection[str], version: str) -> None:
        """Likewise."""

    def pod_known(self, world: World, pod: Pod) -> None:
        """A pod was seen, by another thread: tell what waited for it."""
        name = pod.metadata.name
        attempt = world.attempt_of(pod) if name not in self._pods else None
        if attempt is None:
            return
        with self._lock:
            self._pods[name] = (world.uuid, attempt)
            waiting = self._waiting.pop(name, [])
            while len(self._pods) > _KNOWN_PODS:
                self._pods.popitem(last=False)
        for line in waiting:
            world.event_seen(attempt, line)

    def _tell(self, name: str, line: EventLine) -> None:
        with self._lock:
            known = self._pods.get(name)
            if known is None:
                self._waiting.setdefault(name, []).append(line)
                while len(self._waiting) > _WAITING_EVENTS:
                    self._waiting.popitem(last=False)
        if known is not None:
            uuid, attempt = known
            world = self._worlds.find(uuid)
            if world is not None:
                world.event_seen(attempt, line)


def _world_of(worlds: Worlds, meta: Meta) -> World | None:
    uuid = workflow_uuid_of(meta)
    return worlds.find(uuid) if uuid is not None else None


class _Involved(msgspec.Struct, frozen=True):
    name: str = ""


class PodEvent(msgspec.Struct, frozen=True, rename="camel"):
    """An event of a pod."""

    metadata: Meta
    involved_object: _Involved = _Involved()
    reason: str | None = None
    message: str | None = None
    count: int | None = None
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    event_time: datetime | None = None
