"""The version that the gateway reports: that of OSMO's API, which its clients compare with their own."""

from __future__ import annotations

from gateway.schemas.misc import Version

API_VERSION = "6.4.0"


def version_of(text: str) -> Version:
    """`major.minor.revision[.hash]` in parts."""
    parts = text.split(".", 3)
    major, minor, revision, tail = (*parts, *("0", "0", "0", "")[len(parts) :])
    return Version(major=major, minor=minor, revision=revision, hash=tail)


def version_text(version: Version) -> str:
    """The parts as `major.minor.revision[.hash]`."""
    base = f"{version.major}.{version.minor}.{version.revision}"
    return f"{base}.{version.hash}" if version.hash else base
