"""Storage locations in inputs and outputs: which schemes there are and whose credentials each needs.

OSMO's five schemes work everywhere. `file:///path` is ours and works on backends with the local engine only, where the
tasks share the machine's disk with the user; a pod has no disk that anybody else could see, so it is refused there.
Source: workflow-spec.md §6.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_COMPONENT = r"[^/,;*]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """One kind of store.

    Shape: `profile` finds the part of a URL that credentials are stored under; `ambient` says whether the machine's own
    identity may serve where the user has none.
    """

    form: str
    pattern: re.Pattern[str]
    profile: re.Pattern[str]
    ambient: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A URL that was understood."""

    scheme: str
    profile: str
    ambient: bool


class LocationError(ValueError):
    """A URL is no storage location that the backend could reach."""


def location(url: str, *, local: bool) -> Location:
    """What `url` points to. Errors: LocationError for an unknown scheme, or one that is not for this backend."""
    name, separator, _ = url.partition("://")
    if local and separator and name == FILE_SCHEME:
        return _file_location(url)
    scheme = _SCHEMES.get(name) if separator else None
    if scheme is None:
        raise LocationError(f"Unknown URI scheme: {name if separator else url}. Expected {_forms(local)}.")
    if not scheme.pattern.fullmatch(url):
        raise LocationError(f'"{url}" is not a storage location. Expected {scheme.form}.')
    found = scheme.profile.match(url)
    return Location(scheme=name, profile=found[0] if found is not None else url, ambient=scheme.ambient)


def _file_location(url: str) -> Location:
    if not _FILE.fullmatch(url):
        raise LocationError(f'"{url}" is not a storage location. Expected file:///absolute/path.')
    return Location(scheme=FILE_SCHEME, profile=f"{FILE_SCHEME}://", ambient=True)


def _forms(local: bool) -> str:
    forms = [scheme.form for scheme in _SCHEMES.values()] + (["file:///absolute/path"] if local else [])
    return f"{', '.join(forms[:-1])} or {forms[-1]}"


def _scheme(form: str, rest: str, profile_parts: int, *, ambient: bool) -> Scheme:
    name = form.partition("://")[0]
    parts = "/".join([_COMPONENT] * profile_parts)
    return Scheme(
        form=form,
        pattern=re.compile(rf"{name}://{_COMPONENT}(?:/{_COMPONENT}){rest}/*"),
        profile=re.compile(rf"{name}://{parts}"),
        ambient=ambient,
    )


FILE_SCHEME = "file"
_FILE = re.compile(r"file:///[^\x00]+")
_SCHEMES = {
    "s3": _scheme("s3://bucket[/path]", "*", 1, ambient=True),
    "gs": _scheme("gs://bucket[/path]", "*", 1, ambient=False),
    "azure": _scheme("azure://account/container[/path]", "+", 1, ambient=True),
    "swift": _scheme("swift://endpoint/namespace/bucket[/path]", "{2,}", 2, ambient=False),
    "tos": _scheme("tos://endpoint/bucket[/path]", "+", 2, ambient=False),
}
