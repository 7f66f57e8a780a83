"""Tasks over workflows, and one task. Source: api.md §2.8, §2.11."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from gateway.api.declared import REFUSALS, action
from gateway.api.deps import CallerOf, LinksOf, ServicesOf
from gateway.api.workflows import Pools, Priorities, Users
from gateway.schemas.tasks import TaskAggregate, TaskEntry, TaskList, TaskSummary
from gateway.schemas.wire import TimeFilter
from gateway.services.listing import Order
from gateway.services.tasks import TaskListRequest
from translator.lifecycle.words import TaskStatus

router = APIRouter(tags=["Workflow API"], responses=REFUSALS)


@router.get("/api/task", openapi_extra=action("workflow:List"))
def list_tasks(
    services: ServicesOf,
    caller: CallerOf,
    links: LinksOf,
    workflow_id: Annotated[str | None, Query(description="Part of the workflow id.")] = None,
    statuses: Annotated[list[TaskStatus] | None, Query()] = None,
    users: Users = None,
    all_users: bool = False,
    pools: Pools = None,
    all_pools: bool = False,
    nodes: Annotated[list[str] | None, Query()] = None,
    started_after: TimeFilter | None = None,
    started_before: TimeFilter | None = None,
    offset: int = 0,
    limit: int = 20,
    order: Order = Order.ASC,
    summary: bool = False,
    aggregate_by_workflow: bool = False,
    priority: Priorities = None,
) -> TaskList | TaskSummary | TaskAggregate:
    """A page of attempts; or what they ask for in sum, by user or by workflow."""
    request = TaskListRequest(
        workflow_id=workflow_id,
        statuses=statuses,
        users=users,
        all_users=all_users,
        pools=pools,
        all_pools=all_pools,
        nodes=nodes,
        started_after=started_after,
        started_before=started_before,
        priority=priority,
        offset=offset,
        limit=limit,
        order=order,
    )
    if aggregate_by_workflow:
        return services.tasks.aggregate(caller, request)
    if summary:
        return services.tasks.summary(caller, request)
    return services.tasks.page(caller, request, links)


@router.get("/api/workflow/{name}/task/{task_name}", openapi_extra=action("workflow:Read"))
def get_task(services: ServicesOf, name: str, task_name: str) -> TaskEntry:
    """The latest attempt of one task."""
    return services.tasks.latest(name, task_name)
