"""One workflow in a gateway of this process: submitted, shown, canceled on request, until nothing is left of it."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cli.display import Display, TaskLine
from cli.interrupts import Interrupts
from cli.output import note
from gateway.main import Gateway
from gateway.schemas.workflows import WorkflowQuery
from gateway.services.errors import Refusal
from gateway.services.growing import Growing
from gateway.services.links import Links
from gateway.services.logs import LogRequest
from gateway.services.submit import SubmitRequest
from translator.plan.model import WorkflowUuid

# A log line without its time is what a person wants to see of his own run; what has no time is no line of a task.
_LINE = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d (\[.*)", re.DOTALL)
_LOOK_SECONDS = 0.1
_TASKS_SECONDS = 0.2
# Nothing here is read by a browser.
_NO_LINKS = Links()


class LocalRun:
    """Runs one workflow in a started gateway."""

    def __init__(self, gateway: Gateway, display: Display, interrupts: Interrupts) -> None:
        self._gateway = gateway
        self._services = gateway.services
        self._caller = gateway.context.login.caller({})
        self._display = display
        self._interrupts = interrupts
        self._heeded = 0
        self._tasks_shown_at = 0.0

    def run(self, request: SubmitRequest) -> WorkflowQuery:
        """Submit, and show what happens until the workflow is sealed; what became of it.

        Errors: SubmissionRefused, Refusal.
        """
        workflow_id = self._services.submit.submit(self._caller, request, _NO_LINKS).name
        with self._display:
            self._watch(workflow_id)
        return self._detail(workflow_id)

    def _watch(self, workflow_id: str) -> None:
        with self._opened(workflow_id) as (log, changed):
            pending = b""
            while True:
                self._heed_interrupts(workflow_id)
                changed.clear()
                data = log.advance()
                if data:
                    *lines, pending = (pending + data).split(b"\n")
                    self._display.lines([match[1] for line in lines if (match := _LINE.match(_text(line)))])
                elif log.ended:
                    return
                self._show_tasks(workflow_id)
                if not data:
                    changed.wait(_LOOK_SECONDS)

    @contextmanager
    def _opened(self, workflow_id: str) -> Iterator[tuple[Growing, threading.Event]]:
        changed = threading.Event()
        log = self._services.logs.follow(workflow_id, LogRequest(), _NO_LINKS)
        uuid = WorkflowUuid(self._detail(workflow_id).uuid)
        unlisten = self._gateway.mirror.listen(lambda _uuid: changed.set(), uuid)
        try:
            log.on_change(changed.set)
            yield log, changed
        finally:
            unlisten()
            log.close()

    def _heed_interrupts(self, workflow_id: str) -> None:
        if self._heeded >= self._interrupts.count:
            return
        self._heeded += 1
        force = self._heeded > 1
        if force:
            note(f"Killing the tasks of {workflow_id}.")
        else:
            note(f"Canceling {workflow_id}. Press Ctrl-C again to kill its tasks at once.")
        # Refused where the workflow has just finished: then there is nothing to cancel.
        with contextlib.suppress(Refusal):
            self._services.cancel.request(self._caller, workflow_id, message="Interrupted", force=force)

    def _show_tasks(self, workflow_id: str) -> None:
        now = time.monotonic()
        if not self._display.shows_tasks or now - self._tasks_shown_at < _TASKS_SECONDS:
            return
        self._tasks_shown_at = now
        self._display.tasks(
            [
                TaskLine(name=task.name, status=task.status, retry_id=task.retry_id)
                for group in self._detail(workflow_id).groups
                for task in group.tasks
            ]
        )

    def _detail(self, workflow_id: str) -> WorkflowQuery:
        return self._services.query.detail(workflow_id, _NO_LINKS, skip_groups=False, verbose=False)


def failure_lines(workflow: WorkflowQuery) -> list[str]:
    """Why a workflow did not complete: one line for each task that failed by itself."""
    return [
        f"{task.name}: {task.status}{_ending(task.exit_code, task.failure_message)}"
        for group in workflow.groups
        for task in group.tasks
        if task.status.failed
    ]


def _ending(exit_code: int | None, message: str | None) -> str:
    code = "" if exit_code is None else f", exit code {exit_code}"
    return f"{code}: {message}" if message else code


def _text(line: bytes) -> str:
    return line.decode(errors="replace")
