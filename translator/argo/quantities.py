"""Resource amounts of containers in one form: binary units for bytes, plain numbers for the rest.

Kubernetes reads `10G` as decimal; what users wrote was made binary when templates were rendered, what administrators
wrote means what Kubernetes says, and both leave here as Ki, Mi or Gi. Source: workflow-spec.md §10.6;
argo-verified.md C13.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from pools.kubernetes_quantities import quantity
from templates.merge import Json, JsonObject
from translator.argo.faults import refusal

EMISSARY_BYTES = 96 * 1024**2
"""What Argo's emissary, process 1 of `main`, takes of the container's memory limit."""

_BYTE_RESOURCES = ("memory", "ephemeral-storage", "storage")
_UNITS = ((1024**3, "Gi"), (1024**2, "Mi"), (1024, "Ki"))


def byte_text(number: Fraction | int) -> str:
    """An amount of bytes with the largest unit that leaves it whole; rounded up to Ki."""
    whole = math.ceil(Fraction(number) / 1024) * 1024
    return next((f"{whole // size}{unit}" for size, unit in _UNITS if whole and whole % size == 0), "0")


def tidy_resources(resources: Mapping[str, Json], *, path: str, extra_memory_bytes: int = 0) -> JsonObject:
    """`resources` of a container with all amounts in one form.

    Shape: requests above their limit are lowered to it; extended resources (`nvidia.com/gpu`) of 0 are left out, as are
    empty parts. `extra_memory_bytes` is added to a memory limit. Errors: TranslationError for what is no quantity.
    """
    parts = {part: _amounts(resources.get(part), f"{path}.{part}") for part in ("limits", "requests")}
    limits, requests = parts["limits"], parts["requests"]
    for name, limit in limits.items():
        if name in requests and requests[name] > limit:
            requests[name] = limit
    if "memory" in limits:
        limits["memory"] += extra_memory_bytes
    tidied: JsonObject = {key: value for key, value in resources.items() if key not in parts}
    for part, amounts in parts.items():
        written: JsonObject = {name: _text(name, amount) for name, amount in amounts.items()}
        if written:
            tidied[part] = written
    return tidied


def _amounts(part: Json, path: str) -> dict[str, Fraction]:
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise refusal("bad-quantity", f"Expected a map of resources at {path}. Correct the pod template.", path)
    amounts = {name: _amount(value, f"{path}.{name}") for name, value in part.items()}
    return {name: amount for name, amount in amounts.items() if amount or "/" not in name}


def _amount(value: Json, path: str) -> Fraction:
    amount = quantity(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    if amount is None:
        raise refusal(
            "bad-quantity",
            f'Expected a Kubernetes quantity such as "2", "500m" or "4Gi" at {path}, got {value!r}. '
            "Correct the pod template, or give the variable a default.",
            path,
        )
    return amount


def _text(name: str, amount: Fraction) -> str:
    if name in _BYTE_RESOURCES or name.startswith("hugepages-"):
        return byte_text(amount)
    if amount.denominator == 1:
        return str(amount.numerator)
    return f"{math.ceil(amount * 1000)}m"
