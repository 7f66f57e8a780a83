"""The variables that templates and resource rules may name: USER_*, K8_*, WF_*.

Source: workflow-spec.md §7.3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from templates.merge import Json
from templates.quantities import ByteQuantity, byte_quantity, kubernetes_quantity, plain_number, split_quantity

Variable: TypeAlias = Json
"""The value of a variable; None where it is known and unset."""

UNITS = ("Ti", "Gi", "Mi", "Ki", "B", "m")
"""Suffixes of the derived variables: `USER_MEMORY_Gi`."""

BYTE_VARIABLES = ("USER_MEMORY", "USER_STORAGE")
USER_VARIABLES = (
    "USER_CPU",
    "USER_GPU",
    *(
        f"{name}{suffix}"
        for name in BYTE_VARIABLES
        for suffix in ("", "_VAL", "_UNIT", *(f"_{unit}" for unit in UNITS))
    ),
    "USER_CACHE",
    "USER_EXCLUDED_NODES",
)
NODE_VARIABLES = ("K8_CPU", "K8_GPU", "K8_MEMORY", "K8_STORAGE")
CONTAINER_VARIABLE = "USER_CONTAINER_NAME"
GROUP_VARIABLES = (
    "WF_ID",
    "WF_UUID",
    "WF_GROUP_NAME",
    "WF_GROUP_UUID",
    "WF_SUBMITTED_BY",
    "WF_POOL",
    "WF_PRIORITY",
)
TASK_VARIABLES = ("WF_TASK_NAME", "WF_TASK_UUID", "WF_RETRY_ID", "WF_LEAD_CONTAINER", "WF_PLATFORM")

DEFAULT_VARIABLES: Mapping[str, Variable] = {
    "USER_CPU": 1,
    "USER_GPU": 0,
    "USER_MEMORY": "1Gi",
    "USER_STORAGE": "1Gi",
}
"""OSMO's own defaults, part of the shipped pool."""

_NO_STORAGE_CACHE = "0MiB"
_UNSET_CACHE_PERCENT = Fraction(90)


class VariableError(ValueError):
    """A request cannot be turned into variables. OSMO answers it with 400 RESOURCE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRequest:
    """What the user wrote in one resource entry. None, 0 and "" all mean: not asked for."""

    cpu: int | None = None
    gpu: int | None = None
    memory: str = ""
    storage: str = ""
    cache_size: str = ""
    nodes_excluded: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCapacity:
    """What a node has to give. Units: cpu in cores, gpu a count, the others in bytes."""

    cpu: float = 0
    gpu: int = 0
    memory_bytes: int = 0
    storage_bytes: int = 0


def user_variables(request: UserRequest, defaults: Mapping[str, Variable]) -> dict[str, Variable]:
    """All USER_* variables of one request, and every default variable of the pool whatever its name.

    Shape: a variable neither asked for nor defaulted is None; derived ones (`_VAL`, `_UNIT`, `_Gi` …) come from the
    request only, never from a default for the whole. Whole numbers print without `.0`.
    Errors: VariableError for a bad cache size.
    """
    variables: dict[str, Variable] = dict.fromkeys(USER_VARIABLES)
    variables.update(defaults)
    if request.cpu:
        variables["USER_CPU"] = plain_number(request.cpu)
    if request.gpu:
        variables["USER_GPU"] = int(request.gpu)
    for name, text in zip(BYTE_VARIABLES, (request.memory, request.storage), strict=True):
        if text:
            variables[name] = text
            variables |= _derived(name, text)
    variables["USER_CACHE"] = cache_size(request.cache_size, request.storage)
    variables["USER_EXCLUDED_NODES"] = f"ARRAY:[{','.join(request.nodes_excluded)}]"
    return variables


def cache_size(text: str, storage: str) -> str:
    """The cache that a task gets: `text` itself, a percentage of its storage, or 90 % of it where nothing was asked.

    Errors: VariableError.
    """
    if not text:
        return _share(_UNSET_CACHE_PERCENT, storage)
    if text.endswith("%"):
        return _share(_percentage(text), storage)
    parts = split_quantity(text)
    if parts is None:
        raise VariableError(
            f"Resource cache field has invalid value {text}. Expected an amount such as 10Gi, or a percentage."
        )
    if byte_quantity(text) is None:
        raise VariableError(f"Resource cache field has invalid unit: {parts[1]}")
    return text


def node_variables(capacity: NodeCapacity) -> dict[str, Variable]:
    """The K8_* variables of one node, for rules. Units: cpu and gpu are counts, the others texts in Ki."""
    return {
        "K8_CPU": plain_number(capacity.cpu),
        "K8_GPU": capacity.gpu,
        "K8_MEMORY": f"{capacity.memory_bytes // 1024}Ki",
        "K8_STORAGE": f"{capacity.storage_bytes // 1024}Ki",
        **_derived("K8_MEMORY", f"{capacity.memory_bytes // 1024}Ki"),
        **_derived("K8_STORAGE", f"{capacity.storage_bytes // 1024}Ki"),
    }


def label_variables(labels: Mapping[str, str]) -> dict[str, Variable]:
    """The WF_* variables that OSMO's labels on a pod or group object stand for.

    Shape: `osmo.workflow_id` becomes WF_ID, `osmo.task_name` WF_TASK_NAME; labels without `osmo.` are left out.
    """
    return {
        f"WF_{key.removeprefix('osmo.').upper().removeprefix('WORKFLOW_')}": value
        for key, value in labels.items()
        if key.startswith("osmo.")
    }


def kubernetes_variables(variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """`variables` with amounts in the form that Kubernetes reads the same way (`10G`, 10 GiB to OSMO, as `10Gi`)."""
    rewritten = dict(variables)
    for name in (*BYTE_VARIABLES, "USER_CACHE"):
        value = rewritten.get(name)
        if isinstance(value, str):
            rewritten[name] = kubernetes_quantity(value)
    return rewritten


def _derived(name: str, text: str) -> dict[str, Variable]:
    quantity = byte_quantity(text)
    if quantity is None:
        return {}
    return {
        f"{name}_VAL": plain_number(quantity.number),
        f"{name}_UNIT": quantity.unit,
        **{f"{name}_{unit}": quantity.in_unit(unit) for unit in UNITS},
    }


def _percentage(text: str) -> Fraction:
    try:
        percent = Fraction(text.removesuffix("%").strip())
    except (ValueError, ZeroDivisionError):
        raise VariableError(
            f"Improperly formatted cache size: {text}. Expected an amount such as 10Gi, or a percentage such as 50%."
        ) from None
    if not 0 <= percent <= 100:
        raise VariableError(f"Cache size must be between 0-100 percent: {text}")
    return percent


def _share(percent: Fraction, storage: str) -> str:
    quantity: ByteQuantity | None = byte_quantity(storage)
    if quantity is None:
        return _NO_STORAGE_CACHE
    return f"{math.floor(quantity.number * percent / 100)}{quantity.unit}"
