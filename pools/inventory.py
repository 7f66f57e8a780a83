"""The `nodes` section of a configuration directory: machines to check against where no cluster is asked. Ours."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, field_validator

from pools.documents import Document
from pools.kubernetes_quantities import quantity
from pools.nodes import GPU_RESOURCE, Node, Taint, capacity_of, usage_of

# What an inventory leaves out is not known, and so limits nothing; far above any machine.
_UNSTATED = {"cpu": "1000000000", "memory": "1Ei", "ephemeral-storage": "1Ei"}
_OTHER_NAMES = {"storage": "ephemeral-storage", "gpu": GPU_RESOURCE}


class TaintDocument(Document):
    """A taint as Kubernetes writes it."""

    key: str
    value: str = ""
    effect: str = "NoSchedule"


class NodeDocument(Document):
    """One node.

    Shape: `allocatable` and `non_workflow_usage` as in Kubernetes (`cpu`, `memory`, `ephemeral-storage`,
    `nvidia.com/gpu`; `storage` and `gpu` for short); `conditions` a map of type to status, or Kubernetes' list of
    {type, status}. An amount of cpu, memory or storage that is not stated is no limit; GPUs not stated are none.
    """

    name: str
    backend: str = ""
    labels: dict[str, str] = {}
    taints: tuple[TaintDocument, ...] = ()
    allocatable: dict[str, str] = {}
    non_workflow_usage: dict[str, str] = Field(default={})
    conditions: dict[str, str] = {}
    unschedulable: bool = False

    @field_validator("conditions", mode="before")
    @classmethod
    def _as_map(cls, value: object) -> object:
        if not isinstance(value, list):
            return _texts(value)
        return {str(entry["type"]): str(entry["status"]) for entry in value if _is_condition(entry)}

    @field_validator("allocatable", "non_workflow_usage")
    @classmethod
    def _are_quantities(cls, value: dict[str, str]) -> dict[str, str]:
        for key, text in value.items():
            if quantity(text) is None:
                raise ValueError(f'"{text}" of {key} is not a Kubernetes quantity such as 8, 500m or 32Gi')
        return value

    @field_validator("allocatable", "non_workflow_usage", mode="before")
    @classmethod
    def _long_names(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return {_OTHER_NAMES.get(key, key): amount for key, amount in value.items()}

    @field_validator("labels", mode="before")
    @classmethod
    def _label_texts(cls, value: object) -> object:
        return _texts(value)

    def node(self, backend: str) -> Node:
        """The node, on the backend that it names or else on `backend`."""
        return Node(
            name=self.name,
            backend=self.backend or backend,
            labels=self.labels,
            taints=tuple(Taint(key=one.key, value=one.value, effect=one.effect) for one in self.taints),
            allocatable=capacity_of({**_UNSTATED, **self.allocatable}),
            conditions=self.conditions,
            unschedulable=self.unschedulable,
            foreign_usage=usage_of(self.non_workflow_usage),
        )


def _is_condition(entry: object) -> bool:
    return isinstance(entry, Mapping) and "type" in entry and "status" in entry


def _texts(value: object) -> object:
    """YAML reads `True` and `true` as a boolean where Kubernetes has a text."""
    if not isinstance(value, Mapping):
        return value
    return {key: _boolean_text(item) for key, item in value.items()}


def _boolean_text(item: object) -> object:
    return str(item) if isinstance(item, bool) else item
