"""A store at the end of a long way, as AWS is from most places: late answers, and no connection faster than 25 MB/s.

What a client spends does not count there, but how many connections it has. Source of the figures: AWS, "Performance
guidelines for Amazon S3": answers begin after some tens of milliseconds, and more is had by more connections.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.sink_store import Sink, SinkStore, Way, sink_store

FAR = Way(answer_seconds=0.02, connection_bytes_per_second=25_000_000, total_bytes_per_second=400_000_000)


@contextmanager
def far_store(size_bytes: int, objects: int = 1) -> Iterator[SinkStore]:
    """A far sink in a process of its own, with so many objects of this size in each prefix."""
    with sink_store(Sink(size_bytes=size_bytes, objects=objects, way=FAR)) as running:
        yield running
