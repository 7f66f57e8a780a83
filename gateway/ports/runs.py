"""The values between the mirror and the store: unfinished workflows and what changes in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from engine.ports import EventLine
from gateway.ports.datasets import MadeVersion
from gateway.ports.logs import LogEnd
from translator.lifecycle.facts import CancelRequested
from translator.lifecycle.state import WorkflowState
from translator.plan.model import WorkflowUuid

FIRST_FENCE = 0
"""The fencing number of a workflow that nobody took over yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """Who may write a workflow: the process `instance`, with the fencing number `fence`. None: nobody yet.

    Shape: `backend` is the one it was submitted to; only a process with a runner for it is to take it over.
    """

    uuid: WorkflowUuid
    backend: str
    instance: str | None
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Something that becomes due. `kind` and `subject` (a group or task) name it within its workflow."""

    kind: str
    subject: str
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """All that is known of one workflow. Shape: `plan` as `translator.plan.model.encode` wrote it."""

    owner: Owned
    plan: bytes
    state: WorkflowState
    sealed: bool
    timers: frozenset[Timer]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """One workflow's part of a transaction of the mirror.

    Shape: `before` is what the rows hold, `after` what they shall hold, and only the difference is written. Of timers
    the difference is given; one that moves is gone and new. `cancels` are the requests that `after` has answered.
    `sealed`: nothing will change any more. `made` become versions of datasets, each once.
    """

    uuid: WorkflowUuid
    fence: int
    before: WorkflowState
    after: WorkflowState
    timers_gone: Sequence[Timer] = ()
    timers_new: Sequence[Timer] = ()
    events: Sequence[EventLine] = field(default_factory=tuple)
    cancels: Sequence[int] = field(default_factory=tuple)
    sealed: bool = False
    made: Sequence[MadeVersion] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequest:
    """A user's wish to end a workflow, kept until the mirror has acted on it."""

    number: int
    uuid: WorkflowUuid
    fact: CancelRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A process that runs workflows. Shape: `place` is the machine and directory where its lock is to be found."""

    name: str
    place: str
    pid: int
    started_at: datetime
    heartbeat_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The index of one compressed piece of a workflow's log.

    Shape: `number` counts from 1 without gaps; `first_line` is the number of lines in the pieces before;
    `attempts[(task, retry_id)]` the lines of each attempt in it; `ends[(task, retry_id, system)]` how far each goes in
    it, None where an earlier version did not keep that.
    Units: bytes before and after compression.
    """

    number: int
    first_line: int
    lines: int
    first_at: datetime
    last_at: datetime
    raw_bytes: int
    stored_bytes: int
    attempts: dict[tuple[str, int], int]
    ends: Mapping[tuple[str, int, bool], LogEnd] | None = None
