"""Asking for the end of a workflow. Source: api.md §2.10, workflow-spec.md §5.8."""

from __future__ import annotations

from gateway.ports.clock import Clock
from gateway.ports.mirror import MirrorPort
from gateway.ports.store import Store
from gateway.schemas.submit import CancelResponse
from gateway.services.errors import Refusal
from gateway.services.identity import Caller
from gateway.services.lookup import known_workflow
from translator.lifecycle.facts import CancelRequested

_MAX_MESSAGE = 4096


class Cancel:
    """Records the wish; the mirror carries it out."""

    def __init__(self, *, store: Store, mirror: MirrorPort, clock: Clock) -> None:
        self._store = store
        self._mirror = mirror
        self._clock = clock

    def request(self, caller: Caller, id_or_uuid: str, *, message: str | None, force: bool) -> CancelResponse:
        """Keep the request and return at once. force: without grace, and again for a workflow that is finished.

        Errors: UnknownWorkflow; Refusal where the workflow is finished and `force` is not given.
        """
        if message is not None and len(message) > _MAX_MESSAGE:
            raise Refusal(f"The message is longer than {_MAX_MESSAGE} characters; shorten it.")
        with self._store.writing(durable=True) as writes:
            record = known_workflow(writes, id_or_uuid)
            if record.status.finished and not force:
                raise Refusal(f"Workflow {record.workflow_id} is already finished.", workflow_id=record.workflow_id)
            # Nothing is left to end or to clean up once the workflow is sealed.
            if not record.sealed:
                fact = CancelRequested(user=caller.user, at=self._clock.now(), message=message or "", force=force)
                writes.request_cancel(record.uuid, fact)
        if not record.sealed:
            self._mirror.attend(record.uuid)
        return CancelResponse(name=record.workflow_id)
