"""Logs and error logs of workflows. Source: api.md §2.9."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from gateway.ports.faults import BadPattern, LogGone, LogUnreachable
from gateway.ports.log_format import line_text
from gateway.ports.logs import Follow, LogQuery, LogReader
from gateway.ports.records import TaskRecord, WorkflowRecord
from gateway.ports.store import Reads, Store
from gateway.services.errors import NotThere, Refusal
from gateway.services.growing import Growing
from gateway.services.links import Links
from gateway.services.lookup import MAX_INTEGER, known_workflow
from gateway.services.tasks import unknown_task
from pools.model import Config
from translator.lifecycle.words import WorkflowStatus

_RULE = "-" * 80
# So many lines may stand in memory at once; whether there are more is only then counted.
_LONG_BACKLOG = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRequest:
    """Which lines. None: not given. Shape: `query` is a regular expression."""

    task_name: str | None = None
    retry_id: int | None = None
    last_n_lines: int | None = None
    query: str | None = None


class WorkflowLogs:
    """Answers with the lines of workflows, the same before and after their end."""

    def __init__(self, *, store: Store, logs: LogReader, config: Callable[[], Config]) -> None:
        self._store = store
        self._logs = logs
        self._config = config

    def follow(self, id_or_uuid: str, request: LogRequest, links: Links) -> Growing:
        """Everything so far, then new lines until the workflow is sealed.

        Errors: UnknownWorkflow, also for a task or attempt; Refusal for a bad expression or number of lines; NotThere
        where the log is lost; LogUnreachable. What fails later is said in the text.
        """
        _check_lines(request)
        with self._store.reading() as reads:
            record = known_workflow(reads, id_or_uuid)
            retry_id = _attempt(reads, record, request).retry_id if request.task_name else None
        query = LogQuery(
            task=request.task_name or None,
            retry_id=retry_id,
            pattern=request.query or None,
            last_n_lines=self._backlog(record, request.last_n_lines),
        )
        whole = query.task is None and query.pattern is None
        return _FollowedText(
            self._opened(record, query), closing=(lambda: self._banner(record, links)) if whole else bytes
        )

    def error_log(self, id_or_uuid: str, request: LogRequest, links: Links) -> str:
        """The last lines of a failed attempt; without a task, where to find those of all failed attempts.

        Errors: UnknownWorkflow; Refusal where the attempt did not fail in a way that leaves error logs.
        """
        _check_lines(request)
        with self._store.reading() as reads:
            record = known_workflow(reads, id_or_uuid)
            if not request.task_name:
                return _index(record, reads.attempts(record.uuid, all_retries=True), links)
            task = _attempt(reads, record, request)
        if not task.status.has_error_logs:
            raise Refusal(
                f"Task {task.name} has no error logs: its status is {task.status}.", workflow_id=record.workflow_id
            )
        limit = self._config().workflow.max_error_log_lines
        query = LogQuery(
            task=task.name,
            retry_id=task.retry_id,
            pattern=request.query or None,
            last_n_lines=min(limit, request.last_n_lines or limit),
        )
        try:
            return "".join(f"{line_text(line)}\n" for line in self._logs.read(record.uuid, query))
        except BadPattern as error:
            raise _bad_pattern(error) from error
        except LogGone as error:
            raise NotThere(str(error), workflow_id=record.workflow_id) from error

    def _backlog(self, record: WorkflowRecord, last_n_lines: int | None) -> int | None:
        """How many lines to show of what there is; None for all, which can be read piece by piece."""
        if last_n_lines is None or last_n_lines <= _LONG_BACKLOG:
            return last_n_lines
        return None if last_n_lines >= self._logs.line_count(record.uuid) else last_n_lines

    def _opened(self, record: WorkflowRecord, query: LogQuery) -> Follow:
        try:
            return self._logs.follow(record.uuid, query)
        except BadPattern as error:
            raise _bad_pattern(error) from error
        except LogGone as error:
            raise NotThere(str(error), workflow_id=record.workflow_id) from error

    def _banner(self, record: WorkflowRecord, links: Links) -> bytes:
        """What stands below the log of a workflow that failed; nothing below others."""
        with self._store.reading() as reads:
            now = reads.workflow(record.uuid)
        if now is None or not now.status.failed:
            return b""
        lines = [_RULE, f"Workflow {now.workflow_id} failed with status {now.status}."]
        if now.status is WorkflowStatus.FAILED_SUBMISSION and now.failure_message:
            lines.append(now.failure_message)
        lines += [
            f"Status: {links.overview(now.workflow_id)}",
            f"Error logs: {links.error_logs(now.workflow_id)}",
            _RULE,
        ]
        return ("\n".join(lines) + "\n").encode("utf-8", "replace")


class _FollowedText:
    """A follow of the log store as formatted text, with closing words."""

    def __init__(self, follow: Follow, *, closing: Callable[[], bytes]) -> None:
        self._follow = follow
        self._closing: Callable[[], bytes] | None = closing
        self._broken = False

    def advance(self) -> bytes:
        if self._broken:
            return b""
        try:
            lines = self._follow.advance()
        except BadPattern as error:
            # The reply is under way, so its text is the only place left to say it.
            self._broken = True
            return f"{_bad_pattern(error).message}\n".encode("utf-8", "replace")
        except (LogGone, LogUnreachable) as error:
            self._broken = True
            return f"{error}\n".encode("utf-8", "replace")
        if lines:
            return "".join(f"{line_text(line)}\n" for line in lines).encode("utf-8", "replace")
        if self._follow.ended and self._closing is not None:
            closing, self._closing = self._closing, None
            return closing()
        return b""

    @property
    def ended(self) -> bool:
        return self._broken or (self._follow.ended and self._closing is None)

    def on_change(self, wake: Callable[[], None]) -> None:
        self._follow.on_change(wake)

    def close(self) -> None:
        self._follow.close()


def _check_lines(request: LogRequest) -> None:
    if request.last_n_lines is not None and request.last_n_lines < 1:
        raise Refusal(f"last_n_lines must be greater than 0, got {request.last_n_lines}.")


def _attempt(reads: Reads, record: WorkflowRecord, request: LogRequest) -> TaskRecord:
    name, retry_id = request.task_name or "", request.retry_id
    possible = retry_id is None or 0 <= retry_id <= MAX_INTEGER
    task = reads.attempt(record.uuid, name, retry_id) if possible else None
    if task is None:
        raise unknown_task(record, name, retry_id)
    return task


def _index(record: WorkflowRecord, attempts: tuple[TaskRecord, ...], links: Links) -> str:
    table = {
        (task.name if task.retry_id == 0 else f"{task.name} retry-{task.retry_id}"): links.task_error_logs(
            record.workflow_id, task.name, task.retry_id
        )
        for task in attempts
        if task.status.has_error_logs
    }
    if not table:
        return f"Workflow {record.workflow_id} has no error logs.\n"
    return f"Error logs of workflow {record.workflow_id} by task:\n{json.dumps(table, indent=4)}\n"


def _bad_pattern(error: BadPattern) -> Refusal:
    return Refusal(f"The query is not a usable regular expression: {error}")
