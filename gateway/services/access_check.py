"""Whether the locations of a spec are open to its user, asked before anything runs.

Source: workflow-spec.md §1.2 step 17, §6.5.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from gateway.ports.credentials import AccessProbe, AccessRefused
from gateway.services.credentials import Credentials
from pools.model import Config
from storage.credentials import DataCredential
from storage.probe import Access
from translator.plan.datasets import NO_CATALOG, DatasetCatalog, dataset_uses
from translator.plan.findings import Locate
from translator.plan.outline import OutlineTask
from translator.plan.urls import FILE_SCHEME, LocationError, location
from translator.problems import ErrorCode, Problem, SpecError
from translator.spec.data_model import InputUrl, OutputUrl

_REMEMBERED_FOR = timedelta(minutes=5)
_MOST_REMEMBERED = 10_000


class _Asked(NamedTuple):
    url: str
    access: Access
    path: str


class AccessCheck:
    """Tries locations out with the user's own credentials; what was open counts as open for a while."""

    def __init__(self, *, credentials: Credentials, probe: AccessProbe, now: Callable[[], datetime]) -> None:
        self._credentials = credentials
        self._probe = probe
        self._now = now
        self._open: dict[tuple[str, str, Access, str], datetime] = {}
        self._lock = threading.Lock()

    def check(
        self,
        user: str,
        tasks: Sequence[OutlineTask],
        config: Config,
        locate: Locate,
        datasets: DatasetCatalog = NO_CATALOG,
    ) -> None:
        """Return if all locations are open, as far as the user has a credential for them.

        Those without one are left to the run, where the machine's own identity may serve. Errors: SpecError of class
        CREDENTIAL with all that are not open; SealBroken.
        """
        unchecked = config.workflow.credential_config.disable_data_validation
        asked = dict.fromkeys((*_asked(tasks, unchecked), *_asked_of_datasets(tasks, datasets, unchecked)))
        if not asked:
            return
        keys = self._credentials.of(user).data()
        problems = []
        for one in asked:
            key = keys.get(_profile(one.url))
            refusal = None if key is None else self._refusal(user, one, key)
            if refusal is not None:
                line, column = locate(one.path) or (None, None)
                problems.append(Problem(code="data-access", message=refusal, path=one.path, line=line, column=column))
        if problems:
            raise SpecError(problems, error_code=ErrorCode.CREDENTIAL, records_submission=True)

    def _refusal(self, user: str, asked: _Asked, key: DataCredential) -> str | None:
        known = (user, asked.url, asked.access, hashlib.sha256(msgspec.json.encode(key)).hexdigest())
        with self._lock:
            if self._open.get(known, datetime.min) > self._now() - _REMEMBERED_FOR:
                return None
        try:
            self._probe.location(asked.url, asked.access, key)
        except AccessRefused as error:
            return f"No {asked.access} access to {asked.url} with the credential of {user}: {error}"
        with self._lock:
            if len(self._open) >= _MOST_REMEMBERED:
                self._open.clear()
            self._open[known] = self._now()
        return None


def _asked(tasks: Sequence[OutlineTask], unchecked: Collection[str]) -> Iterator[_Asked]:
    for task in tasks:
        for index, entry in enumerate(task.spec.inputs):
            if isinstance(entry, InputUrl):
                yield from _one(entry.url, Access.READ, f"{task.path}.inputs[{index}].url", unchecked)
        for index, output in enumerate(task.spec.outputs):
            if not isinstance(output, OutputUrl):
                continue
            yield from _one(output.url, Access.WRITE, f"{task.path}.outputs[{index}].url", unchecked)


def _asked_of_datasets(
    tasks: Sequence[OutlineTask], datasets: DatasetCatalog, unchecked: Collection[str]
) -> Iterator[_Asked]:
    for task in tasks:
        for use in dataset_uses(task.spec, task.path):
            if use.is_output:
                yield from _one(datasets.location_for(use.name), Access.WRITE, use.path, unchecked)
            elif use.name in datasets.versions:
                yield from _one(datasets.versions[use.name].location, Access.READ, use.path, unchecked)


def _one(url: str, access: Access, path: str, unchecked: Collection[str]) -> Iterator[_Asked]:
    scheme = url.partition("://")[0]
    # What a token stands for is known when the workflow has its id.
    if scheme not in unchecked and scheme != FILE_SCHEME and "{{" not in url:
        yield _Asked(url, access, path)


def _profile(url: str) -> str:
    try:
        return location(url, local=False).profile
    except LocationError:
        # The rules have refused it already, or it is for this machine alone.
        return ""
