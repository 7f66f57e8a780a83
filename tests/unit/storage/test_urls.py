"""Locations by URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.faults import UnsupportedLocation
from storage.keys import UnsafeName
from storage.urls import directory_location, parse_location


@pytest.mark.parametrize(
    ("url", "scheme", "path"),
    [
        ("file:///a/b", "file", "/a/b"),
        ("file:///with blank/%20", "file", "/with blank/%20"),
        ("s3://bucket/a/b", "s3", "bucket/a/b"),
        ("s3://bucket/../x", "s3", "bucket/../x"),
    ],
)
def test_urls_are_taken_as_written(url: str, scheme: str, path: str) -> None:
    location = parse_location(url)
    assert (location.scheme, location.path, location.url) == (scheme, path, url)


@pytest.mark.parametrize(
    "url", ["", "/a/b", "file://host/a", "file://", "file:///a/../b", "file:///a\0", "://x", "s3://"]
)
def test_what_is_no_location_is_refused(url: str) -> None:
    with pytest.raises(UnsupportedLocation):
        parse_location(url)


def test_below() -> None:
    base = parse_location("file:///data/")
    assert base.below("wf-1", "task").url == "file:///data/wf-1/task"
    assert directory_location(Path("/data")).below("x").parts == ("data", "x")


@pytest.mark.parametrize("part", ["..", "", "a/b", "."])
def test_below_takes_plain_names_only(part: str) -> None:
    with pytest.raises(UnsafeName):
        parse_location("file:///data").below(part)
