"""Objects that a pool's group templates add to every group.

Source: workflow-spec.md §7.5; api.md §8.5.
"""

from __future__ import annotations

from collections.abc import Mapping

from templates.group_objects import group_template_problems, rendered_group_objects
from templates.merge import Json, JsonObject
from templates.render import RenderError
from translator.argo.faults import refusal
from translator.argo.labels import group_labels
from translator.argo.objects import DependentObject, ObjectMaker
from translator.plan.model import GroupPlan
from translator.plan.variables import group_variables

_OUR_KINDS = frozenset({"Workflow", "Pod"})
"""Kinds that only a run itself makes."""


class ExtraObjects:
    """Makes the extra objects of a run's groups, one that several groups name the same way once."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str, str], JsonObject] = {}

    def of(self, group: GroupPlan, maker: ObjectMaker) -> list[DependentObject]:
        """The group's objects that no earlier group has made, by the maker of its Workflow.

        Errors: TranslationError for a template that cannot be rendered, is incomplete, or names what another group's
        template names with another content.
        """
        if not group.extra_objects:
            return []
        labels = {**maker.labels, **group_labels(group)}
        try:
            rendered = rendered_group_objects(group.extra_objects, group_variables(labels))
        except RenderError as error:
            raise refusal(
                "bad-group-template", f"Group template: {error} Ask the administrator of the pool to correct it."
            ) from error
        return [maker.other(tree, group_labels(group)) for tree in rendered if self._is_new(tree)]

    def _is_new(self, tree: JsonObject) -> bool:
        problems = group_template_problems(tree)
        if tree.get("kind") in _OUR_KINDS:
            problems.append(f"Group template must not make a {tree['kind']}: the run makes its own. Remove it.")
        if problems:
            raise refusal("bad-group-template", " ".join(problems))
        key = (str(tree.get("apiVersion")), str(tree.get("kind")), _name(tree))
        before = self._made.setdefault(key, tree)
        if before is not tree and before != tree:
            raise refusal(
                "group-template-clash",
                f"Expected a name of its own for {key[1]} {key[2]} in every group. Put {{{{WF_GROUP_UUID}}}} into the "
                "name of the group template.",
            )
        return before is tree


def _name(tree: Mapping[str, Json]) -> str:
    metadata = tree.get("metadata")
    return str(metadata.get("name")) if isinstance(metadata, dict) else ""
