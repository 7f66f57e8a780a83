"""Objects on a cluster as values, and the plain ones that stand beside a Workflow."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from templates.merge import Json, JsonObject
from translator.argo.labels import GROUP_UUID, WORKFLOW_UUID
from translator.argo.names import service_name
from translator.argo.payload import COORDINATOR_PORT

WORKFLOW_API_VERSION = "argoproj.io/v1alpha1"
PLACEHOLDER_UID = "00000000-0000-0000-0000-000000000000"
"""Stands for the uid of a Workflow that has not been created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowObject:
    """A Workflow as the bytes that are sent."""

    name: str
    namespace: str
    body: bytes

    @property
    def manifest(self) -> JsonObject:
        """The object read back. Shape: keys in the order of the bytes."""
        manifest: JsonObject = msgspec.json.decode(self.body)
        return manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class DependentObject:
    """An object that belongs to a Workflow and goes with it.

    Shape: `manifest` is whole but for its owner, whose uid is known only when the Workflow exists.
    """

    manifest: JsonObject
    owner: str

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.manifest.get("kind"))

    @property
    def api_version(self) -> str:
        """Its group and version."""
        return str(self.manifest.get("apiVersion"))

    @property
    def name(self) -> str:
        """Its name."""
        return str(_mapping(self.manifest.get("metadata")).get("name"))

    def owned(self, uid: str = PLACEHOLDER_UID) -> JsonObject:
        """The object with its Workflow as owner, so that Kubernetes deletes it with the Workflow."""
        reference: JsonObject = {
            "apiVersion": WORKFLOW_API_VERSION,
            "kind": "Workflow",
            "name": self.owner,
            "uid": uid,
            "controller": False,
            "blockOwnerDeletion": False,
        }
        metadata = _mapping(self.manifest.get("metadata"))
        references: list[Json] = [reference]
        return {**self.manifest, "metadata": {**metadata, "ownerReferences": references}}


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectMaker:
    """Makes the objects beside one Workflow. Shape: `labels` are those of the run."""

    workflow: str
    namespace: str
    labels: Mapping[str, str]

    def secret(self, name: str, entries: Mapping[str, bytes], type_: str = "Opaque") -> DependentObject:
        """A Secret that never changes."""
        data: JsonObject = {key: b2a_base64(content, newline=False).decode("ascii") for key, content in entries.items()}
        return self._dependent(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name},
                "type": type_,
                "immutable": True,
                "data": data,
            }
        )

    def service(self, group_uuid: str, labels: Mapping[str, str]) -> DependentObject:
        """The headless Service by which members of a group find each other, from before they are ready."""
        selector: JsonObject = {WORKFLOW_UUID: self.labels[WORKFLOW_UUID], GROUP_UUID: group_uuid}
        ports: list[Json] = [{"name": "coordinator", "port": COORDINATOR_PORT}]
        spec: JsonObject = {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": selector,
            "ports": ports,
        }
        metadata: JsonObject = {"name": service_name(group_uuid), "labels": {**labels}}
        return self._dependent({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})

    def other(self, manifest: Mapping[str, Json], labels: Mapping[str, str]) -> DependentObject:
        """Any object, with the run's labels over its own."""
        metadata = _mapping(manifest.get("metadata"))
        own = _mapping(metadata.get("labels"))
        return self._dependent({**manifest, "metadata": {**metadata, "labels": {**own, **labels}}})

    def _dependent(self, manifest: JsonObject) -> DependentObject:
        metadata = _mapping(manifest.get("metadata"))
        labels = {**_mapping(metadata.get("labels")), **self.labels}
        placed: JsonObject = {**metadata, "namespace": self.namespace, "labels": {**labels}}
        return DependentObject(manifest={**manifest, "metadata": placed}, owner=self.workflow)


def _mapping(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
