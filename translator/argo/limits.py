"""A Workflow against the limits of Argo's full CRDs, before a cluster refuses it.

Source: argo.md §2.1.
"""

from __future__ import annotations

from collections.abc import Sequence

from translator.argo.dag import DagTemplate
from translator.argo.faults import refusal
from translator.argo.objects import WorkflowObject
from translator.argo.target import Limits


def is_too_large(workflow: WorkflowObject, annotation_bytes: int, limits: Limits) -> bool:
    """Whether the Workflow should be cut smaller. Units: `annotation_bytes` of its annotations together."""
    return len(workflow.body) > limits.spec_bytes or annotation_bytes > limits.annotation_bytes


def check_counts(dags: Sequence[DagTemplate], templates: int, limits: Limits) -> None:
    """Nothing, where counts are within limits. Shape: `templates` counts all, `dags` included.

    Errors: TranslationError; cutting and nesting keep within the limits, so this speaks of a fault of ours.
    """
    if templates > limits.templates:
        raise refusal("too-many-templates", f"Expected at most {limits.templates} templates, got {templates}.")
    for template in dags:
        count = len(template.tasks)
        if not 1 <= count <= limits.dag_tasks:
            raise refusal("dag-too-large", f"Expected 1 to {limits.dag_tasks} tasks in {template.name}, got {count}.")
