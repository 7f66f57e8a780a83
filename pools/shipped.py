"""The configuration that the product ships with: one machine, one pool, nothing to set up.

Backend `local` runs work with the local engine; pool `default` has platform `default`, OSMO's default pod templates,
rules and variables. Differences from OSMO's defaults, each named in the docs:

- 5,000 tasks a workflow (OSMO: 20), since no control plane of a shared cluster needs protection here;
- 3 retries a task (OSMO: 0, which switches RESCHEDULE off), so that an exit action that a user wrote does something;
- the pool is not strict: what asks for more than the machine has runs all the same, with a warning.

The two limits are also those of a configuration directory that does not set them. Source: design §10, api.md §8.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pools.backend import Backend
from pools.model import Config
from pools.nodes import Node
from pools.pool import Platform, Pool, ResourceAssertion
from pools.roles import Effect, Role, RolePolicy
from pools.workflow import WorkflowConfig
from templates.assertions import Operator
from templates.merge import Json, JsonObject
from templates.variables import DEFAULT_VARIABLES, NodeCapacity

SHIPPED_BACKEND = "local"
SHIPPED_POOL = "default"
SHIPPED_PLATFORM = "default"
SHIPPED_MAX_NUM_TASKS = 5000
SHIPPED_MAX_RETRY_PER_TASK = 3
SHIPPED_WORKFLOW_LIMITS: Mapping[str, int] = {
    "max_num_tasks": SHIPPED_MAX_NUM_TASKS,
    "max_retry_per_task": SHIPPED_MAX_RETRY_PER_TASK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineResources:
    """What this machine has. Units: cores, bytes, devices."""

    cpu_count: int
    memory_bytes: int
    storage_bytes: int
    gpu_count: int = 0
    hostname: str = "localhost"


def shipped_config(machine: MachineResources) -> Config:
    """The default configuration on `machine`."""
    return Config(
        workflow=WorkflowConfig(max_num_tasks=SHIPPED_MAX_NUM_TASKS, max_retry_per_task=SHIPPED_MAX_RETRY_PER_TASK),
        backends={
            SHIPPED_BACKEND: Backend(
                name=SHIPPED_BACKEND, description="This machine, by the local engine", engine="local"
            )
        },
        pools={SHIPPED_POOL: _shipped_pool()},
        pod_templates=SHIPPED_POD_TEMPLATES,
        resource_validations=SHIPPED_VALIDATIONS,
        roles=SHIPPED_ROLES,
        nodes=(machine_node(machine, SHIPPED_BACKEND),),
    )


def machine_node(machine: MachineResources, backend: str) -> Node:
    """This machine as the one node of a backend with the local engine."""
    return Node(
        name=machine.hostname,
        backend=backend,
        labels={"kubernetes.io/hostname": machine.hostname},
        allocatable=NodeCapacity(
            cpu=machine.cpu_count,
            gpu=machine.gpu_count,
            memory_bytes=machine.memory_bytes,
            storage_bytes=machine.storage_bytes,
        ),
        conditions={"Ready": "True"},
    )


def _shipped_pool() -> Pool:
    return Pool(
        name=SHIPPED_POOL,
        description="Work on this machine",
        backend=SHIPPED_BACKEND,
        default_platform=SHIPPED_PLATFORM,
        common_default_variables=dict(DEFAULT_VARIABLES),
        common_pod_template=("default_ctrl", "default_user"),
        common_resource_validations=("default_cpu", "default_memory", "default_storage", "default_gpu"),
        platforms={SHIPPED_PLATFORM: Platform(description="This machine")},
        strict=False,
    )


def _user_resources() -> JsonObject:
    return {
        "cpu": "{{USER_CPU}}",
        "memory": "{{USER_MEMORY}}",
        "ephemeral-storage": "{{USER_STORAGE}}",
        "nvidia.com/gpu": "{{USER_GPU}}",
    }


def _pod_of(container: JsonObject) -> JsonObject:
    containers: list[Json] = [container]
    return {"spec": {"containers": containers}}


def _rule(name: str, operator: Operator, limit: str, message: str) -> ResourceAssertion:
    variable = f"{{{{{name}}}}}"
    return ResourceAssertion(
        operator=operator,
        left_operand=variable,
        right_operand=limit,
        assert_message=f"Value {variable} {message}",
    )


def _rules(kind: str, upper: Operator, lower: Operator, label: str) -> tuple[ResourceAssertion, ...]:
    too_small = "greater than" if lower is Operator.GT else "at least"
    return (
        _rule(f"USER_{kind}", upper, f"{{{{K8_{kind}}}}}", f"too high for {label}"),
        _rule(f"USER_{kind}", lower, "0", f"needs to be {too_small} 0 for {label}"),
    )


def _role(name: str, description: str, *policies: RolePolicy, immutable: bool = True) -> Role:
    return Role(name=name, description=description, policies=policies, immutable=immutable)


def _allow(*actions: str, on: tuple[str, ...] = ("*",)) -> RolePolicy:
    return RolePolicy(effect=Effect.ALLOW, actions=actions, resources=on)


SHIPPED_POD_TEMPLATES: Mapping[str, JsonObject] = {
    "default_ctrl": _pod_of(
        {
            "name": "osmo-ctrl",
            "resources": {
                "requests": {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"},
                "limits": {
                    "cpu": "{{USER_CPU}}",
                    "memory": "{{USER_MEMORY}}",
                    "ephemeral-storage": "{{USER_STORAGE}}",
                },
            },
        }
    ),
    "default_user": _pod_of(
        {
            "name": "{{USER_CONTAINER_NAME}}",
            "resources": {"requests": _user_resources(), "limits": _user_resources()},
        }
    ),
}
"""OSMO's default pod templates; a definition of the same name replaces one."""

SHIPPED_VALIDATIONS: Mapping[str, tuple[ResourceAssertion, ...]] = {
    "default_cpu": _rules("CPU", Operator.LE, Operator.GT, "CPU"),
    "default_memory": _rules("MEMORY", Operator.LE, Operator.GT, "memory"),
    "default_storage": _rules("STORAGE", Operator.LT, Operator.GT, "storage"),
    "default_gpu": _rules("GPU", Operator.LE, Operator.GE, "GPU"),
}
"""OSMO's default rules; a definition of the same name replaces one."""

SHIPPED_ROLES: Mapping[str, Role] = {
    role.name: role
    for role in (
        _role("osmo-admin", "Everything", _allow("*:*")),
        _role(
            "osmo-user",
            "Ordinary users, with pool default",
            _allow(
                "app:*",
                "auth:Token",
                "credentials:*",
                "mcp:Access",
                "pool:List",
                "profile:Read",
                "profile:Update",
                "resources:Read",
                "user:List",
                "workflow:List",
                "workflow:Read",
            ),
            _allow("workflow:*", on=("pool/default",)),
            immutable=False,
        ),
        _role(
            "osmo-backend",
            "Operators of backends",
            _allow("internal:Operator", "pool:List", "config:Read", on=("backend/*", "pool/*", "config/backend")),
        ),
        _role("osmo-ctrl", "Sidecars of tasks", _allow("internal:Logger", "internal:Router")),
        _role(
            "osmo-default",
            "Held by everybody",
            _allow("system:Health", "system:Version", "auth:Login", "auth:Refresh", "profile:*"),
        ),
    )
}
"""OSMO's default roles."""
