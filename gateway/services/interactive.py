"""Connecting to running tasks: who may, when, and to what. Source: api.md §2.10.

The state of workflow and task decides first, with OSMO's kinds of refusal; connecting itself needs a router, which no
backend of this gateway has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from gateway.ports.records import TaskRecord, WorkflowRecord
from gateway.ports.store import Reads, Store
from gateway.services.errors import Forbidden, Gone, NotThere, Refusal, TooEarly
from gateway.services.lookup import known_workflow
from pools.model import Config
from translator.lifecycle.words import TaskStatus, WorkflowStatus

_MAX_PORT = 65535


class Interactive:
    """Answers requests for exec, port-forward, web servers and rsync."""

    def __init__(self, *, store: Store, config: Callable[[], Config]) -> None:
        self._store = store
        self._config = config

    def exec_task(self, id_or_uuid: str, task_name: str) -> NoReturn:
        """Refuse a shell in one task. Errors: Gone, TooEarly, NotThere, Refusal, UnknownWorkflow."""
        with self._store.reading() as reads:
            record = _running_workflow(reads, id_or_uuid)
            _running_task(reads, record, task_name)
        raise _unavailable(record, "exec")

    def exec_group(self, id_or_uuid: str, group_name: str) -> NoReturn:
        """Refuse a command in all running tasks of a group. Errors: as `exec_task`."""
        with self._store.reading() as reads:
            record = _running_workflow(reads, id_or_uuid)
            group = next((one for one in reads.groups(record.uuid) if one.name == group_name), None)
            if group is None:
                raise NotThere(
                    f"Group {group_name} not found in workflow {record.workflow_id}.", workflow_id=record.workflow_id
                )
            _check_running("Group", group_name, group.status, record)
        raise _unavailable(record, "exec")

    def port_forward(self, id_or_uuid: str, task_name: str, ports: Sequence[int]) -> NoReturn:
        """Refuse connections to ports of a task. Errors: as `exec_task`."""
        self._check_ports(ports)
        with self._store.reading() as reads:
            record = _running_workflow(reads, id_or_uuid)
            _running_task(reads, record, task_name)
        raise _unavailable(record, "port-forward")

    def web_server(self, id_or_uuid: str, task_name: str, port: int) -> NoReturn:
        """Refuse a web proxy to a port of a task. Errors: as `exec_task`."""
        self._check_ports([port])
        with self._store.reading() as reads:
            record = _running_workflow(reads, id_or_uuid)
            _running_task(reads, record, task_name)
        raise _unavailable(record, "webserver")

    def rsync(self, id_or_uuid: str, task_name: str) -> NoReturn:
        """Refuse copying files to or from a task. Errors: as `exec_task`; Forbidden where rsync was not enabled."""
        with self._store.reading() as reads:
            record = _running_workflow(reads, id_or_uuid)
            if not record.rsync:
                raise Forbidden(
                    f"Rsync is not enabled for workflow {record.workflow_id}. Ask an administrator to enable "
                    "plugins_config.rsync and submit the workflow again.",
                    workflow_id=record.workflow_id,
                )
            _running_task(reads, record, task_name)
        raise _unavailable(record, "rsync")

    def _check_ports(self, ports: Sequence[int]) -> None:
        limit = self._config().workflow.max_num_ports_per_task
        if not ports:
            raise Refusal("No port is provided!")
        if len(ports) > limit:
            raise Refusal(f"Too many ports: at most {limit} can be forwarded in one call, got {len(ports)}.")
        wrong = [port for port in ports if not 0 < port <= _MAX_PORT]
        if wrong:
            raise Refusal(f"Port {wrong[0]} is not valid: expected 1 to {_MAX_PORT}.")


def _running_workflow(reads: Reads, id_or_uuid: str) -> WorkflowRecord:
    record = known_workflow(reads, id_or_uuid)
    if record.status.finished:
        raise Gone(
            f"Workflow {record.workflow_id} is finished with status {record.status}.", workflow_id=record.workflow_id
        )
    if record.status is not WorkflowStatus.RUNNING:
        raise TooEarly(
            f"Workflow {record.workflow_id} is not running yet: its status is {record.status}.",
            workflow_id=record.workflow_id,
        )
    return record


def _running_task(reads: Reads, record: WorkflowRecord, task_name: str) -> TaskRecord:
    task = reads.attempt(record.uuid, task_name)
    if task is None:
        raise NotThere(f"Task {task_name} not found in workflow {record.workflow_id}.", workflow_id=record.workflow_id)
    _check_running("Task", task_name, task.status, record)
    return task


def _check_running(kind: str, name: str, status: TaskStatus, record: WorkflowRecord) -> None:
    if status.prerunning:
        raise TooEarly(f"{kind} {name} is not running yet: its status is {status}.", workflow_id=record.workflow_id)
    if status is not TaskStatus.RUNNING:
        raise NotThere(f"{kind} {name} is no longer running: its status is {status}.", workflow_id=record.workflow_id)


def _unavailable(record: WorkflowRecord, what: str) -> Refusal:
    return Refusal(f"{what} is not available on this backend ({record.backend}).", workflow_id=record.workflow_id)
