"""Why Argo has not made the pod of an attempt: its node then waits with a message, and no pod can tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from translator.argo.observe import Attempt, RunIndex, node_tasks
from translator.argo.observe_objects import Node

QUOTA = "ExceededQuota"
NOT_CREATED = "FailedCreate"


def waiting_nodes(nodes: Iterable[Node], index: RunIndex) -> Iterator[tuple[Attempt, str, str]]:
    """Attempts whose node is pending with a message: attempt, reason as of an event, message.

    The caller leaves out those that have a pod: its own events say more. Source: Argo marks a node Pending with the
    API server's answer where creating its pod may succeed later.
    """
    for node in nodes:
        if node.type == "Pod" and node.phase == "Pending" and node.message:
            reason = QUOTA if "exceeded quota" in node.message else NOT_CREATED
            for attempt in node_tasks(node, index):
                yield attempt, reason, node.message
