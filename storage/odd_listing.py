"""Listings of buckets whose keys cannot be the paths of obstore: with line breaks, empty parts, or dots for parts."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote_plus

from storage.lanes import NEVER
from storage.s3_wire import S3Wire


def listed_by_wire(wire: S3Wire, prefix: str, after: str) -> Iterator[tuple[str, int, str]]:
    """Key, size and entity tag of every object whose key begins with `prefix` and follows `after`, in their order.

    Errors: S3Refused; S3Unreachable.
    """
    query = {"list-type": "2", "prefix": prefix, "encoding-type": "url", "max-keys": "1000"}
    if after:
        query["start-after"] = after
    while True:
        document = wire.ask("GET", "", query, NEVER).document()
        encoded = document.findtext("EncodingType") == "url"
        for entry in document.iter("Contents"):
            key = entry.findtext("Key") or ""
            size, etag = int(entry.findtext("Size") or 0), entry.findtext("ETag") or ""
            yield unquote_plus(key) if encoded else key, size, etag
        token = document.findtext("NextContinuationToken")
        if document.findtext("IsTruncated") != "true" or not token:
            return
        query["continuation-token"] = token
