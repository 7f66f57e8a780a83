"""Rules about where and when a workflow may run. One rule, one function.

Source: workflow-spec.md §1.2 steps 12 to 15.
"""

from __future__ import annotations

from collections.abc import Iterator

from pools.pool import UNLIMITED
from translator.plan.case import Case
from translator.plan.context import ADMIN_ROLE
from translator.plan.findings import Finding
from translator.plan.model import Priority
from translator.problems import Severity


def earlier_tasks_exist(case: Case) -> Iterator[Finding]:
    """A task named as `WORKFLOW:TASK` exists (step 12)."""
    known = case.context.earlier_workflows
    for found in case.outline.earlier_inputs:
        entry, path = found.entry, found.path
        if known is None:
            message = f"Input {entry.task} is not checked: earlier workflows are known to a server only."
            yield Finding(code="input-not-checked", message=message, path=path, severity=Severity.WARNING)
            continue
        workflow = known.get(entry.workflow_id or "")
        if workflow is None:
            yield Finding(code="unknown-workflow", message=f"Workflow {entry.workflow_id} not found.", path=path)
        elif entry.task_name not in workflow.finished:
            message = f"Task {entry.task_name} of workflow {entry.workflow_id} not found."
            yield Finding(code="unknown-task", message=message, path=path)


def earlier_tasks_are_finished(case: Case) -> Iterator[Finding]:
    """A task named as `WORKFLOW:TASK` has ended, well or not (step 12)."""
    known = case.context.earlier_workflows or {}
    unfinished = [
        (found.entry.task, found.path)
        for found in case.outline.earlier_inputs
        if (workflow := known.get(found.entry.workflow_id or "")) is not None
        and workflow.finished.get(found.entry.task_name) is False
    ]
    if unfinished:
        listed = ", ".join(dict.fromkeys(task for task, _ in unfinished))
        message = f"Input tasks from previous workflows must be finished: {listed}"
        yield Finding(code="unfinished-input", message=message, path=unfinished[0][1])


def pool_is_open(case: Case) -> Iterator[Finding]:
    """A pool in maintenance takes work of administrators only (step 13)."""
    if case.pool.enable_maintenance and ADMIN_ROLE not in case.context.roles:
        message = (
            f"Pool {case.context.pool} is in maintenance and takes work of administrators only. "
            "Submit to another pool, or later."
        )
        yield Finding(code="pool-maintenance", message=message)


def backend_knows_priorities(case: Case) -> Iterator[Finding]:
    """Another priority than NORMAL needs a scheduler that knows priorities (step 14)."""
    if case.context.priority is not Priority.NORMAL and not case.backend.scheduler_settings.supports_priority:
        message = (
            f"Backend {case.backend.name} does not support priorities. "
            f"Submit with priority NORMAL instead of {case.context.priority.value}."
        )
        yield Finding(code="no-priorities", message=message)


def gpus_are_guaranteed(case: Case) -> Iterator[Finding]:
    """A group of HIGH or NORMAL priority fits in the pool's guarantee (step 15)."""
    quota = case.pool.resources.gpu
    if quota is None or quota.guarantee == UNLIMITED or case.context.priority is Priority.LOW:
        return
    for group in case.outline.groups:
        requests = (case.requests.of(task.spec) for task in group.tasks)
        gpus = sum(request.request.gpu for request in requests if request is not None)
        if gpus > quota.guarantee:
            message = (
                f"Pool {case.context.pool} has {quota.guarantee} GPUs guaranteed for HIGH and NORMAL priority, but "
                f"group {group.name} requires {gpus} GPUs. Higher gpu counts must be submitted with LOW priority"
            )
            yield Finding(code="gpu-guarantee", message=message, path=group.path)
