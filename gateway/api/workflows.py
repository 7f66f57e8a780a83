"""Workflows: list, detail, cancel, tags. Source: api.md §2.8, §2.10."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from gateway.api.declared import REFUSALS, action
from gateway.api.deps import CallerOf, LinksOf, ServicesOf
from gateway.schemas.submit import CancelResponse
from gateway.schemas.wire import TimeFilter
from gateway.schemas.workflows import WorkflowList, WorkflowQuery
from gateway.services.listing import ListRequest, Order
from translator.lifecycle.words import WorkflowStatus
from translator.plan.model import Priority

router = APIRouter(tags=["Workflow API"], responses=REFUSALS)

Users = Annotated[list[str] | None, Query(description="Submitters; the caller where none is given.")]
Pools = Annotated[list[str] | None, Query(description="Pools; the profile's default where none is given.")]
Priorities = Annotated[list[Priority] | None, Query()]


@router.get("/api/workflow", openapi_extra=action("workflow:List"))
def list_workflows(
    services: ServicesOf,
    caller: CallerOf,
    links: LinksOf,
    users: Users = None,
    name: Annotated[str | None, Query(description="Part of the workflow id.")] = None,
    statuses: Annotated[list[WorkflowStatus] | None, Query()] = None,
    offset: int = 0,
    limit: int = 20,
    order: Order = Order.ASC,
    all_users: bool = False,
    pools: Pools = None,
    all_pools: bool = False,
    submitted_before: TimeFilter | None = None,
    submitted_after: TimeFilter | None = None,
    tags: Annotated[list[str] | None, Query(description="Any of these tags.")] = None,
    app: Annotated[str | None, Query(description="`name` or `name:version`.")] = None,
    priority: Priorities = None,
    label: Annotated[list[str] | None, Query(description="`key=selector`, all must match.")] = None,
    no_label: Annotated[list[str] | None, Query(description="Keys that must be absent.")] = None,
) -> WorkflowList:
    """A page of workflows, by submit time."""
    request = ListRequest(
        users=users,
        all_users=all_users,
        name=name,
        statuses=statuses,
        offset=offset,
        limit=limit,
        order=order,
        pools=pools,
        all_pools=all_pools,
        submitted_after=submitted_after,
        submitted_before=submitted_before,
        tags=tags,
        app=app,
        priority=priority,
        label=label,
        no_label=no_label,
    )
    return services.listing.page(caller, request, links)


@router.get("/api/workflow/{name}", openapi_extra=action("workflow:Read"))
def get_workflow(
    services: ServicesOf, links: LinksOf, name: str, skip_groups: bool = False, verbose: bool = False
) -> WorkflowQuery:
    """Everything about one workflow, by id or uuid; with `verbose` every attempt of each task."""
    return services.query.detail(name, links, skip_groups=skip_groups, verbose=verbose)


@router.post("/api/workflow/{name}/cancel", openapi_extra=action("workflow:Cancel"))
def cancel_workflow(
    services: ServicesOf, caller: CallerOf, name: str, message: str | None = None, force: bool = False
) -> CancelResponse:
    """Ask for the end of a workflow; the reply does not wait for it."""
    return services.cancel.request(caller, name, message=message, force=force)


@router.post("/api/workflow/{name}/tag", openapi_extra=action("workflow:Update"))
def tag_workflow(
    services: ServicesOf,
    name: str,
    add: Annotated[list[str] | None, Query()] = None,
    remove: Annotated[list[str] | None, Query()] = None,
) -> None:
    """Take tags off a workflow, then put tags on."""
    services.tags.change(name, add=add, remove=remove)
