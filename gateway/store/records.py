"""Rows as the values of `gateway.ports.records`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from gateway.ports.records import AppRef, GroupRecord, Parent, TaskEntry, TaskRecord, WorkflowRecord
from gateway.store.texts import string_list, string_map
from translator.lifecycle.words import TaskStatus, WorkflowStatus
from translator.plan.model import GroupName, Priority, TaskName, WorkflowId, WorkflowUuid


def workflow_record(row: Row[Any]) -> WorkflowRecord:
    """A row of `workflows`."""
    parent = None if row.parent_name is None else Parent(name=row.parent_name, number=row.parent_number)
    app = None
    if row.app_uuid is not None:
        app = AppRef(uuid=row.app_uuid, version=row.app_version, owner=row.app_owner, name=row.app_name)
    return WorkflowRecord(
        uuid=WorkflowUuid(row.workflow_uuid),
        workflow_id=WorkflowId(row.workflow_id),
        name=row.workflow_name,
        number=row.number,
        submitted_by=row.submitted_by,
        cancelled_by=row.cancelled_by if row.cancelled_by is not None else row.cancel_requested_by,
        status=WorkflowStatus(row.status),
        failure_message=row.failure_message,
        submit_time=row.submit_time,
        start_time=row.start_time,
        end_time=row.end_time,
        exec_timeout_seconds=row.exec_timeout_seconds,
        queue_timeout_seconds=row.queue_timeout_seconds,
        backend=row.backend,
        pool=row.pool,
        priority=Priority(row.priority),
        labels=string_map(row.labels),
        outputs=row.outputs,
        parent=parent,
        app=app,
        rsync=row.rsync,
        sealed=row.sealed,
    )


def group_record(row: Row[Any]) -> GroupRecord:
    """A row of `groups`."""
    return GroupRecord(
        name=GroupName(row.name),
        uuid=row.group_uuid,
        status=TaskStatus(row.status),
        failure_message=row.failure_message,
        remaining_upstream=tuple(GroupName(name) for name in string_list(row.remaining_upstream)),
        downstream=tuple(GroupName(name) for name in string_list(row.downstream)),
        processing_start_time=row.processing_start_time,
        scheduling_start_time=row.scheduling_start_time,
        initializing_start_time=row.initializing_start_time,
        start_time=row.start_time,
        end_time=row.end_time,
        cleaned_up=row.cleaned_up,
    )


def task_record(row: Row[Any]) -> TaskRecord:
    """A row of `tasks`."""
    return TaskRecord(
        name=TaskName(row.name),
        uuid=row.task_uuid,
        group=GroupName(row.group_name),
        lead=row.lead,
        retry_id=row.retry_id,
        status=TaskStatus(row.status),
        exit_code=row.exit_code,
        failure_message=row.failure_message,
        processing_start_time=row.processing_start_time,
        scheduling_start_time=row.scheduling_start_time,
        initializing_start_time=row.initializing_start_time,
        input_download_start_time=row.input_download_start_time,
        input_download_end_time=row.input_download_end_time,
        start_time=row.start_time,
        output_upload_start_time=row.output_upload_start_time,
        end_time=row.end_time,
        node_name=row.node_name,
        pod_name=row.pod_name,
        pod_ip=row.pod_ip,
        cpu=row.cpu,
        gpu=row.gpu,
        memory_bytes=row.memory_bytes,
        storage_bytes=row.storage_bytes,
    )


def task_entry(row: Row[Any]) -> TaskEntry:
    """A row of `tasks`, as an entry of the list of tasks."""
    return TaskEntry(
        task=task_record(row),
        workflow_id=WorkflowId(row.workflow_id),
        workflow_uuid=WorkflowUuid(row.workflow_uuid),
        submitted_by=row.submitted_by,
        submit_time=row.submit_time,
        pool=row.pool,
        priority=Priority(row.priority),
    )
