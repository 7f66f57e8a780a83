"""Names that follow from a workflow's uuid: uuids of groups and tasks, and where tasks of a group find each other.

Same workflow uuid, same names: a plan that is made twice is the same plan.
Source: workflow-spec.md §3.5, §4.2; design §8.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from translator.plan.model import WorkflowUuid

_UUID_BYTES = 16
_LOOPBACK_NUMBERS = 254 * 256 * 254


def group_uuid(workflow_uuid: WorkflowUuid, group: str) -> str:
    """The uuid of a group: 32 hexadecimal digits."""
    return _uuid(workflow_uuid, "group", group)


def task_uuid(workflow_uuid: WorkflowUuid, task: str) -> str:
    """The uuid of a task, the same for all its attempts: 32 hexadecimal digits."""
    return _uuid(workflow_uuid, "task", task)


def cluster_host(task: str, group: str, *, namespace: str, cluster_domain: str) -> str:
    """The DNS name of a task's pod. Shape: `task` and `group` are uuids."""
    return f"{task}.osmo-{group}.{namespace}.svc.{cluster_domain}"


def loopback_hosts(task_uuids: Iterable[str]) -> dict[str, str]:
    """A loopback address of its own for each task of one workflow: 127.x.y.z, x and z from 1 to 254, y from 0 to 255.

    So never 127.0.0.1, a network or a broadcast address. A task whose address is taken gets the next free one.
    """
    taken: set[int] = set()
    hosts = {}
    for uuid in task_uuids:
        number = int(uuid, 16) % _LOOPBACK_NUMBERS
        while number in taken:
            number = (number + 1) % _LOOPBACK_NUMBERS
        taken.add(number)
        rest, last = divmod(number, 254)
        second, third = divmod(rest, 256)
        hosts[uuid] = f"127.{second + 1}.{third}.{last + 1}"
    return hosts


def _uuid(workflow_uuid: WorkflowUuid, kind: str, name: str) -> str:
    return blake2b(f"{workflow_uuid}\0{kind}\0{name}".encode(), digest_size=_UUID_BYTES).hexdigest()
