"""OSMO's status words and the closed questions about them. Source: workflow-spec.md §5.1."""

from __future__ import annotations

from enum import StrEnum


class WorkflowStatus(StrEnum):
    """Status of a workflow. Note the single L in CANCELED."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    FAILED_SUBMISSION = "FAILED_SUBMISSION"
    FAILED_SERVER_ERROR = "FAILED_SERVER_ERROR"
    FAILED_EXEC_TIMEOUT = "FAILED_EXEC_TIMEOUT"
    FAILED_QUEUE_TIMEOUT = "FAILED_QUEUE_TIMEOUT"
    FAILED_CANCELED = "FAILED_CANCELED"
    FAILED_BACKEND_ERROR = "FAILED_BACKEND_ERROR"
    FAILED_IMAGE_PULL = "FAILED_IMAGE_PULL"
    FAILED_EVICTED = "FAILED_EVICTED"
    FAILED_START_ERROR = "FAILED_START_ERROR"
    FAILED_START_TIMEOUT = "FAILED_START_TIMEOUT"
    FAILED_PREEMPTED = "FAILED_PREEMPTED"

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to the workflow."""
        return self not in _ALIVE_WORKFLOW

    @property
    def failed(self) -> bool:
        """Whether the workflow ended, and not with COMPLETED."""
        return self.finished and self is not WorkflowStatus.COMPLETED


class TaskStatus(StrEnum):
    """Status of a task attempt or of a group (one enumeration, as OSMO has it)."""

    SUBMITTING = "SUBMITTING"
    WAITING = "WAITING"
    PROCESSING = "PROCESSING"
    SCHEDULING = "SCHEDULING"
    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    RESCHEDULED = "RESCHEDULED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    FAILED_CANCELED = "FAILED_CANCELED"
    FAILED_SERVER_ERROR = "FAILED_SERVER_ERROR"
    FAILED_BACKEND_ERROR = "FAILED_BACKEND_ERROR"
    FAILED_EXEC_TIMEOUT = "FAILED_EXEC_TIMEOUT"
    FAILED_QUEUE_TIMEOUT = "FAILED_QUEUE_TIMEOUT"
    FAILED_IMAGE_PULL = "FAILED_IMAGE_PULL"
    FAILED_UPSTREAM = "FAILED_UPSTREAM"
    FAILED_EVICTED = "FAILED_EVICTED"
    FAILED_START_ERROR = "FAILED_START_ERROR"
    FAILED_START_TIMEOUT = "FAILED_START_TIMEOUT"
    FAILED_PREEMPTED = "FAILED_PREEMPTED"

    @property
    def finished(self) -> bool:
        """Whether a task attempt with this status is over."""
        return self not in _ALIVE_TASK

    @property
    def group_finished(self) -> bool:
        """Whether a group with this status is over; RESCHEDULED is no end for a group."""
        return self.finished and self is not TaskStatus.RESCHEDULED

    @property
    def failed(self) -> bool:
        """Whether this is one of the FAILED words."""
        return self in _FAILED

    @property
    def canceled_family(self) -> bool:
        """Ended from outside: by a cancel or by a timer of the group. No exit code belongs to it."""
        return self in _CANCELED_FAMILY

    @property
    def prescheduling(self) -> bool:
        """SUBMITTING, WAITING or PROCESSING."""
        return self in _PRESCHEDULING

    @property
    def in_queue(self) -> bool:
        """Prescheduling, or SCHEDULING."""
        return self in _PRESCHEDULING or self is TaskStatus.SCHEDULING

    @property
    def prerunning(self) -> bool:
        """In queue, or INITIALIZING."""
        return self.in_queue or self is TaskStatus.INITIALIZING

    @property
    def has_error_logs(self) -> bool:
        """Whether the tail of the pod's log is kept as error log of the attempt."""
        return self is TaskStatus.RESCHEDULED or (self.failed and self not in _WITHOUT_ERROR_LOGS)


_ALIVE_WORKFLOW = frozenset({WorkflowStatus.PENDING, WorkflowStatus.RUNNING, WorkflowStatus.WAITING})
_PRESCHEDULING = frozenset({TaskStatus.SUBMITTING, TaskStatus.WAITING, TaskStatus.PROCESSING})
_ALIVE_TASK = _PRESCHEDULING | {TaskStatus.SCHEDULING, TaskStatus.INITIALIZING, TaskStatus.RUNNING}
_FAILED = frozenset(TaskStatus) - _ALIVE_TASK - {TaskStatus.COMPLETED, TaskStatus.RESCHEDULED}
_CANCELED_FAMILY = frozenset(
    {TaskStatus.FAILED_CANCELED, TaskStatus.FAILED_EXEC_TIMEOUT, TaskStatus.FAILED_QUEUE_TIMEOUT}
)
_WITHOUT_ERROR_LOGS = _CANCELED_FAMILY | {
    TaskStatus.FAILED_UPSTREAM,
    TaskStatus.FAILED_SERVER_ERROR,
    TaskStatus.FAILED_EVICTED,
    TaskStatus.FAILED_START_ERROR,
    TaskStatus.FAILED_IMAGE_PULL,
}


class ExitCode:
    """Service-defined exit codes. Source: workflow-spec.md §5.6."""

    IMAGE_PULL_BACKOFF = 301
    IMAGE_PULL = 302
    CRASH_LOOP = 304
    WAITING_OTHER = 999
    DOWNLOAD_FAILED = 2010
    UPLOAD_FAILED = 2012
    ACCESS_UNCHECKED = 2013
    ACCESS_DENIED = 2014
    SIDECAR_OTHER = 2040
    UPSTREAM = 3000
    BACKEND_ERROR = 3001
    SERVER_ERROR = 3002
    START_ERROR = 3003
    EVICTED = 3004
    START_TIMEOUT = 3005
    PREEMPTED = 3006
    UNKNOWN = 4000
