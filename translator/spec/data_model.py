"""The spec as written: where a task's data comes from and goes to.

Source: workflow-spec.md §2.7, §2.12, §2.13; datasets are ours (docs/datasets.md).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, JsonValue, StringConstraints, Tag

from translator.spec import rules
from translator.spec.dataset_names import BadDatasetName, check_dataset_name, dataset_reference
from translator.spec.faults import fault
from translator.spec.field_types import CoercingSection, Frequency, Regex, Section
from translator.spec.sources import input_kind, input_source, output_destination, output_kind


def _storage_url(url: str) -> str:
    if (message := rules.storage_url_message(url)) is not None:
        raise fault("bad-url", message)
    return url


def _dataset_reference(text: str) -> str:
    try:
        dataset_reference(text)
    except BadDatasetName as error:
        raise fault("bad-name", str(error)) from error
    return text


def _dataset_name(text: str) -> str:
    try:
        check_dataset_name(text)
    except BadDatasetName as error:
        raise fault("bad-name", f"{error} Versions are given by the server.") from error
    return text


def _inner_path(path: str) -> str:
    if any(part == ".." for part in path.split("/")):
        raise fault("bad-path", f"Expected a path below the root of the dataset, got {path!r}.")
    return path


def _absolute_path(path: str) -> str:
    # A token at the front becomes an absolute path itself once it is resolved.
    return path if path.startswith(("/", "{{")) else f"/{path}"


class InputTask(Section):
    """An input that is the output of another task: `NAME`, or `WORKFLOW_ID:NAME` of a finished workflow."""

    task: Annotated[str, StringConstraints(pattern=r"^[^:]+(:[^:]+)?$")]
    regex: Regex = ""

    @property
    def task_name(self) -> str:
        """The name of the task, without the workflow."""
        return self.task.rpartition(":")[2] if ":" in self.task else self.task

    @property
    def workflow_id(self) -> str | None:
        """The id of the earlier workflow; None for a task of this one."""
        return self.task.rpartition(":")[0] if ":" in self.task else None


class InputUrl(Section):
    """An input that is an object-store location."""

    url: str
    regex: Regex = ""


class DatasetSource(Section):
    """A version of a dataset, `NAME[:VERSION|:TAG]`; what is at or below `path` of it."""

    name: Annotated[str, AfterValidator(_dataset_reference)]
    path: Annotated[str, AfterValidator(_inner_path)] = ""
    regex: Regex = ""


class InputDataset(Section):
    """An input that is a version of a dataset."""

    dataset: DatasetSource

    @property
    def regex(self) -> str:
        """What its files' paths have to match."""
        return self.dataset.regex


class OutputUrl(Section):
    """A location to which the output directory is uploaded."""

    url: str
    regex: Regex = ""


class DatasetTarget(CoercingSection):
    """A dataset that gets a new version, of what is at or below `path` of the output directory."""

    name: Annotated[str, AfterValidator(_dataset_name)]
    path: str = ""
    regex: Regex = ""
    labels: dict[str, str] = Field(default_factory=dict)
    metadata: dict[str, JsonValue] = Field(default_factory=dict)


class OutputDataset(Section):
    """An output that becomes a version of a dataset."""

    dataset: DatasetTarget

    @property
    def regex(self) -> str:
        """What its files' paths have to match."""
        return self.dataset.regex


# The tags are no field names, so that a place in pydantic's errors can be told from a tag.
Input = Annotated[
    Annotated[InputTask, Tag("task input")]
    | Annotated[InputUrl, Tag("url input")]
    | Annotated[InputDataset, Tag("dataset input")],
    Discriminator(input_kind),
    BeforeValidator(input_source),
]
Output = Annotated[
    Annotated[OutputUrl, Tag("url output")] | Annotated[OutputDataset, Tag("dataset output")],
    Discriminator(output_kind),
    BeforeValidator(output_destination),
]


class KpiSpec(Section):
    """A file kept with the task's intermediate output."""

    index: str
    path: str


class CheckpointSpec(Section):
    """A directory or glob uploaded while the task runs. Units: `frequency` in whole seconds, at least one."""

    path: Annotated[str, AfterValidator(_absolute_path)]
    url: Annotated[str, AfterValidator(_storage_url)]
    frequency: Frequency
    regex: Regex = ""
