"""Every label and annotation that we put on cluster objects, written and read in this one place.

Labels are the truth about which workflow, group and task an object belongs to; names of objects are for eyes.
Source: workflow-spec.md §8.5; design §5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from translator.plan.model import GroupPlan, Plan, TaskPlan, WorkflowUuid

WORKFLOW_ID = "osmo.workflow_id"
WORKFLOW_UUID = "osmo.workflow_uuid"
GROUP_NAME = "osmo.group_name"
GROUP_UUID = "osmo.group_uuid"
TASK_NAME = "osmo.task_name"
TASK_UUID = "osmo.task_uuid"
RETRY_ID = "osmo.retry_id"
LEAD_CONTAINER = "osmo.lead_container"
SUBMITTED_BY = "osmo.submitted_by"
POOL = "osmo.pool"
PLATFORM = "osmo.platform"
PRIORITY = "osmo.priority"

PART = "osmo.part"
"""Which of a run's Workflows this is, from "1" on; only where there are several."""
PARTS = "osmo.parts"
"""How many Workflows a run has; only where there are several."""
GATES = "osmo.gates"
"""Annotation of a Workflow: what each of its gates waits for, see `gates.py`."""

ARGO_TITLE = "workflows.argoproj.io/title"
"""Annotation: how Argo's own pages call the Workflow."""
ARGO_INSTANCE = "workflows.argoproj.io/controller-instanceid"
"""Label: which of several Argo controllers takes the Workflow."""
ARGO_WORKFLOW = "workflows.argoproj.io/workflow"
"""Label that Argo sets on pods: the name of the Workflow."""

MAX_LABEL_VALUE = 63
_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?")
_NOT_IN_VALUE = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRef:
    """What the labels of a Workflow say. Shape: `part` counts from 1, and is at most `parts`."""

    workflow_uuid: WorkflowUuid
    part: int = 1
    parts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PodRef:
    """What the labels of a pod say. Groups and tasks are named by uuid: a long name does not fit into a label."""

    workflow_uuid: WorkflowUuid
    group_uuid: str
    task_uuid: str
    retry_id: int = 0


def label_value(text: str) -> str:
    """`text` as the value of a label: what is not allowed becomes `-`, cut to 63; "" where nothing is left."""
    if len(text) <= MAX_LABEL_VALUE and _LABEL_VALUE.fullmatch(text):
        return text
    return _NOT_IN_VALUE.sub("-", text).strip("-_.")[:MAX_LABEL_VALUE].strip("-_.")


def submitter_value(user: str) -> str:
    """The submitter as a label: as it is, else the part of an e-mail address before the `@`, else made safe."""
    local = user.partition("@")[0]
    return next((text for text in (user, local) if label_value(text) == text and text), label_value(local))


def workflow_labels(plan: Plan) -> dict[str, str]:
    """What every object of the run carries, sorted by key; the user's own labels cannot replace it."""
    system = {
        WORKFLOW_ID: label_value(plan.workflow_id),
        WORKFLOW_UUID: plan.workflow_uuid,
        SUBMITTED_BY: submitter_value(plan.owner),
        POOL: label_value(plan.pool),
        PRIORITY: plan.priority.value,
    }
    own = {f"{plan.pod_label_prefix}{key}": value for key, value in plan.labels.items()}
    return dict(sorted({**own, **{key: value for key, value in system.items() if value}}.items()))


def group_labels(group: GroupPlan) -> dict[str, str]:
    """What the objects of one group carry beside the workflow's labels."""
    return {GROUP_NAME: label_value(group.name), GROUP_UUID: group.uuid}


def task_labels(task: TaskPlan) -> dict[str, str]:
    """What the pods of one task carry beside the group's labels, the number of the attempt left out."""
    labels = {
        TASK_NAME: label_value(task.name),
        TASK_UUID: task.uuid,
        LEAD_CONTAINER: "true" if task.lead else "false",
        PLATFORM: label_value(task.platform),
    }
    return {key: value for key, value in labels.items() if value}


def part_labels(part: int, parts: int) -> dict[str, str]:
    """What tells the Workflows of one run apart; {} where there is one. Units: `part` counts from 0."""
    return {PART: str(part + 1), PARTS: str(parts)} if parts > 1 else {}


def workflow_ref(labels: Mapping[str, str]) -> WorkflowRef | None:
    """What the labels of a Workflow say; None where it is not one of ours."""
    uuid = labels.get(WORKFLOW_UUID)
    part, parts = (_count(labels.get(key, "1")) for key in (PART, PARTS))
    if not uuid or part is None or parts is None:
        return None
    return WorkflowRef(workflow_uuid=WorkflowUuid(uuid), part=part, parts=parts)


def pod_ref(labels: Mapping[str, str]) -> PodRef | None:
    """What the labels of a pod say; None where it is not one of ours."""
    workflow, group, task = (labels.get(key) for key in (WORKFLOW_UUID, GROUP_UUID, TASK_UUID))
    retry_id = _count(labels.get(RETRY_ID, "0"))
    if not workflow or not group or not task or retry_id is None:
        return None
    return PodRef(workflow_uuid=WorkflowUuid(workflow), group_uuid=group, task_uuid=task, retry_id=retry_id)


def workflow_selector(workflow_uuid: WorkflowUuid) -> str:
    """The label selector of all objects of a run."""
    return f"{WORKFLOW_UUID}={workflow_uuid}"


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
