"""Checks of what pods of tasks need: accounts, the runtime's image, large secrets, a store for data."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

from gateway.runners.argo.doctor_subject import Subject
from gateway.runners.argo.faults import ClusterError, NotThere, Refused
from gateway.runners.argo.permissions import Right, is_allowed_to
from gateway.services.doctor_findings import Finding, ok, problem, warning

_RESULTS = tuple(Right(verb=verb, resource="workflowtaskresults", group="argoproj.io") for verb in ("create", "patch"))
_TOO_MUCH = (Right(verb="get", resource="secrets"), Right(verb="create", resource="pods"))
_GRANT = "kubectl apply -k deploy/argo/existing"
_MANY_IMAGES = 50
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})


def accounts(subject: Subject) -> Iterator[Finding]:
    """Whether pods have the accounts that they are to run under, with the right rights."""
    tasks = subject.target.service_account or "default"
    executor = subject.target.executor_service_account or tasks
    for account in dict.fromkeys((tasks, executor)):
        if missing := _missing_account(subject, account):
            yield missing
            return
    denied = [right for right in _RESULTS if not is_allowed_to(subject.client, subject.namespace, executor, right)]
    if denied:
        text = f"Account {executor} may not {' and '.join(map(str, denied))}: tasks end late, in an error."
        advice = (
            f"Bind the role: `kubectl -n {subject.namespace} create rolebinding {executor} --role argosmo-executor "
            f"--serviceaccount {subject.namespace}:{executor}` (after `{_GRANT}`)."
        )
        yield problem("task-account", text, advice)
    else:
        yield ok("task-account", f"Argo's executor may report results as {executor}.")
    yield from _separation(subject, tasks, executor)


def _missing_account(subject: Subject, account: str) -> Finding | None:
    try:
        subject.client.get(subject.core("serviceaccounts", account))
    except NotThere:
        text = f"There is no service account {account} in namespace {subject.namespace}: no pod can be made."
        return problem("task-account", text, f"`{_GRANT}`, or correct the backend's `service_account`.")
    except Refused:
        pass
    return None


def _separation(subject: Subject, tasks: str, executor: str) -> Iterator[Finding]:
    if tasks == executor:
        text = f"Tasks run under {tasks}, whose token is mounted beside the users' programs."
        advice = "Set the backend's `service_account: argosmo-task` and `executor_service_account: argosmo-executor`."
        yield warning("task-separation", text, advice)
    else:
        name = f"{executor}.service-account-token"
        try:
            subject.client.get(subject.core("secrets", name))
        except NotThere:
            yield problem(
                "task-separation", f"There is no secret {name}, from which Argo mounts the token.", f"`{_GRANT}`."
            )
            return
        yield ok("task-separation", "Users' programs get no token of the cluster.")
    excess = [right for right in _TOO_MUCH if is_allowed_to(subject.client, subject.namespace, tasks, right)]
    if excess:
        text = f"Tasks run under {tasks}, which may {' and '.join(map(str, excess))}."
        advice = f"Find the binding with `kubectl -n {subject.namespace} get rolebindings -o wide` and remove it."
        yield warning("task-rights", text, advice)


def runtime_image(subject: Subject) -> Iterator[Finding]:
    """Whether the image of wrapper and sidecar is named, and can be had."""
    target = subject.target
    for image in dict.fromkeys((target.init_image, target.sidecar_image)):
        yield _image(subject, image, target.runtime_pull_policy)


def _image(subject: Subject, image: str, policy: str) -> Finding:
    registry = _registry(image)
    on_nodes = [one for one in subject.nodes or () if one.ready]
    lacking = [one for one in on_nodes if full_name(image) not in one.images]
    if on_nodes and not lacking and policy != "Always":
        return ok("runtime-image", f"{image} is on all {len(on_nodes)} nodes.")
    if not registry and policy != "Always" and lacking:
        names = ", ".join(one.node.name for one in lacking[:3]) + (", …" if len(lacking) > 3 else "")
        text = f"The runtime's image {image} names no registry and is not on {names}."
        advice = (
            "Import it on each node (docs/install-argo.md, “The runtime's image”), or name one in a registry: "
            "`workflow.backend_images.init` and `.client`."
        )
        sure = all(len(one.images) < _MANY_IMAGES for one in lacking)
        return problem("runtime-image", text, advice) if sure else warning("runtime-image", text, advice)
    if image.endswith(":latest") or ":" not in image.rpartition("/")[2]:
        advice = "Name a version or a digest in `workflow.backend_images`."
        return warning("runtime-image", f"{image} may be another one tomorrow (pull policy {policy}).", advice)
    return ok("runtime-image", f"{image} is pulled where it is missing (pull policy {policy}).")


def secret_size(subject: Subject) -> Iterator[Finding]:
    """Whether a secret as large as a big run's is admitted; nothing is kept."""
    size = subject.target.limits.secret_bytes
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "argosmo-doctor", "namespace": subject.namespace},
        "data": {"run": base64.b64encode(b" " * size).decode()},
    }
    try:
        subject.client.create(subject.core("secrets") + "?dryRun=All", json.dumps(body).encode())
    except Refused as error:
        if error.status == 403 and "quota" not in str(error) and "admission" not in str(error):
            return  # The missing right is told by the check of rights.
        yield problem("secret-size", f"A secret of {size:,} bytes is refused: {error}", _larger(error))
    except ClusterError as error:
        yield problem("secret-size", f"A secret of {size:,} bytes does not come through: {error}", _larger(error))
    else:
        yield ok("secret-size", f"Secrets of {size:,} bytes are admitted.")


def _larger(error: ClusterError) -> str:
    if "quota" in str(error):
        return "Raise the quota: `kubectl edit resourcequota` in the namespace of the runs."
    return "Raise the limit of a proxy before the API server (nginx: client_max_body_size) to 2 MB or more."


def storage(subject: Subject) -> Iterator[Finding]:
    """Whether tasks can hand data to later ones."""
    credential = subject.config.workflow.workflow_data.credential
    if credential is None:
        text = "No store for intermediate data is configured: tasks cannot hand outputs to later tasks."
        yield warning(
            "storage", text, "Set `workflow.workflow_data.credential.endpoint`, for example s3://bucket/path."
        )
        return
    host = urlsplit(credential.override_url or "").hostname or ""
    if host in _LOOPBACK:
        text = f"The store's address {credential.override_url} means each pod itself."
        yield problem("storage", text, "Set `override_url` to an address that pods reach.")
    elif credential.endpoint.startswith("file:"):
        text = f"The store {credential.endpoint} is a directory of whatever node a pod runs on."
        yield warning("storage", text, "Use an object store, or mount a shared directory by a pod template.")
    else:
        yield ok("storage", f"Intermediate data goes to {credential.endpoint}.")


def full_name(image: str) -> str:
    """An image's name as container runtimes store it: `alpine:3` is `docker.io/library/alpine:3`."""
    if _registry(image):
        return image
    return f"docker.io/{image}" if "/" in image else f"docker.io/library/{image}"


def _registry(image: str) -> str:
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else ""
