"""What tasks ask for: a resource entry with its platform and the pool's default variables, in base units.

Source: workflow-spec.md §2.9, §7.3, §7.6; units: §10.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pools.platforms import PlatformPolicy
from pools.pool import Pool
from templates.merge import Json
from templates.quantities import byte_quantity
from templates.variables import UserRequest, Variable, VariableError, user_variables
from translator.plan.context import PlanContext
from translator.plan.model import ResourceRequest, Topology
from translator.spec.model import RequirementType, ResourceSpec, TaskSpec, WorkflowSpec

# The largest integer of the stored Plan; far above any machine, and so refused by every rule about nodes.
_MAX_BYTES = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequest:
    """The request of all tasks that name one resource entry with one cache size.

    Shape: `policy` is None where the platform does not exist; `variables` are the USER_* ones; `fault` says why there
    are none.
    """

    resource: str
    platform: str
    policy: PlatformPolicy | None
    request: ResourceRequest
    variables: Mapping[str, Variable]
    fault: str | None = None


class RequestTable:
    """The requests of a workflow, each worked out once, however many tasks share it."""

    def __init__(self, spec: WorkflowSpec, context: PlanContext) -> None:
        self._resources = spec.resources
        self._context = context
        self._made: dict[tuple[str, str], TaskRequest] = {}

    def of(self, task: TaskSpec) -> TaskRequest | None:
        """The request of `task`; None where it names no resource entry."""
        key = (task.resource, task.cache_size or "")
        made = self._made.get(key)
        if made is None:
            resource = self._resources.get(task.resource)
            if resource is None:
                return None
            made = self._made[key] = _task_request(*key, resource, self._context)
        return made


def user_request(request: ResourceRequest) -> UserRequest:
    """The request as the user wrote it, for the variables of templates."""
    return UserRequest(
        cpu=request.requested_cpu,
        gpu=request.requested_gpu,
        memory=request.requested_memory,
        storage=request.requested_storage,
        cache_size=request.cache_size,
        nodes_excluded=request.nodes_excluded,
    )


def asked_platform(resource: ResourceSpec, pool: Pool | None) -> str | None:
    """The platform that a resource entry names, or the pool's default; None where there is neither."""
    return resource.platform or (pool.default_platform if pool is not None else None)


def platform_of(resource: ResourceSpec, context: PlanContext) -> PlatformPolicy | None:
    """The platform that a resource entry gets; None where there is none."""
    asked = asked_platform(resource, context.pool_config)
    return None if asked is None else context.config.policies.get((context.pool, asked))


def _task_request(name: str, cache_size: str, resource: ResourceSpec, context: PlanContext) -> TaskRequest:
    policy = platform_of(resource, context)
    defaults: Mapping[str, Json] = policy.default_variables if policy is not None else {}
    request = _resource_request(resource, cache_size, defaults, context.pool_config)
    fault = None
    variables: Mapping[str, Variable] = {}
    try:
        variables = user_variables(user_request(request), defaults)
    except VariableError as error:
        fault = str(error)
    return TaskRequest(
        resource=name,
        platform=policy.name if policy is not None else asked_platform(resource, context.pool_config) or "",
        policy=policy,
        request=request,
        variables=variables,
        fault=fault,
    )


def _resource_request(
    resource: ResourceSpec, cache_size: str, defaults: Mapping[str, Json], pool: Pool | None
) -> ResourceRequest:
    return ResourceRequest(
        cpu=float(resource.cpu or _number(defaults.get("USER_CPU"))),
        gpu=resource.gpu or int(_number(defaults.get("USER_GPU"))),
        memory_bytes=_bytes(resource.memory_bytes, defaults.get("USER_MEMORY")),
        storage_bytes=_bytes(resource.storage_bytes, defaults.get("USER_STORAGE")),
        requested_cpu=resource.cpu or None,
        requested_gpu=resource.gpu or None,
        requested_memory=_requested(resource.memory),
        requested_storage=_requested(resource.storage),
        cache_size=cache_size,
        nodes_excluded=tuple(resource.nodes_excluded),
        topology=_topology(resource, pool),
    )


def _requested(amount: str | None) -> str:
    """The amount as templates see it: one without a unit, which counts bytes, is written in Ki as OSMO does."""
    if amount is None:
        return ""
    quantity = byte_quantity(amount)
    if quantity is None or quantity.unit:
        return amount
    return f"{float(quantity.bytes / 1024)}Ki"


def _topology(resource: ResourceSpec, pool: Pool | None) -> tuple[Topology, ...]:
    """The entries in the pool's order of keys, coarse to fine."""
    levels = {entry.key: (place, entry.label) for place, entry in enumerate(pool.topology_keys if pool else ())}
    ordered = sorted(resource.topology, key=lambda entry: levels.get(entry.key, (len(levels), ""))[0])
    return tuple(
        Topology(
            key=entry.key,
            label=levels.get(entry.key, (0, ""))[1],
            group=entry.group,
            required=entry.requirement_type is RequirementType.REQUIRED,
        )
        for entry in ordered
    )


def _number(value: Json) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) else 0.0
    except ValueError:
        return 0.0
    return number if 0 < number < float("inf") else 0.0


def _bytes(asked: int | None, default: Json) -> int:
    if asked is not None:
        return min(asked, _MAX_BYTES)
    quantity = byte_quantity(str(default)) if isinstance(default, int | float | str) else None
    return min(quantity.whole_bytes, _MAX_BYTES) if quantity is not None else 0
