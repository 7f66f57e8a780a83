"""Rules about datasets: those that inputs name exist, and where their files lie can be reached by the backend."""

from __future__ import annotations

from collections.abc import Iterator

from translator.plan.case import Case
from translator.plan.datasets import DatasetCatalog, dataset_uses
from translator.plan.findings import Finding
from translator.plan.outline import OutlineTask
from translator.plan.urls import FILE_SCHEME
from translator.problems import ErrorCode, Severity


def datasets_exist(case: Case) -> Iterator[Finding]:
    """Every version that an input names is there; without a server that is taken on trust, with a warning."""
    known = case.context.datasets
    for task in case.tasks:
        for use in dataset_uses(task.spec, task.path):
            if use.is_output:
                continue
            if known is None:
                message = f"Whether dataset {use.name} exists is known to a server only."
                yield Finding(code="input-not-checked", message=message, path=use.path, severity=Severity.WARNING)
            elif use.name not in known.versions:
                message = f"Dataset {use.name} does not exist. Run `argosmo dataset info` for its versions and tags."
                yield Finding(code="unknown-dataset", message=message, path=use.path)


def datasets_are_shared(case: Case) -> Iterator[Finding]:
    """No dataset of a cluster's task lies in a directory of the gateway's machine."""
    known = case.context.datasets
    if known is None or case.backend.is_local:
        return
    for task in case.tasks:
        for use in dataset_uses(task.spec, task.path):
            place = _location(known, use.name, is_output=use.is_output)
            if place is not None and place.startswith(f"{FILE_SCHEME}:"):
                message = (
                    f"Dataset {use.name} is at {place}, a directory that pods of pool {case.context.pool} cannot see. "
                    "Move it to an object store with `argosmo dataset migrate`, or set "
                    "workflow.workflow_datasets.location for new ones."
                )
                yield Finding(code="bad-url", message=message, path=use.path, error_code=ErrorCode.USAGE)


def dataset_locations(known: DatasetCatalog, task: OutlineTask) -> Iterator[tuple[str, str]]:
    """The locations in object stores that a task's datasets lie at, each with the place of the spec that names it."""
    for use in dataset_uses(task.spec, task.path):
        place = _location(known, use.name, is_output=use.is_output)
        if place is not None and not place.startswith(f"{FILE_SCHEME}:"):
            yield place, use.path


def _location(known: DatasetCatalog, name: str, *, is_output: bool) -> str | None:
    if is_output:
        return known.location_for(name)
    version = known.versions.get(name)
    return None if version is None else version.location
