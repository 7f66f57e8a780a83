"""Which Argo templates a Workflow has, and which one each task uses.

Tasks that look alike share a template; what differs are parameters. Where there are more kinds of pods than a Workflow
may have templates, the patch of the rarer ones becomes a parameter too, and all that is left apart is what a parameter
cannot say. Source: argo-verified.md C8; design §5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from templates.merge import Json
from translator.argo.blueprint import Blueprint
from translator.argo.faults import refusal
from translator.argo.slots import Slot, filled


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A task on its way into a Workflow.

    Shape: `name` is its name in DAGs; `values` holds every slot that its blueprint uses and that Argo does not know.
    """

    name: str
    blueprint: Blueprint
    values: Mapping[Slot, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTemplate:
    """A template for some tasks.

    Shape: `patch` with marks, that of `Slot.PATCH` alone where every task brings its own; `constants` are the slots on
    which all its tasks agree, `parameters` the others, in the order of `Slot`.
    """

    name_hint: str
    frame: str
    patch: str
    constants: Mapping[Slot, str]
    parameters: tuple[Slot, ...]


class TaskCall(msgspec.Struct, frozen=True, kw_only=True):
    """A task's use of a template: the number of the template, and what its parameters are, in their order.

    Shape: `parameters` as Argo writes them: [{"name": …, "value": …}, …].
    """

    template: int
    parameters: list[Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateBook:
    """All templates of a Workflow's tasks, and one call a task, in the order of the tasks."""

    templates: tuple[SharedTemplate, ...]
    calls: tuple[TaskCall, ...]


def template_book(tasks: Sequence[Placed], budget: int, patch_bytes: int) -> TemplateBook:
    """Templates for `tasks`, at most `budget` of them.

    Errors: TranslationError where even without patches there are more kinds, or a patch is too large for Argo.
    """
    kinds = _kinds(tasks, budget)
    members: dict[tuple[str, str], list[int]] = {}
    for number, kind in enumerate(kinds):
        members.setdefault(kind, []).append(number)
    templates: list[SharedTemplate] = []
    calls: dict[int, TaskCall] = {}
    for (frame, patch), numbers in members.items():
        _check_patch(tasks[numbers[0]], patch, patch_bytes)
        values = [_values(tasks[number], patch) for number in numbers]
        template = _shared(frame, patch, [tasks[number] for number in numbers], values)
        named = [(slot.value, slot) for slot in template.parameters]
        for number, given in zip(numbers, values, strict=True):
            parameters: list[Json] = [{"name": name, "value": given[slot]} for name, slot in named]
            calls[number] = TaskCall(template=len(templates), parameters=parameters)
        templates.append(template)
    return TemplateBook(templates=tuple(templates), calls=tuple([calls[number] for number in range(len(tasks))]))


def _kinds(tasks: Sequence[Placed], budget: int) -> list[tuple[str, str]]:
    """For each task frame and patch of its template."""
    own = [(task.blueprint.frame, task.blueprint.patch) for task in tasks]
    uses = Counter(own)
    if len(uses) <= budget:
        return own
    room = budget - len({frame for frame, _ in uses})
    if room < 0:
        raise refusal(
            "too-many-kinds-of-pods",
            f"Expected at most {budget} kinds of pods in one Workflow beside what a patch can say; the pool's template "
            "puts names of tasks into labels, annotations or containers. Let it use them in fewer places.",
        )
    kept = {kind for kind, _ in uses.most_common(room)}
    return [kind if kind in kept else (kind[0], Slot.PATCH.mark) for kind in own]


def _values(task: Placed, patch: str) -> Mapping[Slot, str]:
    if patch != Slot.PATCH.mark:
        return task.values
    # An argument is template text of the DAG around it, so nothing may be left to fill in.
    return {**task.values, Slot.PATCH: filled(task.blueprint.patch, task.values.__getitem__) or "{}"}


def _shared(frame: str, patch: str, tasks: Sequence[Placed], values: Sequence[Mapping[Slot, str]]) -> SharedTemplate:
    whole = tasks[0].blueprint
    used = whole.frame_slots | ({Slot.PATCH} if patch == Slot.PATCH.mark else whole.patch_slots)
    first = values[0]
    constants = {slot: first[slot] for slot in first if slot in used and len({given[slot] for given in values}) == 1}
    parameters = tuple(slot for slot in Slot if slot in used and slot in first and slot not in constants)
    return SharedTemplate(
        name_hint=tasks[0].name if len(tasks) == 1 else "task",
        frame=frame,
        patch=patch,
        constants=constants,
        parameters=parameters,
    )


def _check_patch(task: Placed, patch: str, limit: int) -> None:
    text = task.blueprint.patch if patch == Slot.PATCH.mark else patch
    if len(text) > limit:
        raise refusal(
            "pod-too-large",
            f"Expected at most {limit} characters of pod description for task {task.name}, got {len(text)}. "
            "Give it fewer files, or put them into an image or an input.",
        )
