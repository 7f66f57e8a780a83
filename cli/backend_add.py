"""`argosmo backend add`: writes a backend into the configuration directory, with what its cluster tells of itself."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cli.arguments import Verbs, add_verb
from cli.errors import CliError

if TYPE_CHECKING:
    from gateway.runners.argo.capabilities import Capabilities
    from gateway.runners.argo.client import KubeClient
    from pools.backend import Backend
    from pools.model import Config

_SCHEDULERS = ("default", "kai", "kueue", "volcano")
_ACCOUNTS = ("argosmo-task", "argosmo-executor")


def add_add_verb(verbs: Verbs) -> None:
    """Add `add`."""
    parser = add_verb(verbs, "add", run_add, "write a cluster into the configuration as a backend")
    parser.set_defaults(local=True)
    parser.add_argument("backend", metavar="BACKEND", help="the name that pools use for it")
    parser.add_argument("--config", metavar="DIR", type=Path, help="directory with configuration YAML")
    parser.add_argument("--kubeconfig", metavar="FILE", type=Path, help="a kubeconfig (default: the one kubectl uses)")
    parser.add_argument("--context", help="its context (default: the current one)")
    parser.add_argument("--in-cluster", action="store_true", help="the cluster that the gateway runs in")
    parser.add_argument("--server", metavar="URL", help="an API server, instead of a kubeconfig")
    parser.add_argument("--ca-file", metavar="FILE", type=Path, help="its certificate authority")
    parser.add_argument("--token-file", metavar="FILE", help="a file with the token; - reads it from standard input")
    parser.add_argument("-n", "--namespace", default="argo", help="where Argo watches (default: argo)")
    parser.add_argument("--description", default="", help="what it is")
    parser.add_argument("--argo-ui-url", metavar="URL", help="Argo's own UI, for links")
    parser.add_argument("--scheduler", choices=_SCHEDULERS, help="scheduler of its pods (default: the cluster's own)")
    parser.add_argument("--pool", metavar="POOL", help="also write a pool with one platform on it")
    parser.add_argument("--force", action="store_true", help="write it although it does not answer, or replace it")


def run_add(args: argparse.Namespace) -> int:
    """Write the backend, after asking its cluster what it is."""
    from cli.output import note
    from pools.documents import name_problem

    if fault := name_problem("backends", args.backend):
        raise CliError(fault)
    directory = _directory(args)
    file = directory / f"backend-{args.backend}.yaml"
    if file.exists() and not args.force:
        raise CliError(f"{file} exists. Change it there, or write it anew with --force.")
    values = _values(args, directory)
    found, lines = _asked(args, values)
    document: dict[str, object] = {"backends": {args.backend: values | found}}
    if args.pool:
        document["pools"] = {args.pool: _pool(args.backend)}
    config = _write(directory, file, document)
    for line in lines:
        print(line)
    print(f"Written: {file}")
    if not any(pool.backend == args.backend for pool in config.pools.values()):
        note("No pool uses it yet: add one to the configuration, or call this again with --pool POOL --force.")
    note(f"Next: argosmo backend test {args.backend} --config {directory}")
    return 0


def _directory(args: argparse.Namespace) -> Path:
    given = args.config or os.environ.get("ARGOSMO_CONFIG")
    if not given:
        raise CliError("Say which configuration to write to: --config DIR, or ARGOSMO_CONFIG.")
    directory = Path(given)
    if not directory.is_dir():
        raise CliError(f"{directory} is no directory. Create it with `mkdir -p {directory}`.")
    return directory


def _values(args: argparse.Namespace, directory: Path) -> dict[str, object]:
    values: dict[str, object] = {"cluster": _access(args, directory), "namespace": args.namespace}
    if args.description:
        values["description"] = args.description
    if args.argo_ui_url:
        values["argo_ui_url"] = args.argo_ui_url
    if args.scheduler:
        values["scheduler_settings"] = {"scheduler_type": args.scheduler}
    return values


def _access(args: argparse.Namespace, directory: Path) -> dict[str, object]:
    if args.in_cluster:
        return {"in_cluster": True}
    if args.server:
        access: dict[str, object] = {"server": args.server}
        if args.ca_file:
            access["ca_file"] = str(args.ca_file.absolute())
        if args.token_file:
            access["token_file"] = _token_file(args, directory)
        return access
    path = args.kubeconfig or Path(os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or "~/.kube/config")
    access = {"kubeconfig": str(path.expanduser().absolute())}
    return access | ({"context": args.context} if args.context else {})


def _token_file(args: argparse.Namespace, directory: Path) -> str:
    """The token's file; one from standard input is kept beside the configuration, for its owner alone."""
    if args.token_file != "-":
        return str(Path(args.token_file).absolute())
    file = (directory / f"backend-{args.backend}.token").absolute()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(sys.stdin.read().strip() + "\n")
    return str(file)


def _asked(args: argparse.Namespace, values: dict[str, object]) -> tuple[dict[str, object], list[str]]:
    """What the cluster tells: fields for the configuration, and lines for the user."""
    from gateway.runners.argo.access import server_of
    from gateway.runners.argo.capabilities import detect
    from gateway.runners.argo.client import KubeClient
    from gateway.runners.argo.faults import AccessError, ClusterError

    backend = _backend(args, values)
    if backend.cluster is None:
        raise CliError("Say how the cluster is reached: --kubeconfig, --in-cluster or --server.")
    try:
        client = KubeClient(server_of(backend.cluster))
        try:
            capabilities = detect(client, backend.namespace)
            return _fields(client, backend, capabilities), _lines(capabilities)
        finally:
            client.close()
    except (AccessError, ClusterError) as error:
        if args.force:
            return {}, [f"The cluster does not answer: {error}"]
        hint = "Mend that, or write it all the same with --force."
        raise CliError(f"The cluster does not answer: {error} {hint}") from error


def _backend(args: argparse.Namespace, values: dict[str, object]) -> Backend:
    from pydantic import ValidationError

    from pools.backend import Backend

    try:
        return Backend.model_validate({"name": args.backend, **values})
    except ValidationError as error:
        raise CliError("; ".join(str(fault["msg"]) for fault in error.errors())) from error


def _fields(client: KubeClient, backend: Backend, found: Capabilities) -> dict[str, object]:
    from gateway.runners.argo.capabilities import optional

    fields: dict[str, object] = {"k8s_uid": found.cluster_uid} if found.cluster_uid else {}
    path = f"/api/v1/namespaces/{backend.namespace}/serviceaccounts"
    if all(optional(client, f"{path}/{name}") is not None for name in _ACCOUNTS):
        fields["service_account"], fields["executor_service_account"] = _ACCOUNTS
    if _lacks_priorities(client):
        settings = {"scheduler_type": backend.scheduler_settings.scheduler_type.value, "supports_priority": False}
        fields["scheduler_settings"] = settings
    return fields


def _lacks_priorities(client: KubeClient) -> bool:
    """Whether the cluster is known not to have the priority classes."""
    from gateway.runners.argo.faults import NotThere, Refused

    try:
        client.get("/apis/scheduling.k8s.io/v1/priorityclasses/osmo-high")
    except NotThere:
        return True
    except Refused:
        return False
    return False


def _lines(found: Capabilities) -> list[str]:
    from gateway.runners.argo.capabilities import CrdKind

    argo = {CrdKind.ABSENT: "not installed", CrdKind.UNKNOWN: "installed"}.get(found.crds, f"{found.crds} CRDs")
    version = f"{found.argo}, " if found.argo else ""
    schedulers = ", ".join(found.schedulers) or "none beside the cluster's own"
    return [f"Kubernetes {found.kubernetes}", f"Argo: {version}{argo}", f"Schedulers: {schedulers}"]


def _pool(backend: str) -> dict[str, object]:
    """A pool that asks for what its tasks ask for, and refuses what no node has; no more for the sidecar."""
    from pools.shipped import SHIPPED_VALIDATIONS
    from templates.variables import DEFAULT_VARIABLES

    return {
        "backend": backend,
        "default_platform": "default",
        "common_default_variables": dict(DEFAULT_VARIABLES),
        "common_pod_template": ["default_user"],
        "common_resource_validations": list(SHIPPED_VALIDATIONS),
        "platforms": {"default": {}},
    }


def _write(directory: Path, file: Path, document: dict[str, object]) -> Config:
    """Write the file, if the whole configuration is right with it; that configuration. Errors: CliError."""
    import yaml

    from gateway.services.config_files import SUFFIXES
    from pools.config import parse_config
    from pools.model import ConfigError

    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()
    try:
        paths = (path for path in directory.iterdir() if path.suffix in SUFFIXES and path.is_file())
        config = parse_config({**{path.name: path.read_bytes() for path in paths}, file.name: text})
        draft = file.with_suffix(".draft")
        draft.write_bytes(text)
        draft.replace(file)
    except ConfigError as error:
        raise CliError(f"The configuration would not be right with it:\n{error}") from error
    except OSError as error:
        raise CliError(f"{file} cannot be written: {error.strerror or error}.") from error
    return config
