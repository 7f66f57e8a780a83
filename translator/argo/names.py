"""Names of cluster objects and of Argo's nodes.

Names are for eyes; what is true stands in labels (`labels.py`). Names of nodes and pods follow Argo's own rules, so
that they are known before anything runs. Source: argo.md §2.1, §2.3; design §5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

MAX_OBJECT_NAME = 63
MAX_NODE_NAME = 128
UUID_DIGITS = 8

_NOT_DNS = re.compile(r"[^a-z0-9-]+")
_ARGO = re.compile(r"[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?")
_NOT_ARGO = re.compile(r"[^A-Za-z0-9-]+")
_FNV_OFFSET = 0x811C9DC5
_FNV_PRIME = 0x01000193
_FNV_MASK = 0xFFFFFFFF


def dns_label(text: str, max_length: int = MAX_OBJECT_NAME) -> str:
    """`text` as a DNS label: lower case, everything else than letters and digits as `-`; "x" where nothing is left."""
    return _NOT_DNS.sub("-", text.lower()).strip("-")[:max_length].strip("-") or "x"


def workflow_name(workflow_id: str, workflow_uuid: str, part: int = 0) -> str:
    """The name of a Workflow: the id made DNS-safe, 8 digits of the uuid, and a number from the second part on.

    Shape: at most 63 characters, because Argo puts it into a label of every pod.
    """
    end = f"-{dns_label(workflow_uuid)[:UUID_DIGITS]}" + (f"-{part + 1}" if part else "")
    return f"{dns_label(workflow_id, MAX_OBJECT_NAME - len(end))}{end}"


def service_name(group_uuid: str) -> str:
    """The headless Service of a group, which is also the subdomain of its pods. Source: workflow-spec.md §3.5."""
    return f"osmo-{group_uuid}"


def argo_name(text: str) -> str:
    """`text` as a name of a template or DAG task: letters, digits and `-`; never begins with a digit or `-`."""
    if _ARGO.fullmatch(text) and len(text) <= MAX_NODE_NAME:
        return text
    safe = _NOT_ARGO.sub("-", text).strip("-")[:MAX_NODE_NAME].rstrip("-")
    return safe if safe[:1].isalpha() else f"n-{safe}".rstrip("-")[:MAX_NODE_NAME]


class NameBook:
    """Hands out Argo names, each once; a name that is taken gets `-2`, `-3`, …"""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def take(self, text: str) -> str:
        """A free name for `text`."""
        wanted = argo_name(text)
        name = wanted
        number = 1
        while name in self._taken:
            number += 1
            end = f"-{number}"
            name = f"{wanted[: MAX_NODE_NAME - len(end)].rstrip('-')}{end}"
        self._taken.add(name)
        return name

    def take_all(self, texts: Sequence[str]) -> list[str]:
        """Free names for all of `texts`; those that need no change are served first, so that they keep theirs."""
        names: list[str] = []
        for text in texts:
            is_free = text not in self._taken and len(text) <= MAX_NODE_NAME and _ARGO.fullmatch(text)
            names.append(text if is_free else "")
            if is_free:
                self._taken.add(text)
        return [name or self.take(text) for name, text in zip(names, texts, strict=True)]


def fnv(text: str, state: int = _FNV_OFFSET) -> int:
    """The 32-bit FNV-1a hash of `text`, going on from `state`."""
    for byte in text.encode():
        state = ((state ^ byte) * _FNV_PRIME) & _FNV_MASK
    return state


def node_id(workflow: str, node_name: str) -> str:
    """Argo's id of a node. Shape: `node_name` is the path `<workflow>.<task>.<task>`, or the Workflow's name."""
    return workflow if node_name == workflow else f"{workflow}-{fnv(node_name)}"


def pod_name(workflow: str, template: str, node_name: str) -> str:
    """The name that Argo gives the pod of a node (its names of version 2)."""
    if node_name == workflow:
        return workflow
    return f"{workflow}-{template}"[:242] + f"-{fnv(node_name)}"
