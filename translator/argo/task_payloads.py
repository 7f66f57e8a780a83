"""What each task's wrapper and sidecar are told, from the Plan.

Source: workflow-spec.md §6.2 (destinations), §8.2 (order of the environment); design §6.
"""

from __future__ import annotations

from typing import assert_never

from translator.argo.needs import Needs, SidecarKind
from translator.argo.payload import (
    COORDINATOR_PORT,
    DATASETS_VERSION,
    PAYLOAD_VERSION,
    Fetch,
    GroupPayload,
    Identity,
    Member,
    Push,
    PushDataset,
    RunPayload,
    SidecarPayload,
    Watch,
    encode_payload,
)
from translator.argo.run_secrets import SecretReader
from translator.argo.target import ArgoTarget
from translator.plan.identity import cluster_host
from translator.plan.model import (
    AnyInput,
    DatasetInput,
    DatasetOutput,
    GroupPlan,
    Plan,
    TaskInput,
    TaskPlan,
    UrlInput,
)


def task_documents(
    plan: Plan, group: GroupPlan, task: TaskPlan, needed: Needs, target: ArgoTarget, secrets: SecretReader
) -> dict[str, bytes]:
    """What one pod is told: `run` for the wrapper, `ctrl` for the sidecar where there is one.

    Errors: TranslationError where a credential is missing.
    """
    identity = Identity(
        workflow_id=plan.workflow_id,
        workflow_uuid=plan.workflow_uuid,
        group=group.name,
        group_uuid=group.uuid,
        task=task.name,
        task_uuid=task.uuid,
        lead=task.lead,
    )
    version = _version(task)
    documents = {"run": encode_payload(_run_payload(version, identity, task, needed, secrets))}
    if needed.sidecar is not SidecarKind.NONE:
        documents["ctrl"] = encode_payload(_sidecar_payload(version, identity, group, task, needed, target, secrets))
    return documents


def intermediate_url(target: ArgoTarget, workflow_id: str, task: str) -> str:
    """Where a task's output is kept for others; "" where no store is configured."""
    return f"{target.data_url}/{workflow_id}/{task}" if target.data_url else ""


def _run_payload(version: int, identity: Identity, task: TaskPlan, needed: Needs, secrets: SecretReader) -> RunPayload:
    environment = tuple(task.environment.items())
    if task.credential_env:
        environment += tuple(
            [(entry.variable, secrets.credential_key(entry.credential, entry.key)) for entry in task.credential_env]
        )
    return RunPayload(
        version=version,
        identity=identity,
        argv=task.command + task.args,
        environment=environment,
        exit_rules=task.exit_rules,
        default_exit_rules=task.default_exit_rules,
        max_retries=task.max_retries,
        sidecar=needed.sidecar is not SidecarKind.NONE,
        sidecar_returns=needed.sidecar is SidecarKind.COORDINATOR,
        keeps_output=needed.keeps_output or bool(task.outputs or task.datasets),
        checkpoints=tuple(
            [
                Watch(index=index, path=checkpoint.path, frequency_seconds=checkpoint.frequency_seconds)
                for index, checkpoint in enumerate(task.checkpoints)
            ]
        ),
    )


def _sidecar_payload(
    version: int,
    identity: Identity,
    group: GroupPlan,
    task: TaskPlan,
    needed: Needs,
    target: ArgoTarget,
    secrets: SecretReader,
) -> SidecarPayload:
    intermediate = intermediate_url(target, identity.workflow_id, task.name)
    outputs = [Push(url=output.url, regex=output.regex) for output in task.outputs]
    if intermediate and needed.keeps_output:
        outputs.insert(0, Push(url=intermediate, service=True))
    return SidecarPayload(
        version=version,
        identity=identity,
        inputs=tuple([_fetch(entry, target) for entry in task.inputs]),
        outputs=tuple(outputs),
        datasets=tuple([_push_dataset(output) for output in task.datasets]),
        intermediate_url=intermediate,
        image=task.image,
        kpis=task.kpis,
        checkpoints=task.checkpoints,
        group=_group_payload(group, task, target, secrets) if len(group.tasks) > 1 else None,
    )


def _version(task: TaskPlan) -> int:
    for entry in task.inputs:
        if isinstance(entry, DatasetInput):
            return DATASETS_VERSION
    return DATASETS_VERSION if task.datasets else PAYLOAD_VERSION


def _push_dataset(output: DatasetOutput) -> PushDataset:
    return PushDataset(
        index=output.index, name=output.dataset, url=output.location, path=output.path, regex=output.regex
    )


def _fetch(entry: AnyInput, target: ArgoTarget) -> Fetch:
    match entry:
        case TaskInput():
            url = intermediate_url(target, entry.workflow_id, entry.task)
            origin = f"task {entry.task} of {entry.workflow_id}"
            return Fetch(index=entry.index, url=url, origin=origin, regex=entry.regex, service=True)
        case UrlInput():
            return Fetch(index=entry.index, url=entry.url, regex=entry.regex)
        case DatasetInput():
            return Fetch(
                index=entry.index,
                url=entry.location,
                origin=f"dataset {entry.dataset}:{entry.version}",
                regex=entry.regex,
                manifest=entry.manifest,
                path=entry.path,
            )
        case _:
            assert_never(entry)


def _group_payload(group: GroupPlan, task: TaskPlan, target: ArgoTarget, secrets: SecretReader) -> GroupPayload:
    host = cluster_host(group.lead.uuid, group.uuid, namespace=target.namespace, cluster_domain=target.cluster_domain)
    members = [Member(task=member.name, task_uuid=member.uuid, lead=member.lead) for member in group.tasks]
    return GroupPayload(
        coordinator=f"{host}:{COORDINATOR_PORT}",
        token=secrets.group_token(group.uuid),
        barrier=group.barrier,
        ignore_nonlead_status=group.ignore_nonlead_status,
        members=tuple(members) if task.lead else (),
    )
