"""What became of a task's datasets, as it travels from sidecar to wrapper and in the last words of a pod.

One short text each, so that those of a task fit into a kilobyte with the rest: `<output> <manifest> <files> <bytes>`,
the manifest's SHA-256 in URL-safe base64 without padding.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

from translator.lifecycle.facts import DatasetMade

_TEXT = re.compile(r"([0-9]{1,6}) ([A-Za-z0-9_-]{43}) ([0-9]{1,18}) ([0-9]{1,18})")


def made_text(made: DatasetMade) -> str:
    """One dataset as a text."""
    digest = base64.urlsafe_b64encode(bytes.fromhex(made.manifest)).decode().rstrip("=")
    return f"{made.output} {digest} {made.files} {made.size}"


def made_datasets(texts: Iterable[str]) -> tuple[DatasetMade, ...]:
    """The datasets that texts tell of; what is none of ours is left out, since a program may write last words too."""
    found = (_made(text) for text in texts)
    return tuple(made for made in found if made is not None)


def _made(text: str) -> DatasetMade | None:
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    try:
        digest = base64.urlsafe_b64decode(f"{match[2]}=")
    except binascii.Error:
        return None
    return DatasetMade(output=int(match[1]), manifest=digest.hex(), files=int(match[3]), size=int(match[4]))
