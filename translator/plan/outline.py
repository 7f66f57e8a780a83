"""The groups of a spec and what each waits for.

Shape of the whole: groups in the order of the file; a stand-alone task is a group of one called `<task>-group`. Edges
come from `inputs: - task:` only. Source: workflow-spec.md §0, §2.5, §2.8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from translator.spec.data_model import InputTask
from translator.spec.model import TaskSpec, WorkflowSpec
from translator.spec.names import implicit_group_name


class OutlineTask(msgspec.Struct, frozen=True, kw_only=True):
    """One task with its place in the file."""

    spec: TaskSpec
    path: str
    lead: bool


class OutlineGroup(msgspec.Struct, frozen=True, kw_only=True):
    """One group; `upstream` and `downstream` are indices of groups, rising, without repetition."""

    name: str
    path: str
    tasks: tuple[OutlineTask, ...]
    barrier: bool = True
    ignore_nonlead_status: bool = True
    upstream: tuple[int, ...] = ()
    downstream: tuple[int, ...] = ()


class MissingInput(msgspec.Struct, frozen=True, kw_only=True):
    """An input that names no task of the workflow."""

    task: str
    path: str


class MisplacedInput(msgspec.Struct, frozen=True, kw_only=True):
    """An input from a task of the same group, or of a group that comes later in the file."""

    group: str
    needs: str
    path: str


class EarlierInput(msgspec.Struct, frozen=True, kw_only=True):
    """An input from a task of an earlier workflow."""

    entry: InputTask
    path: str


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """The groups, and the inputs that make no edge, or no legal one (in the order of the file)."""

    groups: tuple[OutlineGroup, ...]
    faulty_inputs: tuple[MissingInput | MisplacedInput, ...]
    earlier_inputs: tuple[EarlierInput, ...]

    def tasks(self) -> list[OutlineTask]:
        """All tasks in order."""
        return [task for group in self.groups for task in group.tasks]

    def members(self) -> Iterator[tuple[OutlineGroup, OutlineTask]]:
        """All tasks in order, each with its group."""
        return ((group, task) for group in self.groups for task in group.tasks)


def outline(spec: WorkflowSpec) -> Outline:
    """The groups of `spec` with their edges. Edges that break the rules are left out and listed."""
    unconnected = [*_implicit_groups(spec.tasks), *_written_groups(spec)]
    group_of = {task.spec.name: index for index, group in enumerate(unconnected) for task in group.tasks}
    upstream: list[set[int]] = [set() for _ in unconnected]
    downstream: list[list[int]] = [[] for _ in unconnected]
    others: list[MissingInput | MisplacedInput | EarlierInput] = []
    for index, group in enumerate(unconnected):
        for task in group.tasks:
            if task.spec.inputs:
                others += _connect(task, index, unconnected, group_of, upstream[index])
        for above in upstream[index]:
            downstream[above].append(index)
    groups = tuple(
        [
            msgspec.structs.replace(group, upstream=tuple(sorted(above)), downstream=tuple(below))
            if above or below
            else group
            for group, above, below in zip(unconnected, upstream, downstream, strict=True)
        ]
    )
    return Outline(
        groups=groups,
        faulty_inputs=tuple([other for other in others if not isinstance(other, EarlierInput)]),
        earlier_inputs=tuple([other for other in others if isinstance(other, EarlierInput)]),
    )


def earlier_references(outlined: Outline) -> tuple[tuple[str, str], ...]:
    """The tasks of earlier workflows that a spec takes inputs from, as (workflow, task), each once, in order."""
    entries = [found.entry for found in outlined.earlier_inputs]
    return tuple(dict.fromkeys((entry.workflow_id or "", entry.task_name) for entry in entries))


def _implicit_groups(tasks: Sequence[TaskSpec]) -> Iterator[OutlineGroup]:
    for index, task in enumerate(tasks):
        path = f"workflow.tasks[{index}]"
        outlined = OutlineTask(spec=task, path=path, lead=True)
        yield OutlineGroup(name=implicit_group_name(task.name), path=path, tasks=(outlined,))


def _written_groups(spec: WorkflowSpec) -> Iterator[OutlineGroup]:
    for number, group in enumerate(spec.groups):
        path = f"workflow.groups[{number}]"
        is_alone = len(group.tasks) == 1
        yield OutlineGroup(
            name=group.name,
            path=path,
            tasks=tuple(
                [
                    OutlineTask(spec=task, path=f"{path}.tasks[{index}]", lead=task.lead or is_alone)
                    for index, task in enumerate(group.tasks)
                ]
            ),
            barrier=group.barrier,
            ignore_nonlead_status=group.ignore_nonlead_status,
        )


def _connect(
    task: OutlineTask,
    index: int,
    groups: Sequence[OutlineGroup],
    group_of: dict[str, int],
    upstream: set[int],
) -> Iterator[MissingInput | MisplacedInput | EarlierInput]:
    """Add the groups that a task of group `index` takes inputs from; the inputs from tasks that add none."""
    for number, entry in enumerate(task.spec.inputs):
        if not isinstance(entry, InputTask):
            continue
        source = group_of.get(entry.task)
        if source is not None and source < index:
            upstream.add(source)
            continue
        path = f"{task.path}.inputs[{number}].task"
        if entry.workflow_id is not None:
            yield EarlierInput(entry=entry, path=path)
        elif source is None:
            yield MissingInput(task=entry.task, path=path)
        else:
            yield MisplacedInput(group=groups[index].name, needs=groups[source].name, path=path)
