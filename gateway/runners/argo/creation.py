"""Creates the objects of a run, in order, so that doing it again, or after half of it, does no more than doing it once.

Source: design §5; argo.md §2.18.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import msgspec

from engine.crashpoints import crash_point
from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.deeds import Deeds
from gateway.runners.argo.faults import Conflict, NotThere, Refused, TryAgain
from gateway.runners.argo.paths import Paths
from translator.argo.labels import WORKFLOW_UUID
from translator.argo.objects import DependentObject, WorkflowObject
from translator.argo.observe_objects import Workflow, decode_workflow
from translator.argo.translation import Translation
from translator.plan.model import WorkflowUuid

_OURS_ALONE = frozenset({"Workflow", "Secret", "Service"})

Repeat = Callable[[Callable[[], bytes]], bytes]


class RunCreator:
    """Creates runs on one cluster. Shape: `repeat` makes a call again while it may work later."""

    def __init__(self, client: KubeClient, deeds: Deeds, paths: Paths, repeat: Repeat) -> None:
        self._client = client
        self._deeds = deeds
        self._paths = paths
        self._repeat = repeat

    def create(self, translation: Translation, workflow_uuid: WorkflowUuid) -> Iterator[Workflow]:
        """Create what is missing, then let it run; each Workflow as it became.

        Errors: ClusterError: Refused says why the cluster will not have it, TryAgain that it can be gone on with later.
        """
        crash_point("argo.run-begins")
        for part in translation.parts:
            made = self._workflow(part.workflow, workflow_uuid)
            crash_point("argo.workflow-created")
            for dependent in part.dependents:
                self._dependent(dependent, made.metadata.uid, workflow_uuid)
                crash_point("argo.dependent-created")
        crash_point("argo.all-created")
        for part in translation.parts:
            resume = partial(self._resumed, self._paths.workflow(part.workflow.name))
            resumed = decode_workflow(self._repeat(resume))
            crash_point("argo.resumed")
            yield resumed

    def _workflow(self, made: WorkflowObject, workflow_uuid: WorkflowUuid) -> Workflow:
        data = self._ensured(self._paths.workflows, made.name, "Workflow", made.body, workflow_uuid)
        workflow = decode_workflow(data)
        if workflow.metadata.deletion_timestamp is not None:
            raise TryAgain(f"The Workflow {made.name} is being deleted.")
        return workflow

    def _dependent(self, made: DependentObject, uid: str, workflow_uuid: WorkflowUuid) -> None:
        body = msgspec.json.encode(made.owned(uid))
        path = self._paths.of(made.api_version, made.kind)
        self._ensured(path, made.name, made.kind, body, workflow_uuid)

    def _ensured(self, path: str, name: str, kind: str, body: bytes, workflow_uuid: WorkflowUuid) -> bytes:
        """The object, created now or found: an answer may have been lost after the object was made."""

        def attempt() -> bytes:
            try:
                return self._deeds.create(path, body)
            except Conflict:
                return self._found(f"{path}/{name}", name, kind, workflow_uuid)

        return self._repeat(attempt)

    def _found(self, path: str, name: str, kind: str, workflow_uuid: WorkflowUuid) -> bytes:
        try:
            data = self._client.get(path)
        except NotThere as error:
            raise TryAgain(f"{kind} {name} came and went.") from error
        labels = _OBJECT.decode(data).metadata.labels or {}
        # What a group template names may be shared between runs: there is one, and that is all that was asked for.
        if kind in _OURS_ALONE and labels.get(WORKFLOW_UUID) != workflow_uuid:
            raise Refused(
                f"{kind} {name} exists and belongs to something else. Remove it, or choose another namespace."
            )
        return data

    def _resumed(self, path: str) -> bytes:
        try:
            return self._deeds.patch(path, {"spec": {"suspend": None}})
        except NotThere as error:
            raise Refused("The Workflow was deleted while it was being created.") from error


class _Meta(msgspec.Struct, frozen=True):
    labels: dict[str, str] | None = None


class _Object(msgspec.Struct, frozen=True):
    metadata: _Meta


_OBJECT = msgspec.json.Decoder(_Object)
