"""The last look at a pod before it is written down: only known fields, and nothing of ours replaced.

Reads the pod as it will be, after the user's spec and the administrator's templates, so it does not matter by which way
something came in. Source: design principle 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TypeAlias

from pools.platforms import SIDECAR_NAME
from templates.merge import Json, JsonObject
from translator.argo.allowed import (
    ANY_CONTAINER,
    FOREIGN_CONTAINER,
    FOREIGN_INIT_CONTAINER,
    MAIN_CONTAINER,
    METADATA,
    POD,
    RESERVED_CONTAINERS,
    RESERVED_VARIABLE_PREFIXES,
    RESERVED_VOLUME_PREFIXES,
    VOLUMES,
    is_reserved_path,
)
from translator.argo.faults import TranslationError
from translator.argo.pod import INIT, MAIN
from translator.problems import Problem

Tree: TypeAlias = "dict[str, Tree]"
"""Allowed fields as a tree; `[]`, `*` and `**` as in patterns."""

_OUR_CONTAINERS = frozenset({MAIN, SIDECAR_NAME})
_KEPT_OF_CONTAINERS = ("image", "command", "args")


def verify_pod(pod: Mapping[str, Json], base: Mapping[str, Json], extra_paths: tuple[str, ...] = ()) -> None:
    """Nothing, where `pod` holds only allowed fields and all that `base`, the pod before policy, needs to work.

    Errors: TranslationError with every field that is not allowed, each with its path.
    """
    problems = [
        *_unknown_fields(pod, extra_paths),
        *_nameless(pod),
        *_directives(pod, ""),
        *_replaced(pod, base),
        *_reserved(pod, base),
        *_braces(pod),
    ]
    if problems:
        raise TranslationError(problems)


def allowed_patterns(extra_paths: tuple[str, ...] = ()) -> tuple[str, ...]:
    """All patterns, those of containers written out."""
    containers = {
        f"spec.containers[{MAIN}]": MAIN_CONTAINER,
        f"spec.containers[{SIDECAR_NAME}]": (*ANY_CONTAINER, "image", "command[]", "args[]"),
        "spec.containers[*]": FOREIGN_CONTAINER,
        f"spec.initContainers[{INIT}]": (*ANY_CONTAINER, "image", "command[]", "args[]"),
        "spec.initContainers[*]": FOREIGN_INIT_CONTAINER,
    }
    written = (f"{prefix}.{field}" for prefix, fields in containers.items() for field in fields)
    return (*METADATA, *POD, *VOLUMES, *written, *extra_paths)


def _unknown_fields(pod: Mapping[str, Json], extra_paths: tuple[str, ...]) -> Iterator[Problem]:
    for path in _outside(pod, _tree(extra_paths), ""):
        yield Problem(
            code="pod-path-refused",
            message=f"Expected only allowed fields in a pod, got {path}. Remove it from the pod template.",
            path=path,
        )


def _outside(value: Json | Mapping[str, Json], tree: Tree, path: str) -> Iterator[str]:
    """The outermost paths below `path` that the tree does not hold."""
    if "**" in tree:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            below = tree.get(key, tree.get("*"))
            place = f"{path}.{key}" if path else key
            if below is None:
                yield place
            else:
                yield from _outside(item, below, place)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            name = item.get("name") if isinstance(item, dict) else None
            label = f"[{name}]" if isinstance(name, str) else "[]"
            below = tree.get(label, tree.get("[*]", tree.get("[]")))
            place = f"{path}{label if label != '[]' else f'[{number}]'}"
            if below is None:
                yield place
            else:
                yield from _outside(item, below, place)
    elif tree:
        # A plain value where a map or a list belongs.
        yield path


@lru_cache(maxsize=64)
def _tree(extra_paths: tuple[str, ...]) -> Tree:
    root: Tree = {}
    for pattern in allowed_patterns(extra_paths):
        branch = root
        for step in _steps(pattern):
            branch = branch.setdefault(step, {})
    return root


def _steps(pattern: str) -> Iterator[str]:
    for part in pattern.split("."):
        name, bracket, index = part.partition("[")
        if name:
            yield name
        if bracket:
            yield f"[{index}"


def _nameless(pod: Mapping[str, Json]) -> Iterator[Problem]:
    """Elements that are told apart by name, and have none."""
    for part in ("containers", "initContainers", "volumes"):
        elements = _spec(pod).get(part)
        for number, element in enumerate(elements if isinstance(elements, list) else []):
            if isinstance(element, dict) and not isinstance(element.get("name"), str):
                path = f"spec.{part}[{number}].name"
                yield Problem(
                    code="pod-path-refused",
                    message=f"Expected a name at {path}. Add it to the pod template.",
                    path=path,
                )


def _directives(value: Json | Mapping[str, Json], path: str) -> Iterator[Problem]:
    """Keys such as `$patch`, by which a patch deletes or replaces instead of adding."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            place = f"{path}.{key}" if path else key
            if key.startswith("$"):
                yield Problem(
                    code="pod-path-refused",
                    message=f"Expected no directive of a patch, got {place}. Remove it from the pod template.",
                    path=place,
                )
            yield from _directives(item, place)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _directives(item, f"{path}[{number}]")


def _replaced(pod: Mapping[str, Json], base: Mapping[str, Json]) -> Iterator[Problem]:
    """What of ours is no longer as it was."""
    for part in ("containers", "initContainers"):
        given = dict(_named(pod, part))
        for name, own in _named(base, part):
            there = given.get(name, {})
            for field in _KEPT_OF_CONTAINERS:
                if there.get(field) != own.get(field):
                    yield _kept(f"spec.{part}[{name}].{field}")
            for field, key in (("volumeMounts", "mountPath"), ("env", "name")):
                if not _holds_all(there.get(field), own.get(field), key):
                    yield _kept(f"spec.{part}[{name}].{field}")
    given = dict(_named(pod, "volumes"))
    for name, own in _named(base, "volumes"):
        if given.get(name) != own:
            yield _kept(f"spec.volumes[{name}]")
    for field in ("hostname", "subdomain"):
        if _spec(pod).get(field) != _spec(base).get(field):
            yield _kept(f"spec.{field}")


def _kept(path: str) -> Problem:
    return Problem(
        code="pod-path-refused",
        message=f"Expected {path} as the runtime needs it. Remove it from the pod template.",
        path=path,
    )


def _holds_all(given: Json, own: Json, key: str) -> bool:
    """Whether every element of `own` is in `given`, and no other one claims its place; but of the environment only
    what the runtime itself reads.
    """
    elements = given if isinstance(given, list) else []
    for element in own if isinstance(own, list) else []:
        place = element.get(key) if isinstance(element, dict) else None
        if key == "name" and not str(place).startswith(RESERVED_VARIABLE_PREFIXES):
            continue
        same = [other for other in elements if isinstance(other, dict) and other.get(key) == place]
        if same != [element]:
            return False
    return True


def _reserved(pod: Mapping[str, Json], base: Mapping[str, Json]) -> Iterator[Problem]:
    """Names of ours and of Argo's that something else uses."""
    own_volumes = {name for name, _ in _named(base, "volumes")}
    for name, _ in _named(pod, "volumes"):
        if name not in own_volumes and name.startswith(RESERVED_VOLUME_PREFIXES):
            yield _taken(f"spec.volumes[{name}]", "name")
    for part in ("containers", "initContainers"):
        own = dict(_named(base, part))
        for name, container in _named(pod, part):
            path = f"spec.{part}[{name}]"
            if name in RESERVED_CONTAINERS or (name in _OUR_CONTAINERS | {INIT} and name not in own):
                yield _taken(path, "name")
            yield from _reserved_in_container(container, own.get(name, {}), path)


def _reserved_in_container(container: JsonObject, own: JsonObject, path: str) -> Iterator[Problem]:
    for mount in _new_elements(container, own, "volumeMounts"):
        place = mount.get("mountPath")
        if isinstance(place, str) and is_reserved_path(place):
            yield _taken(f"{path}.volumeMounts[{place}]", "path")
        volume = mount.get("name")
        if isinstance(volume, str) and volume.startswith(RESERVED_VOLUME_PREFIXES):
            yield _taken(f"{path}.volumeMounts[{place}].name", "volume")
    for variable in _new_elements(container, own, "env"):
        name = variable.get("name")
        if isinstance(name, str) and name.startswith(RESERVED_VARIABLE_PREFIXES):
            yield _taken(f"{path}.env[{name}]", "name")


def _new_elements(container: JsonObject, own: JsonObject, field: str) -> Iterable[JsonObject]:
    elements, ours = container.get(field), own.get(field)
    known = ours if isinstance(ours, list) else []
    return [
        element
        for element in (elements if isinstance(elements, list) else [])
        if isinstance(element, dict) and element not in known
    ]


def _taken(path: str, kind: str) -> Problem:
    return Problem(
        code="pod-path-refused",
        message=f"Expected another {kind} at {path}: this one belongs to the runtime. Rename it in the pod template.",
        path=path,
    )


def _braces(pod: Mapping[str, Json]) -> Iterator[Problem]:
    """Argo would read `{{` as its own, and has no escape for it, outside of the patch of a pod's spec."""
    outside_the_patch: dict[str, Json] = {
        "metadata": pod.get("metadata"),
        "containers": [element for name, element in _named(pod, "containers") if name not in _OUR_CONTAINERS],
        "initContainers": [element for name, element in _named(pod, "initContainers") if name != INIT],
    }
    for path in _texts_with_braces(outside_the_patch, ""):
        yield Problem(
            code="pod-path-refused",
            message=f'Expected no "{{{{" at {path}. Write the text without it.',
            path=path,
        )


def _texts_with_braces(value: Json | Mapping[str, Json], path: str) -> Iterator[str]:
    if isinstance(value, str):
        if "{{" in value:
            yield path
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if "{{" in key:
                yield f"{path}.{key}"
            yield from _texts_with_braces(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts_with_braces(item, f"{path}[{number}]")


def _spec(pod: Mapping[str, Json]) -> JsonObject:
    spec = pod.get("spec")
    return spec if isinstance(spec, dict) else {}


def _named(pod: Mapping[str, Json], part: str) -> Iterator[tuple[str, JsonObject]]:
    elements = _spec(pod).get(part)
    for element in elements if isinstance(elements, list) else []:
        name = element.get("name") if isinstance(element, dict) else None
        if isinstance(element, dict) and isinstance(name, str):
            yield name, element
