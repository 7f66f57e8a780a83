"""The spec as written: one class per section of an OSMO workflow file; those about data are in `data_model`.

Values have the types the language gives them and nothing more: no pool default, no dependency, no token is resolved
here. Unknown keys and nulls are refused. Attributes are the field names in snake case; the YAML name is the alias.

Source: workflow-spec.md §2; decisions of §10.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    field_validator,
    model_validator,
)

from translator.spec import rules, units
from translator.spec.data_model import CheckpointSpec, Input, KpiSpec, Output, OutputDataset
from translator.spec.exit_codes import ExitActionTable, exit_action_table
from translator.spec.faults import fault
from translator.spec.field_types import CoercingSection, Count, Name, Section, Timeout
from translator.spec.labels import label_faults
from translator.spec.names import implicit_group_name, repeated_name_message, repeated_names
from translator.spec.text_maps import credential_map, environment_map

SPEC_VERSION = 2
DEFAULT_RESOURCE = "default"

MAX_DATASET_OUTPUTS = 8
"""Of one task: what became of each has to fit into the last words of its pod."""


def _file_path(path: str) -> str:
    if (message := rules.file_path_message(path)) is not None:
        raise fault("forbidden-path", message)
    return path


class RequirementType(StrEnum):
    """Whether a topology domain is a condition or a wish."""

    REQUIRED = "required"
    PREFERRED = "preferred"


class TimeoutSpec(Section):
    """`workflow.timeout`. Units: timedelta, per group; None is the pool's default (as zero and null are)."""

    exec_timeout: Timeout = None
    queue_timeout: Timeout = None


class TopologySpec(Section):
    """One entry of `resources.<name>.topology`."""

    key: str
    group: str = "default"
    requirement_type: RequirementType = Field(default=RequirementType.REQUIRED, alias="requirementType")


class ResourceSpec(CoercingSection):
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


class FileSpec(CoercingSection):
    """A file injected into the container. Shape: `contents` is base64 text if `base64`, which is not verified."""

    path: Annotated[str, AfterValidator(_file_path)]
    contents: str
    base64: bool = False


class TaskSpec(CoercingSection):
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


class GroupSpec(Section):
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


class WorkflowSpec(Section):
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


class SpecDocument(Section):
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
