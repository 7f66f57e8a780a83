"""A Plan as objects on a cluster, in the order in which they are created, with the receipt.

For each Workflow: it, suspended; Secrets; headless Services; PodGroups; extra objects of group templates. When all
exist, the Workflows are resumed. Source: design §5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from translator.argo.cutting import Part, cut
from translator.argo.faults import refusal
from translator.argo.labels import label_value, workflow_labels
from translator.argo.modules import dag_count
from translator.argo.objects import DependentObject, WorkflowObject
from translator.argo.part_builder import PartBuilder, RunPart, TooLarge
from translator.argo.poset import Edges, group_edges
from translator.argo.receipt import Outcome, receipt
from translator.argo.receipt_entry import ReceiptEntry
from translator.argo.room import PartRoom
from translator.argo.run_secrets import RunSecrets, SecretReader
from translator.argo.target import ArgoTarget
from translator.plan.model import Plan

_SMALLER = 0.6
_MOST_TRIES = 10


@dataclass(frozen=True, kw_only=True)
class Translation:
    """A run on a cluster. Shape: `parts` each after those it waits for, never empty."""

    plan: Plan
    target: ArgoTarget
    parts: tuple[RunPart, ...]
    outcome: Outcome

    @cached_property
    def receipt(self) -> tuple[ReceiptEntry, ...]:
        """What became of each field of the spec."""
        return receipt(self.plan, self.target, self.outcome)

    def objects(self) -> Iterator[WorkflowObject | DependentObject]:
        """All objects in the order in which they are created."""
        for part in self.parts:
            yield part.workflow
            yield from part.dependents


def translate(plan: Plan, target: ArgoTarget, secrets: RunSecrets | None = None) -> Translation:
    """The objects of a run, and the receipt; same arguments, same bytes.

    Without `secrets` every secret value is a placeholder, for looking at and for a dry run.
    Errors: TranslationError where the Plan, or the pool's policy for it, cannot stand on a cluster.
    """
    _check_labels(plan)
    edges = group_edges(plan.groups)
    builder = PartBuilder(plan, target, SecretReader(secrets=secrets))
    parts, built = _fitting(builder, edges, target)
    outcome = Outcome(
        workflows=len(built),
        gates=sum(len(part.gates) for part in parts),
        nested_dags=sum(dag_count(part.dag) - 1 for part in parts),
        retries=builder.retries,
        drops_output=builder.drops_output,
    )
    return Translation(plan=plan, target=target, parts=built, outcome=outcome)


def _fitting(builder: PartBuilder, edges: Edges, target: ArgoTarget) -> tuple[Sequence[Part], tuple[RunPart, ...]]:
    """The run cut so that no Workflow is too large; how large one is, is known only when it is made."""
    share = 1.0
    for _ in range(_MOST_TRIES):
        parts = cut(edges, PartRoom(builder.demands, target.limits, share), target.limits.dag_tasks)
        try:
            return parts, tuple(builder.built(parts))
        except TooLarge:
            share *= _SMALLER
    raise refusal(
        "workflow-too-large",
        f"Expected every group to fit into one Workflow of {target.limits.spec_bytes} bytes. Split the largest group.",
    )


def _check_labels(plan: Plan) -> None:
    for key, value in workflow_labels(plan).items():
        if "{{" in key or label_value(value) != value:
            raise refusal("bad-label", f'Expected a Kubernetes label value for "{key}", got "{value}".')
