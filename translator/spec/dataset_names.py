"""Names of datasets, their versions and tags: what is legal, and how `NAME[:VERSION|:TAG]` is read."""

from __future__ import annotations

import re
from dataclasses import dataclass

LATEST = "latest"
"""The tag that nobody sets: the newest version that was not deleted."""

MAX_DATASET_NAME_LENGTH = 128
MAX_VERSION = 2**31 - 1
_WORD = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?")
_NUMBER = re.compile(r"[0-9]+")
_SHAPE = (
    f"letters, digits, '_', '.' and '-', letter or digit at both ends, at most {MAX_DATASET_NAME_LENGTH} characters"
)


class BadDatasetName(ValueError):
    """A text names no dataset, version or tag; the message says what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetReference:
    """A version of a dataset as somebody wrote it. Shape: `tag` "" where `version` says which."""

    name: str
    version: int | None = None
    tag: str = LATEST

    def __str__(self) -> str:
        return f"{self.name}:{self.tag if self.version is None else self.version}"


def dataset_reference(text: str) -> DatasetReference:
    """What `NAME`, `NAME:VERSION` or `NAME:TAG` means. Errors: BadDatasetName."""
    name, colon, which = text.partition(":")
    check_dataset_name(name)
    if not colon:
        return DatasetReference(name=name)
    return _with_version(name, which)


def version_reference(name: str, which: str) -> DatasetReference:
    """The same of its two parts. Errors: BadDatasetName."""
    check_dataset_name(name)
    return _with_version(name, which)


def check_dataset_name(name: str) -> None:
    """Return if a text may name a dataset. Errors: BadDatasetName."""
    if not _is_word(name):
        raise BadDatasetName(f"Expected the name of a dataset ({_SHAPE}), got {name[:200]!r}.")


def check_tag(tag: str) -> None:
    """Return if a text may be a tag that somebody sets. Errors: BadDatasetName."""
    if tag == LATEST:
        raise BadDatasetName(f"The tag {LATEST} is always on the newest version; choose another one.")
    if not _is_word(tag) or _NUMBER.fullmatch(tag):
        raise BadDatasetName(f"Expected a tag ({_SHAPE}; not only digits), got {tag[:200]!r}.")


def _with_version(name: str, which: str) -> DatasetReference:
    if _NUMBER.fullmatch(which):
        number = int(which) if len(which) <= len(str(MAX_VERSION)) else 0
        if not 1 <= number <= MAX_VERSION:
            raise BadDatasetName(f"Expected a version from 1 to {MAX_VERSION}, got {which[:20]}.")
        return DatasetReference(name=name, version=number, tag="")
    if which != LATEST:
        check_tag(which)
    return DatasetReference(name=name, tag=which)


def _is_word(text: str) -> bool:
    return len(text) <= MAX_DATASET_NAME_LENGTH and _WORD.fullmatch(text) is not None
