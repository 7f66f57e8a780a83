"""Checks of where pods can run: nodes, pools, the chosen scheduler, priorities, quota."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

import msgspec

from gateway.runners.argo.capabilities import SCHEDULER_GROUPS, optional
from gateway.runners.argo.doctor_subject import Subject
from gateway.runners.argo.faults import NotThere, Refused
from gateway.services.doctor_findings import Finding, ok, problem, warning
from pools.backend import SchedulerType
from pools.kubernetes_quantities import quantity
from pools.nodes import belongs, is_available
from translator.argo.observe_objects import Meta, Object

_PRIORITY_CLASSES = ("osmo-high", "osmo-normal", "osmo-low")
_NEARLY_FULL = Fraction(9, 10)
_DOCUMENTS = {
    SchedulerType.KAI: "https://github.com/kai-scheduler/KAI-Scheduler",
    SchedulerType.KUEUE: "https://kueue.sigs.k8s.io/docs/installation/",
    SchedulerType.VOLCANO: "https://volcano.sh/en/docs/installation/",
}


def scheduler(subject: Subject) -> Iterator[Finding]:
    """Whether the scheduler that the configuration chooses is installed."""
    chosen = subject.backend.scheduler_settings.scheduler_type
    if chosen is SchedulerType.DEFAULT:
        yield ok("scheduler", "The cluster's own scheduler is used; groups do not start as gangs.")
    elif chosen in subject.capabilities.schedulers:
        # Older ones redo the groups of Argo's pods one by one; nothing in the API tells the version.
        remark = " Groups need one newer than 0.14." if chosen is SchedulerType.KAI else ""
        yield ok("scheduler", f"The cluster has {chosen} ({SCHEDULER_GROUPS[chosen]}).{remark}")
    else:
        text = f"The configuration chooses {chosen}, but the cluster has no {SCHEDULER_GROUPS[chosen]}."
        advice = f"Install it ({_DOCUMENTS[chosen]}), or set `scheduler_settings.scheduler_type: default`."
        yield problem("scheduler", text, advice)


def priorities(subject: Subject) -> Iterator[Finding]:
    """Whether the classes of HIGH, NORMAL and LOW exist."""
    settings = subject.backend.scheduler_settings
    # Kueue's priorities are objects of its own.
    if not settings.supports_priority or settings.scheduler_type is SchedulerType.KUEUE:
        return
    missing = []
    for name in _PRIORITY_CLASSES:
        try:
            subject.client.get(f"/apis/scheduling.k8s.io/v1/priorityclasses/{name}")
        except NotThere:
            missing.append(name)
        except Refused:
            return
    if missing:
        text = f"The cluster has no priority class {', '.join(missing)}: pods that name it are refused."
        advice = (
            "`kubectl apply -f deploy/argo/base/priority-classes.yaml`, or set "
            "`scheduler_settings.supports_priority: false`."
        )
        yield problem("priorities", text, advice)
    else:
        yield ok("priorities", "The priority classes of HIGH, NORMAL and LOW exist.")


def nodes(subject: Subject) -> Iterator[Finding]:
    """Whether there are nodes to run on, and which are out of use."""
    found = subject.nodes
    if found is None:
        return
    usable = [one for one in found if is_available(one.node, subject.backend.node_conditions)]
    if not usable:
        text = f"None of {len(found)} nodes may take work." if found else "The cluster has no nodes."
        yield problem("nodes", text, "See why with `kubectl get nodes` and `kubectl describe node NODE`.")
        return
    yield ok("nodes", f"{len(usable)} of {len(found)} nodes may take work.")
    for one in found:
        if not one.ready:
            advice = f"See why with `kubectl describe node {one.node.name}`."
            yield warning("nodes", f"Node {one.node.name} is not ready.", advice)
        elif one.node.unschedulable:
            advice = f"When it may work again: `kubectl uncordon {one.node.name}`."
            yield warning("nodes", f"Node {one.node.name} is cordoned.", advice)
        elif one not in usable:
            advice = "See `kubectl describe node` and the backend's `node_conditions.rules`."
            yield warning("nodes", f"Node {one.node.name} is in a condition that the rules exclude.", advice)


def pools(subject: Subject) -> Iterator[Finding]:
    """Whether each platform of the backend's pools has nodes."""
    if not subject.pools:
        advice = f"Add a pool with `backend: {subject.name}` to the configuration."
        yield warning("pools", "No pool uses this backend: nobody can submit to it.", advice)
        return
    for pool in subject.pools:
        for policy in subject.config.platforms_of(pool):
            fitting = [one for one in subject.nodes or () if belongs(one.node, policy.placement)]
            if subject.nodes is None:
                continue
            if fitting:
                yield ok("pools", f"Platform {policy.name} of pool {pool} has {len(fitting)} nodes.")
                continue
            selector = ", ".join(f"{key}={value}" for key, value in policy.placement.node_selector.items())
            text = (
                f"No node fits platform {policy.name} of pool {pool} (labels: {selector or 'any'}, taints tolerated)."
            )
            advice = (
                f"Label some: `kubectl label node NODE {selector.replace(', ', ' ')}`."
                if selector
                else "Give the platform a pod template with tolerations for the taints in `kubectl describe node`."
            )
            yield problem("pools", text, advice)


def quota(subject: Subject) -> Iterator[Finding]:
    """Whether some quota of the namespace is used up, or nearly."""
    data = optional(subject.client, subject.core("resourcequotas"))
    for item in msgspec.json.decode(data, type=_Quotas).items or () if data is not None else ():
        name = item.metadata.name
        for resource, hard, used in _shares(item.status.hard or {}, item.status.used or {}):
            text = f"Quota {name} of {resource} is used: {used} of {hard}."
            advice = f"Raise it with `kubectl -n {subject.namespace} edit resourcequota {name}`, or remove old objects."
            share = _share(hard, used)
            if share >= 1:
                yield problem("quota", text, advice)
            elif share >= _NEARLY_FULL:
                yield warning("quota", text, advice)


def _shares(hard: Mapping[str, str], used: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    return ((key, limit, used[key]) for key, limit in sorted(hard.items()) if key in used)


def _share(hard: str, used: str) -> Fraction:
    limit, taken = quantity(hard), quantity(used)
    # A quota of none forbids a kind that no run needs.
    return taken / limit if limit and taken is not None else Fraction(0)


class _QuotaStatus(Object, frozen=True, kw_only=True):
    hard: dict[str, str] | None = None
    used: dict[str, str] | None = None


class _Quota(Object, frozen=True, kw_only=True):
    metadata: Meta
    status: _QuotaStatus = _QuotaStatus()


class _Quotas(Object, frozen=True, kw_only=True):
    items: tuple[_Quota, ...] | None = None
