"""The port to the database: what may be asked of it, and what may be changed.

One request or one step of a loop is one transaction: the edge opens a session (`with store.writing() as writes:`),
hands it down, and leaving the block commits; an exception rolls everything back. Nothing below the edge commits.
A reading session sees one consistent state of the database. No network call or runner stands inside a session.
Errors of all methods: StoreUnavailable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from gateway.ports.archive import ArchiveReads, ArchiveWrites
from gateway.ports.credentials import StoredCredential
from gateway.ports.datasets import DatasetReads, DatasetWrites
from gateway.ports.records import (
    DocumentKind,
    EventRecord,
    FailedSubmission,
    GroupRecord,
    NewWorkflow,
    Page,
    Profile,
    ResourceSum,
    TaskEntry,
    TaskFilter,
    TaskRecord,
    UnfinishedCounts,
    WorkflowFilter,
    WorkflowPage,
    WorkflowRecord,
)
from gateway.ports.retention import RetentionReads, RetentionWrites
from gateway.ports.runs import CancelRequest, Instance, Owned, Segment, StateChange, StoredRun
from translator.lifecycle.facts import CancelRequested
from translator.lifecycle.words import WorkflowStatus
from translator.plan.model import WorkflowUuid


class WorkflowReads(Protocol):
    """Questions about workflows."""

    def workflow(self, id_or_uuid: str) -> WorkflowRecord | None:
        """The workflow with this id (`hello-1`) or uuid (32 hex digits)."""

    def workflows(self, chosen: WorkflowFilter, page: Page) -> WorkflowPage:
        """The workflows that pass, by submit time."""

    def tags(self, uuid: WorkflowUuid) -> tuple[str, ...]:
        """The tags of a workflow, sorted."""

    def document(self, uuid: WorkflowUuid, kind: DocumentKind) -> str | None:
        """A text kept with the workflow."""

    def submitters(self) -> tuple[str, ...]:
        """All who ever submitted a workflow, sorted."""

    def submitters_called(self, name: str) -> tuple[str, ...]:
        """The submitters with this very name or, where there is none, those named `<name>@…`, sorted."""

    def unfinished_by_status(self) -> Mapping[WorkflowStatus, int]:
        """How many workflows have each of the living statuses; a status that none has is absent."""

    def unfinished_counts(self, user: str) -> UnfinishedCounts:
        """What a user has going on. In a writing session it cannot change before the commit on SQLite."""

    def claimed_key(self, user: str, key: str, digest: bytes) -> WorkflowUuid | None:
        """The workflow that was accepted under an idempotency key; None where the key is new.

        Errors: KeyConflict if the key came with another digest.
        """


class TaskReads(Protocol):
    """Questions about groups, tasks and events."""

    def groups(self, uuid: WorkflowUuid) -> tuple[GroupRecord, ...]:
        """The groups of a workflow, in the Plan's order."""

    def attempts(self, uuid: WorkflowUuid, *, all_retries: bool = False) -> tuple[TaskRecord, ...]:
        """The latest attempt of each task, or all of them, by name and then falling retry_id."""

    def attempt(self, uuid: WorkflowUuid, task: str, retry_id: int | None = None) -> TaskRecord | None:
        """One attempt of a task; None: the latest."""

    def tasks(self, chosen: TaskFilter, page: Page) -> tuple[TaskEntry, ...]:
        """The newest attempts that pass, in OSMO's order: SCHEDULING, INITIALIZING, RUNNING, the rest; within that by
        start time (not started first), submit time, name, all falling. `page.descending` False reverses the page, not
        its choice. `page.after` is not used. Source: api.md §1.6, §2.11."""

    def resource_sums(self, chosen: TaskFilter, *, by_workflow: bool = False) -> tuple[ResourceSum, ...]:
        """What the attempts that pass ask for, by user, pool and priority (and workflow), sorted by these.

        Attempts without a pool are left out. Source: api.md §2.11.
        """

    def events(
        self,
        uuid: WorkflowUuid,
        *,
        task: str | None = None,
        retry_id: int | None = None,
        after: int = 0,
        last: int | None = None,
    ) -> tuple[EventRecord, ...]:
        """The events of a workflow in order, of one task or attempt; only those numbered above `after`, only the
        newest `last`."""


class RunReads(Protocol):
    """Questions of the mirror and the log store."""

    def load_run(self, uuid: WorkflowUuid) -> StoredRun | None:
        """All that is known of an accepted workflow; None where there is none (or it is a failed submission)."""

    def unsealed(self, *, besides: str | None = None) -> tuple[Owned, ...]:
        """The workflows that still need a runner, oldest first; not those that the instance `besides` owns."""

    def cancel_requests(self, instance: str) -> tuple[CancelRequest, ...]:
        """Requests not answered yet for workflows that this instance owns, oldest first."""

    def instances(self) -> tuple[Instance, ...]:
        """The processes known to run workflows."""

    def segments(self, uuid: WorkflowUuid) -> tuple[Segment, ...]:
        """The index of a workflow's compressed log, in order."""

    def sealed(self, uuid: WorkflowUuid) -> bool:
        """Whether nothing will change any more; also True of a workflow that does not exist."""


class ProfileReads(Protocol):
    """Questions about users."""

    def profile(self, user: str) -> Profile:
        """A user's choices; the defaults where he made none."""


class CredentialReads(Protocol):
    """Questions about what users keep secret."""

    def credentials(self, user: str) -> tuple[StoredCredential, ...]:
        """All of a user's, by name."""

    def user_key(self, user: str) -> bytes | None:
        """The user's sealed key; None where he has none yet."""

    def user_keys(self) -> Mapping[str, bytes]:
        """The sealed keys of all users."""


class Reads(
    WorkflowReads,
    TaskReads,
    RunReads,
    ProfileReads,
    CredentialReads,
    DatasetReads,
    RetentionReads,
    ArchiveReads,
    Protocol,
):
    """A reading session."""


class Writes(Reads, DatasetWrites, RetentionWrites, ArchiveWrites, Protocol):
    """A writing session: all questions, seeing its own changes, and all changes."""

    def claim_key(self, user: str, key: str, digest: bytes, uuid: WorkflowUuid, now: datetime) -> WorkflowUuid | None:
        """Bind an idempotency key to the workflow that is about to be inserted in this transaction.

        None: the key is new, go on. A uuid: the same request was accepted before as that workflow; insert nothing.
        Call it first in the transaction, so that a repeated request consumes no number. Two requests at the same time
        wait for each other here. Shape: `digest` is a hash of the request, pool and parameters included.
        Errors: KeyConflict if the key came with another digest.
        """

    def reserve_number(self, name: str) -> int:
        """One more than the highest number that workflows of this name have used.

        In the transaction of the insert: a rollback gives the number back. Source: workflow-spec.md §4.2.
        """

    def insert_workflow(self, new: NewWorkflow) -> None:
        """Keep an accepted workflow; once this is committed it will be run, whatever happens to the process."""

    def insert_failed_submission(self, refused: FailedSubmission) -> None:
        """Keep the record of a refused submission."""

    def request_cancel(self, uuid: WorkflowUuid, request: CancelRequested) -> None:
        """Keep a user's wish to end the workflow and mark it `cancelled_by` at once; the mirror does the rest.

        After the commit, call `Mirror.attend`. Safe to repeat.
        """

    def change_tags(self, uuid: WorkflowUuid, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Take tags off, then put tags on."""

    def set_profile(
        self,
        user: str,
        *,
        pool: str | None = None,
        email_notification: bool | None = None,
        slack_notification: bool | None = None,
    ) -> None:
        """Change a user's choices; None leaves one as it is."""

    def take_over(self, owned: Owned, instance: str) -> Owned | None:
        """Become the owner of a workflow; None where somebody else was faster."""

    def save_changes(self, changes: Sequence[StateChange]) -> None:
        """Write what differs between each before and after, all of it or nothing.

        Errors: Fenced if another process has taken one of them over.
        """

    def beat(self, instance: Instance) -> None:
        """Keep or renew the row of a process."""

    def forget_instance(self, name: str) -> None:
        """Drop the row of a process that has ended."""

    def add_segment(self, uuid: WorkflowUuid, segment: Segment) -> None:
        """Index a piece of a log. Safe to repeat."""

    def put_credential(self, user: str, credential: StoredCredential) -> None:
        """Store one; those of the same name or the same profile give way to it."""

    def delete_credential(self, user: str, name: str) -> bool:
        """Remove one; whether it was there."""

    def new_user_key(self, user: str, sealed: bytes) -> bytes:
        """Give a user a key unless he has one, and return the one he has."""

    def replace_user_key(self, user: str, sealed: bytes) -> None:
        """Keep a user's key sealed in another way."""

    def signing_key(self, name: str, made: bytes) -> bytes:
        """The key of this name that all processes on the database use: `made` if there was none, kept from now on."""

    def purge(self, uuids: Sequence[WorkflowUuid]) -> None:
        """Drop sealed workflows with all that belongs to them but their log files (`Logs.remove`: before this).

        Numbers and submitters stay.
        """


class Store(Protocol):
    """The database."""

    def reading(self) -> AbstractContextManager[Reads]:
        """A session that sees one consistent state and changes nothing."""

    def writing(self, *, durable: bool = False) -> AbstractContextManager[Writes]:
        """A session whose changes are committed together at the end of the block.

        durable: also survives a power cut (an accepted submission, a cancel request); without it only the end of the
        process is survived, and the database is intact either way. On SQLite there is one writing session at a time.
        """

    def counts(self) -> Mapping[str, int]:
        """How often sessions were opened, committed and rolled back, for metrics."""

    def close(self) -> None:
        """Let go of all connections."""
