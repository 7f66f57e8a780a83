"""Topology for schedulers that know no topology: pods of one (key, group) attract each other.

Source: workflow-spec.md §7.6, §9.2-N.
"""

from __future__ import annotations

from templates.merge import Json, JsonObject
from translator.argo.labels import GROUP_UUID, label_value
from translator.argo.slots import Slot
from translator.plan.model import Topology

LABEL_PREFIX = "osmo.topology."
_PREFERRED_WEIGHT = 100


def topology_labels(topology: tuple[Topology, ...]) -> dict[str, str]:
    """What marks pods that want to stand together."""
    return {label_key(wish): label_value(wish.group) for wish in topology}


def label_key(wish: Topology) -> str:
    """The label of pods with a wish for this key."""
    return f"{LABEL_PREFIX}{label_value(wish.key)[:40].strip('-_.')}"


def affinity(topology: tuple[Topology, ...]) -> JsonObject:
    """The pod's affinity. A pod may always be the first of its domain: it matches its own terms."""
    terms: dict[bool, list[Json]] = {True: [], False: []}
    for wish in topology:
        term: JsonObject = {
            "labelSelector": {
                "matchLabels": {GROUP_UUID: Slot.GROUP_UUID.mark, label_key(wish): label_value(wish.group)}
            },
            "topologyKey": wish.label or wish.key,
        }
        terms[wish.required].append(term if wish.required else {"weight": _PREFERRED_WEIGHT, "podAffinityTerm": term})
    names = {
        True: "requiredDuringSchedulingIgnoredDuringExecution",
        False: "preferredDuringSchedulingIgnoredDuringExecution",
    }
    return {"podAffinity": {names[required]: found for required, found in terms.items() if found}}
