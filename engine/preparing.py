"""What an attempt's cell is made from: its command line, its files, its names on this machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from threading import Event

from engine.admission import Claim
from engine.cells.cell import BOX, CellSpec
from engine.data_moves import Mover
from engine.environment import MissingCredential, command_line
from engine.files import BadFile, injected_files
from engine.services import RunInHand, Services
from engine.strays import marker
from runtime.passport import Bearer
from translator.lifecycle.facts import DatasetMade
from translator.plan.model import TaskPlan

PREPARATION_ERRORS = (MissingCredential, BadFile, OSError, ValueError)
"""What `cell_spec` raises for a task that cannot be prepared; the messages are for users."""


def claim_of(held: RunInHand, task: TaskPlan, retry_id: int) -> Claim:
    """The name of an attempt, unique and the same after a restart of the engine."""
    return Claim(f"{held.run.plan.workflow_uuid}/{task.name}/{retry_id}")


def attempt_directory(services: Services, held: RunInHand, task: TaskPlan, retry_id: int) -> Path:
    """Where an attempt lives."""
    return services.directories.attempt(held.run.plan.workflow_uuid, task.name, retry_id)


def cell_spec(
    services: Services, held: RunInHand, task: TaskPlan, directory: Path, claim: Claim, gpus: tuple[str, ...]
) -> CellSpec:
    """What the cell of an attempt is made for; its directory is new. Errors: PREPARATION_ERRORS."""
    credentials = held.run.credentials
    # Something may be left of an engine that was killed before it began the command.
    services.directories.remove(directory)
    directory.mkdir(parents=True)
    return CellSpec(
        directory=directory,
        name="argosmo-" + re.sub(r"[^\w.-]", "-", claim.replace("/", "-")),
        marker=marker(services.directories.identity, claim),
        task=task,
        command=command_line(task, credentials, services.isolation.base_environment, gpus),
        files=tuple(injected_files(task, credentials)),
        gpus=gpus,
    )


def mover_of(
    services: Services,
    held: RunInHand,
    task: TaskPlan,
    retry_id: int,
    stopped: Event,
    say: Callable[[str], None],
    made: Callable[[DatasetMade], None],
) -> Mover:
    """What moves the data of an attempt. Shape: `say` and `made` are called on the engine's thread."""
    return Mover(
        places=held.places,
        workflow=held.run.plan.workflow_id,
        task=task,
        osmo=attempt_directory(services, held, task, retry_id) / BOX / "osmo",
        writer=claim_of(held, task, retry_id),
        stopped=stopped,
        say=lambda text: services.reactor.post(lambda: say(text)),
        bearer=lambda: _bearer(held, task, retry_id),
        made=lambda dataset: services.reactor.post(lambda: made(dataset)),
    )


def _bearer(held: RunInHand, task: TaskPlan, retry_id: int) -> Bearer:
    plan = held.run.plan
    return Bearer(
        workflow_id=plan.workflow_id,
        workflow_uuid=plan.workflow_uuid,
        group=next(group.name for group in plan.groups if any(one.name == task.name for one in group.tasks)),
        task=task.name,
        task_uuid=task.uuid,
        retry_id=retry_id,
        image=task.image,
    )
