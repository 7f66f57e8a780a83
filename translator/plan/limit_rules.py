"""How much a user may have unfinished at once. Source: workflow-spec.md §1.2 step 19."""

from __future__ import annotations

from collections.abc import Iterator

from translator.plan.case import Case
from translator.plan.findings import Finding


def user_keeps_to_limits(case: Case) -> Iterator[Finding]:
    """The user's unfinished workflows and tasks, this submission included, are within the limits."""
    load = case.context.load
    limits = case.context.config.workflow.user_workflow_limits
    if load is None:
        return
    user = case.context.owner
    if limits.max_num_workflows is not None and load.workflows + 1 > limits.max_num_workflows:
        message = f"User {user} cannot submit more than {limits.max_num_workflows} ongoing workflows."
        yield Finding(code="too-many-workflows", message=message)
    if limits.max_num_tasks is not None and load.tasks + len(case.tasks) > limits.max_num_tasks:
        message = f"User {user} cannot submit more than {limits.max_num_tasks} ongoing tasks."
        yield Finding(code="too-many-tasks", message=message)
