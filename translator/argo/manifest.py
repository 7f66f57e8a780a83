"""The Workflow object of one part of a run, by Hera's models.

Source: design §5; argo-verified.md §1.1, §4.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from hera.workflows import RetryPolicy, models
from pydantic import ValidationError

from templates.merge import JsonObject
from translator.argo.blueprint import Frame, frame_of
from translator.argo.dag import ENTRYPOINT, GATE_TEMPLATE, DagTemplate
from translator.argo.deadlines import Backstop
from translator.argo.faults import refusal
from translator.argo.hera_models import PodTemplate, RunSpec, RunWorkflow
from translator.argo.labels import ARGO_INSTANCE, ARGO_TITLE
from translator.argo.objects import WORKFLOW_API_VERSION, WorkflowObject
from translator.argo.retries import Retries
from translator.argo.slots import filled, references
from translator.argo.target import ArgoTarget
from translator.argo.template_book import SharedTemplate
from translator.plan.model import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowParts:
    """What a Workflow is put together from.

    Shape: `labels` of the run, `own_labels` of this Workflow alone; `dags` the entry first; `pods` and `pod_names` in
    the same order.
    """

    name: str
    labels: Mapping[str, str]
    own_labels: Mapping[str, str]
    annotations: Mapping[str, str]
    dags: Sequence[DagTemplate]
    pods: Sequence[SharedTemplate]
    pod_names: Sequence[str]
    has_gates: bool
    pull_secret: str | None


def workflow_object(plan: Plan, target: ArgoTarget, parts: WorkflowParts, deadlines: Backstop) -> WorkflowObject:
    """The Workflow, suspended, as bytes; same arguments, same bytes."""
    templates: list[PodTemplate | models.Template] = [_dag_template(dag) for dag in parts.dags]
    if parts.has_gates:
        templates.append(models.Template(name=GATE_TEMPLATE, suspend=models.SuspendTemplate()))
    templates += [
        _pod_template(shared, name, deadlines) for shared, name in zip(parts.pods, parts.pod_names, strict=True)
    ]
    workflow = RunWorkflow(
        api_version=WORKFLOW_API_VERSION,
        kind="Workflow",
        metadata=_metadata(plan, target, parts),
        spec=RunSpec(
            entrypoint=ENTRYPOINT,
            suspend=True,
            pod_metadata=models.Metadata(labels={**parts.labels}),
            service_account_name=target.service_account or None,
            automount_service_account_token=False if target.executor_service_account else None,
            executor=_executor(target),
            image_pull_secrets=_pull_secrets(parts.pull_secret),
            ttl_strategy=models.TTLStrategy(seconds_after_completion=target.ttl_seconds),
            templates=templates,
        ),
    )
    manifest = workflow.model_dump(mode="json", by_alias=True, exclude_none=True)
    for template, dag in zip(manifest["spec"]["templates"], parts.dags, strict=False):
        template["dag"]["tasks"] = dag.tasks
    return WorkflowObject(name=parts.name, namespace=target.namespace, body=msgspec.json.encode(manifest))


def _metadata(plan: Plan, target: ArgoTarget, parts: WorkflowParts) -> models.ObjectMeta:
    labels = {**parts.labels, **parts.own_labels}
    if target.instance_id:
        labels[ARGO_INSTANCE] = target.instance_id
    return models.ObjectMeta(
        name=parts.name,
        namespace=target.namespace,
        labels=labels,
        annotations={ARGO_TITLE: plan.workflow_id, **parts.annotations},
    )


def _executor(target: ArgoTarget) -> models.ExecutorConfig | None:
    account = target.executor_service_account
    return models.ExecutorConfig(service_account_name=account) if account else None


def _pull_secrets(name: str | None) -> list[models.LocalObjectReference] | None:
    return [models.LocalObjectReference(name=name)] if name else None


def _dag_template(dag: DagTemplate) -> models.Template:
    """A DAG with one task of each kind: the others have the same fields with other texts.

    Models of a thousand tasks take as long as a third of the whole translation, so only the kinds go through them; the
    whole list takes their place when the Workflow is written.
    """
    kinds = {(*task, task["template"]): task for task in dag.tasks}
    # With failFast on, one failure would keep Argo from starting tasks that do not depend on it.
    tasks = models.DAGTemplate.model_validate({"failFast": False, "tasks": [*kinds.values()]})
    return models.Template(name=dag.name, dag=tasks)


def _pod_template(shared: SharedTemplate, name: str, deadlines: Backstop) -> PodTemplate:
    frame = _filled_frame(shared)
    try:
        return _built_template(shared, frame, name, deadlines)
    except ValidationError as error:
        raise refusal(
            "bad-pod-template",
            f"Expected the containers that the pool's template adds in the form that Argo takes: {error}",
        ) from error


def _built_template(shared: SharedTemplate, frame: Frame, name: str, deadlines: Backstop) -> PodTemplate:
    return PodTemplate(
        name=name,
        inputs=_inputs(shared),
        metadata=_pod_metadata(frame),
        active_deadline_seconds=deadlines.active_seconds,
        pending_timeout=None if deadlines.pending_seconds is None else f"{deadlines.pending_seconds}s",
        retry_strategy=_retry_strategy(frame.retries),
        volumes=[models.Volume.model_validate(volume) for volume in frame.volumes],
        init_containers=[_user_container(entry) for entry in frame.init_containers],
        container=models.Container.model_validate(_unnamed(frame.main)),
        sidecars=[_user_container(entry) for entry in frame.sidecars] or None,
        pod_spec_patch=_filled_patch(shared) or None,
    )


def _filled_frame(shared: SharedTemplate) -> Frame:
    # The frame is JSON text, so what goes into its strings is escaped as JSON.
    constants = {slot: json.dumps(value)[1:-1] for slot, value in shared.constants.items()}
    return frame_of(filled(shared.frame, references(constants)))


def _filled_patch(shared: SharedTemplate) -> str:
    return filled(shared.patch, references(shared.constants))


def _inputs(shared: SharedTemplate) -> models.Inputs | None:
    if not shared.parameters:
        return None
    return models.Inputs(parameters=[models.Parameter(name=slot.value) for slot in shared.parameters])


def _pod_metadata(frame: Frame) -> models.Metadata:
    metadata = models.Metadata.model_validate(frame.metadata)
    if not metadata.annotations:
        metadata.annotations = None
    return metadata


def _user_container(entry: JsonObject) -> models.UserContainer:
    """A container beside `main`. Errors: TranslationError for a field that Hera's models would drop without a word."""
    container = models.UserContainer.model_validate(entry)
    if container.model_dump(mode="json", by_alias=True, exclude_none=True) != entry:
        raise refusal(
            "bad-pod-template",
            f"Expected only fields that Argo 4.0 knows in container {entry.get('name')} of the pool's template. "
            "Remove newer ones.",
        )
    return container


def _unnamed(container: JsonObject) -> JsonObject:
    """Argo gives the container of a template its name itself."""
    return {key: value for key, value in container.items() if key != "name"}


def _retry_strategy(retries: Retries | None) -> models.RetryStrategy | None:
    if retries is None:
        return None
    return models.RetryStrategy(
        limit=retries.limit, retry_policy=RetryPolicy.always.value, expression=retries.expression
    )
