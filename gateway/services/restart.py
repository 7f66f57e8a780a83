"""Running the failed part of a workflow again, as a new workflow. Source: api.md §2.7, workflow-spec.md §5.9."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.ports.records import GroupRecord, WorkflowRecord
from gateway.ports.store import Store
from gateway.schemas.submit import SubmitResponse
from gateway.services.acceptance import Acceptance
from gateway.services.errors import Refusal
from gateway.services.identity import Caller
from gateway.services.links import Links
from gateway.services.lookup import known_workflow
from gateway.services.stored_spec import mask_warnings, parent_of, stored_spec
from gateway.services.submission import Contexts, Submission
from gateway.services.submit import check_pool, idempotency_key
from pools.model import Config
from translator.lifecycle.words import WorkflowStatus
from translator.plan.context import PlanContext
from translator.plan.model import Priority
from translator.plan.restart import restarted_source
from translator.problems import ErrorCode
from translator.spec.loader import YamlFault
from translator.spec.values import Values

# Beyond every workflow: the number of tasks is not checked again, and a restart has no more than its workflow had.
_ANY_NUMBER = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartRequest:
    """One request. Shape: `workflow_id` is an id or uuid; the new workflow runs in `pool`."""

    pool: str
    workflow_id: str
    idempotency_key: str | None = None


class Restart:
    """Builds workflows from the failed groups of others."""

    def __init__(self, *, store: Store, config: Callable[[], Config], acceptance: Acceptance) -> None:
        self._store = store
        self._config = config
        self._acceptance = acceptance

    def restart(self, caller: Caller, request: RestartRequest, links: Links) -> SubmitResponse:
        """The new workflow: same name, labels and priority, its parent recorded, owned by the caller.

        Errors: Refusal (SUBMISSION) where the workflow did not fail; otherwise as for submitting.
        """
        config = self._config()
        with self._store.reading() as reads:
            record = known_workflow(reads, request.workflow_id)
            check_pool(config, request.pool)
            _check_failed(record)
            text = stored_spec(reads, record)
            groups = reads.groups(record.uuid)
        submission = Submission(
            source=_restarted_source(record, text, groups),
            is_rendered=True,
            caller=caller,
            pool=request.pool,
            config=config,
            values=Values(stored_labels=dict(record.labels)),
            priority=record.priority,
            parent=parent_of(record),
            app=record.app,
            key=idempotency_key(request.idempotency_key, {"pool": request.pool, "restart": record.uuid}),
            warnings=mask_warnings(record, text),
        )
        return self._acceptance.accept(submission, links, _contexts)


def _check_failed(record: WorkflowRecord) -> None:
    if not record.status.failed:
        raise Refusal(
            f"Restart can only be used on FAILED workflows: {record.workflow_id} is {record.status}.",
            error_code=ErrorCode.SUBMISSION,
            workflow_id=record.workflow_id,
        )


def _restarted_source(record: WorkflowRecord, text: str, groups: tuple[GroupRecord, ...]) -> bytes:
    never_ran = record.status is WorkflowStatus.FAILED_SUBMISSION
    failed = None if never_ran else {group.name for group in groups if group.status.failed}
    try:
        return restarted_source(text, workflow_id=record.workflow_id, failed_groups=failed)
    except YamlFault as fault:
        raise Refusal(
            f"The stored spec of {record.workflow_id} cannot be read as a workflow; submit its file.",
            error_code=ErrorCode.SUBMISSION,
            workflow_id=record.workflow_id,
        ) from fault


def _contexts(context: PlanContext) -> Contexts:
    """A restart keeps its priority without being judged by it, and counts neither tasks nor the user's workflows."""
    config = context.config
    unlimited = replace(config, workflow=config.workflow.model_copy(update={"max_num_tasks": _ANY_NUMBER}))
    return Contexts(
        judged=replace(context, config=unlimited, priority=Priority.NORMAL), resolved=context, limited=False
    )
