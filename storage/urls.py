"""Locations of data: a URL, understood.

`file:///absolute/path` names a directory or file of this machine; its path is taken as written, without percent
escapes, as in the other schemes. Which schemes a backend takes is decided by `translator.plan.urls`.
Source: workflow-spec.md §6.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from storage.faults import UnsupportedLocation
from storage.keys import Parts, checked_parts, path_parts

FILE_SCHEME = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where data is. Shape: `path` is what follows `<scheme>://`; it begins with a slash for `file` and only there."""

    scheme: str
    path: str

    @property
    def url(self) -> str:
        """The location as a URL."""
        return f"{self.scheme}://{self.path}"

    def below(self, *parts: str) -> Location:
        """The location of something inside. Errors: UnsafeName where a part is no plain name."""
        return Location(scheme=self.scheme, path="/".join((self.path.rstrip("/"), *checked_parts(parts))))

    @property
    def parts(self) -> Parts:
        """The parts of the path."""
        return tuple(path_parts(self.path))


def parse_location(url: str) -> Location:
    """The location that a URL names. Errors: UnsupportedLocation where it is not a URL, or a bad `file` URL."""
    scheme, separator, path = url.partition("://")
    if not separator or not scheme or not path or "\0" in url:
        raise UnsupportedLocation(f"Expected a URL such as s3://bucket/path or file:///directory: {url!r}")
    if scheme == FILE_SCHEME and (not path.startswith("/") or ".." in path.split("/")):
        raise UnsupportedLocation(f"Expected file:///absolute/path without '..': {url!r}")
    return Location(scheme=scheme, path=path)


def directory_location(directory: Path) -> Location:
    """The location of a directory of this machine. Shape: `directory` is absolute."""
    return parse_location(f"{FILE_SCHEME}://{directory}")
