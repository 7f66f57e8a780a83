"""Where scenarios put objects before a run and look for them afterwards, with a client that is not ours."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.object_store import S3Server

_FILE = "file://"
_PART_PREFIX = ".argosmo-part-"
# What is uploaded after the end of a cancelled task, comes while its workflow has ended already.
_LATE_SECONDS = 30.0


class Shelves:
    """Directories of this machine, and the bucket of an S3 server where there is one."""

    def __init__(self, s3: S3Server | None = None) -> None:
        self.s3 = s3

    def place(self, directory: Path, *, on_s3: bool) -> str:
        """A URL below which nothing is yet."""
        return f"s3://{self._server.bucket}/{uuid.uuid4().hex}" if on_s3 else f"{_FILE}{directory}/shared"

    def put(self, url: str, content: object) -> None:
        """Make an object. Shape: `content` as a scenario has it."""
        if url.startswith(_FILE):
            path = Path(url.removeprefix(_FILE))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes_of(content))
        else:
            self._server.put(self._key(url), bytes_of(content))

    def below(self, url: str) -> dict[str, str]:
        """What is below a URL, or the object itself under "". Shape: path to SHA-256."""
        if url.startswith(_FILE):
            root = Path(url.removeprefix(_FILE))
            paths = [root] if root.is_file() else sorted(path for path in root.rglob("*") if _is_object(path))
            return {"/".join(path.relative_to(root).parts): _sum(path.read_bytes()) for path in paths}
        key = self._key(url).rstrip("/")
        keys = [found for found in self._server.keys(key) if found == key or found.startswith(f"{key}/")]
        return {found[len(key) + 1 :]: _sum(self._server.get(found)) for found in keys}

    def check(self, url: str, expected: Mapping[str, object]) -> None:
        """Fail unless exactly these objects are below a URL, or will be shortly."""
        wanted = {name: None if content is None else _sum(bytes_of(content)) for name, content in expected.items()}
        deadline = time.monotonic() + _LATE_SECONDS
        while not _same(found := self.below(url), wanted):
            assert time.monotonic() < deadline, (url, sorted(found), sorted(wanted), found, wanted)
            time.sleep(0.05)

    @property
    def _server(self) -> S3Server:
        assert self.s3 is not None, "the case needs an S3 server: say `store: s3`"
        return self.s3

    def _key(self, url: str) -> str:
        bucket = f"s3://{self._server.bucket}/"
        assert url.startswith(bucket), url
        return url.removeprefix(bucket)


def bytes_of(content: Any) -> bytes:
    """The bytes of an object as a scenario has it: a text, or `{repeat: text, times: number}`."""
    if isinstance(content, Mapping):
        return str(content["repeat"]).encode() * int(content["times"])
    return str(content).encode()


def intermediate(directory: Path) -> str:
    """The place of intermediate data of a gateway with this data directory."""
    return unquote(urlsplit((directory / "intermediate").absolute().as_uri()).geturl())


def _same(found: Mapping[str, str], wanted: Mapping[str, str | None]) -> bool:
    return found.keys() == wanted.keys() and all(wanted[name] in (None, digest) for name, digest in found.items())


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_object(path: Path) -> bool:
    # What is still being written may have its name, or none, the next moment.
    return path.is_file() and not path.name.startswith(_PART_PREFIX)
