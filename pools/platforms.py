"""A platform's policy: everything that its pool and itself say, merged and ready to be applied to a task.

Source: workflow-spec.md §7.1, §7.5; api.md §8.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pools.nodes import NO_CAPACITY, Placement, usage_of
from pools.pool import Platform, Pool, ResourceAssertion
from templates.assertions import Assertion
from templates.merge import Json, JsonObject, merge, merge_all
from templates.variables import NodeCapacity

SIDECAR_NAME = "osmo-ctrl"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformPolicy:
    """The policy of one platform of one pool.

    Shape: `pod_template` is the merged, unrendered partial manifest; `default_mounts` the mount paths of its containers
    other than the sidecar; `assertions` the pool's rules, then the platform's. `sidecar` is what the template gives
    the sidecar of each task.
    """

    pool: str
    name: str
    backend: str
    pod_template: JsonObject
    placement: Placement
    default_variables: JsonObject
    assertions: tuple[Assertion, ...]
    default_mounts: tuple[str, ...]
    allowed_mounts: tuple[str, ...]
    host_network_allowed: bool
    privileged_allowed: bool
    sidecar: NodeCapacity


def platform_policy(
    pool_name: str,
    pool: Pool,
    name: str,
    platform: Platform,
    *,
    pod_templates: Mapping[str, JsonObject],
    validations: Mapping[str, tuple[ResourceAssertion, ...]],
) -> PlatformPolicy:
    """The policy of `platform`.

    Names of templates and rules that do not exist are passed over: `pools.references` reports them.
    """
    template = merge_all(
        pod_templates[used]
        for used in (*pool.common_pod_template, *platform.override_pod_template)
        if used in pod_templates
    )
    rules = (*pool.common_resource_validations, *platform.resource_validations)
    return PlatformPolicy(
        pool=pool_name,
        name=name,
        backend=pool.backend,
        pod_template=template,
        placement=placement(template),
        default_variables=merge(pool.common_default_variables, platform.default_variables),
        assertions=tuple(entry.assertion for used in rules for entry in validations.get(used, ())),
        default_mounts=_default_mounts(template),
        allowed_mounts=platform.allowed_mounts,
        host_network_allowed=platform.host_network_allowed,
        privileged_allowed=platform.privileged_allowed,
        sidecar=_sidecar_requests(template),
    )


def placement(pod_template: Mapping[str, Json]) -> Placement:
    """The node selector and tolerations that a pod template holds."""
    spec = _mapping(pod_template.get("spec"))
    selector = _mapping(spec.get("nodeSelector"))
    return Placement(
        node_selector={key: str(value) for key, value in selector.items()},
        tolerations=tuple(entry for entry in _list(spec.get("tolerations")) if isinstance(entry, dict)),
    )


def _default_mounts(pod_template: Mapping[str, Json]) -> tuple[str, ...]:
    paths = (
        mount.get("mountPath")
        for container in _containers(pod_template)
        if container.get("name") != SIDECAR_NAME
        for mount in _mappings(container.get("volumeMounts"))
    )
    return tuple(dict.fromkeys(path for path in paths if isinstance(path, str)))


def _sidecar_requests(pod_template: Mapping[str, Json]) -> NodeCapacity:
    for container in _containers(pod_template):
        if container.get("name") == SIDECAR_NAME:
            requests = _mapping(_mapping(container.get("resources")).get("requests"))
            # What depends on the task's own request cannot be told of a node, and counts as nothing.
            return usage_of({key: str(value) for key, value in requests.items()})
    return NO_CAPACITY


def _containers(pod_template: Mapping[str, Json]) -> Iterable[JsonObject]:
    return _mappings(_mapping(pod_template.get("spec")).get("containers"))


def _mappings(value: Json) -> Iterable[JsonObject]:
    return (entry for entry in _list(value) if isinstance(entry, dict))


def _mapping(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
