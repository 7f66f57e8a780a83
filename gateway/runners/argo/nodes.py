"""The nodes of a backend's cluster, kept up with by a reflector, in the words of `pools.nodes`."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from pools.nodes import Node, Taint, capacity_of
from translator.argo.observe_objects import Condition, Object

PATH = "/api/v1/nodes"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenNode:
    """A node as its cluster reports it.

    Shape: `images` are the names of images that are on it already; kubelets report no more than some fifty.
    """

    node: Node
    images: frozenset[str]

    @property
    def ready(self) -> bool:
        """Whether it runs pods now, cordoned or not."""
        return self.node.conditions.get("Ready") == "True"


class NodeInventory:
    """All nodes of one backend. Implements `gateway.runners.argo.feed.Observer`; safe to ask from any thread."""

    def __init__(self, backend: str) -> None:
        self._backend = backend
        self._lock = threading.Lock()
        self._nodes: dict[str, Node] = {}
        self._listed = False

    @property
    def nodes(self) -> tuple[Node, ...] | None:
        """The nodes by name; None while they are not known."""
        with self._lock:
            return tuple(self._nodes[name] for name in sorted(self._nodes)) if self._listed else None

    def seen(self, one: ClusterNode) -> None:
        """A node is new or changed."""
        node = _seen_node(one, self._backend).node
        with self._lock:
            self._nodes[node.name] = node

    def deleted(self, one: ClusterNode) -> None:
        """A node is gone."""
        with self._lock:
            self._nodes.pop(one.metadata.name, None)

    def listing(self) -> None:
        """What was known stays until all are told."""

    def listed(self, names: Collection[str], version: str) -> None:
        """These are all nodes."""
        present = set(names)
        with self._lock:
            self._nodes = {name: one for name, one in self._nodes.items() if name in present}
            self._listed = True


def decode_node(data: bytes, backend: str) -> SeenNode:
    """A node of a backend. Errors: msgspec.MsgspecError."""
    return _seen_node(_NODE.decode(data), backend)


def _seen_node(found: ClusterNode, backend: str) -> SeenNode:
    status, spec = found.status, found.spec
    return SeenNode(
        node=Node(
            name=found.metadata.name,
            backend=backend,
            labels=found.metadata.labels or {},
            taints=tuple(Taint(key=one.key, value=one.value, effect=one.effect) for one in spec.taints or ()),
            allocatable=capacity_of(status.allocatable or {}),
            capacity=capacity_of(status.capacity or {}),
            conditions={one.type: one.status for one in status.conditions or ()},
            unschedulable=spec.unschedulable,
        ),
        images=frozenset(name for image in status.images or () for name in image.names or ()),
    )


def decode_nodes(data: bytes, backend: str) -> tuple[SeenNode, ...]:
    """A list of nodes, by name. Errors: msgspec.MsgspecError."""
    found = (decode_node(item, backend) for item in _LIST.decode(data).items or ())
    return tuple(sorted(found, key=lambda one: one.node.name))


class _Taint(Object, frozen=True, kw_only=True):
    key: str = ""
    value: str = ""
    effect: str = ""


class _Spec(Object, frozen=True, kw_only=True):
    taints: tuple[_Taint, ...] | None = None
    unschedulable: bool = False


class _Image(Object, frozen=True, kw_only=True):
    names: tuple[str, ...] | None = None


class _Status(Object, frozen=True, kw_only=True):
    allocatable: dict[str, str] | None = None
    capacity: dict[str, str] | None = None
    conditions: tuple[Condition, ...] | None = None
    images: tuple[_Image, ...] | None = None


class _Meta(Object, frozen=True, kw_only=True):
    name: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None


class ClusterNode(Object, frozen=True, kw_only=True):
    """A node as the API server sends it."""

    metadata: _Meta
    spec: _Spec = _Spec()
    status: _Status = _Status()


class _List(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw] | None = None


_NODE = msgspec.json.Decoder(ClusterNode)
_LIST = msgspec.json.Decoder(_List)
