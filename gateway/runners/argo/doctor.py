"""All checks of one backend that is a cluster, in the order in which a person would mend what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

import msgspec

from gateway.runners.argo import (
    doctor_access,
    doctor_admission,
    doctor_argo,
    doctor_scheduling,
    doctor_tasks,
    nodes,
)
from gateway.runners.argo.access import server_of
from gateway.runners.argo.capabilities import CrdKind, detect, optional
from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.doctor_subject import Subject
from gateway.runners.argo.faults import AccessError, ClusterError, Refused
from gateway.runners.argo.runner import utc_now
from gateway.services.doctor_findings import Finding, ok, problem, warning
from pools.backend import Backend
from pools.model import Config

Check = Callable[[Subject], Iterator[Finding]]

_CHECKS: tuple[tuple[str, Check], ...] = (
    ("cluster-identity", doctor_access.identity),
    ("namespace", doctor_access.namespace),
    ("rights", doctor_access.rights),
    ("argo-crds", doctor_argo.crds),
    ("argo-controller", doctor_argo.controller),
    ("argo-ui", doctor_argo.ui),
    ("task-account", doctor_tasks.accounts),
    ("runtime-image", doctor_tasks.runtime_image),
    ("nodes", doctor_scheduling.nodes),
    ("pools", doctor_scheduling.pools),
    ("scheduler", doctor_scheduling.scheduler),
    ("priorities", doctor_scheduling.priorities),
    ("quota", doctor_scheduling.quota),
    ("secret-size", doctor_tasks.secret_size),
    ("storage", doctor_tasks.storage),
    ("admission", doctor_admission.admission),
)
_OLDEST_KUBERNETES = (1, 29)


def backend_findings(
    name: str, backend: Backend, config: Config, now: Callable[[], datetime] = utc_now
) -> Iterator[Finding]:
    """Everything to be said of a backend; each finding names it. Ends early where nobody answers."""
    for finding in _findings(name, backend, config, now):
        yield replace(finding, backend=name)


def _findings(name: str, backend: Backend, config: Config, now: Callable[[], datetime]) -> Iterator[Finding]:
    if backend.cluster is None:
        advice = "Give it `cluster: {kubeconfig: …}`, or `engine: local`."
        yield problem("api-server", f"Backend {name} names no cluster.", advice)
        return
    try:
        client = KubeClient(server_of(backend.cluster))
    except AccessError as error:
        advice = f"Correct `backends.{name}.cluster` in the configuration, or the file that it names."
        yield problem("credentials", str(error), advice)
        return
    try:
        yield from _of_cluster(name, backend, config, client, now)
    finally:
        client.close()


def _of_cluster(
    name: str, backend: Backend, config: Config, client: KubeClient, now: Callable[[], datetime]
) -> Iterator[Finding]:
    try:
        capabilities = detect(client, backend.namespace)
        listed = optional(client, nodes.PATH)
    except ClusterError as error:
        yield _unreached(name, error)
        return
    yield _kubernetes(capabilities.kubernetes)
    subject = Subject(
        name=name,
        backend=backend,
        config=config,
        client=client,
        capabilities=capabilities,
        nodes=nodes.decode_nodes(listed, name) if listed is not None else None,
        now=now,
    )
    for check_name, check in _CHECKS:
        if check is doctor_admission.admission and capabilities.crds is CrdKind.ABSENT:
            continue
        try:
            yield from check(subject)
        except (ClusterError, msgspec.MsgspecError) as error:
            yield warning(check_name, f"This could not be checked: {error}", "Mend what stands above, and look again.")


def _unreached(name: str, error: ClusterError) -> Finding:
    if error.status in (401, 403) or isinstance(error, Refused):
        text = f"The API server refuses who the gateway says it is: {error}"
        advice = (
            "Renew the token: `kubectl -n NAMESPACE create token argosmo-gateway --duration=24h > TOKEN_FILE`, "
            "or sign in anew with the tool that wrote the kubeconfig."
        )
        return problem("credentials", text, advice)
    if isinstance(error.__cause__, AccessError):
        return problem("credentials", str(error), f"Correct `backends.{name}.cluster`, or write the file anew.")
    advice = f"Start it, or correct its address in `backends.{name}.cluster`: `kubectl get --raw /readyz` asks alike."
    return problem("api-server", str(error), advice)


def _kubernetes(version: str) -> Finding:
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if len(numbers) == 2 and numbers < _OLDEST_KUBERNETES:
        return warning("api-server", f"Kubernetes {version} is older than 1.29.", "Upgrade it to a supported release.")
    return ok("api-server", f"Kubernetes {version} answers.")
