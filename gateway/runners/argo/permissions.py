"""The rights that the gateway needs in a cluster, and the question whether it has them.

`deploy/argo/base` grants exactly these; a test holds the two lists together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from gateway.runners.argo.client import KubeClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """One verb on one kind of object.

    Shape: `resource` with its subresource as in a Role (`pods/log`); `name` "" for all objects; `cluster` where it is
    no right within the namespace; `needed` where nothing runs without it, and else what is missing then.
    """

    verb: str
    resource: str
    group: str = ""
    name: str = ""
    cluster: bool = False
    needed: bool = True
    without: str = ""

    def __str__(self) -> str:
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {resource}{f'/{self.name}' if self.name else ''}"


def _rights(verbs: str, resource: str, group: str = "", *, without: str = "", name: str = "") -> Iterator[Right]:
    for verb in verbs.split():
        yield Right(verb=verb, resource=resource, group=group, name=name, needed=not without, without=without)


_NO_REASONS = "argosmo doctor sees less"
_NO_SETTINGS = "the controller's settings cannot be checked"
_NO_ENTRY = "exec, port-forward and rsync do not work"

NAMESPACED: tuple[Right, ...] = (
    *_rights("create get list watch patch delete", "workflows", "argoproj.io"),
    *_rights("get list watch delete", "pods"),
    *_rights("get", "pods/log"),
    *_rights("list watch", "events"),
    *_rights("create get", "secrets"),
    *_rights("create get", "services"),
    *_rights("get", "namespaces", without=_NO_REASONS),
    *_rights("get list", "serviceaccounts", without=_NO_REASONS),
    *_rights("get list", "resourcequotas", without=_NO_REASONS),
    *_rights("get list", "deployments", "apps", without=_NO_SETTINGS),
    *_rights("get", "configmaps", without=_NO_SETTINGS, name="workflow-controller-configmap"),
    *_rights("get", "leases", "coordination.k8s.io", without=_NO_SETTINGS, name="workflow-controller"),
    *_rights("create", "localsubjectaccessreviews", "authorization.k8s.io", without=_NO_REASONS),
    *_rights("create get", "pods/exec", without=_NO_ENTRY),
    *_rights("create get", "pods/portforward", without=_NO_ENTRY),
)

_NO_NODES = "nodes are not shown, and requests are not checked against them"
_NO_IDENTITY = "the cluster cannot be told from another"
_NO_CRDS = "full and minimal CRDs cannot be told apart"

CLUSTER: tuple[Right, ...] = (
    *(
        Right(verb=verb, resource="nodes", cluster=True, needed=False, without=_NO_NODES)
        for verb in ("get", "list", "watch")
    ),
    Right(verb="get", resource="namespaces", name="kube-system", cluster=True, needed=False, without=_NO_IDENTITY),
    Right(
        verb="get",
        resource="customresourcedefinitions",
        group="apiextensions.k8s.io",
        name="workflows.argoproj.io",
        cluster=True,
        needed=False,
        without=_NO_CRDS,
    ),
    *(
        Right(
            verb="get",
            resource="priorityclasses",
            group="scheduling.k8s.io",
            name=name,
            cluster=True,
            needed=False,
            without=_NO_REASONS,
        )
        for name in ("osmo-high", "osmo-normal", "osmo-low")
    ),
)


def missing_rights(client: KubeClient, namespace: str, rights: Iterable[Right]) -> list[Right]:
    """Those of `rights` that the client's identity does not have. Errors: ClusterError."""
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    return [right for right in rights if not _allowed(client, path, {"resourceAttributes": _asked(right, namespace)})]


def is_allowed_to(client: KubeClient, namespace: str, account: str, right: Right) -> bool:
    """Whether a service account of the namespace has a right there. Errors: ClusterError."""
    path = f"/apis/authorization.k8s.io/v1/namespaces/{namespace}/localsubjectaccessreviews"
    user = f"system:serviceaccount:{namespace}:{account}"
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    asked = {"resourceAttributes": _asked(right, namespace), "user": user, "groups": groups}
    return _allowed(client, path, asked, namespace=namespace)


def _allowed(client: KubeClient, path: str, asked: object, *, namespace: str = "") -> bool:
    kind = "LocalSubjectAccessReview" if namespace else "SelfSubjectAccessReview"
    metadata = {"namespace": namespace} if namespace else {}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "spec": asked}
    return msgspec.json.decode(client.create(path, json.dumps(review).encode()), type=_Review).status.allowed


def _asked(right: Right, namespace: str) -> dict[str, str]:
    resource, _, subresource = right.resource.partition("/")
    words = {"verb": right.verb, "group": right.group, "resource": resource}
    # Of namespaces, the one asked for counts as the namespace of the question.
    name = namespace if resource == "namespaces" and not right.cluster else right.name
    optional = {"subresource": subresource, "name": name, "namespace": "" if right.cluster else namespace}
    return words | {key: value for key, value in optional.items() if value}


class _Verdict(msgspec.Struct, frozen=True):
    allowed: bool = False


class _Review(msgspec.Struct, frozen=True):
    status: _Verdict = _Verdict()
