"""Secrets that users wrote into a spec, masked before it is stored for others to read.

Masked are values that look like `key=secret`, also inside base64, and values of environment variables with the name
of a secret. Names that the tasks' `credentials` use are no secrets, and neither is what only refers to one: a variable
(`$TOKEN`), a token, a template.

Source: workflow-spec.md §3.6; api.md §2.9.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Iterator, Mapping

MASK = "[MASKED]"

_SECRET_NAME = (
    r"(?:[A-Za-z0-9]+[_-])*"
    r"(?:pass(?:word|wd|phrase)|pwd|secret|token|(?:api|access|private|secret|auth|account)[_-]?key(?:[_-]?id)?)"
)
_ASSIGNMENT = re.compile(
    rf"""(?<![A-Za-z0-9_-])(?P<dashes>[-_]{{0,4}})(?P<name>{_SECRET_NAME})(?P<sign>["']?[ ]{{0,4}}=(?!=)[ ]{{0,4}})"""
    r"""(?P<quote>["']?)(?P<value>[^\s"'&;|,)\]}]+)""",
    re.IGNORECASE,
)
_WHOLE_SECRET_NAME = re.compile(_SECRET_NAME, re.IGNORECASE)
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{16,}={0,2}(?![A-Za-z0-9+/=])")
_REFERENCES = ("$", "{{", "%", "<", "`")


def redacted(document: object, allowed: Collection[str] = ()) -> object:
    """The document with secrets masked; maps and lists are new, the given ones unchanged.

    Shape: `allowed` are names that may stand unmasked, see `credential_names`.
    """
    if isinstance(document, Mapping):
        return {key: _redacted_entry(key, value, allowed) for key, value in document.items()}
    if isinstance(document, list):
        return [redacted(item, allowed) for item in document]
    return redacted_text(document, allowed) if isinstance(document, str) else document


def redacted_text(text: str, allowed: Collection[str] = ()) -> str:
    """The text with each `key=secret` as `key=[MASKED]`, and each base64 blob that hides one as `[MASKED]`."""

    def assignment(found: re.Match[str]) -> str:
        if found["name"] in allowed or _is_harmless(found["value"], allowed):
            return found[0]
        return f"{found['dashes']}{found['name']}{found['sign']}{found['quote']}{MASK}"

    def blob(found: re.Match[str]) -> str:
        inside = _decoded(found[0])
        return MASK if inside is not None and _ASSIGNMENT.sub(assignment, inside) != inside else found[0]

    return _BASE64.sub(blob, _ASSIGNMENT.sub(assignment, text))


def credential_names(tasks: Iterator[Mapping[object, object]]) -> frozenset[str]:
    """The names that tasks' `credentials` use: of credentials, of environment variables, of keys."""
    names: set[str] = set()
    for task in tasks:
        credentials = task.get("credentials")
        if not isinstance(credentials, Mapping):
            continue
        names.update(map(str, credentials))
        for target in credentials.values():
            if isinstance(target, Mapping):
                names.update(map(str, target))
                names.update(map(str, target.values()))
    return frozenset(names)


def _redacted_entry(key: object, value: object, allowed: Collection[str]) -> object:
    if key == "environment" and isinstance(value, Mapping):
        return {name: _environment_value(str(name), text, allowed) for name, text in value.items()}
    # What stands under `credentials` are names, never values.
    return value if key == "credentials" else redacted(value, allowed)


def _environment_value(name: str, text: object, allowed: Collection[str]) -> object:
    if not isinstance(text, str):
        return text
    if _WHOLE_SECRET_NAME.fullmatch(name) and name not in allowed and text and not _is_harmless(text, allowed):
        return MASK
    return redacted_text(text, allowed)


def _is_harmless(value: str, allowed: Collection[str]) -> bool:
    return value in allowed or value == MASK or value.startswith(_REFERENCES)


def _decoded(blob: str) -> str | None:
    try:
        return base64.b64decode(blob, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
