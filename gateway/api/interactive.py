"""Exec, port-forward, web servers, rsync. Source: api.md §2.10."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from gateway.api.declared import CONNECTING, action
from gateway.api.deps import ServicesOf
from gateway.schemas.misc import RouterInfo

router = APIRouter(tags=["Workflow API"], responses=CONNECTING)


@router.post("/api/workflow/{name}/exec/task/{task_name}", openapi_extra=action("workflow:Exec"))
def exec_into_task(services: ServicesOf, name: str, task_name: str, entry_command: str) -> RouterInfo:
    """Where to connect for a command in a task."""
    services.interactive.exec_task(name, task_name)


@router.post("/api/workflow/{name}/exec/group/{group_name}", openapi_extra=action("workflow:Exec"))
def exec_into_group(services: ServicesOf, name: str, group_name: str, entry_command: str) -> dict[str, RouterInfo]:
    """Where to connect for a command in each running task of a group."""
    services.interactive.exec_group(name, group_name)


@router.post("/api/workflow/{name}/portforward/{task_name}", openapi_extra=action("workflow:PortForward"))
def port_forward(
    services: ServicesOf,
    name: str,
    task_name: str,
    task_ports: Annotated[list[int] | None, Query()] = None,
    use_udp: bool = False,
) -> list[RouterInfo]:
    """Where to connect for each port, in order."""
    services.interactive.port_forward(name, task_name, task_ports or ())


@router.post("/api/workflow/{name}/webserver/{task_name}", openapi_extra=action("workflow:PortForward"))
def web_server(services: ServicesOf, name: str, task_name: str, task_port: int) -> RouterInfo:
    """Where to connect for a task's web server."""
    services.interactive.web_server(name, task_name, task_port)


@router.post("/api/workflow/{name}/rsync/task/{task_name}", openapi_extra=action("workflow:Rsync"))
def rsync(services: ServicesOf, name: str, task_name: str) -> RouterInfo:
    """Where to connect for copying files."""
    services.interactive.rsync(name, task_name)
