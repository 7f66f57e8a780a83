"""DAG templates: the order of groups, and the tasks of each group.

Source: argo.md §2.9; argo-verified.md §3, §7; design §5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from templates.merge import JsonObject
from translator.argo.cutting import Part
from translator.argo.modules import Dag
from translator.argo.names import NameBook
from translator.argo.run_names import NodeBook, RunNames
from translator.argo.template_book import TaskCall
from translator.plan.model import Plan

ENTRYPOINT = "main"
GATE_TEMPLATE = "gate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """How each task of a part is called: by group and place in the group; and the templates' names."""

    calls: Mapping[tuple[int, int], TaskCall]
    template_names: Sequence[str]
    attempts: Mapping[tuple[int, int], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DagTemplate:
    """One DAG template. Shape: `tasks` are tasks as Argo writes them; those of one kind have the same fields."""

    name: str
    tasks: list[JsonObject]


@dataclass(frozen=True, slots=True, kw_only=True)
class DagTemplates:
    """The DAG templates of a Workflow, the entry first.

    Shape: `gates` holds each gate's task name and node hash, in the order of the part's gates.
    """

    templates: tuple[DagTemplate, ...]
    gates: tuple[tuple[str, int], ...]


def dag_templates(plan: Plan, part: Part, names: RunNames, workflow: str, calls: Calls, limit: int) -> DagTemplates:
    """All DAGs of one Workflow. Shape: `limit` is the most tasks of one DAG."""
    return _Writer(plan=plan, names=names, calls=calls, limit=limit, nodes=NodeBook(workflow)).written(part)


def group_dags(size: int, limit: int) -> int:
    """How many DAG templates a group of `size` tasks takes."""
    if size < 2:
        return 0
    return 1 if size <= limit else 1 + -(-size // limit)


@dataclass(kw_only=True)
class _Writer:
    plan: Plan
    names: RunNames
    calls: Calls
    limit: int
    nodes: NodeBook
    templates: list[DagTemplate] = field(default_factory=list)
    gates: dict[int, tuple[str, int]] = field(default_factory=dict)
    free: NameBook = field(init=False)
    template_book: NameBook = field(init=False)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.free = NameBook(self.names.taken)
        self.template_book = NameBook({ENTRYPOINT, GATE_TEMPLATE, *self.calls.template_names})

    def written(self, part: Part) -> DagTemplates:
        self._dag(part.dag, ENTRYPOINT, self.nodes.root)
        return DagTemplates(
            templates=tuple(self.templates), gates=tuple(self.gates[number] for number in range(len(part.gates)))
        )

    def _dag(self, dag: Dag, name: str, parent: int) -> None:
        """Write one DAG template, then those of its tasks that are DAGs."""
        tasks: list[JsonObject] = []
        names: list[str] = []
        self.templates.append(DagTemplate(name=name, tasks=tasks))
        for task in dag.tasks:
            taken, written = self._task(task.content, parent)
            if task.upstream:
                written["depends"] = " && ".join([f"{names[above]}.Succeeded" for above in task.upstream])
            tasks.append(written)
            names.append(taken)

    def _task(self, content: int | Dag, parent: int) -> tuple[str, JsonObject]:
        """The name of a task and the task itself, without what it waits for."""
        if isinstance(content, Dag):
            name, state = self.nodes.name(parent, self._next("part"), self.free)
            template = self.template_book.take(name)
            self._dag(content, template, state)
            return name, {"name": name, "template": template}
        if content >= len(self.plan.groups):
            name, state = self.nodes.name(parent, self._next("gate"), self.free)
            self.gates[content - len(self.plan.groups)] = (name, state)
            return name, {"name": name, "template": GATE_TEMPLATE}
        if len(self.plan.groups[content].tasks) == 1:
            return self._pod(content, 0, parent)
        name, state = self.nodes.name(parent, self.names.groups[content], self.free)
        template = self.template_book.take(name)
        self._group(content, template, state)
        return name, {"name": name, "template": template}

    def _group(self, number: int, name: str, parent: int) -> None:
        """A group of several: its tasks side by side, in DAGs of their own where they are too many for one."""
        members = range(len(self.plan.groups[number].tasks))
        if len(members) <= self.limit:
            self.templates.append(DagTemplate(name=name, tasks=self._members(number, members, parent)))
            return
        chunks: list[JsonObject] = []
        self.templates.append(DagTemplate(name=name, tasks=chunks))
        for begin in range(0, len(members), self.limit):
            chunk, state = self.nodes.name(parent, self._next("part"), self.free)
            tasks = self._members(number, members[begin : begin + self.limit], state)
            template = self.template_book.take(chunk)
            self.templates.append(DagTemplate(name=template, tasks=tasks))
            chunks.append({"name": chunk, "template": template})

    def _members(self, number: int, members: Sequence[int], parent: int) -> list[JsonObject]:
        group = self.plan.groups[number]
        tasks: list[JsonObject] = []
        for member in members:
            _, written = self._pod(number, member, parent)
            # A task other than the lead may fail where the group ignores it; a deleted one is Failed or Error.
            if group.ignore_nonlead_status and not group.tasks[member].lead:
                written["continueOn"] = {"failed": True, "error": True}
            tasks.append(written)
        return tasks

    def _pod(self, number: int, member: int, parent: int) -> tuple[str, JsonObject]:
        call = self.calls.calls[number, member]
        attempts = self.calls.attempts.get((number, member), 0)
        name, _ = self.nodes.name(parent, self.names.tasks[number][member], self.free, attempts)
        written: JsonObject = {"name": name, "template": self.calls.template_names[call.template]}
        if call.parameters:
            written["arguments"] = {"parameters": call.parameters}
        return name, written

    def _next(self, kind: str) -> str:
        self.counts[kind] += 1
        return self.free.take(f"{kind}-{self.counts[kind]}")
