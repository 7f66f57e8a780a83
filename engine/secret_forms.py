"""The forms in which programs usually print a secret: raw, base64, URL-encoded, JSON-escaped."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

MIN_SECRET_LENGTH = 8


def secret_forms(secret: str) -> Iterator[str]:
    """Every form, some of them more than once; shorter texts than 8 characters are no secrets and have none."""
    yield secret
    for line in (secret, *secret.splitlines()):
        if len(line) < MIN_SECRET_LENGTH:
            continue
        yield json.dumps(line)[1:-1]
        yield json.dumps(line, ensure_ascii=False)[1:-1]
        yield quote(line, safe="", errors="surrogateescape")
        yield quote(line, errors="surrogateescape")
        yield quote_plus(line, errors="surrogateescape")
        yield from _base64_forms(line.encode("utf-8", "surrogateescape"))


def _base64_forms(value: bytes) -> Iterator[str]:
    """The value in base64, also within something longer: at each of the three places where it may begin."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(value).decode()
        for offset in range(3):
            text = encode(b"\0" * offset + value).decode().rstrip("=")
            # The first and last characters mix with what stands beside it.
            first = -(-offset * 8 // 6)
            last = (offset + len(value)) * 8 // 6
            if last - first >= MIN_SECRET_LENGTH:
                yield text[first:last]
