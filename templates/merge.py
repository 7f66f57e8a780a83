"""Merging of partial manifests: pod templates over a pod, platform over pool, group templates over each other.

Source: workflow-spec.md §7.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]


def merge(base: Mapping[str, Json], overlay: Mapping[str, Json]) -> JsonObject:
    """`base` with `overlay` laid over it; neither is changed, and the result shares no container with them.

    Shape: mappings merge key by key; elements of lists merge by their `name`, those with an unknown name or none are
    appended; anything else, also a change of kind, is replaced.
    """
    return _merged_mapping(base, overlay)


def merge_all(layers: Iterable[Mapping[str, Json]]) -> JsonObject:
    """All layers merged in order, the last wins; {} for none."""
    merged: JsonObject = {}
    for layer in layers:
        merged = _merged_mapping(merged, layer)
    return merged


def _merged(base: Json, overlay: Json) -> Json:
    if isinstance(base, dict) and isinstance(overlay, dict):
        return _merged_mapping(base, overlay)
    if isinstance(base, list) and isinstance(overlay, list):
        return _merged_list(base, overlay)
    return _copied(overlay)


def _merged_mapping(base: Mapping[str, Json], overlay: Mapping[str, Json]) -> JsonObject:
    # The base's keys come first, so that a merged manifest reads like the base.
    merged = {key: _merged(value, overlay[key]) if key in overlay else _copied(value) for key, value in base.items()}
    merged.update((key, _copied(value)) for key, value in overlay.items() if key not in base)
    return merged


def _merged_list(base: list[Json], overlay: list[Json]) -> list[Json]:
    merged = [_copied(element) for element in base]
    places: dict[str, int] = {}
    for place, element in enumerate(merged):
        if (name := _name(element)) is not None:
            places.setdefault(name, place)
    for element in overlay:
        name = _name(element)
        if name is not None and name in places:
            merged[places[name]] = _merged(merged[places[name]], element)
            continue
        if name is not None:
            places[name] = len(merged)
        merged.append(_copied(element))
    return merged


def _name(element: Json) -> str | None:
    name = element.get("name") if isinstance(element, dict) else None
    return name if isinstance(name, str) else None


def _copied(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value
