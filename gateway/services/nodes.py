"""The nodes that the gateway knows: what clusters report, the configuration's inventory, and this machine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from gateway.ports.records import Page, TaskEntry, TaskFilter
from gateway.ports.store import Reads
from pools.model import Config
from pools.nodes import Node, total
from pools.shipped import MachineResources, machine_node
from templates.variables import NodeCapacity
from translator.lifecycle.words import TaskStatus

# Attempts that hold resources of a node: running, or placed and about to run (platform.md §1.6).
_PLACED = (TaskStatus.INITIALIZING, TaskStatus.RUNNING)
_ALL = Page(limit=1_000_000)


class Nodes:
    """All nodes of a configuration, called with it.

    Shape: `reported` gives the nodes that a backend's cluster reports, None where it does not. Those count; else the
    inventory's; and a local backend that the inventory leaves out has this machine as its one node.
    """

    def __init__(self, machine: MachineResources, reported: Callable[[str], tuple[Node, ...] | None]) -> None:
        self._machine = machine
        self._reported = reported

    def __call__(self, config: Config) -> tuple[Node, ...]:
        """The nodes of all backends, in the order of the backends."""
        return tuple(node for name in _backend_names(config) for node in self.of(config, name) or ())

    def of(self, config: Config, name: str) -> tuple[Node, ...] | None:
        """The nodes of one backend; None where they are not known."""
        reported = self._reported(name)
        if reported is not None:
            return reported
        listed = tuple(node for node in config.nodes or () if node.backend == name)
        backend = config.backends.get(name)
        if not listed and backend is not None and backend.is_local:
            return (machine_node(self._machine, name),)
        return listed or None


def _backend_names(config: Config) -> Iterable[str]:
    # An inventory may name a backend that is only known by its pools.
    return dict.fromkeys((*(node.backend for node in config.nodes or ()), *config.backends))


def placed_tasks(reads: Reads, config: Config) -> tuple[TaskEntry, ...]:
    """The attempts that hold resources now, in pools that exist."""
    found = reads.tasks(TaskFilter(statuses=_PLACED), _ALL)
    return tuple(entry for entry in found if entry.pool in config.pools)


def node_usage(config: Config, tasks: Iterable[TaskEntry]) -> Mapping[tuple[str, str], NodeCapacity]:
    """What the tasks request of each (backend, node)."""
    requests: dict[tuple[str, str], list[NodeCapacity]] = defaultdict(list)
    for entry in tasks:
        if entry.pool is not None and entry.task.node_name:
            task = entry.task
            requests[config.pools[entry.pool].backend, entry.task.node_name].append(
                NodeCapacity(
                    cpu=task.cpu, gpu=task.gpu, memory_bytes=task.memory_bytes, storage_bytes=task.storage_bytes
                )
            )
    return {key: total(amounts) for key, amounts in requests.items()}
