"""Where an API server is and how to speak to it: from a kubeconfig, from a pod's own account, or single settings."""

from __future__ import annotations

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gateway.runners.argo.credentials import FileToken, FixedToken, ProgramToken, Token
from gateway.runners.argo.faults import AccessError
from pools.backend import ClusterAccess

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_DEFAULT_KUBECONFIG = "~/.kube/config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An API server. Shape: `url` without a slash at the end; `tls` None for plain HTTP."""

    url: str
    tls: ssl.SSLContext | None = None
    token: Token = field(default_factory=FixedToken)
    basic: tuple[str, str] | None = field(default=None, repr=False)
    server_name: str = ""


def server_of(access: ClusterAccess, environment: Mapping[str, str] = os.environ) -> Server:
    """The server that a backend's `cluster` names.

    Errors: AccessError.
    """
    if access.in_cluster:
        return _in_cluster(environment)
    if access.server is not None:
        token: Token = FileToken(path=Path(access.token_file)) if access.token_file else FixedToken()
        return Server(url=access.server.rstrip("/"), tls=_tls(access.server, ca_file=access.ca_file), token=token)
    path = access.kubeconfig or environment.get("KUBECONFIG", "").split(os.pathsep)[0] or _DEFAULT_KUBECONFIG
    return _from_kubeconfig(Path(path).expanduser(), access.context)


def _in_cluster(environment: Mapping[str, str]) -> Server:
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise AccessError("in_cluster: true needs a pod (KUBERNETES_SERVICE_HOST is not set). Name a kubeconfig.")
    url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    ca_file = str(SERVICE_ACCOUNT / "ca.crt")
    return Server(url=url, tls=_tls(url, ca_file=ca_file), token=FileToken(path=SERVICE_ACCOUNT / "token"))


def _from_kubeconfig(path: Path, context: str | None) -> Server:
    document = _document(path)
    chosen = context or str(document.get("current-context") or "")
    if not chosen:
        raise AccessError(f"{path} has no current-context. Set `context` in the backend's `cluster`.")
    names = _entry(path, document, "contexts", chosen, "context")
    cluster = _entry(path, document, "clusters", str(names.get("cluster")), "cluster")
    user = _entry(path, document, "users", str(names.get("user")), "user") if names.get("user") else {}
    url = str(cluster.get("server") or "").rstrip("/")
    if not url:
        raise AccessError(f"{path}: cluster {names.get('cluster')!r} has no server. Add its address.")
    tls = _tls(
        url,
        ca_file=_file(path, cluster.get("certificate-authority")),
        ca_data=_decoded(path, cluster.get("certificate-authority-data")),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
    )
    if tls is not None:
        _load_identity(tls, path, user)
    name = user.get("username")
    return Server(
        url=url,
        tls=tls,
        token=_token(path, user),
        basic=(str(name), str(user.get("password") or "")) if name else None,
        server_name=str(cluster.get("tls-server-name") or ""),
    )


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise AccessError(f"The kubeconfig {path} cannot be read: {error}.") from error
    if not isinstance(document, Mapping):
        raise AccessError(f"The kubeconfig {path} is not a mapping. Expected clusters, contexts and users.")
    return document


def _entry(path: Path, document: Mapping[str, Any], section: str, name: str, key: str) -> Mapping[str, Any]:
    for entry in document.get(section) or ():
        if isinstance(entry, Mapping) and entry.get("name") == name:
            found = entry.get(key)
            return found if isinstance(found, Mapping) else {}
    raise AccessError(f"{path} has no {name!r} among its {section}. Add it, or choose another context.")


def _token(path: Path, user: Mapping[str, Any]) -> Token:
    if user.get("token"):
        return FixedToken(str(user["token"]))
    if file := _file(path, user.get("tokenFile")):
        return FileToken(path=Path(file))
    plugin = user.get("exec")
    if isinstance(plugin, Mapping) and plugin.get("command"):
        command = str(plugin["command"])
        # A relative path with a slash is meant from the kubeconfig's own directory.
        command = str(path.parent / command) if "/" in command and not command.startswith("/") else command
        environment = {str(one["name"]): str(one["value"]) for one in plugin.get("env") or ()}
        version = plugin.get("apiVersion", "client.authentication.k8s.io/v1")
        info = f'{{"apiVersion":"{version}","kind":"ExecCredential","spec":{{"interactive":false}}}}'
        arguments = [command, *(str(one) for one in plugin.get("args") or ())]
        return ProgramToken(command=arguments, environment={"KUBERNETES_EXEC_INFO": info, **environment})
    if user.get("auth-provider"):
        raise AccessError(f"{path} uses an auth-provider, which Kubernetes has removed. Use exec or a token.")
    return FixedToken()


def _tls(
    url: str, *, ca_file: str | None = None, ca_data: bytes | None = None, insecure: bool = False
) -> ssl.SSLContext | None:
    if not url.startswith("https:"):
        return None
    try:
        context = ssl.create_default_context(
            cafile=None if ca_data else ca_file, cadata=ca_data.decode() if ca_data else None
        )
    except (OSError, ValueError) as error:
        raise AccessError(f"The certificate authority of {url} cannot be read ({ca_file or 'inline'}).") from error
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _load_identity(tls: ssl.SSLContext, path: Path, user: Mapping[str, Any]) -> None:
    certificate, key = _decoded(path, user.get("client-certificate-data")), _decoded(path, user.get("client-key-data"))
    files = _file(path, user.get("client-certificate")), _file(path, user.get("client-key"))
    if certificate is None and files[0] is None:
        return
    # The standard library reads certificates from files only; this one is gone before anybody else could open it.
    with tempfile.TemporaryDirectory(prefix="argosmo-") as directory:
        names = [Path(directory) / "certificate", Path(directory) / "key"]
        for name, data, file in zip(names, (certificate, key), files, strict=True):
            name.touch(mode=0o600)
            try:
                name.write_bytes(data if data is not None else Path(file or "").read_bytes())
            except OSError as error:
                raise AccessError(f"{path}: the client certificate or key {file} cannot be read.") from error
        try:
            tls.load_cert_chain(names[0], names[1])
        except (ssl.SSLError, OSError) as error:
            raise AccessError(f"{path}: client certificate and key do not belong together or are damaged.") from error


def _file(kubeconfig: Path, name: object) -> str | None:
    return str(kubeconfig.parent / str(name)) if name else None


def _decoded(path: Path, text: object) -> bytes | None:
    if not text:
        return None
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError) as error:
        raise AccessError(f"{path}: certificate data is not base64. Write the file anew.") from error
