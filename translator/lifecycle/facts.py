"""What was observed, or asked for. Facts may come twice and late; the reducer must not mind.

Times are naive UTC `datetime`s, as OSMO shows them.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from translator.lifecycle.words import TaskStatus
from translator.plan.model import GroupName, TaskName


class Fact(msgspec.Struct, frozen=True, gc=False):
    """Base of all facts."""


class Accepted(Fact, frozen=True, kw_only=True, tag="accepted"):
    """The workflow's rows exist; groups without upstream may be created."""

    at: datetime


class DatasetMade(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An output that was stored as the files of a dataset, in whole.

    Shape: `output` is its place in the task's list of outputs, `manifest` the SHA-256 of its list of files.
    Units: size in bytes.
    """

    output: int
    manifest: str
    files: int
    size: int


class TaskObserved(Fact, frozen=True, kw_only=True, tag="task"):
    """What a runner sees of one attempt of one task.

    Shape: `status` is SCHEDULING, INITIALIZING, RUNNING or a finished word other than RESCHEDULED; `exit_code` comes
    with every pod-derived end (workflow-spec.md §5.6), also 0. Exit actions are applied by the reducer, not by the
    runner. Empty strings: not known (keep what is known). `made` comes with the end and is no part of the state: it is
    kept as versions of datasets.
    """

    task: TaskName
    retry_id: int
    status: TaskStatus
    at: datetime
    exit_code: int | None = None
    message: str = ""
    node: str = ""
    pod_name: str = ""
    pod_ip: str = ""
    made: tuple[DatasetMade, ...] = ()


class DataObserved(Fact, frozen=True, kw_only=True, tag="data"):
    """A data operation of one attempt began or ended. None: nothing new."""

    task: TaskName
    retry_id: int
    input_download_start_time: datetime | None = None
    input_download_end_time: datetime | None = None
    output_upload_start_time: datetime | None = None


class CancelRequested(Fact, frozen=True, kw_only=True, tag="cancel"):
    """A user wants the workflow to end."""

    user: str
    at: datetime
    message: str = ""
    force: bool = False


class GroupCreationFailed(Fact, frozen=True, kw_only=True, tag="group-creation-failed"):
    """The runner could not create the group's objects (3002). `message` without the prefix."""

    group: GroupName
    message: str
    at: datetime


class TaskCreationFailed(Fact, frozen=True, kw_only=True, tag="task-creation-failed"):
    """The runner could not create a rescheduled task again (3001). `message` without the prefix."""

    task: TaskName
    retry_id: int
    message: str
    at: datetime


class GroupCleaned(Fact, frozen=True, kw_only=True, tag="group-cleaned"):
    """Nothing of the group runs any more and its last logs were read."""

    group: GroupName
    at: datetime


class Tick(Fact, frozen=True, kw_only=True, tag="tick"):
    """Time went by: due timers fire."""

    at: datetime


AnyFact = (
    Accepted
    | TaskObserved
    | DataObserved
    | CancelRequested
    | GroupCreationFailed
    | TaskCreationFailed
    | GroupCleaned
    | Tick
)
