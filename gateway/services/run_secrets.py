"""From a Plan to what a runner gets: the Plan with the secrets it refers to, and no others.

Source: workflow-spec.md §2.13, §6.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog

from engine.ports import Run
from gateway.ports.store import Reads
from gateway.ports.vault import SealBroken
from gateway.services.credentials import Credentials
from translator.plan.images import image_location
from translator.plan.model import DatasetInput, Plan, TaskPlan, UrlInput
from translator.plan.urls import LocationError, location

_LOG = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What a Plan refers to. Shape: names of generic credentials; profiles of data; locations of images."""

    names: frozenset[str]
    profiles: frozenset[str]
    images: frozenset[str]

    def login(self, scope: str) -> bool:
        """Whether one of the images is pulled from within a scope."""
        return any(f"{image}/".startswith(f"{scope}/") for image in self.images)


class RunSecretsReader:
    """Opens the credentials of a workflow's owner that its Plan refers to."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def run(self, reads: Reads, plan: Plan) -> Run:
        """The Plan with its secrets; without them where they do not open, and then its tasks say what is missing."""
        stored = self._credentials.seen_by(reads, plan.owner)
        if stored.is_empty:
            return Run(plan=plan)
        wanted = needed(plan)
        try:
            generic = stored.generic(wanted.names) if wanted.names else {}
            data = stored.data() if wanted.profiles else {}
            logins = stored.registries()
        except SealBroken as error:
            _LOG.error("credentials do not open", workflow_id=plan.workflow_id, reason=str(error))
            return Run(plan=plan)
        return Run(
            plan=plan,
            credentials=generic,
            data_keys={profile: key for profile, key in data.items() if profile in wanted.profiles},
            registries=tuple(login for login in logins if wanted.login(login.scope)),
        )


def needed(plan: Plan) -> Needed:
    """What a Plan refers to."""
    tasks = [task for group in plan.groups for task in group.tasks]
    variables = {entry.credential for task in tasks for entry in task.credential_env}
    return Needed(
        names=frozenset(variables.union(entry.credential for task in tasks for entry in task.credential_files)),
        profiles=frozenset(_profiles(tasks)),
        images=frozenset(image_location(task.image) for task in tasks),
    )


def _profiles(tasks: Sequence[TaskPlan]) -> Iterator[str]:
    for task in tasks:
        for url in _urls(task):
            try:
                yield location(url, local=True).profile
            except LocationError:
                # A token that was resolved into nonsense: the transfer says so.
                continue


def _urls(task: TaskPlan) -> Iterator[str]:
    yield from (entry.url for entry in task.inputs if isinstance(entry, UrlInput))
    yield from (entry.location for entry in task.inputs if isinstance(entry, DatasetInput))
    yield from (entry.url for entry in task.outputs)
    yield from (entry.location for entry in task.datasets)
    yield from (entry.url for entry in task.checkpoints)
