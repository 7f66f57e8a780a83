"""Removes what the configuration says is no longer to be kept: intermediate data, logs, records of ended workflows.

Every deed may be repeated: what is to go is removed first and noted afterwards, so that whoever comes after a kill
finds it again. Data that an unfinished workflow reads from an earlier one stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gateway.ports.clock import Clock
from gateway.ports.logs import Logs
from gateway.ports.retention import EndedWorkflow
from gateway.ports.store import Store
from gateway.schemas.retention import RetentionEntry, RetentionReport
from gateway.services.errors import Forbidden
from gateway.services.identity import Caller
from gateway.services.intermediate import IntermediateData
from gateway.services.run_data import Amount, RunData
from pools.durations import duration_seconds
from pools.model import Config
from pools.retention import RetentionRule
from storage.faults import StoreError
from storage.lanes import NEVER, StopSign
from translator.plan.model import TaskInput, decode

MOST_ENTRIES = 1000
_PAGE = 500
# A store that fails so often in a row is asked again the next time.
_MOST_TROUBLES = 5
_LOG = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What of a workflow is not to be kept any longer, and by which rule. Shape: `record` implies the others."""

    workflow: EndedWorkflow
    rule: str
    data: bool
    logs: bool
    record: bool


def due_of(rules: Sequence[RetentionRule], workflow: EndedWorkflow, now: datetime) -> Due | None:
    """What the first rule for a workflow says that is not done yet; None where nothing is to be done."""
    for number, rule in enumerate(rules):
        if not rule.covers(workflow.pool, workflow.labels):
            continue
        record = _is_over(rule.workflows_after, workflow.end_time, now)
        due = Due(
            workflow=workflow,
            rule=rule.name or f"rules[{number}]",
            data=not workflow.data_removed and (record or _is_over(rule.data_after, workflow.end_time, now)),
            logs=not workflow.logs_removed and (record or _is_over(rule.logs_after, workflow.end_time, now)),
            record=record,
        )
        return due if due.data or due.logs or due.record else None
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Says what is due, and does it. Any thread; several gateways may do it at the same time."""

    store: Store
    logs: Logs
    clock: Clock
    config: Callable[[], Config]
    data: IntermediateData

    def every_seconds(self) -> float:
        """How often to look. Units: seconds."""
        return max(1.0, duration_seconds(self.config().workflow.retention.every))

    def preview(self, caller: Caller, limit: int) -> RetentionReport:
        """What would be removed now, and nothing is. Errors: Forbidden for all but administrators."""
        _check_admin(caller)
        return self._report(limit, NEVER, removes=False)

    def apply(self, caller: Caller, limit: int) -> RetentionReport:
        """Remove what is due now. Errors: Forbidden for all but administrators."""
        _check_admin(caller)
        return self._report(limit, NEVER, removes=True)

    def sweep(self, stopped: StopSign) -> RetentionReport:
        """Remove all that is due, workflow by workflow, until told to stop.

        Errors: StoreUnavailable; TransferStopped.
        """
        return self._report(None, stopped, removes=True)

    def _report(self, limit: int | None, stopped: StopSign, *, removes: bool) -> RetentionReport:
        entries: list[RetentionEntry] = []
        in_use: frozenset[str] | None = None
        more, troubles = False, 0
        for due in self._due():
            if stopped.is_set():
                break
            if (limit is not None and len(entries) >= limit) or troubles >= _MOST_TROUBLES:
                more = True
                break
            if due.data and in_use is None:
                in_use = self._earlier_in_use()
            entry = self._entry(due, in_use or frozenset(), stopped, removes=removes)
            entries.append(entry)
            troubles = troubles + 1 if entry.problem and due.workflow.workflow_id not in (in_use or ()) else 0
        return RetentionReport(dry_run=not removes, workflows=entries, more=more)

    def _due(self) -> Iterator[Due]:
        rules, now = self.config().workflow.retention.rules, self.clock.now()
        ages = [duration_seconds(text) for rule in rules for text in _durations(rule) if text]
        if not ages:
            return
        before = now - timedelta(seconds=min(min(ages), (now - datetime(1970, 1, 1)).total_seconds()))
        forgets = any(rule.workflows_after for rule in rules)
        after = (datetime.min, "")
        while True:
            with self.store.reading() as reads:
                page = reads.ended_workflows(before, after, _PAGE, removed_too=forgets)
            for workflow in page:
                after = (workflow.end_time, workflow.uuid)
                if (due := due_of(rules, workflow, now)) is not None:
                    yield due
            if len(page) < _PAGE:
                return

    def _entry(self, due: Due, in_use: frozenset[str], stopped: StopSign, *, removes: bool) -> RetentionEntry:
        workflow, problem, amount = due.workflow, "", Amount()
        data_stays = logs_stay = False
        if due.data:
            try:
                amount = self._data(workflow, in_use, stopped, removes=removes)
            except StoreError as error:
                problem, data_stays = str(error), True
                _LOG.warning("data is kept", workflow_id=workflow.workflow_id, rule=due.rule, reason=problem)
        log_bytes, record = 0, due.record and not problem
        if due.logs or record:
            try:
                log_bytes = self._logs(workflow, due, removes=removes, record=record)
            except StoreError as error:
                problem, logs_stay, record = str(error), True, False
                _LOG.warning("log is kept", workflow_id=workflow.workflow_id, rule=due.rule, reason=problem)
        # The record is what leads to data and logs: it stays as long as they do.
        if removes and record:
            with self.store.writing() as writes:
                writes.purge((workflow.uuid,))
        return RetentionEntry(
            workflow_id=workflow.workflow_id,
            pool=workflow.pool,
            end_time=workflow.end_time,
            rule=due.rule,
            data=due.data and not data_stays,
            objects=amount.objects,
            bytes=amount.bytes,
            logs=due.logs and not logs_stay,
            log_bytes=log_bytes,
            record=record,
            problem=problem,
        )

    def _data(self, workflow: EndedWorkflow, in_use: frozenset[str], stopped: StopSign, *, removes: bool) -> Amount:
        if workflow.workflow_id in in_use:
            raise StoreError("An unfinished workflow reads its data; it is kept until that has ended")
        amount = Amount()
        with self.store.reading() as reads:
            stored = reads.load_run(workflow.uuid)
        location = self.data.location(self.config().backends.get(workflow.backend or ""))
        if stored is not None and location is not None:
            data = RunData(stores=self.data.stores(), location=location, plan=decode(stored.plan), stopped=stopped)
            amount = data.remove() if removes else data.amount()
        if removes:
            with self.store.writing() as writes:
                writes.note_data_removed(workflow.uuid, self.clock.now())
        return amount

    def _logs(self, workflow: EndedWorkflow, due: Due, *, removes: bool, record: bool) -> int:
        """Remove the log, with the record also the texts beside it; its size. Errors: StoreError."""
        with self.store.reading() as reads:
            archived = reads.archived(workflow.uuid)
            segments = reads.segments(workflow.uuid)
        size = sum(each.stored_bytes for each in archived if each.is_log or record)
        if removes:
            self.logs.remove(workflow.uuid, documents=record)
            if due.logs:
                with self.store.writing() as writes:
                    writes.note_logs_removed(workflow.uuid, self.clock.now())
        # What is not in the place of logs is here.
        return size or sum(segment.stored_bytes for segment in segments)

    def _earlier_in_use(self) -> frozenset[str]:
        """The workflows whose data others, that have not ended, read or will read."""
        found: set[str] = set()
        with self.store.reading() as reads:
            for uuid in reads.unfinished_workflows():
                stored = reads.load_run(uuid)
                if stored is None:
                    continue
                for group in decode(stored.plan).groups:
                    for task in group.tasks:
                        found.update(entry.workflow_id for entry in task.inputs if isinstance(entry, TaskInput))
        return frozenset(found)


def _check_admin(caller: Caller) -> None:
    if not caller.is_admin:
        raise Forbidden("Only administrators may see and apply what retention removes.")


def _durations(rule: RetentionRule) -> tuple[str, str, str]:
    return rule.data_after, rule.logs_after, rule.workflows_after


def _is_over(duration: str, end: datetime, now: datetime) -> bool:
    return bool(duration) and (now - end).total_seconds() >= duration_seconds(duration)
