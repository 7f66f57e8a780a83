"""Gates: where one Workflow of a run waits for groups of another, and how the gateway lets it through.

A Workflow carries its own gates in an annotation, so that whoever finds it knows what it waits for. Releasing is a
patch of the gate's node; where Argo has compressed its nodes the same change is made in the unpacked text.
Source: argo-verified.md §5.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from templates.merge import JsonObject
from translator.argo.labels import GATES
from translator.plan.model import GroupName, Plan


class GateOutcome(StrEnum):
    """What becomes of a gate, in Argo's words for its node."""

    RELEASED = "Succeeded"
    REFUSED = "Failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A gate of one Workflow.

    Shape: `name` is what Argo calls its task (displayName), unique in the Workflow; `waits_for` are groups that run in
    other Workflows: all of them COMPLETED releases it, any of them failed refuses it.
    """

    name: str
    node_id: str
    waits_for: tuple[GroupName, ...]


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    gate: str
    node: str
    waits: str


def gates_annotation(gates: Iterable[tuple[str, str, Sequence[int]]]) -> dict[str, str]:
    """The annotation of a Workflow with these gates; {} for none.

    Shape: of each gate its name, its node's id and the numbers of the Plan's groups that it waits for, rising.
    """
    entries = [_Entry(gate=name, node=node, waits=_ranges(groups)) for name, node, groups in gates]
    return {GATES: msgspec.json.encode(entries).decode()} if entries else {}


def gates_of(annotations: Mapping[str, str], plan: Plan) -> tuple[Gate, ...]:
    """The gates of a Workflow of `plan`, in the order in which they were written.

    Errors: msgspec.ValidationError where the annotation is not ours, IndexError where it is not of this Plan.
    """
    entries = msgspec.json.decode(annotations.get(GATES, "[]").encode(), type=list[_Entry])
    return tuple([gate_of(plan, entry.gate, entry.node, _numbers(entry.waits)) for entry in entries])


def gate_of(plan: Plan, name: str, node_id: str, waits_for: Iterable[int]) -> Gate:
    """A gate that waits for groups of `plan`, given by number."""
    return Gate(name=name, node_id=node_id, waits_for=tuple([plan.groups[number].name for number in waits_for]))


def gate_patch(gate: Gate, outcome: GateOutcome, at: datetime, message: str) -> JsonObject:
    """The merge patch of a Workflow that decides `gate`; `at` is naive UTC.

    Argo refuses it (422) once the nodes are compressed.
    """
    return {"status": {"nodes": {gate.node_id: node_change(outcome, at, message)}}}


def node_change(outcome: GateOutcome, at: datetime, message: str) -> JsonObject:
    """The fields of a gate's node that deciding it sets."""
    return {"phase": outcome.value, "finishedAt": f"{at.replace(microsecond=0).isoformat()}Z", "message": message}


def _ranges(numbers: Sequence[int]) -> str:
    """Rising numbers in short: `0-3,17`."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)


def _numbers(text: str) -> list[int]:
    numbers: list[int] = []
    for part in text.split(",") if text else ():
        low, _, high = part.partition("-")
        numbers += range(int(low), int(high or low) + 1)
    return numbers
