"""Names of container images. Source: workflow-spec.md §2.6; the grammar of the distribution project, "Reference"."""

from __future__ import annotations

import re

DOCKER_HUB = "registry-1.docker.io"
_HUB_NAMES = frozenset({"docker.io", "index.docker.io"})

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DOMAIN_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_LABEL}(?:\.{_DOMAIN_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?"
    r"(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?"
)
_MAX_NAME_LENGTH = 255
# No reference is near that long, and the pattern's time grows with the text.
_MAX_LENGTH = 1024


def image_problem(image: str) -> str | None:
    """What to say about a name that no image can have; None for a legal one, whether there is such an image or not."""
    match = _REFERENCE.fullmatch(image) if len(image) <= _MAX_LENGTH else None
    if match is not None and len(match["name"]) <= _MAX_NAME_LENGTH:
        return None
    return f"Could not parse docker image {image[:_MAX_LENGTH]}. Please provide a valid image."


def image_location(image: str) -> str:
    """Where an image is pulled from, `host[:port]/path`, without tag and digest; Docker Hub's host where none is named.

    Source: the reference grammar of Docker's distribution.
    """
    name = image.partition("@")[0]
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, path = first, rest
    else:
        host, path = DOCKER_HUB, name if slash else f"library/{name}"
    if host in _HUB_NAMES:
        host = DOCKER_HUB
    return f"{host}/{path.partition(':')[0]}"
