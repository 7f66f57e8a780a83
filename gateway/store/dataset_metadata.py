"""Whether what somebody noted about a version is what somebody else looks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.store.texts import json_text


def metadata_matches(metadata: Mapping[str, object], wanted: Sequence[tuple[str, str]]) -> bool:
    """Whether each wanted value stands in the metadata.

    Shape: a wanted pair is a key, or a path of keys with dots between, and a text; a text is compared as it is,
    anything else as JSON (`3`, `true`), and of a list one element has to be it.
    """
    return all(_has(metadata, key, text) for key, text in wanted)


def _has(metadata: Mapping[str, object], key: str, text: str) -> bool:
    if key in metadata and _is(metadata[key], text):
        return True
    first, dot, rest = key.partition(".")
    inner = metadata.get(first)
    return bool(dot) and isinstance(inner, Mapping) and _has(inner, rest, text)


def _is(value: object, text: str) -> bool:
    if isinstance(value, list):
        return any(_is(each, text) for each in value)
    return (value if isinstance(value, str) else json_text(value)) == text
