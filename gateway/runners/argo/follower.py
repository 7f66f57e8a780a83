"""Follows the log of one container until it has ended and everything was read."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from engine.log_lines import Masker
from gateway.ports.faults import StoreUnavailable
from gateway.runners.argo.client import KubeClient, Stream
from gateway.runners.argo.faults import ClusterError, NotThere, Stalled, TryAgain
from gateway.runners.argo.log_lines import LogReader, Position
from gateway.runners.argo.patience import Patience, Stopping

_AFTER_THE_END = 8
"""How often a log that cannot be read is asked for once the container has ended."""

_log = structlog.get_logger(__name__)

Line = tuple[datetime, str]


class Owner(Protocol):
    """What a follower asks of and tells its run."""

    def is_over(self, log: FollowedLog) -> bool:
        """Whether the container has ended, so that its log does not grow any more."""

    def position_of(self, log: FollowedLog) -> Position:
        """How far the log was kept before. Errors: StoreUnavailable."""

    def take(self, log: FollowedLog, lines: Sequence[Line]) -> bool:
        """Lines, in order; whether they are kept. If not, they are to be read again: another process acts now."""

    def done(self, log: FollowedLog) -> None:
        """Everything was read, or cannot be read any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedLog:
    """One container's log. Shape: `path` in the API; `system` for containers of ours."""

    path: str
    pod_uid: str
    container: str
    system: bool = False

    @property
    def key(self) -> str:
        """Names it within its run."""
        return log_key(self.pod_uid, self.container)


def log_key(pod_uid: str, container: str) -> str:
    """Names a container's log within its run."""
    return f"{pod_uid}.{container}"


class Reading(Protocol):
    """What reads one log."""

    def start(self) -> None:
        """Begin."""

    def ended(self) -> None:
        """The container has ended, so that what is left can be read now. Safe to repeat."""

    def wake(self) -> None:
        """End soon."""

    def join(self, timeout_seconds: float) -> None:
        """Wait until it has ended."""


class Follower:
    """Implements `Reading` in one thread.

    Call `start` once; it ends by itself, or soon after `patience.stopped` is set and `wake` called.
    """

    def __init__(
        self,
        client: KubeClient,
        log: FollowedLog,
        owner: Owner,
        masker: Masker,
        patience: Patience,
        silence_seconds: float,
    ) -> None:
        self._client = client
        self._log = log
        self._owner = owner
        self._masker = masker
        self._reader = LogReader(masker)
        self._kept = Position()
        self._patience = patience
        self._silence_seconds = silence_seconds
        self._stream: Stream | None = None
        self._let_go = False
        # Set for whoever waits to ask again.
        self._hurry = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"log {log.key}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ended(self) -> None:
        """Ask again without waiting."""
        self._hurry.set()

    def wake(self) -> None:
        """The runner stops, or lets go of the run: end the stream, and begin no other."""
        with self._lock:
            self._let_go = True
            self._hurry.set()
            if self._stream is not None:
                self._stream.cancel()

    def join(self, timeout_seconds: float) -> None:
        """Wait until the thread has ended."""
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        try:
            self._begin()
            while True:
                self._follow()
                if self._hand_over(self._reader.finish()) is not None:
                    break
        except Stopping:
            return
        except Exception:  # noqa: BLE001
            _log.exception("log lost", log=self._log.path, container=self._log.container)
        self._owner.done(self._log)

    def _begin(self) -> None:
        attempt = 0
        while True:
            try:
                self._kept = self._owner.position_of(self._log)
            except StoreUnavailable as error:
                _log.warning("log not begun, trying again", log=self._log.path, reason=str(error))
                self._patience.wait(min(attempt, 4))
                attempt += 1
                continue
            self._reader = LogReader(self._masker, self._kept)
            return

    def _follow(self) -> None:
        attempt = 0
        after_the_end = 0
        while not self._is_to_stop():
            # Asked before: what a stream that was opened later leaves out cannot have been written.
            was_over = self._owner.is_over(self._log)
            after_the_end += was_over
            try:
                took = self._read()
                if was_over:
                    return
                attempt = 0 if took else attempt + 1
            except NotThere:
                if was_over or attempt >= _AFTER_THE_END:
                    return
                attempt += 1
            except Stalled:
                attempt = 0
                continue
            except ClusterError as error:
                if after_the_end >= _AFTER_THE_END:
                    _log.error("log not readable", log=self._log.path, reason=str(error))
                    return
                attempt += 1
            self._patience.wait(min(attempt, 4), unless=self._hurry)
            self._hurry.clear()
        raise Stopping

    def _read(self) -> bool:
        """Read until the server ends the stream; whether there was any line."""
        parameters: dict[str, str | int | bool] = {
            "container": self._log.container,
            "follow": True,
            "timestamps": True,
        }
        if since := self._reader.position.since:
            parameters["sinceTime"] = since
        self._reader.reopened()
        took = False
        with self._client.stream(self._log.path, parameters, silence_seconds=self._silence_seconds) as stream:
            with self._lock:
                self._stream = stream
            try:
                if self._is_to_stop():
                    raise Stopping
                for chunk in stream.chunks():
                    kept = self._hand_over(self._reader.feed(chunk))
                    if kept is None:
                        raise TryAgain("another process keeps this log")
                    took = kept or took
            finally:
                with self._lock:
                    self._stream = None
        if self._is_to_stop():
            raise Stopping
        return took

    def _is_to_stop(self) -> bool:
        return self._let_go or self._patience.stopped.is_set()

    def _hand_over(self, lines: Iterable[Line]) -> bool | None:
        """Whether there were any lines; None where they were not kept, and are to be read again."""
        found = list(lines)
        if found and not self._owner.take(self._log, found):
            self._reader = LogReader(self._masker, self._kept)
            return None
        self._kept = self._reader.position
        return bool(found)
