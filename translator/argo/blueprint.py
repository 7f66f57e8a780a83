"""A pod taken apart: what an Argo template says natively, and what travels in its podSpecPatch.

Natively stands only what every pod of the run's kind has (wrapper, volumes of ours, sidecars, labels). All the rest,
from the Plan and from pod templates alike, is a strategic merge patch: it can say everything a pod can, with marks in
any place, and it is the one place where `{{` can be escaped. Source: argo-verified.md C8, §4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from pools.platforms import SIDECAR_NAME
from templates.merge import Json, JsonObject
from translator.argo.needs import SidecarKind
from translator.argo.pod import CTRL_VOLUME, INIT, MAIN, RUN_VOLUME, SHARED_VOLUME, STORAGE_VOLUME, PodShape
from translator.argo.retries import Retries
from translator.argo.slots import Slot, slots_in

_NATIVE_VOLUMES = frozenset({SHARED_VOLUME, RUN_VOLUME, CTRL_VOLUME, STORAGE_VOLUME})
_NATIVE_FIELDS = ("name", "image", "imagePullPolicy", "command", "args")
_NATIVE_VARIABLES = "OSMO_"
_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
}
"""Lists of which Kubernetes merges elements by a key; all others a patch replaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands natively in a template, with marks. Shape: containers and volumes as Kubernetes objects."""

    retries: Retries | None
    metadata: JsonObject
    main: JsonObject
    init_containers: list[JsonObject]
    sidecars: list[JsonObject]
    volumes: list[JsonObject]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """A pod as frame and patch, both as JSON text with marks, so that equal ones are equal texts.

    Shape: `patch` is "" where there is nothing to add; `{{` does not occur in it.
    """

    frame: str
    patch: str
    frame_slots: frozenset[Slot]
    patch_slots: frozenset[Slot]


def blueprint(pod: Mapping[str, Json], base: Mapping[str, Json], shape: PodShape) -> Blueprint:
    """`pod`, the verified pod after policy, taken apart; `base` is the same pod before policy."""
    final, own = _placed(_spec(pod), shape.sidecar), _native(_placed(_spec(base), shape.sidecar))
    frame = Frame(
        retries=shape.retries,
        metadata=_mapping(pod.get("metadata")),
        main=_elements(own, "containers")[MAIN],
        init_containers=[*_elements(own, "initContainers").values(), *_foreign(final, own, "initContainers")],
        sidecars=[
            *(entry for name, entry in _elements(own, "containers").items() if name != MAIN),
            *_foreign(final, own, "containers"),
        ],
        volumes=[*_elements(own, "volumes").values()],
    )
    text = msgspec.json.encode(frame).decode()
    patch = patch_text(_difference(_without_foreign(final, own), own))
    return Blueprint(frame=text, patch=patch, frame_slots=slots_in(text), patch_slots=slots_in(patch))


def frame_of(text: str) -> Frame:
    """The frame that a `Blueprint` holds as text."""
    fields = msgspec.json.decode(text.encode(), type=dict[str, msgspec.Raw])
    return Frame(
        retries=msgspec.json.decode(fields["retries"], type=Retries | None),
        metadata=msgspec.json.decode(fields["metadata"]),
        main=msgspec.json.decode(fields["main"]),
        init_containers=msgspec.json.decode(fields["init_containers"]),
        sidecars=msgspec.json.decode(fields["sidecars"]),
        volumes=msgspec.json.decode(fields["volumes"]),
    )


def patch_text(patch: JsonObject) -> str:
    """A patch as compact JSON in which Argo finds nothing to replace but marks; "" for none."""
    # JSON's own escape: Argo substitutes in the text, Kubernetes reads the value.
    return msgspec.json.encode(patch).decode().replace("{{", "{\\u007b") if patch else ""


def _placed(spec: JsonObject, sidecar: SidecarKind) -> JsonObject:
    """The spec with a coordinator where native sidecars stand: among the init containers."""
    if sidecar is not SidecarKind.COORDINATOR:
        return spec
    containers = _elements(spec, "containers")
    coordinator: JsonObject = {**containers.pop(SIDECAR_NAME), "restartPolicy": "Always"}
    inits = _elements(spec, "initContainers")
    own_init = inits.pop(INIT)
    return {
        **spec,
        "containers": [*containers.values()],
        "initContainers": [own_init, coordinator, *inits.values()],
    }


def _native(spec: JsonObject) -> JsonObject:
    """Of a pod before policy, what every pod of its kind has."""
    return {
        "containers": [_native_container(entry) for entry in _elements(spec, "containers").values()],
        "initContainers": [_native_container(entry) for entry in _elements(spec, "initContainers").values()],
        "volumes": [entry for name, entry in _elements(spec, "volumes").items() if name in _NATIVE_VOLUMES],
    }


def _native_container(container: JsonObject) -> JsonObject:
    native: JsonObject = {key: container[key] for key in (*_NATIVE_FIELDS, "restartPolicy") if key in container}
    variables = [
        entry
        for entry in _list(container.get("env"))
        if isinstance(entry, dict) and str(entry.get("name")).startswith(_NATIVE_VARIABLES)
    ]
    mounts = [
        entry
        for entry in _list(container.get("volumeMounts"))
        if isinstance(entry, dict) and entry.get("name") in _NATIVE_VOLUMES
    ]
    return {**native, **({"env": [*variables]} if variables else {}), "volumeMounts": [*mounts]}


def _foreign(final: JsonObject, own: JsonObject, part: str) -> list[JsonObject]:
    """Containers that a template added: Argo knows them only if the template names them natively."""
    known = _elements(own, part)
    return [entry for name, entry in _elements(final, part).items() if name not in known]


def _without_foreign(final: JsonObject, own: JsonObject) -> JsonObject:
    kept: JsonObject = dict(final)
    for part in ("containers", "initContainers"):
        known = _elements(own, part)
        kept[part] = [entry for name, entry in _elements(final, part).items() if name in known]
    return kept


def _difference(final: JsonObject, own: JsonObject) -> JsonObject:
    """The patch that makes `final` of `own`, which holds nothing that `final` lacks."""
    patch: JsonObject = {}
    for key, value in final.items():
        before = own.get(key)
        if before is None:
            patch[key] = value
        elif isinstance(value, dict) and isinstance(before, dict):
            if below := _difference(value, before):
                patch[key] = below
        elif isinstance(value, list) and isinstance(before, list) and key in _MERGE_KEYS:
            if elements := _list_difference(value, before, _MERGE_KEYS[key]):
                patch[key] = [*elements]
        elif value != before:
            patch[key] = value
    return patch


def _list_difference(final: list[Json], own: list[Json], key: str) -> list[JsonObject]:
    before = {entry.get(key): entry for entry in own if isinstance(entry, dict)}
    patch: list[JsonObject] = []
    for entry in final:
        if not isinstance(entry, dict):
            continue
        known = before.get(entry.get(key))
        if known is None:
            patch.append(entry)
        elif below := _difference(entry, known):
            patch.append({key: entry[key], **below})
    return patch


def _spec(pod: Mapping[str, Json]) -> JsonObject:
    return _mapping(pod.get("spec"))


def _mapping(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _elements(spec: JsonObject, part: str) -> dict[str, JsonObject]:
    """The elements of a list by name, in order."""
    return {str(entry.get("name")): entry for entry in _list(spec.get(part)) if isinstance(entry, dict)}
