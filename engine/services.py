"""What attempts and groups of one engine share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.admission import Admission
from engine.cells.cell import Isolation
from engine.data_moves import Places
from engine.directories import Directories
from engine.log_lines import Masker
from engine.ports import Run
from engine.reactor import Reactor
from engine.reporting import Reporter
from engine.transfer_pool import TransferPool


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything of the engine that is not about one workflow.

    Shape: `admit_waiting` is called when something may have become free; `places` says where a
    workflow's data lies and opens it with the keys of its owner; `host` is this machine's name.
    """

    reactor: Reactor
    isolation: Isolation
    admission: Admission
    admit_waiting: Callable[[], None]
    reporter: Reporter
    directories: Directories
    transfers: TransferPool
    places: Callable[[Run], Places]
    host: str
    grace_seconds: float


@dataclass(frozen=True, slots=True)
class RunInHand:
    """A workflow with what is derived from its secrets once."""

    run: Run
    masker: Masker
    places: Places


def in_hand(run: Run, places: Places) -> RunInHand:
    """A workflow, ready for attempts."""
    return RunInHand(run, Masker(run.secret_texts()), places)
