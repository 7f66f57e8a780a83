"""Knows whether a backend answers, and what it is: asks every twenty seconds, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import structlog

from gateway.runners.argo.capabilities import Capabilities, detect, kubernetes_version
from gateway.runners.argo.client import KubeClient
from gateway.runners.argo.faults import ClusterError

EVERY_SECONDS = 20.0
ONLINE_FOR = timedelta(minutes=2)
"""How long a backend counts as online after it last answered. Source: api.md §8.3."""
_DETECT_EVERY = timedelta(minutes=10)

_log = structlog.get_logger(__name__)


class Heartbeat:
    """Call `start` once and `stop` once; `stopped` is shared with the rest of the runner."""

    def __init__(
        self,
        client: KubeClient,
        namespace: str,
        stopped: threading.Event,
        now: Callable[[], datetime],
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._stopped = stopped
        self._now = now
        self._every_seconds = every_seconds
        self._detected_at: datetime | None = None
        self.last: datetime | None = None
        """When the API server last answered; None while it never did."""
        self.capabilities: Capabilities | None = None
        """What the cluster is; None while it was never asked in full."""
        self._thread = threading.Thread(target=self._run, name=f"heartbeat {namespace}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_seconds: float = 10.0) -> None:
        """Wait for the end; `stopped` is set already."""
        if self._thread.is_alive():
            self._thread.join(timeout_seconds)

    @property
    def online(self) -> bool:
        """Whether the API server answered lately."""
        return self.last is not None and self._now() - self.last <= ONLINE_FOR

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._beat()
            except (ClusterError, msgspec.MsgspecError) as error:
                if self.online:
                    _log.warning("backend does not answer", namespace=self._namespace, reason=str(error))
            except Exception:  # noqa: BLE001
                if not self._stopped.is_set():
                    _log.exception("backend could not be asked", namespace=self._namespace)
            self._stopped.wait(self._every_seconds)

    def _beat(self) -> None:
        kubernetes_version(self._client)
        now = self.last = self._now()
        if self._detected_at is None or now - self._detected_at >= _DETECT_EVERY:
            self.capabilities = detect(self._client, self._namespace)
            self._detected_at = now
