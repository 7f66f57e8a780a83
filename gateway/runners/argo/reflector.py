"""Keeps up with all objects of one kind: a paged list for truth, then a watch for speed.

A watch goes on from the last resource version after a clean end; after 410, a stream that was silent for too long, or
something that it did not understand, everything is listed again. Source: argo-verified.md §9; argo.md §2.6.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from gateway.runners.argo.client import KubeClient, Parameters, Stream
from gateway.runners.argo.faults import ClusterError, Expired, NotThere, Refused, Stalled, TryAgain
from gateway.runners.argo.feed import AnyFeed
from gateway.runners.argo.patience import Patience, Stopping

_SHORT_SECONDS = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What to keep up with, and how. Units: seconds; `page` objects a page.

    `silence_seconds` is longer than the server's minute between bookmarks, so that only a dead stream is that silent.
    `optional`: it may be that we may not see them, which is said once and asked again now and then.
    """

    path: str
    label_selector: str = ""
    field_selector: str = ""
    page: int = 500
    watch_seconds: float = 300.0
    silence_seconds: float = 150.0
    relist_seconds: float = 900.0
    optional: bool = False

    def parameters(self) -> dict[str, str | int | bool]:
        """The selectors."""
        words: dict[str, str | int | bool] = {}
        if self.label_selector:
            words["labelSelector"] = self.label_selector
        if self.field_selector:
            words["fieldSelector"] = self.field_selector
        return words


class Reflector:
    """One thread that lists and watches. Call `start` once and `stop` once."""

    def __init__(self, client: KubeClient, watched: Watched, feed: AnyFeed, patience: Patience) -> None:
        self._client = client
        self._watched = watched
        self._feed = feed
        self._patience = patience
        self._stopped = patience.stopped
        self._stream: Stream | None = None
        self._lock = threading.Lock()
        self.synced = threading.Event()
        """Set once all objects that existed at the start were seen."""
        self.counts = feed.counts
        """Figures for metrics: lists, watches, events, bookmarks, expired, stalled, broken, unreadable."""
        self._thread = threading.Thread(target=self._run, name=f"reflect {watched.path}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """End; `patience.stopped` is set already."""
        with self._lock:
            if self._stream is not None:
                self._stream.cancel()
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        attempt = relists = 0
        version = ""
        listed_at = 0.0
        while not self._stopped.is_set():
            try:
                try:
                    if not version or time.monotonic() - listed_at > self._watched.relist_seconds:
                        # Now and then also without a reason: a lost event then costs minutes, not correctness.
                        version = self._list()
                        listed_at = time.monotonic()
                    began = time.monotonic()
                    version = self._watch(version)
                    attempt = relists = 0
                    if time.monotonic() - began < _SHORT_SECONDS:
                        # A server that ends every watch at once is not to be asked without a pause.
                        self._patience.wait(0)
                    continue
                except (Expired, Stalled) as error:
                    self.counts["expired" if isinstance(error, Expired) else "stalled"] += 1
                    version = ""
                    # It answers again, so it is asked at once; less often where it says so again and again.
                    attempt = 0
                    self._patience.wait(relists)
                    relists += 1
                    continue
                except TryAgain as error:
                    self.counts["broken"] += 1
                    version = self._reached if self._reached else version
                    _log.warning("cluster not reached, trying again", path=self._watched.path, reason=str(error))
                    self._patience.wait(attempt, error.after_seconds)
                    attempt += 1
                    continue
                except (Refused, NotThere) as error:
                    version = ""
                    if self._watched.optional:
                        self._bear_refusal(error)
                        continue
                    _log.error("cluster refuses to be watched", path=self._watched.path, reason=str(error))
                    self._patience.wait(max(attempt, 6))
                except Stopping:
                    raise
                except Exception:  # noqa: BLE001
                    version = ""
                    _log.exception("watch failed, listing again", path=self._watched.path)
                attempt += 1
                self._patience.wait(attempt)
            except Stopping:
                return

    def _bear_refusal(self, error: ClusterError) -> None:
        self.counts["refused"] += 1
        if self.counts["refused"] == 1:
            _log.warning("cluster does not show everything", path=self._watched.path, reason=str(error))
        if self._stopped.wait(self._watched.relist_seconds):
            raise Stopping

    _reached = ""

    def _list(self) -> str:
        """Tell the observer of all that exists; the resource version to watch from."""
        self.counts["lists"] += 1
        self._reached = ""
        self._feed.listing()
        names: list[str] = []
        limits: dict[str, str | int | bool] = {"limit": self._watched.page}
        while True:
            if self._stopped.is_set():
                raise Stopping
            page = self._feed.page(self._client.get(self._watched.path, {**self._watched.parameters(), **limits}))
            names += page.names
            if not page.more:
                break
            limits["continue"] = page.more
        self._feed.listed(names, page.version)
        self.synced.set()
        return page.version

    def _watch(self, version: str) -> str:
        """Tell the observer of changes until the stream ends; the resource version that was reached."""
        self.counts["watches"] += 1
        self._reached = version
        # Spread, so that the watches of a thousand reflectors do not end together.
        seconds = int(self._watched.watch_seconds * random.uniform(0.8, 1.0)) or 1
        parameters: Parameters = {
            **self._watched.parameters(),
            "watch": True,
            "allowWatchBookmarks": True,
            "resourceVersion": version,
            "timeoutSeconds": seconds,
        }
        with self._client.stream(
            self._watched.path, parameters, silence_seconds=self._watched.silence_seconds
        ) as stream:
            with self._lock:
                self._stream = stream
            try:
                if self._stopped.is_set():
                    raise Stopping
                for line in lines_of(stream.chunks()):
                    self._reached = self._feed.event(line) or self._reached
            except TryAgain:
                if self._stopped.is_set():
                    raise Stopping from None
                raise
            finally:
                with self._lock:
                    self._stream = None
        return self._reached


def lines_of(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of a stream, however long; a last one that was cut off is left out.

    Shape: a line may still have its end.
    """
    rest: list[bytes] = []
    for chunk in chunks:
        if not rest and len(chunk) > 1 and chunk.find(b"\n") == len(chunk) - 1:
            # Nearly always: one event, whole. To copy it without its end would cost as much as to receive it.
            yield chunk
            continue
        first, *others = chunk.split(b"\n")
        rest.append(first)
        for other in others:
            line = b"".join(rest)
            if line:
                yield line
            rest = [other] if other else []
