"""Rules about what tasks ask of their platform. One rule, one function.

A pool that is not strict (`Pool.strict`) turns what only says "too big for the nodes there are" into warnings.
Source: workflow-spec.md §1.2 step 16, §7.2, §7.4, §7.6.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pools.nodes import Node, belongs
from pools.platforms import PlatformPolicy
from pools.resources import workflow_capacity
from templates.assertions import NamedCapacity, NodeRefusal, node_refusals, refusal_table, static_failures
from templates.group_objects import rendered_group_objects
from templates.render import RenderError, render_object
from translator.plan.case import Case
from translator.plan.findings import Finding
from translator.plan.mounts import split_mount
from translator.plan.outline import OutlineTask
from translator.plan.requests import TaskRequest
from translator.plan.variables import group_variables, pod_variables
from translator.problems import Severity
from translator.spec.places import field_path

_SEE_RESOURCES = 'Please check available resources with "osmo resource list".'


def topology_keys_agree(case: Case) -> Iterator[Finding]:
    """All tasks of the workflow that use topology use the same set of keys."""
    first: tuple[str, frozenset[str]] | None = None
    for task, request in case.distinct_requests:
        keys = frozenset(entry.key for entry in request.request.topology)
        if not keys:
            continue
        if first is None:
            first = (task.spec.name, keys)
        elif keys != first[1]:
            message = (
                "Topology validation failed: All tasks must use the same topology keys. "
                f"Task {first[0]} uses {_listed(first[1])}, task {task.spec.name} uses {_listed(keys)}."
            )
            yield Finding(code="topology-keys", message=message, path=case.request_path(task, request))


def platforms_exist(case: Case) -> Iterator[Finding]:
    """The platform of every task is one of the pool's."""
    for _, request in case.distinct_requests:
        if request.policy is None and request.platform:
            path = field_path(("workflow", "resources", request.resource, "platform"))
            message = f"Platform {request.platform} does not exist in pool {case.context.pool}!"
            yield Finding(code="unknown-platform", message=message, path=path)


def cache_sizes_are_legal(case: Case) -> Iterator[Finding]:
    """`cacheSize` is an amount or a percentage."""
    for task, request in case.distinct_requests:
        if request.fault is not None:
            yield Finding(code="bad-cache-size", message=request.fault, path=f"{task.path}.cacheSize")


def static_rules_hold(case: Case) -> Iterator[Finding]:
    """The platform's rules without node facts hold."""
    for task, request, policy in _judged_requests(case):
        for reason in static_failures(policy.assertions, request.variables):
            message = (
                f"Resource validation failed for task: {task.spec.name}\n"
                f"Assertion failed for task {task.spec.name}: {reason}"
            )
            yield Finding(code="resource-rule", message=message, path=case.request_path(task, request))


def privileges_are_allowed(case: Case) -> Iterator[Finding]:
    """`privileged`, `hostNetwork` and `volumeMounts` are what the platform allows."""
    for task in case.tasks:
        spec = task.spec
        if not (spec.privileged or spec.host_network or spec.volume_mounts):
            continue
        request = case.requests.of(spec)
        if request is None or request.policy is None:
            continue
        policy = request.policy
        if spec.privileged and not policy.privileged_allowed:
            yield _not_enabled(task, policy, "privileged")
        if spec.host_network and not policy.host_network_allowed:
            yield _not_enabled(task, policy, "hostNetwork")
        yield from _mount_findings(task, policy)


def nodes_can_take_tasks(case: Case) -> Iterator[Finding]:
    """At least one node of the platform satisfies the rules with node facts, each task judged alone.

    Nothing is judged while no node of the backend is known at all.
    """
    nodes = [node for node in case.context.known_nodes or () if node.backend == case.pool.backend]
    capacities: dict[str, list[NamedCapacity]] = {}
    for task, request, policy in _judged_requests(case):
        if not any(rule.is_about_nodes for rule in policy.assertions):
            continue
        if not nodes:
            yield _nodes_unknown(policy)
            return
        if policy.name not in capacities:
            capacities[policy.name] = _capacities(case, policy, nodes)
        if not capacities[policy.name]:
            message = f"There are no resources in platform {policy.name} and pool {case.context.pool}!"
            yield _too_big(case, task, request, message, [])
            continue
        refusals = node_refusals(policy.assertions, request.variables, capacities[policy.name])
        if refusals:
            yield _too_big(case, task, request, _refusal_message(task, policy, refusals), refusals)


def templates_can_be_rendered(case: Case) -> Iterator[Finding]:
    """The pod and group templates that apply can be rendered for this request; the local engine uses none."""
    if case.backend.is_local:
        return
    for task, request, policy in _judged_requests(case):
        try:
            render_object(policy.pod_template, pod_variables(request.variables, _SAMPLE_LABELS, task.spec.name))
        except RenderError as error:
            message = f"Pod template of platform {policy.name} cannot be used for task {task.spec.name}: {error}"
            yield Finding(code="pod-template", message=message, path=case.request_path(task, request))
    try:
        rendered_group_objects(
            case.context.config.extra_objects.get(case.context.pool, ()), group_variables(_SAMPLE_LABELS)
        )
    except RenderError as error:
        message = f"Group template of pool {case.context.pool} cannot be used: {error}"
        yield Finding(code="group-template", message=message)


_SAMPLE_LABELS: Mapping[str, str] = {}
"""No label is known before the workflow has an id; variables are filled with texts all the same."""


def _judged_requests(case: Case) -> Iterator[tuple[OutlineTask, TaskRequest, PlatformPolicy]]:
    """The requests that have a platform and variables; what lacks either is another rule's finding."""
    for task, request in case.distinct_requests:
        if request.policy is not None and request.fault is None:
            yield task, request, request.policy


def _capacities(case: Case, policy: PlatformPolicy, nodes: Iterable[Node]) -> list[NamedCapacity]:
    return [
        NamedCapacity(node=node.name, capacity=workflow_capacity(case.context.config, policy, node))
        for node in nodes
        if belongs(node, policy.placement)
    ]


def _refusal_message(task: OutlineTask, policy: PlatformPolicy, refusals: Sequence[NodeRefusal]) -> str:
    return (
        f"Resource validation failed for task: {task.spec.name}\n"
        f"Assertion failed for task {task.spec.name}: no node of platform {policy.name} can take it.\n"
        f"{refusal_table(refusals)}\n{_SEE_RESOURCES}"
    )


def _too_big(
    case: Case, task: OutlineTask, request: TaskRequest, refusal: str, refusals: Sequence[NodeRefusal]
) -> Finding:
    path = case.request_path(task, request)
    if case.pool.strict:
        return Finding(code="resource-nodes", message=refusal, path=path)
    reason = refusals[0].reason if refusals else refusal
    message = (
        f"Task {task.spec.name} asks for more than any node has: {reason}. "
        f"Pool {case.context.pool} is not strict, so it runs all the same, alone if need be."
    )
    return Finding(code="resource-nodes", message=message, path=path, severity=Severity.WARNING)


def _nodes_unknown(policy: PlatformPolicy) -> Finding:
    message = (
        f"Requests are not checked against the nodes of backend {policy.backend}: none are known. "
        "They can be listed in the configuration's `nodes`."
    )
    return Finding(code="nodes-unknown", message=message, severity=Severity.WARNING)


def _not_enabled(task: OutlineTask, policy: PlatformPolicy, flag: str) -> Finding:
    message = f"Task with platform: {policy.name} does not have {flag} flag enabled. Task {task.spec.name}"
    return Finding(code="not-allowed", message=message, path=f"{task.path}.{flag}")


def _mount_findings(task: OutlineTask, policy: PlatformPolicy) -> Iterator[Finding]:
    for index, text in enumerate(task.spec.volume_mounts):
        path = f"{task.path}.volumeMounts[{index}]"
        mount = split_mount(text)
        if mount is None:
            yield Finding(code="bad-mount", message=f"Invalid task volume mount: {text}.", path=path)
        elif mount.source in policy.allowed_mounts:
            continue
        elif mount.source in policy.default_mounts:
            message = (
                f"Mount {mount.source} is already provided by platform {policy.name} and cannot be set in "
                "volumeMounts. Remove it from volumeMounts."
            )
            yield Finding(code="default-mount", message=message, path=path)
        else:
            message = f"Task with platform: {policy.name} does not allow mount: {mount.source}. Task {task.spec.name}"
            yield Finding(code="not-allowed", message=message, path=path)


def _listed(keys: frozenset[str]) -> str:
    return ", ".join(sorted(keys))
