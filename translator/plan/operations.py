"""What a task moves and is given: data operations, files and credential references of the Plan, tokens replaced.

Source: workflow-spec.md §2.7, §2.11-2.13, §6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from translator.plan.context import EarlierWorkflow
from translator.plan.datasets import DatasetCatalog
from translator.plan.model import (
    AnyInput,
    CheckpointPlan,
    CredentialEnv,
    CredentialFiles,
    DatasetInput,
    DatasetOutput,
    FilePlan,
    Kpi,
    TaskInput,
    TaskName,
    UrlInput,
    UrlOutput,
    WorkflowId,
)
from translator.plan.tokens import Tokens, substituted, value_substituted
from translator.spec.data_model import (
    CheckpointSpec,
    Input,
    InputDataset,
    InputTask,
    InputUrl,
    KpiSpec,
    Output,
    OutputDataset,
    OutputUrl,
)
from translator.spec.model import FileSpec


def task_inputs(
    inputs: Sequence[Input],
    tokens: Tokens,
    workflow_id: WorkflowId,
    earlier: Mapping[str, EarlierWorkflow],
    datasets: DatasetCatalog,
) -> tuple[AnyInput, ...]:
    """The inputs in order.

    Those from earlier workflows carry that workflow's id, however the spec named it, and datasets the version that was
    found.
    """
    if not inputs:
        return ()
    made: list[AnyInput] = []
    for index, entry in enumerate(inputs):
        regex = entry.regex and substituted(entry.regex, tokens)
        match entry:
            case InputTask(workflow_id=None):
                made.append(TaskInput(index=index, task=TaskName(entry.task), workflow_id=workflow_id, regex=regex))
            case InputTask(workflow_id=str(named)):
                known = earlier.get(named)
                source = WorkflowId(known.id if known is not None else named)
                made.append(TaskInput(index=index, task=TaskName(entry.task_name), workflow_id=source, regex=regex))
            case InputUrl():
                made.append(UrlInput(index=index, url=substituted(entry.url, tokens), regex=regex))
            case InputDataset():
                made.append(_dataset_input(index, entry, regex, tokens, datasets))
    return tuple(made)


def environment(variables: Mapping[str, str], tokens: Tokens) -> dict[str, str]:
    """The variables in order."""
    if "{{" not in "".join([*variables, *variables.values()]):
        return dict(variables)
    return {substituted(key, tokens): substituted(value, tokens) for key, value in variables.items()}


def url_outputs(outputs: Sequence[Output], tokens: Tokens) -> tuple[UrlOutput, ...]:
    """The uploads to locations in order."""
    return tuple(
        [
            UrlOutput(url=substituted(entry.url, tokens), regex=substituted(entry.regex, tokens))
            for entry in outputs
            if isinstance(entry, OutputUrl)
        ]
    )


def dataset_outputs(outputs: Sequence[Output], tokens: Tokens, datasets: DatasetCatalog) -> tuple[DatasetOutput, ...]:
    """The datasets that get a version, in order."""
    return tuple(
        [
            DatasetOutput(
                index=index,
                dataset=entry.dataset.name,
                location=datasets.location_for(entry.dataset.name),
                path=substituted(entry.dataset.path, tokens),
                regex=substituted(entry.dataset.regex, tokens),
                labels={key: substituted(value, tokens) for key, value in entry.dataset.labels.items()},
                metadata={key: value_substituted(value, tokens) for key, value in entry.dataset.metadata.items()},
            )
            for index, entry in enumerate(outputs)
            if isinstance(entry, OutputDataset)
        ]
    )


def _dataset_input(
    index: int, entry: InputDataset, regex: str, tokens: Tokens, datasets: DatasetCatalog
) -> DatasetInput:
    found = datasets.version(entry.dataset.name)
    return DatasetInput(
        index=index,
        dataset=found.dataset,
        version=found.version,
        manifest=found.manifest,
        location=found.location,
        path=substituted(entry.dataset.path, tokens),
        regex=regex,
    )


def kpi_plans(kpis: Sequence[KpiSpec], tokens: Tokens) -> tuple[Kpi, ...]:
    """The KPI files in order."""
    return tuple([Kpi(index=substituted(kpi.index, tokens), path=substituted(kpi.path, tokens)) for kpi in kpis])


def checkpoint_plans(checkpoints: Sequence[CheckpointSpec], tokens: Tokens) -> tuple[CheckpointPlan, ...]:
    """The checkpoints in order. Units: whole seconds."""
    return tuple(
        [
            CheckpointPlan(
                path=substituted(entry.path, tokens),
                url=substituted(entry.url, tokens),
                frequency_seconds=int(entry.frequency.total_seconds()),
                regex=substituted(entry.regex, tokens),
            )
            for entry in checkpoints
        ]
    )


def file_plans(files: Sequence[FileSpec], tokens: Tokens) -> tuple[FilePlan, ...]:
    """The files in order; the text of a base64 body is left alone."""
    return tuple(
        [
            FilePlan(
                path=substituted(file.path, tokens),
                contents=file.contents if file.base64 else substituted(file.contents, tokens),
                base64=file.base64,
            )
            for file in files
        ]
    )


def credential_references(
    credentials: Mapping[str, str | Mapping[str, str]], tokens: Tokens
) -> tuple[tuple[CredentialEnv, ...], tuple[CredentialFiles, ...]]:
    """The credentials that become variables, and those that become files, each in order."""
    if not credentials:
        return (), ()
    variables = []
    files = []
    for name, target in credentials.items():
        credential = substituted(name, tokens)
        if isinstance(target, str):
            files.append(CredentialFiles(directory=substituted(target, tokens), credential=credential))
            continue
        for variable, key in target.items():
            variables.append(
                CredentialEnv(
                    variable=substituted(variable, tokens), credential=credential, key=substituted(key, tokens)
                )
            )
    return tuple(variables), tuple(files)
