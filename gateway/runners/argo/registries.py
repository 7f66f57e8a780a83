"""Logins to image registries as the kubelet reads them.

Source: kubernetes.io, "Images", interpretation of config.json.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable

from engine.ports import RegistryLogin, Secret

# What Docker itself writes for its own hub.
_HUB = "https://index.docker.io/v1/"
_HUB_HOSTS = frozenset({"", "docker.io", "registry-1.docker.io"})


def docker_config(logins: Iterable[RegistryLogin]) -> Secret | None:
    """A `.dockerconfigjson` with some logins, of which the first counts for a scope; None for none.

    A scope with a path holds for that path alone: the kubelet tries every entry that an image's name begins with, the
    longest first.
    """
    entries: dict[str, dict[str, str]] = {}
    for login in logins:
        password = login.password.reveal()
        auth = base64.b64encode(f"{login.username}:{password}".encode()).decode()
        place = _HUB if login.scope in _HUB_HOSTS else login.scope
        entries.setdefault(place, {"username": login.username, "password": password, "auth": auth})
    return Secret(json.dumps({"auths": entries}, sort_keys=True)) if entries else None
