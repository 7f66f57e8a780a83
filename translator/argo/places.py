"""Where a run and its tasks stand in Argo's own pages. Source: argo-verified.md §10."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from translator.argo.names import workflow_name

_PART = re.compile(r"-\d+(?=-)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgoPlace:
    """A Workflow, and in it a node, "" for none."""

    namespace: str
    workflow: str
    node: str = ""

    @property
    def path(self) -> str:
        """What follows the address of Argo's UI."""
        words = {"tab": "workflow"} | ({"nodeId": self.node, "nodePanelView": "summary"} if self.node else {})
        return f"/workflows/{quote(self.namespace)}/{quote(self.workflow)}?{urlencode(words)}"


def run_place(namespace: str, workflow_id: str, workflow_uuid: str) -> ArgoPlace:
    """The run's Workflow; of a run in several parts the first."""
    return ArgoPlace(namespace=namespace, workflow=workflow_name(workflow_id, workflow_uuid))


def pod_place(namespace: str, workflow_id: str, workflow_uuid: str, pod_name: str) -> ArgoPlace | None:
    """The node of a pod of the run; None where the pod's name is not one that Argo would give.

    Shape: a pod is called Workflow, template, hash of its node; a node's id is Workflow and hash. A template's name
    begins with a letter, so a number behind the Workflow's is that of a part.
    """
    first = workflow_name(workflow_id, workflow_uuid)
    if pod_name == first:
        return ArgoPlace(namespace=namespace, workflow=first, node=first)
    if not pod_name.startswith(f"{first}-"):
        return None
    part = _PART.match(pod_name, len(first))
    workflow = pod_name[: part.end()] if part is not None else first
    node_hash = pod_name.rpartition("-")[2]
    if not node_hash.isdecimal() or len(pod_name) <= len(workflow) + len(node_hash) + 1:
        return None
    return ArgoPlace(namespace=namespace, workflow=workflow, node=f"{workflow}-{node_hash}")
