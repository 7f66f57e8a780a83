"""The datasets that a spec names, looked up beforehand: versions for inputs, places for outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from translator.spec.data_model import InputDataset, OutputDataset
from translator.spec.dataset_names import dataset_reference
from translator.spec.model import TaskSpec, WorkflowSpec

UNKNOWN_LOCATION = "s3://datasets"
"""Stands for a place that is not known, where a spec is translated without a server."""

_UNKNOWN_MANIFEST = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownVersion:
    """A version of a dataset. Shape: `manifest` is the SHA-256 of its list of files, which is at `location`."""

    dataset: str
    version: int
    manifest: str
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetCatalog:
    """What is known of the datasets of one spec.

    Shape: `versions` by what the spec wrote (`name:tag`), the unknown left out; `locations` by name, where new versions
    go, the datasets that are not there yet left out: their place is `default_location`.
    """

    versions: Mapping[str, KnownVersion] = field(default_factory=dict)
    locations: Mapping[str, str] = field(default_factory=dict)
    default_location: str = UNKNOWN_LOCATION

    def version(self, text: str) -> KnownVersion:
        """The version that a text means; a well-formed placeholder where none is known."""
        known = self.versions.get(text)
        if known is not None:
            return known
        wanted = dataset_reference(text)
        return KnownVersion(
            dataset=wanted.name, version=wanted.version or 1, manifest=_UNKNOWN_MANIFEST, location=self.default_location
        )

    def location_for(self, name: str) -> str:
        """Where a new version of a dataset goes."""
        return self.locations.get(name, self.default_location)


NO_CATALOG = DatasetCatalog()
"""Where nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetUse:
    """A place of a spec where a dataset is named. Shape: `path` as `workflow.tasks[0].inputs[1].dataset.name`."""

    name: str
    path: str
    is_output: bool


def dataset_uses(task: TaskSpec, path: str) -> Iterator[DatasetUse]:
    """The datasets that a task names, inputs first. Shape: `path` is the task's."""
    for index, entry in enumerate(task.inputs):
        if isinstance(entry, InputDataset):
            yield DatasetUse(name=entry.dataset.name, path=f"{path}.inputs[{index}].dataset.name", is_output=False)
    for index, output in enumerate(task.outputs):
        if isinstance(output, OutputDataset):
            yield DatasetUse(name=output.dataset.name, path=f"{path}.outputs[{index}].dataset.name", is_output=True)


def dataset_references(spec: WorkflowSpec) -> tuple[frozenset[str], frozenset[str]]:
    """What has to be looked up for a spec: versions as written, and names of datasets that get a new one."""
    uses = [use for task in spec.all_tasks() for use in dataset_uses(task, "")]
    return (
        frozenset(use.name for use in uses if not use.is_output),
        frozenset(use.name for use in uses if use.is_output),
    )
