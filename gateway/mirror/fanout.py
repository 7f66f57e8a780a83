"""Tells listeners which workflows changed."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable

import structlog

from translator.plan.model import WorkflowUuid

_log = structlog.get_logger(__name__)

Wake = Callable[[WorkflowUuid], None]


class Fanout:
    """The listeners of all workflows (key None) and of single ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wakes: defaultdict[WorkflowUuid | None, list[Wake]] = defaultdict(list)
        self._subscriptions: set[ChangeSubscription] = set()
        self._closed = False

    def listen(self, wake: Wake, uuid: WorkflowUuid | None) -> Callable[[], None]:
        """Call `wake` at each change, until the returned function is called."""
        with self._lock:
            self._wakes[uuid].append(wake)

        def end() -> None:
            with self._lock:
                wakes = self._wakes.get(uuid, [])
                if wake in wakes:
                    wakes.remove(wake)
                if not wakes:
                    self._wakes.pop(uuid, None)

        return end

    def subscribe(self, uuid: WorkflowUuid | None) -> ChangeSubscription:
        """Collects changes until it is closed."""
        subscription = ChangeSubscription(self._forget)
        subscription.end_listening = self.listen(subscription.add, uuid)
        with self._lock:
            self._subscriptions.add(subscription)
            closed = self._closed
        if closed:
            subscription.close()
        return subscription

    def tell(self, uuid: WorkflowUuid) -> None:
        """A workflow changed, and its rows say so."""
        with self._lock:
            wakes = (*self._wakes.get(uuid, ()), *self._wakes.get(None, ()))
        for wake in wakes:
            try:
                wake(uuid)
            except Exception:  # noqa: BLE001
                _log.exception("listener failed", workflow=uuid)

    def close(self) -> None:
        """End all subscriptions."""
        with self._lock:
            self._closed = True
            subscriptions = tuple(self._subscriptions)
        for subscription in subscriptions:
            subscription.close()

    def _forget(self, subscription: ChangeSubscription) -> None:
        with self._lock:
            self._subscriptions.discard(subscription)


class ChangeSubscription:
    """Implements `gateway.ports.mirror.Subscription`."""

    def __init__(self, forget: Callable[[ChangeSubscription], None]) -> None:
        self.end_listening: Callable[[], None] = lambda: None
        self._forget = forget
        self._changed = threading.Condition()
        # A set: many changes of one workflow are one, so a slow reader costs no more than the number of workflows.
        self._uuids: set[WorkflowUuid] = set()
        self._closed = False

    def __enter__(self) -> ChangeSubscription:
        """Itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()

    @property
    def closed(self) -> bool:
        """Whether nothing will come any more."""
        return self._closed

    def add(self, uuid: WorkflowUuid) -> None:
        """Note a change."""
        with self._changed:
            self._uuids.add(uuid)
            self._changed.notify_all()

    def wait(self, timeout_seconds: float) -> frozenset[WorkflowUuid]:
        """The workflows that changed since the last call; empty when the time ran out."""
        with self._changed:
            self._changed.wait_for(lambda: self._uuids or self._closed, timeout_seconds)
            found = frozenset(self._uuids)
            self._uuids.clear()
            return found

    def close(self) -> None:
        """Hear nothing more; `wait` returns. Safe to repeat."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.end_listening()
        self._forget(self)
