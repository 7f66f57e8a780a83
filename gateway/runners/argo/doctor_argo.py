"""Checks of Argo itself: its CRDs, and its controller's version, settings and life. Source: design §5."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx
import msgspec

from gateway.runners.argo.capabilities import CrdKind, optional
from gateway.runners.argo.controller import LEASE, ControllerSettings
from gateway.runners.argo.doctor_subject import Subject
from gateway.services.doctor_findings import Finding, ok, problem, warning
from translator.argo.observe_objects import Object, naive

OLDEST = (4, 1, 2)
FIRST_UNKNOWN = (5, 0, 0)
_RELEASES = "https://github.com/argoproj/argo-workflows/releases/download/v4.1.2"
_INSTALL = "kubectl apply --server-side -k deploy/argo/install"
_REQUEUE_SECONDS = (0.1, 2.0)
_QPS, _BURST = 50, 60
_EXECUTOR_BYTES = 96 * 1024**2
_UI_SECONDS = 5.0
_LEASE_PATIENCE = timedelta(seconds=60)


def crds(subject: Subject) -> Iterator[Finding]:
    """Whether Argo's kinds are known, and how."""
    found = subject.capabilities
    match found.crds:
        case CrdKind.ABSENT:
            yield problem("argo-crds", "The cluster does not know Workflows: Argo is not installed.", f"`{_INSTALL}`.")
        case CrdKind.FULL if not found.has_pending_timeout:
            advice = f"`kubectl apply --server-side --force-conflicts -f {_RELEASES}/namespace-install.yaml`."
            yield problem("argo-crds", "The full CRDs are of an Argo before 4.1, and drop what is newer.", advice)
        case CrdKind.MINIMAL:
            advice = f"Full ones refuse malformed objects early: `{_INSTALL}`."
            yield warning("argo-crds", "The CRDs are minimal: mistakes show only when a Workflow runs.", advice)
        case CrdKind.UNKNOWN:
            advice = "Grant it with `kubectl apply -k deploy/argo/existing`."
            yield warning("argo-crds", "Argo is installed; its CRDs may not be read.", advice)
        case CrdKind.FULL:
            yield ok("argo-crds", "The CRDs are full ones of Argo 4.1 or later.")


def controller(subject: Subject) -> Iterator[Finding]:
    """Everything about the controller that a Deployment tells."""
    found = subject.capabilities.controller
    if found is None:
        yield _unseen(subject)
        return
    yield _watching(subject, found)
    yield _running(found)
    yield _version(found)
    yield from _settings(found)


def ui(subject: Subject) -> Iterator[Finding]:
    """Whether Argo's own pages answer where links lead."""
    base = subject.backend.argo_ui_url.rstrip("/")
    if not base:
        return
    try:
        # Only whether somebody is there: its certificate is the browsers' matter, and is often its own.
        status = httpx.get(f"{base}/", timeout=_UI_SECONDS, verify=False, trust_env=False).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        text = f"Argo's UI does not answer at {base} ({type(error).__name__}), seen from the gateway."
        advice = "Correct `argo_ui_url`, or start it: `kubectl get deployments -A | grep argo-server`."
        yield warning("argo-ui", text, advice)
        return
    yield ok("argo-ui", f"Argo's UI answers at {base} ({status}).")


def _unseen(subject: Subject) -> Finding:
    age = _lease_age(subject)
    others = subject.capabilities.other_controllers
    advice = (
        "Look with `kubectl get deployments -A | grep workflow-controller`; "
        f"`argosmo backend test {subject.name} --run` shows whether one is at work."
    )
    if age is not None and age < _LEASE_PATIENCE:
        found = "A controller leads this namespace; its settings may not be read."
    elif others:
        one = others[0]
        found = (
            f"No controller that watches namespace {subject.namespace} can be seen; {one.namespace}/{one.name} "
            f"watches {one.managed_namespace}."
        )
        advice = (
            f"If that one is meant, set the backend's `namespace` to {one.managed_namespace}, or its flag "
            f"`--managed-namespace {subject.namespace}`; else {advice[0].lower()}{advice[1:]}"
        )
    else:
        found = "No Deployment of Argo's controller can be seen, so version and settings are not known."
    return warning("argo-controller", found, advice)


def _lease_age(subject: Subject) -> timedelta | None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{subject.namespace}/leases/{LEASE}"
    data = optional(subject.client, path)
    renewed = msgspec.json.decode(data, type=_Lease).spec.renew_time if data is not None else None
    return subject.now() - naive(renewed) if renewed is not None else None


def _watching(subject: Subject, found: ControllerSettings) -> Finding:
    place = f"{found.namespace}/{found.name}"
    if not found.watches(subject.namespace):
        advice = (
            f"Set the backend's `namespace` to {found.managed_namespace}, or the controller's flag "
            f"`--managed-namespace {subject.namespace}`."
        )
        text = f"The controller {place} watches namespace {found.managed_namespace} only, not {subject.namespace}."
        return problem("argo-namespace", text, advice)
    if found.instance_id:
        text = f"The controller {place} takes only Workflows of instance {found.instance_id!r}; ours name none."
        advice = f"Remove it: `kubectl -n {found.namespace} edit configmap workflow-controller-configmap` (instanceID)."
        return problem("argo-namespace", text, advice)
    return ok("argo-namespace", f"The controller {place} watches namespace {subject.namespace}.")


def _running(found: ControllerSettings) -> Finding:
    if found.ready:
        return ok("argo-controller", "Argo's controller is running.")
    advice = f"See why with `kubectl -n {found.namespace} describe pods -l app=workflow-controller`."
    return problem("argo-controller", f"No pod of {found.namespace}/{found.name} is ready.", advice)


def _version(found: ControllerSettings) -> Finding:
    if found.version is None:
        advice = f"Name the release: `{_set_image(found)}`."
        return warning("argo-version", f"The controller's image {found.image} names no version.", advice)
    text = ".".join(map(str, found.version))
    if found.version < OLDEST:
        return problem("argo-version", f"Argo {text} is older than 4.1.2.", f"Upgrade it: `{_INSTALL}`.")
    if found.version >= FIRST_UNKNOWN:
        advice = f"Go back to 4.x: `{_set_image(found)}`, with the CRDs of that release."
        return problem("argo-version", f"Argo {text} is newer than what this version of argosmo knows (4.x).", advice)
    return ok("argo-version", f"Argo {text}.")


def _settings(found: ControllerSettings) -> Iterator[Finding]:
    low, high = _REQUEUE_SECONDS
    shown = f"{found.requeue_seconds:g} s"
    if low <= found.requeue_seconds <= high:
        yield ok("argo-requeue", f"Argo looks at a Workflow {shown} after each change.")
    else:
        text = f"Argo looks at a Workflow {shown} after each change; 0.1 to 2 s are needed for each step to begin soon."
        yield warning("argo-requeue", text, f"`{_set_env(found, 'DEFAULT_REQUEUE_TIME=1s')}`.")
    if found.qps >= _QPS and found.burst >= _BURST:
        yield ok("argo-rate", f"Argo may ask the API server {found.qps:g} times a second, {found.burst} at once.")
    else:
        text = f"Argo may ask the API server {found.qps:g} times a second, {found.burst} at once: wide workflows crawl."
        yield warning("argo-rate", text, f"{_flags(found, f'--qps {_QPS} --burst {_BURST}')}.")
    if found.keeps_exit_codes:
        yield ok("argo-exit-codes", "Argo keeps the exit codes of pods that are deleted.")
    else:
        text = "Argo loses the exit codes of pods that are deleted or evicted, and may run such a task twice."
        yield problem("argo-exit-codes", text, f"`{_set_env(found, 'ARGO_POD_STATUS_CAPTURE_FINALIZER=true')}`.")
    if found.log_level == "error":
        yield ok("argo-log-level", "Argo's executor writes only errors into the logs of tasks.")
    else:
        text = f"Argo's executor writes into the logs of tasks (level {found.log_level}); the gateway must filter them."
        yield warning("argo-log-level", text, f"{_flags(found, '--loglevel error')}.")
    if found.executor_memory_bytes is not None and found.executor_memory_bytes < _EXECUTOR_BYTES:
        text = f"Argo's executor gets {found.executor_memory_bytes // 1024**2} MiB and needs 96: pods will fail."
        advice = f"Raise it: `kubectl -n {found.namespace} edit configmap workflow-controller-configmap` (executor)."
        yield problem("argo-executor-memory", text, advice)


def _set_env(found: ControllerSettings, assignment: str) -> str:
    return f"kubectl -n {found.namespace} set env deployment/{found.name} {assignment}"


def _set_image(found: ControllerSettings) -> str:
    image = "quay.io/argoproj/workflow-controller:v4.1.2"
    return f"kubectl -n {found.namespace} set image deployment/{found.name} workflow-controller={image}"


def _flags(found: ControllerSettings, flags: str) -> str:
    return f"Add `{flags}` to its arguments: `kubectl -n {found.namespace} edit deployment {found.name}`"


class _LeaseSpec(Object, frozen=True, kw_only=True):
    renew_time: datetime | None = None


class _Lease(Object, frozen=True, kw_only=True):
    spec: _LeaseSpec = _LeaseSpec()
