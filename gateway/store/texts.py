"""Texts and small structures as they stand in columns: the same on both databases."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from gateway.ports.logs import LogEnd

# Below this a compressed text is hardly smaller.
_COMPRESS_FROM_BYTES = 1024


class Encoding(StrEnum):
    """How the body of a document is written."""

    PLAIN = "plain"
    ZLIB = "zlib"


def clean(text: str) -> str:
    """The text without what PostgreSQL or UTF-8 refuses: NUL and lone surrogates become U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def packed(body: bytes) -> tuple[Encoding, bytes]:
    """A document's body, compressed if that helps."""
    if len(body) < _COMPRESS_FROM_BYTES:
        return Encoding.PLAIN, body
    return Encoding.ZLIB, zlib.compress(body)


def unpacked(encoding: str, body: bytes) -> bytes:
    """What `packed` was given."""
    return zlib.decompress(body) if Encoding(encoding) is Encoding.ZLIB else bytes(body)


def json_text(value: object) -> str:
    """A list or map as JSON, same value same text."""
    return _JSON.encode(value).decode()


def string_map(text: str) -> dict[str, str]:
    """The map that `json_text` wrote."""
    return _MAP.decode(text)


def object_map(text: str) -> dict[str, object]:
    """The map of anything that `json_text` wrote."""
    return _OBJECT.decode(text)


def string_list(text: str) -> tuple[str, ...]:
    """The list that `json_text` wrote."""
    return _LIST.decode(text)


def attempts_text(attempts: Mapping[tuple[str, int], int]) -> str:
    """Lines per (task, retry_id) as JSON."""
    return json_text([(task, retry_id, lines) for (task, retry_id), lines in sorted(attempts.items())])


def attempts_map(text: str) -> dict[tuple[str, int], int]:
    """What `attempts_text` was given."""
    return {(task, retry_id): lines for task, retry_id, lines in _ATTEMPTS.decode(text)}


def ends_text(ends: Mapping[tuple[str, int, bool], LogEnd]) -> str:
    """How far logs go, per (task, retry_id, system), as JSON."""
    return json_text([(*whose, end.at, end.lines) for whose, end in sorted(ends.items(), key=_first)])


def ends_map(text: str) -> dict[tuple[str, int, bool], LogEnd]:
    """What `ends_text` was given."""
    return {
        (task, retry_id, system): LogEnd(at=at, lines=lines) for task, retry_id, system, at, lines in _ENDS.decode(text)
    }


def _first(item: tuple[tuple[str, int, bool], LogEnd]) -> tuple[str, int, bool]:
    return item[0]


_JSON = msgspec.json.Encoder(order="deterministic")
_MAP = msgspec.json.Decoder(dict[str, str])
_OBJECT = msgspec.json.Decoder(dict[str, object])
_LIST = msgspec.json.Decoder(tuple[str, ...])
_ATTEMPTS = msgspec.json.Decoder(list[tuple[str, int, int]])
_ENDS = msgspec.json.Decoder(list[tuple[str, int, bool, datetime, int]])
