"""The nodes that the gateway knows: the configuration's inventory, and this machine for backends that run here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

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


def known_nodes(config: Config, machine: MachineResources) -> tuple[Node, ...]:
    """All nodes; a local backend that the inventory leaves out has this machine as its one node."""
    listed = config.nodes or ()
    covered = {node.backend for node in listed}
    local = (name for name, backend in config.backends.items() if backend.is_local and name not in covered)
    return (*listed, *(machine_node(machine, name) for name in local))


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
