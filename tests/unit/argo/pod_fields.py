"""Every field of a pod's spec, from the schema of Kubernetes' own client, each with a value to try it with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kubernetes.client import models

_MAX_DEPTH = 7
_LIST = re.compile(r"[Ll]ist\[(.*)\]")
_DICT = re.compile(r"[Dd]ict\[str, (.*)\]")


@dataclass(frozen=True)
class PodField:
    """A leaf of the schema. Shape: `steps` are keys, 0 for the one element of a list."""

    steps: tuple[str | int, ...]
    value: Any

    @property
    def path(self) -> str:
        return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.steps).lstrip(".")

    def tree(self) -> Any:
        """The smallest tree that holds the field."""
        tree = self.value
        for step in reversed(self.steps):
            tree = [tree] if isinstance(step, int) else {step: tree}
        return tree


def fields_of(kind: str) -> dict[str, list[PodField]]:
    """The leaves of a type (`V1PodSpec`) by its own fields."""
    return {
        json_name: [PodField((json_name, *field.steps), field.value) for field in _leaves(type_name, (kind,))]
        for json_name, type_name in _members(kind)
    }


def whole(fields: list[PodField]) -> Any:
    """One tree with all of these leaves."""
    tree: Any = {}
    for field in fields:
        tree = _joined(tree, field.tree())
    return tree


def found_at(tree: Any, steps: tuple[str | int, ...]) -> list[Any]:
    """What stands at `steps` in `tree`, in any element of a list."""
    if not steps:
        return [tree]
    step, *rest = steps
    if isinstance(step, int):
        return [found for element in tree for found in found_at(element, tuple(rest))] if isinstance(tree, list) else []
    return found_at(tree[step], tuple(rest)) if isinstance(tree, dict) and step in tree else []


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, dict) and isinstance(second, dict):
        return {**first, **{key: _joined(first[key], item) if key in first else item for key, item in second.items()}}
    if isinstance(first, list) and isinstance(second, list):
        return [_joined(first[0], second[0])]
    return second


def _members(kind: str) -> list[tuple[str, str]]:
    model = getattr(models, kind)
    return [(model.attribute_map[name], type_name) for name, type_name in model.openapi_types.items()]


def _leaves(type_name: str, above: tuple[str, ...]) -> Iterator[PodField]:
    if match := _LIST.fullmatch(type_name):
        for field in _leaves(match[1], above):
            yield PodField((0, *field.steps), field.value)
    elif match := _DICT.fullmatch(type_name):
        for field in _leaves(match[1], above):
            yield PodField(("some-key", *field.steps), field.value)
    elif hasattr(models, type_name):
        # A type inside itself, or very deep, is as good as a leaf: patterns that allow it allow all below.
        if type_name in above or len(above) > _MAX_DEPTH:
            yield PodField((), {"name": "deep"})
            return
        for json_name, member in _members(type_name):
            for field in _leaves(member, (*above, type_name)):
                yield PodField((json_name, *field.steps), field.value)
    else:
        yield PodField((), _SAMPLES.get(type_name, "sample"))


_SAMPLES: dict[str, Any] = {"int": 7, "bool": True, "float": 1.5, "object": 7, "str": "sample"}
