"""The spec as written: one class per section of an OSMO workflow file.

Values have the types the language gives them and nothing more: no pool default, no dependency, no token is resolved
here. Unknown keys and nulls are refused. Attributes are the field names in snake case; the YAML name is the alias.

Source: workflow-spec.md §2; decisions of §10.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    PlainValidator,
    StringConstraints,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from translator.spec import rules, units
from translator.spec.dataset_names import BadDatasetName, check_dataset_name, dataset_reference
from translator.spec.exit_codes import ExitActionTable, exit_action_table
from translator.spec.faults import fault
from translator.spec.labels import label_faults
from translator.spec.names import NAME_PATTERN, implicit_group_name, repeated_name_message, repeated_names
from translator.spec.sources import input_kind, input_source, output_destination, output_kind
from translator.spec.text_maps import credential_map, environment_map

SPEC_VERSION = 2
DEFAULT_RESOURCE = "default"

MAX_DATASET_OUTPUTS = 8
"""Of one task: what became of each has to fit into the last words of its pod."""

# Beyond any machine, and inside the integers of all later formats.
_MAX_COUNT = 10**9


def _regex(pattern: str) -> str:
    if (message := rules.regex_message(pattern)) is not None:
        raise fault("bad-regex", message)
    return pattern


def _file_path(path: str) -> str:
    if (message := rules.file_path_message(path)) is not None:
        raise fault("forbidden-path", message)
    return path


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


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Regex = Annotated[str, AfterValidator(_regex)]
Timeout = Annotated[timedelta | None, PlainValidator(units.timeout)]
Frequency = Annotated[timedelta, PlainValidator(units.frequency)]
Count = Annotated[int, Field(ge=0, le=_MAX_COUNT)]


class RequirementType(StrEnum):
    """Whether a topology domain is a condition or a wish."""

    REQUIRED = "required"
    PREFERRED = "preferred"


class _Section(BaseModel):
    """Base of all sections: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Coercing(_Section):
    """Base of the sections in which a number may stand for a text: `image: 5` is "5"."""

    model_config = ConfigDict(coerce_numbers_to_str=True)


class TimeoutSpec(_Section):
    """`workflow.timeout`. Units: timedelta, per group; None is the pool's default (as zero and null are)."""

    exec_timeout: Timeout = None
    queue_timeout: Timeout = None


class TopologySpec(_Section):
    """One entry of `resources.<name>.topology`."""

    key: str
    group: str = "default"
    requirement_type: RequirementType = Field(default=RequirementType.REQUIRED, alias="requirementType")


class ResourceSpec(_Coercing):
    """`workflow.resources.<name>`.

    Units: cpu in cores, gpu a count (None and 0: not asked for); `memory` and `storage` as written, `*_bytes` what
    they mean, all units binary.
    """

    cpu: Count | None = None
    gpu: Count | None = None
    memory: str | None = None
    storage: str | None = None
    platform: str | None = None
    nodes_excluded: list[str] = Field(default=[], alias="nodesExcluded")
    topology: list[TopologySpec] = []

    @field_validator("memory", "storage")
    @classmethod
    def _is_quantity(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            units.quantity(value, info.field_name or "")
        return value

    @property
    def memory_bytes(self) -> int | None:
        """Memory asked for, None where nothing was."""
        return None if self.memory is None else units.quantity(self.memory, "memory").bytes

    @property
    def storage_bytes(self) -> int | None:
        """Ephemeral storage asked for, None where nothing was."""
        return None if self.storage is None else units.quantity(self.storage, "storage").bytes


# Shared by all tasks, where a plain default would be copied for each.
_NOTHING_ASKED = ResourceSpec()


class InputTask(_Section):
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


class InputUrl(_Section):
    """An input that is an object-store location."""

    url: str
    regex: Regex = ""


class DatasetSource(_Section):
    """A version of a dataset, `NAME[:VERSION|:TAG]`; what is at or below `path` of it."""

    name: Annotated[str, AfterValidator(_dataset_reference)]
    path: Annotated[str, AfterValidator(_inner_path)] = ""
    regex: Regex = ""


class InputDataset(_Section):
    """An input that is a version of a dataset."""

    dataset: DatasetSource

    @property
    def regex(self) -> str:
        """What its files' paths have to match."""
        return self.dataset.regex


class OutputUrl(_Section):
    """A location to which the output directory is uploaded."""

    url: str
    regex: Regex = ""


class DatasetTarget(_Coercing):
    """A dataset that gets a new version, of what is at or below `path` of the output directory."""

    name: Annotated[str, AfterValidator(_dataset_name)]
    path: str = ""
    regex: Regex = ""
    labels: dict[str, str] = Field(default_factory=dict)
    metadata: dict[str, JsonValue] = Field(default_factory=dict)


class OutputDataset(_Section):
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


class KpiSpec(_Section):
    """A file kept with the task's intermediate output."""

    index: str
    path: str


class FileSpec(_Coercing):
    """A file injected into the container. Shape: `contents` is base64 text if `base64`, which is not verified."""

    path: Annotated[str, AfterValidator(_file_path)]
    contents: str
    base64: bool = False


class CheckpointSpec(_Section):
    """A directory or glob uploaded while the task runs. Units: `frequency` in whole seconds, at least one."""

    path: Annotated[str, AfterValidator(_absolute_path)]
    url: Annotated[str, AfterValidator(_storage_url)]
    frequency: Frequency
    regex: Regex = ""


class TaskSpec(_Coercing):
    """One task: an entry of `workflow.tasks` or of a group's `tasks`.

    Shape: `credentials` maps a credential's name to a directory, or to {environment variable: key in the credential};
    `exit_actions` is the table in order of evaluation. `resources` and `backend` are accepted and mean nothing.
    """

    name: Name
    image: str
    command: list[str]
    args: list[str] = Field(default_factory=list)
    environment: Annotated[dict[str, str], BeforeValidator(environment_map)] = Field(default_factory=dict)
    files: list[FileSpec] = Field(default_factory=list)
    inputs: list[Input] = Field(default_factory=list)
    outputs: list[Output] = Field(default_factory=list)
    kpis: list[KpiSpec] = Field(default_factory=list)
    checkpoint: list[CheckpointSpec] = Field(default_factory=list)
    credentials: Annotated[dict[str, str | dict[str, str]], PlainValidator(credential_map)] = Field(
        default_factory=dict
    )
    resource: str = DEFAULT_RESOURCE
    lead: bool = False
    privileged: bool = False
    host_network: bool = Field(default=False, alias="hostNetwork")
    volume_mounts: list[str] = Field(default_factory=list, alias="volumeMounts")
    download_type: Literal["download"] | None = Field(default=None, alias="downloadType")
    cache_size: str | None = Field(default=None, alias="cacheSize")
    exit_actions: ExitActionTable = Field(default=(), alias="exitActions")
    resources: ResourceSpec = Field(default_factory=lambda: _NOTHING_ASKED)
    backend: str = ""

    def with_environment(self, extra: Mapping[str, str]) -> TaskSpec:
        """The task with `extra` in its environment, where it wins."""
        return self.model_copy(update={"environment": {**self.environment, **extra}})

    @field_validator("name")
    @classmethod
    def _is_not_reserved(cls, value: str) -> str:
        if (message := rules.container_name_message(value)) is not None:
            raise fault("reserved-name", message)
        return value

    @field_validator("command")
    @classmethod
    def _has_command(cls, value: list[str], info: ValidationInfo) -> list[str]:
        if not value:
            raise fault("empty-command", rules.command_message(_task_name(info)))
        return value

    @field_validator("files")
    @classmethod
    def _has_distinct_paths(cls, value: list[FileSpec], info: ValidationInfo) -> list[FileSpec]:
        found = rules.repeated_paths(_task_name(info), [file.path for file in value])
        if found:
            raise rules.faults_at_index("files", "repeated-path", "path", found)
        return value

    @field_validator("outputs")
    @classmethod
    def _has_few_datasets(cls, value: list[Output], info: ValidationInfo) -> list[Output]:
        count = sum(isinstance(output, OutputDataset) for output in value)
        if count > MAX_DATASET_OUTPUTS:
            raise fault(
                "too-many-datasets",
                f"Task {_task_name(info)} has {count} datasets in outputs. Expected at most {MAX_DATASET_OUTPUTS}; "
                "put several directories into one dataset.",
            )
        return value

    @field_validator("download_type", mode="before")
    @classmethod
    def _is_download_type(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, str) and value != "download":
            raise fault("bad-download-type", rules.download_type_message(_task_name(info), value))
        return value

    @field_validator("exit_actions", mode="plain")
    @classmethod
    def _exit_action_table(cls, value: object, info: ValidationInfo) -> ExitActionTable:
        return exit_action_table(value, _task_name(info))


class GroupSpec(_Section):
    """One entry of `workflow.groups`. The task of a group of one is its lead, whatever it says."""

    name: Name
    tasks: list[TaskSpec]
    barrier: bool = True
    ignore_nonlead_status: bool = Field(default=True, alias="ignoreNonleadStatus")

    @field_validator("tasks")
    @classmethod
    def _has_one_lead(cls, value: list[TaskSpec], info: ValidationInfo) -> list[TaskSpec]:
        name = str(info.data.get("name", ""))
        if not value:
            raise fault("empty-group", rules.empty_group_message(name))
        if (message := rules.lead_message(name, [task.lead for task in value])) is not None:
            raise fault("lead-count", message)
        return [_as_lead(value[0])] if len(value) == 1 else value

    @property
    def lead(self) -> TaskSpec:
        """The task whose end ends the group."""
        return next(task for task in self.tasks if task.lead)


class WorkflowSpec(_Section):
    """`workflow:`. Exactly one of `tasks` and `groups` is filled; `pool` and `backend` are accepted and unused."""

    name: Name
    labels: dict[str, str] = {}
    tasks: list[TaskSpec] = []
    groups: list[GroupSpec] = []
    resources: dict[str, ResourceSpec] = {DEFAULT_RESOURCE: _NOTHING_ASKED}
    timeout: TimeoutSpec = TimeoutSpec()
    pool: str = ""
    backend: str = ""

    @field_validator("labels", mode="before")
    @classmethod
    def _are_labels(cls, value: object) -> object:
        found = label_faults(value)
        if found:
            raise rules.label_faults_at(found)
        return value

    @model_validator(mode="after")
    def _is_one_workflow(self) -> Self:
        if (found := rules.task_list_fault(tasks=len(self.tasks), groups=len(self.groups))) is not None:
            raise fault(*found)
        repeated = repeated_names(self.names())
        if repeated:
            raise fault("repeated-name", repeated_name_message(repeated))
        return self

    def names(self) -> list[str]:
        """The names of all groups and tasks as written, in order; groups come before their tasks."""
        names = [task.name for task in self.tasks]
        for group in self.groups:
            names.append(group.name)
            names.extend(task.name for task in group.tasks)
        return names

    def all_tasks(self) -> list[TaskSpec]:
        """Every task in order, grouped or not."""
        return self.tasks + [task for group in self.groups for task in group.tasks]

    def all_groups(self) -> list[GroupSpec]:
        """The groups in order; a stand-alone task becomes a group of one called `<task>-group`."""
        return [_implicit_group(task) for task in self.tasks] + self.groups


class SpecDocument(_Section):
    """A whole file after the cut in sections and rendering."""

    version: int = SPEC_VERSION
    workflow: WorkflowSpec

    @field_validator("version", mode="before")
    @classmethod
    def _is_supported(cls, value: object) -> object:
        if isinstance(value, bool) or value != SPEC_VERSION:
            raise fault("unsupported-version", f"Unsupported workflow version: {value}.")
        return value


def as_document(value: Mapping[str, Any]) -> SpecDocument:
    """The checked form of a loaded document. Errors: pydantic.ValidationError with everything that is wrong."""
    return SpecDocument.model_validate(value)


def _task_name(info: ValidationInfo) -> str:
    return str(info.data.get("name", ""))


def _as_lead(task: TaskSpec) -> TaskSpec:
    return task if task.lead else task.model_copy(update={"lead": True})


def _implicit_group(task: TaskSpec) -> GroupSpec:
    # Not validated: a name that became too long or that clashes is found, and named, by the checks of the plan.
    return GroupSpec.model_construct(
        name=implicit_group_name(task.name), tasks=[_as_lead(task)], barrier=True, ignore_nonlead_status=True
    )
