"""The receipt of a translation: what became of each field of the spec, and how faithfully.

One entry a field that the run uses, not one a task: `tasks[]` stands for all of them. Shown in CLI, API and UI.
Source: design principle 8.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from templates.merge import JsonObject
from translator.argo.payload import EXIT_RESCHEDULE
from translator.argo.quantities import EMISSARY_BYTES, byte_text
from translator.argo.receipt_entry import ReceiptEntry, approximated, exact, kept
from translator.argo.receipt_scheduling import scheduling_entries
from translator.argo.retries import WITHOUT_WRAPPER, Retries
from translator.argo.target import ArgoTarget
from translator.plan.model import DatasetInput, ExitAction, GroupPlan, Plan, TaskInput, TaskPlan, UrlInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a translation turned out to be.

    Shape: numbers of Workflows, of gates, and of DAGs made by nesting; the kinds of retries that tasks got, in a fixed
    order; whether some task's output directory is not kept.
    """

    workflows: int
    gates: int
    nested_dags: int
    retries: tuple[Retries, ...]
    drops_output: bool


def receipt(plan: Plan, target: ArgoTarget, outcome: Outcome) -> tuple[ReceiptEntry, ...]:
    """The entries for everything that the Plan uses, in the order of the spec's fields."""
    tasks = tuple([task for group in plan.groups for task in group.tasks])
    return (
        *_workflow_entries(plan, outcome),
        *scheduling_entries(plan, target),
        *_group_entries(plan),
        *_task_entries(tasks, outcome),
        *_data_entries(tasks, outcome, target),
        *_pod_entries(plan, tasks),
        *_timeout_entries(plan),
        kept(
            "status",
            "Workflow status, Pod status",
            "Worked out by the gateway from pods and reports; Argo's words are coarser.",
        ),
        kept("logs", "Pod log", "Followed while a task runs and stored by the gateway, secrets masked."),
    )


_Tasks = tuple[TaskPlan, ...]


def _workflow_entries(plan: Plan, outcome: Outcome) -> Iterator[ReceiptEntry]:
    yield exact(
        "workflow.name",
        "Workflow metadata.name, metadata.labels[osmo.workflow_id]",
        "The name is made safe for DNS and ends with the uuid's first digits; the labels hold id and uuid.",
    )
    if plan.labels:
        yield exact("workflow.labels", "Workflow metadata.labels, spec.podMetadata.labels", "OSMO's own labels win.")
    if any(group.upstream for group in plan.groups):
        yield exact(
            "workflow.tasks[].inputs[].task",
            "Workflow spec.templates[].dag.tasks[].depends",
            "A group starts when all groups that it takes inputs from have succeeded; others go on after a failure.",
        )
    if outcome.nested_dags:
        yield exact(
            "workflow.tasks",
            "Workflow spec.templates[].dag",
            f"Nested into {outcome.nested_dags} further DAGs, as Argo takes 200 tasks each; the order is the same.",
        )
    if outcome.workflows > 1:
        yield kept(
            "workflow.tasks",
            "Workflow spec.templates[].suspend, metadata.annotations[osmo.gates]",
            f"Cut into {outcome.workflows} Workflows with {outcome.gates} gates between them, which the gateway opens.",
        )


def _group_entries(plan: Plan) -> Iterator[ReceiptEntry]:
    several = [group for group in plan.groups if len(group.tasks) > 1]
    if several:
        yield exact(
            "workflow.groups[]", "Workflow spec.templates[].dag", "A DAG of its own without edges, one pod a task."
        )
        yield exact(
            "{{host:…}}",
            "Service, Pod spec.hostname, spec.subdomain",
            "The full name is there before the task runs, and stays over retries.",
        )
        yield from _lead_entries(several)
    if any(group.extra_objects for group in plan.groups):
        yield exact("pool.common_group_templates", "any", "Created before the run starts, deleted with the Workflow.")


def _lead_entries(several: list[GroupPlan]) -> Iterator[ReceiptEntry]:
    if any(group.ignore_nonlead_status for group in several):
        yield kept(
            "workflow.groups[].tasks[].lead",
            "Workflow spec.templates[].dag.tasks[].continueOn",
            "Argo forgives other tasks; the lead's sidecar and the gateway end them when the lead has ended.",
        )
    if not all(group.ignore_nonlead_status for group in several):
        yield kept(
            "workflow.groups[].ignoreNonleadStatus",
            "Workflow spec.templates[].dag",
            "Any failed task fails the group's DAG; the lead's sidecar and the gateway end the others.",
        )
    if any(group.barrier for group in several):
        yield exact("workflow.groups[].barrier", "Secret data[*.ctrl]", "Kept by the sidecars; the lead's one counts.")


def _task_entries(tasks: _Tasks, outcome: Outcome) -> Iterator[ReceiptEntry]:
    yield exact("workflow.tasks[].image", "Workflow spec.templates[].container.image", "As written.")
    yield exact(
        "workflow.tasks[].command, args",
        "Secret data[*.run].argv",
        "Read and run by the wrapper, since Argo and Kubernetes would replace {{…}} and $(…) in a pod.",
    )
    if any(task.environment for task in tasks):
        yield exact(
            "workflow.tasks[].environment", "Secret data[*.run].environment", "$(NAME) as Kubernetes expands it."
        )
    if any(task.files for task in tasks):
        yield exact(
            "workflow.tasks[].files",
            "Secret data, Pod spec.containers[main].volumeMounts[].subPath",
            "Mounted read-only at the exact path, mode 0644.",
        )
    if any(task.credential_env for task in tasks):
        yield exact(
            "workflow.tasks[].credentials", "Secret data[*.run].environment", "Values stand in the Secret only."
        )
    if any(task.credential_files for task in tasks):
        yield exact(
            "workflow.tasks[].credentials",
            "Secret data, Pod spec.containers[main].volumeMounts[].subPath",
            "One file a key of the credential.",
        )
    if any(task.exit_rules or task.default_exit_rules for task in tasks):
        yield exact("workflow.tasks[].exitActions", "Secret data[*.run].exit_rules", "Decided by the wrapper.")
    yield from _retry_entries(tasks, outcome)


def _retry_entries(tasks: _Tasks, outcome: Outcome) -> Iterator[ReceiptEntry]:
    path = "workflow.tasks[].exitActions.RESCHEDULE"
    where = "Workflow spec.templates[].retryStrategy"
    if any("||" not in made.expression for made in outcome.retries):
        yield exact(path, where, f"The wrapper ends with {EXIT_RESCHEDULE}, for which alone Argo makes a new pod.")
    if any("||" in made.expression for made in outcome.retries):
        codes = ", ".join(str(code) for code in WITHOUT_WRAPPER if code > 256)
        yield approximated(
            path,
            where,
            f"Argo cannot tell ends without an exit code apart: any of {codes} in the ranges retries them all.",
        )
    wanted = any(
        rule.action is ExitAction.RESCHEDULE for task in tasks for rule in (*task.exit_rules, *task.default_exit_rules)
    )
    if wanted and any(not task.max_retries for task in tasks):
        yield exact(path, "", "The retry limit is 0, which switches RESCHEDULE off.")


def _data_entries(tasks: _Tasks, outcome: Outcome, target: ArgoTarget) -> Iterator[ReceiptEntry]:
    kinds = {type(entry) for task in tasks for entry in task.inputs}
    store = "" if target.data_url else " The backend has no data store configured, so it will fail."
    if TaskInput in kinds:
        yield exact(
            "workflow.tasks[].inputs[].task",
            "Secret data[*.ctrl].inputs",
            f"Downloaded by the sidecar from the intermediate store.{store}",
        )
    if UrlInput in kinds:
        yield exact("workflow.tasks[].inputs[].url", "Secret data[*.ctrl].inputs", "Downloaded by the sidecar.")
    if any(task.outputs for task in tasks):
        yield exact("workflow.tasks[].outputs[].url", "Secret data[*.ctrl].outputs", "Uploaded by the sidecar.")
    if DatasetInput in kinds:
        yield exact(
            "workflow.tasks[].inputs[].dataset",
            "Secret data[*.ctrl].inputs",
            "Pinned to the version that was found at submission, downloaded by the sidecar.",
        )
    if any(task.datasets for task in tasks):
        yield kept(
            "workflow.tasks[].outputs[].dataset",
            "Secret data[*.ctrl].datasets",
            "Files are uploaded by the sidecar; the gateway gives the version its number when the pod has told of it.",
        )
    if any(task.kpis for task in tasks):
        yield exact("workflow.tasks[].kpis", "Secret data[*.ctrl].kpis", "Uploaded by the sidecar.")
    if any(task.checkpoints for task in tasks):
        yield exact(
            "workflow.tasks[].checkpoint",
            "Secret data[*.run].checkpoints, data[*.ctrl].checkpoints",
            "Packed by the wrapper, uploaded by the sidecar.",
        )
    if outcome.drops_output:
        yield approximated(
            "{{output}}",
            "",
            "Tasks that nowhere name /osmo/data/output, list no outputs and feed no other task get no sidecar: what "
            "they write there all the same is not kept.",
        )


def _pod_entries(plan: Plan, tasks: _Tasks) -> Iterator[ReceiptEntry]:
    template = msgspec.json.encode([platform.pod_template for platform in plan.platforms.values()]).decode()
    yield from _resource_entries(template)
    if any(task.resources.nodes_excluded for task in tasks):
        yield _by_template(
            template,
            "USER_EXCLUDED_NODES",
            "workflow.resources.*.nodesExcluded",
            "Pod spec.affinity",
            "As the template says.",
        )
    if any(task.privileged for task in tasks):
        yield exact(
            "workflow.tasks[].privileged", "Pod spec.containers[main].securityContext.privileged", "As written."
        )
    if any(task.host_network for task in tasks):
        yield exact(
            "workflow.tasks[].hostNetwork",
            "Pod spec.hostNetwork, spec.dnsPolicy",
            "With ClusterFirstWithHostNet, so that names of the cluster are found.",
        )
    if any(task.mounts for task in tasks):
        yield exact(
            "workflow.tasks[].volumeMounts", "Pod spec.volumes[].hostPath", "Host paths as the platform allows."
        )
    if any(platform.pod_template for platform in plan.platforms.values()):
        yield exact(
            "pool.common_pod_template",
            "Workflow spec.templates[].podSpecPatch",
            "Laid over the pod last, and checked field by field.",
        )


def _resource_entries(template: str) -> Iterator[ReceiptEntry]:
    where = "Pod spec.containers[main].resources"
    note = f"In binary units; {byte_text(EMISSARY_BYTES)} are added to the memory limit for Argo's own process."
    for variable, field in (
        ("USER_CPU", "cpu"),
        ("USER_MEMORY", "memory"),
        ("USER_STORAGE", "storage"),
        ("USER_GPU", "gpu"),
    ):
        yield _by_template(
            template, variable, f"workflow.resources.*.{field}", where, note if field == "memory" else "As written."
        )


def _by_template(template: str, variable: str, osmo: str, kubernetes: str, note: str) -> ReceiptEntry:
    """An entry for what only a pod template can carry."""
    if variable in template:
        return exact(osmo, kubernetes, note)
    return approximated(osmo, "", f"No pod template of the pool uses {variable}, so the pod asks for nothing of it.")


def _timeout_entries(plan: Plan) -> Iterator[ReceiptEntry]:
    if plan.exec_timeout_seconds is not None:
        yield kept(
            "workflow.timeout.exec_timeout",
            "Workflow spec.templates[].activeDeadlineSeconds",
            "The gateway's timer counts a group from its first running task; Argo's later deadline counts each pod.",
        )
    if plan.queue_timeout_seconds is not None:
        where = "Workflow spec.templates[].pendingTimeout" if plan.start_timeout_seconds is not None else ""
        yield kept(
            "workflow.timeout.queue_timeout",
            where,
            "The gateway's timer counts until a node is assigned; Argo's later limit counts until a container runs.",
        )
    if plan.start_timeout_seconds is not None:
        yield kept("start timeout", "", "The gateway ends what does not start in time.")


def receipt_json(entries: tuple[ReceiptEntry, ...]) -> list[JsonObject]:
    """The entries as JSON objects."""
    written: list[JsonObject] = msgspec.to_builtins(entries)
    return written
