"""Plans made by hand, so that a test says only what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from templates.merge import Json, JsonObject
from templates.variables import DEFAULT_VARIABLES
from translator.plan.identity import cluster_host, group_uuid, task_uuid
from translator.plan.model import (
    ExitAction,
    ExitRule,
    GroupName,
    GroupPlan,
    Plan,
    PlatformPlan,
    ResourceRequest,
    TaskInput,
    TaskName,
    TaskPlan,
    WorkflowId,
    WorkflowUuid,
)

UUID = WorkflowUuid("0123456789abcdef" * 2)
WORKFLOW_ID = WorkflowId("train-7")

USER_TEMPLATE: JsonObject = {
    "spec": {
        "containers": [
            {
                "name": "{{USER_CONTAINER_NAME}}",
                "resources": {
                    "requests": {"cpu": "{{USER_CPU}}", "memory": "{{USER_MEMORY}}"},
                    "limits": {"cpu": "{{USER_CPU}}", "memory": "{{USER_MEMORY}}"},
                },
            }
        ]
    }
}
"""What most pools have: the request as requests and limits."""


def task(name: str, **fields: Any) -> TaskPlan:
    """A task `name` that runs `true`, changed by `fields`."""
    given: dict[str, Any] = {
        "uuid": task_uuid(UUID, name),
        "lead": True,
        "image": "ubuntu:24.04",
        "command": ("true",),
        "platform": "default",
        "resources": ResourceRequest(cpu=1, memory_bytes=2**30),
        **fields,
    }
    return TaskPlan(name=TaskName(name), **given)


def group(name: str, *tasks: TaskPlan, **fields: Any) -> GroupPlan:
    """A group; without `tasks` one of a single task called like the group."""
    members = tasks or (task(name),)
    uuid = group_uuid(UUID, name)
    hosted = (_hosted(member, uuid) for member in members)
    return GroupPlan(name=GroupName(name), uuid=uuid, tasks=tuple(hosted), **fields)


def single(name: str, upstream: Iterable[str] = (), **fields: Any) -> GroupPlan:
    """A stand-alone task, in the group that OSMO makes for it; `upstream` are other such tasks."""
    above = tuple(upstream)
    inputs = tuple(
        TaskInput(index=index, task=TaskName(other), workflow_id=WORKFLOW_ID) for index, other in enumerate(above)
    )
    return group(
        f"{name}-group",
        task(name, **{"inputs": inputs, **fields}),
        upstream=tuple(GroupName(f"{other}-group") for other in above),
    )


def team(name: str, *members: str, upstream: Iterable[str] = (), **fields: Any) -> GroupPlan:
    """A group of several plain tasks, the first of them the lead."""
    tasks = [task(member, lead=number == 0) for number, member in enumerate(members)]
    return group(name, *tasks, upstream=tuple(GroupName(other) for other in upstream), **fields)


def plan(*groups: GroupPlan, pod_template: Mapping[str, Json] = USER_TEMPLATE, **fields: Any) -> Plan:
    """A Plan of `groups` on one platform, `downstream` worked out."""
    below: dict[str, list[GroupName]] = {}
    for made in groups:
        for above in made.upstream:
            below.setdefault(above, []).append(made.name)
    platform = PlatformPlan(name="default", pod_template=dict(pod_template), default_variables=dict(DEFAULT_VARIABLES))
    given: dict[str, Any] = {
        "name": "train",
        "workflow_id": WORKFLOW_ID,
        "workflow_uuid": UUID,
        "owner": "jane@example.com",
        "pool": "default",
        "backend": "cluster",
        "groups": tuple(_with_downstream(made, below.get(made.name, ())) for made in groups),
        "platforms": {"default": platform},
        **fields,
    }
    return Plan(**given)


def chain(length: int) -> Plan:
    """Tasks one after the other."""
    return plan(*(single(f"t{n}", [f"t{n - 1}"] if n else []) for n in range(length)))


def fan(width: int) -> Plan:
    """One task, then `width` side by side, then one."""
    middle = [f"m{n}" for n in range(width)]
    return plan(single("begin"), *(single(name, ["begin"]) for name in middle), single("end", middle))


def from_edges(edges: Sequence[Iterable[int]]) -> Plan:
    """Tasks `t0`, `t1`, …; `edges` has for each the numbers that it waits for."""
    return plan(*(single(f"t{n}", [f"t{above}" for above in edges[n]]) for n in range(len(edges))))


def rule(action: ExitAction, *ranges: tuple[int, int]) -> ExitRule:
    """One exit action."""
    return ExitRule(action=action, ranges=ranges)


def _hosted(member: TaskPlan, uuid: str) -> TaskPlan:
    host = cluster_host(member.uuid, uuid, namespace="argo", cluster_domain="cluster.local")
    return msgspec.structs.replace(member, host=host)


def _with_downstream(made: GroupPlan, below: Iterable[GroupName]) -> GroupPlan:
    return msgspec.structs.replace(made, downstream=tuple(below))
