"""Lets a run through the gates between its Workflows. Source: argo-verified.md §5.3."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from engine.crashpoints import crash_point
from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.deeds import Deeds
from gateway.runners.argo.faults import Conflict, Refused
from gateway.runners.argo.paths import Paths
from gateway.runners.argo.world import World
from templates.merge import JsonObject
from translator.argo.gates import Gate, GateOutcome, gate_patch, gates_of, node_change
from translator.argo.labels import GATES
from translator.argo.observe_objects import decode_workflow, packed, unpacked

_MESSAGE = "released"
_TRIES = 5


class GateKeeper:
    """Releases gates of one cluster's runs."""

    def __init__(self, client: KubeClient, deeds: Deeds, paths: Paths, now: Callable[[], datetime]) -> None:
        self._client = client
        self._deeds = deeds
        self._paths = paths
        self._now = now

    def release(self, world: World) -> None:
        """Release every gate that Argo waits at and whose groups are completed. Errors: ClusterError."""
        workflows, completed = world.open_gates()
        for name, workflow in workflows.items():
            annotations = workflow.metadata.annotations
            if annotations is None or not annotations.gates:
                continue
            for gate in gates_of({GATES: annotations.gates}, world.run.plan):
                if completed.issuperset(gate.waits_for) and world.node_phase(name, gate.node_id) == "Running":
                    released = decode_workflow(self._release(self._paths.workflow(name), gate))
                    crash_point("argo.gate-released")
                    world.workflow_seen(released)

    def _release(self, path: str, gate: Gate) -> bytes:
        try:
            return self._deeds.patch(path, gate_patch(gate, GateOutcome.RELEASED, self._now(), _MESSAGE))
        except Refused as error:
            if error.status != 422:
                raise
        for _ in range(_TRIES):
            try:
                return self._release_packed(path, gate)
            except Conflict:
                # Argo wrote in between; its version has the other gates' changes.
                continue
        return self._release_packed(path, gate)

    def _release_packed(self, path: str, gate: Gate) -> bytes:
        data = self._client.get(path)
        workflow = decode_workflow(data)
        text = workflow.status.compressed_nodes if workflow.status is not None else ""
        if not text:
            return self._deeds.patch(path, gate_patch(gate, GateOutcome.RELEASED, self._now(), _MESSAGE))
        nodes: dict[str, JsonObject] = msgspec.json.decode(unpacked(text), type=dict[str, dict[str, Any]])
        node = nodes.get(gate.node_id)
        if node is None or node.get("phase") != "Running":
            return data
        node.update(node_change(GateOutcome.RELEASED, self._now(), _MESSAGE))
        change: JsonObject = {
            "metadata": {"resourceVersion": workflow.metadata.resource_version},
            "status": {"compressedNodes": packed(msgspec.json.encode(nodes))},
        }
        return self._deeds.patch(path, change)
