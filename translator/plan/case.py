"""A spec under examination: the spec, what it is judged against, and what several rules need worked out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pools.backend import Backend
from pools.pool import Pool
from translator.plan.context import PlanContext
from translator.plan.outline import Outline, OutlineGroup, OutlineTask
from translator.plan.requests import RequestTable, TaskRequest
from translator.plan.tokens import Tokens, group_tokens, task_tokens
from translator.spec.model import WorkflowSpec
from translator.spec.places import field_path

# Any legal id and any host do: rules ask which tokens name something, and what kind of text they become.
_SAMPLE_ID = "workflow-1"
_SAMPLE_HOST = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One submission with its pool, which exists."""

    spec: WorkflowSpec
    context: PlanContext
    pool: Pool
    outline: Outline
    tasks: tuple[OutlineTask, ...]
    requests: RequestTable
    distinct_requests: tuple[tuple[OutlineTask, TaskRequest], ...]
    """Each different request once, with the first task that makes it."""

    @property
    def backend(self) -> Backend:
        """The pool's backend."""
        return self.context.backend

    def request_path(self, task: OutlineTask, request: TaskRequest) -> str:
        """Where a request is best shown: its resource entry if there is one in the file, else the task."""
        is_written = "resources" in self.spec.model_fields_set and request.resource in self.spec.resources
        return field_path(("workflow", "resources", request.resource)) if is_written else task.path


def case(spec: WorkflowSpec, context: PlanContext, pool: Pool, outlined: Outline) -> Case:
    """The spec as the rules want it."""
    tasks = tuple(outlined.tasks())
    requests = RequestTable(spec, context)
    return Case(
        spec=spec,
        context=context,
        pool=pool,
        outline=outlined,
        tasks=tasks,
        requests=requests,
        distinct_requests=tuple(_distinct_requests(tasks, requests)),
    )


def sample_tokens(group: OutlineGroup, task: OutlineTask) -> Tokens:
    """The tokens of a task; what is known only with the workflow's id stands as a sample."""
    hosts = {member.spec.name: _SAMPLE_HOST for member in group.tasks}
    return task_tokens(group_tokens(_SAMPLE_ID, hosts), task.spec.inputs)


def _distinct_requests(
    tasks: Iterable[OutlineTask], requests: RequestTable
) -> Iterator[tuple[OutlineTask, TaskRequest]]:
    seen: set[int] = set()
    for task in tasks:
        request = requests.of(task.spec)
        if request is not None and id(request) not in seen:
            seen.add(id(request))
            yield task, request
