"""Group templates: Kubernetes objects that stand beside a group's pods.

Source: workflow-spec.md §7.5, api.md §8.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from templates.merge import Json, JsonObject, merge
from templates.render import Variables, render_object


def group_objects(templates: Iterable[Mapping[str, Json]]) -> tuple[JsonObject, ...]:
    """The objects that the templates describe, unrendered; templates of one (apiVersion, kind, name) are merged.

    Shape: in the order in which each object is first named.
    """
    merged: dict[tuple[Json, Json, Json], JsonObject] = {}
    for template in templates:
        key = _identity(template)
        merged[key] = merge(merged.get(key, {}), template)
    return tuple(merged.values())


def rendered_group_objects(objects: Iterable[Mapping[str, Json]], variables: Variables) -> tuple[JsonObject, ...]:
    """The objects with the group's variables put in. Errors: RenderError."""
    return tuple(render_object(tree, variables) for tree in objects)


def group_template_problems(template: Mapping[str, Json]) -> list[str]:
    """What keeps `template` from being used, in the order to mend it; empty where nothing does."""
    problems = [
        f'Group template needs "{field}", a non-empty text.'
        for field in ("apiVersion", "kind")
        if not _is_text(template.get(field))
    ]
    metadata = template.get("metadata")
    if not isinstance(metadata, dict) or not _is_text(metadata.get("name")):
        problems.append('Group template needs "metadata.name", a non-empty text.')
    if isinstance(metadata, dict) and "namespace" in metadata:
        problems.append(
            'Group template must not set "metadata.namespace": its object is created in the namespace of the backend. '
            "Remove the field."
        )
    return problems


def _identity(template: Mapping[str, Json]) -> tuple[Json, Json, Json]:
    metadata = template.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return (template.get("apiVersion"), template.get("kind"), name)


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and bool(value)
