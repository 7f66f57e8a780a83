"""Workflows on the cluster that nobody looks after any more: of runs that are over, and should have gone with them.

None is left by what is done in order. A process that was stopped between its question whether it acts here and the
request itself, and replaced meanwhile, may still make one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from gateway.ports.faults import StoreUnavailable
from gateway.runners.argo.faults import ClusterError, NotThere
from translator.argo.observe_objects import Meta
from translator.plan.model import WorkflowUuid

_log = structlog.get_logger(__name__)


class Strays:
    """Collects them as they are seen. Shape: `delete` is given name and uid of a Workflow; its errors: ClusterError."""

    def __init__(self, is_sealed: Callable[[WorkflowUuid], bool], delete: Callable[[str, str], None]) -> None:
        self._is_sealed = is_sealed
        self._delete = delete
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[WorkflowUuid, str]] = {}

    def seen(self, workflow: WorkflowUuid, meta: Meta) -> None:
        """A Workflow of a run that this process does not track."""
        if meta.deletion_timestamp is None:
            with self._lock:
                self._seen[meta.name] = (workflow, meta.uid)

    def gone(self, name: str) -> None:
        """It does not exist any more."""
        with self._lock:
            self._seen.pop(name, None)

    def collect(self, is_tracked: Callable[[WorkflowUuid], bool]) -> None:
        """Delete those whose runs are over. What belongs to another database is left alone."""
        with self._lock:
            seen = list(self._seen.items())
        for name, (workflow, uid) in seen:
            if is_tracked(workflow):
                self.gone(name)
                continue
            try:
                if self._is_sealed(workflow):
                    _log.warning("left-over of a finished run removed", workflow=workflow, name=name)
                    self._delete(name, uid)
                    self.gone(name)
            except NotThere:
                self.gone(name)
            except (ClusterError, StoreUnavailable) as error:
                _log.warning("left-over not removed yet", workflow=workflow, reason=str(error))
                return
