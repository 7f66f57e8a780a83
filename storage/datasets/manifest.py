"""What one version of a dataset holds: a document of files by path, size and SHA-256, whose own SHA-256 is its name.

The document is canonical JSON: `{"format":1,"files":[{"path":…,"size":…,"sha256":…},…]}`, no space, sorted by the parts
of the paths. The same files make the same bytes, hence the same id, whoever writes them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NewType

import msgspec

from storage.faults import StoreError
from storage.keys import Parts, UnsafeName, safe_parts

ManifestId = NewType("ManifestId", str)
"""The SHA-256 of a manifest's document, in hexadecimal digits."""

FORMAT = 1
MAX_DOCUMENT_BYTES = 512 * 1024 * 1024
MAX_FILES = 2_000_000
MAX_PATH_BYTES = 4096
_MAX_SIZE = 2**63 - 1
_DIGEST = re.compile(r"[0-9a-f]{64}")


class BadManifest(StoreError):
    """A document is no manifest, or not the one that was asked for; the message says where and why."""


class ManifestFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file. Shape: `path` relative, with slashes; `sha256` in hexadecimal digits. Units: size in bytes."""

    path: str
    size: int
    sha256: str

    @property
    def parts(self) -> Parts:
        """The path as parts."""
        return tuple(self.path.split("/"))


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int
    files: tuple[ManifestFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The files of a version, sorted by the parts of their paths; `document` is what is stored."""

    files: tuple[ManifestFile, ...]
    document: bytes

    @property
    def id(self) -> ManifestId:
        """Its name."""
        return manifest_id(self.document)

    @property
    def size(self) -> int:
        """All files together. Units: bytes."""
        return sum(file.size for file in self.files)

    @property
    def digests(self) -> dict[str, int]:
        """The contents that it names, each once, with their sizes in bytes."""
        return {file.sha256: file.size for file in self.files}


def manifest_of(files: Iterable[ManifestFile]) -> Manifest:
    """The manifest of some files in any order. Errors: BadManifest, as `read_manifest`."""
    ordered = tuple(sorted(files, key=lambda file: file.parts))
    _check(ordered)
    try:
        document = msgspec.json.encode(_Document(format=FORMAT, files=ordered))
    except UnicodeEncodeError as error:
        raise BadManifest("A path is no UTF-8; rename the file") from error
    if len(document) > MAX_DOCUMENT_BYTES:
        raise BadManifest(f"Expected a manifest of at most {MAX_DOCUMENT_BYTES} bytes; make several datasets of it")
    return Manifest(files=ordered, document=document)


def read_manifest(document: bytes, expected: str | None = None) -> Manifest:
    """The manifest in a document; with `expected` only the one of this id.

    Errors: BadManifest where it is too long, malformed, not canonical, or has paths that lead out of a directory,
    come twice, or name a file as a directory.
    """
    if len(document) > MAX_DOCUMENT_BYTES:
        raise BadManifest(f"Expected a manifest of at most {MAX_DOCUMENT_BYTES} bytes, got {len(document)}")
    if expected is not None and manifest_id(document) != expected:
        raise BadManifest(f"The document is not manifest {expected}: it has another SHA-256. It was changed or damaged")
    try:
        found = _DECODER.decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadManifest(f"Expected a manifest of format {FORMAT}: {error}") from error
    if found.format != FORMAT:
        raise BadManifest(f"Expected a manifest of format {FORMAT}, got {found.format}. Use a newer version of argosmo")
    _check(found.files)
    if msgspec.json.encode(found) != document:
        raise BadManifest("Expected a manifest as argosmo writes it: no spaces, the keys in order, plain escapes")
    return Manifest(files=found.files, document=document)


def manifest_id(document: bytes) -> ManifestId:
    """The name of a document."""
    return ManifestId(hashlib.sha256(document).hexdigest())


def is_digest(text: str) -> bool:
    """Whether a text is a SHA-256 as it is written here."""
    return _DIGEST.fullmatch(text) is not None


def path_problem(path: str) -> str | None:
    """Why a path cannot stand in a manifest; None where it can."""
    try:
        safe_parts(path)
        length = len(path.encode())
    except UnsafeName as error:
        return str(error)
    except UnicodeEncodeError:
        return "its name is no UTF-8"
    return None if length <= MAX_PATH_BYTES else f"its path is longer than {MAX_PATH_BYTES} bytes"


def _check(files: tuple[ManifestFile, ...]) -> None:
    if len(files) > MAX_FILES:
        raise BadManifest(f"Expected at most {MAX_FILES} files, got {len(files)}; make several datasets of them")
    before: Parts | None = None
    for index, file in enumerate(files):
        problem = path_problem(file.path) or _value_problem(file) or _order_problem(before, file.parts)
        if problem is not None:
            raise BadManifest(f"files[{index}] ({file.path[:200]!r}): {problem}")
        before = file.parts


def _value_problem(file: ManifestFile) -> str | None:
    if not is_digest(file.sha256):
        return "Expected sha256 as 64 hexadecimal digits in lower case"
    if not 0 <= file.size <= _MAX_SIZE:
        return f"Expected a size of 0 to {_MAX_SIZE} bytes, got {file.size}"
    return None


def _order_problem(before: Parts | None, parts: Parts) -> str | None:
    if before is None or before < parts:
        # Sorted by parts, what stands below a file follows it at once.
        is_below = before is not None and parts[: len(before)] == before
        return f"{'/'.join(before or ())} is a file, so nothing can stand below it" if is_below else None
    return "The path comes twice" if before == parts else "Expected the files in the order of their paths"


_DECODER = msgspec.json.Decoder(_Document)
