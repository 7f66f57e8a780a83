"""What the groups and tasks of a run are called in its Workflows.

Same Plan, same names, however the run is cut. Source: design §5 (names are for eyes).
"""

from __future__ import annotations

from dataclasses import dataclass

from translator.argo.names import MAX_NODE_NAME, NameBook, argo_name, fnv
from translator.plan.model import GroupPlan, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNames:
    """Names of groups and tasks as Argo's, each once in the run.

    Shape: `tasks` by group; the name of a group of one is that of its task. `taken` are all of them.
    """

    groups: tuple[str, ...]
    tasks: tuple[tuple[str, ...], ...]
    taken: frozenset[str]


def run_names(plan: Plan) -> RunNames:
    """The names of a Plan's groups and tasks."""
    wanted = [_texts(group) for group in plan.groups]
    taken = NameBook().take_all([text for texts in wanted for text in texts])
    groups: list[str] = []
    tasks: list[tuple[str, ...]] = []
    begin = 0
    for group, texts in zip(plan.groups, wanted, strict=True):
        end = begin + len(texts)
        groups.append(taken[begin])
        tasks.append(tuple(taken[end - len(group.tasks) : end]))
        begin = end
    return RunNames(groups=tuple(groups), tasks=tuple(tasks), taken=frozenset(taken))


class NodeBook:
    """Names tasks of DAGs so that no two nodes of one Workflow get the same id from Argo, attempts included."""

    def __init__(self, workflow: str) -> None:
        self.root = fnv(workflow)
        self._ids = {self.root}

    def name(self, parent: int, wanted: str, names: NameBook, attempts: int = 0) -> tuple[str, int]:
        """A name for a task below the node with hash `parent`, and the hash of its node.

        Shape: `wanted`, unless its hash is taken; then a new name of `names`. `attempts` is how many nodes of its own
        attempts the task may get, 0 for a task that is not retried.
        """
        name = wanted
        while not self._take(state := fnv(f".{name}", parent), attempts):
            name = names.take(argo_name(f"{wanted[: MAX_NODE_NAME - 2]}-x"))
        return name, state

    def _take(self, state: int, attempts: int) -> bool:
        """Take the ids of a node and of its attempts; False where one of them is not free."""
        ids = [state]
        for number in range(attempts):
            ids.append(fnv(f"({number})", state))
        if len(set(ids)) < len(ids) or not self._ids.isdisjoint(ids):
            return False
        self._ids.update(ids)
        return True


def _texts(group: GroupPlan) -> list[str]:
    if len(group.tasks) == 1:
        return [group.tasks[0].name]
    return [group.name, *(task.name for task in group.tasks)]
