"""Checks of who the gateway is in a cluster, and what it may do there."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.doctor_subject import Subject
from gateway.runners.argo.faults import NotThere, Refused
from gateway.runners.argo.permissions import CLUSTER, NAMESPACED, Right, missing_rights
from gateway.services.doctor_findings import Finding, ok, problem, warning
from pools.backend import SchedulerType
from translator.argo.observe_objects import Meta, Object

_GRANT = "kubectl apply -k deploy/argo/existing"
_POD_GROUPS = {SchedulerType.KAI: "scheduling.run.ai", SchedulerType.VOLCANO: "scheduling.volcano.sh"}


def identity(subject: Subject) -> Iterator[Finding]:
    """Whether this is the cluster that the configuration means."""
    found, expected = subject.capabilities.cluster_uid, subject.backend.k8s_uid
    if expected and found and found != expected:
        yield problem(
            "cluster-identity",
            f"The cluster's uid is {found}, the configuration says {expected}.",
            "Correct `cluster` (another context?), or set `k8s_uid` to the uid of this cluster.",
        )
    elif found:
        yield ok("cluster-identity", f"The cluster's uid is {found}.")


def namespace(subject: Subject) -> Iterator[Finding]:
    """Whether the namespace of the runs exists."""
    name = subject.namespace
    try:
        found = msgspec.json.decode(subject.client.get(f"/api/v1/namespaces/{name}"), type=_Namespace)
    except NotThere:
        advice = f"Create it with `kubectl create namespace {name}`, or set the backend's `namespace`."
        yield problem("namespace", f"There is no namespace {name}.", advice)
        return
    except Refused:
        yield warning("namespace", f"Namespace {name} may not be looked at.", f"Grant it: `{_GRANT}`.")
        return
    if found.metadata.deletion_timestamp is not None:
        yield problem("namespace", f"Namespace {name} is being deleted.", "Wait until it is gone and create it anew.")
    else:
        yield ok("namespace", f"Namespace {name} exists.")


def rights(subject: Subject) -> Iterator[Finding]:
    """Each right that is missing; one finding if none is."""
    asked = (*NAMESPACED, *CLUSTER, *_of_scheduler(subject), *_of_group_templates(subject))
    missing = missing_rights(subject.client, subject.namespace, asked)
    for right in missing:
        where = "" if right.cluster else f" in namespace {subject.namespace}"
        found = f"The gateway may not {right}{where}"
        if right.needed:
            yield problem("rights", f"{found}; no workflow runs without it.", _advice(subject, right))
        else:
            yield warning("rights", f"{found}: {right.without}.", _advice(subject, right))
    if not missing:
        yield ok("rights", f"The gateway has all {len(asked)} rights that it uses.")


def _advice(subject: Subject, right: Right) -> str:
    question = f"kubectl auth can-i {right.verb} {right.resource.partition('/')[0]}"
    subresource = right.resource.partition("/")[2]
    option = f" --subresource={subresource}" if subresource else ""
    where = "" if right.cluster else f" -n {subject.namespace}"
    return f"Grant it with `{_GRANT}`, then `{question}{option}{where}` as the gateway says yes."


def _of_scheduler(subject: Subject) -> Iterator[Right]:
    group = _POD_GROUPS.get(subject.backend.scheduler_settings.scheduler_type)
    for verb in ("create", "get") if group else ():
        yield Right(verb=verb, resource="podgroups", group=group or "")


def _of_group_templates(subject: Subject) -> Iterator[Right]:
    """Kinds that the pools' group templates make; ones the cluster does not know are left to the admission check."""
    kinds = {
        (str(manifest.get("apiVersion")), str(manifest.get("kind")))
        for pool in subject.pools
        for manifest in subject.config.extra_objects[pool]
    }
    for api_version, kind in sorted(kinds):
        plural = _plural(subject.client, api_version, kind)
        if plural is not None:
            for verb in ("create", "get"):
                yield Right(verb=verb, resource=plural, group=api_version.rpartition("/")[0])


def _plural(client: KubeClient, api_version: str, kind: str) -> str | None:
    try:
        data = client.get(f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}")
    except (NotThere, Refused):
        return None
    found = msgspec.json.decode(data, type=_Resources).resources
    return next((one.name for one in found if one.kind == kind and "/" not in one.name), None)


class _Namespace(Object, frozen=True, kw_only=True):
    metadata: Meta


class _Resource(Object, frozen=True, kw_only=True):
    name: str = ""
    kind: str = ""


class _Resources(Object, frozen=True, kw_only=True):
    resources: tuple[_Resource, ...] = ()
