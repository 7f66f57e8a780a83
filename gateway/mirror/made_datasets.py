"""Which versions of datasets facts tell of: outputs of tasks that are stored, and shall have a number. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from gateway.ports.datasets import MadeBy, MadeVersion, NewVersion
from translator.lifecycle.facts import AnyFact, DatasetMade, TaskObserved
from translator.plan.model import DatasetOutput, Plan, TaskName


def made_versions(plan: Plan, facts: Sequence[AnyFact], known: Collection[MadeBy]) -> tuple[MadeVersion, ...]:
    """The versions that are not among the `known` ones yet, in the order in which they were told of.

    What the Plan does not have as an output is left out: a pod's last words are the task's to write.
    """
    found: dict[MadeBy, MadeVersion] = {}
    for fact in facts:
        if isinstance(fact, TaskObserved) and fact.made:
            for version in _versions(plan, fact):
                if version.made_by not in known:
                    found.setdefault(version.made_by, version)
    return tuple(found.values())


def _versions(plan: Plan, fact: TaskObserved) -> Iterator[MadeVersion]:
    outputs = {output.index: output for output in _outputs(plan, fact.task)}
    for made in fact.made:
        output = outputs.get(made.output)
        if output is not None:
            yield _version(plan, fact, made, output)


def _outputs(plan: Plan, name: TaskName) -> tuple[DatasetOutput, ...]:
    for group in plan.groups:
        for task in group.tasks:
            if task.name == name:
                return task.datasets
    return ()


def _version(plan: Plan, fact: TaskObserved, made: DatasetMade, output: DatasetOutput) -> MadeVersion:
    made_by = MadeBy(
        workflow_uuid=plan.workflow_uuid,
        workflow_id=plan.workflow_id,
        task=fact.task,
        retry_id=fact.retry_id,
        output=made.output,
    )
    new = NewVersion(
        manifest=made.manifest,
        location=output.location,
        files=made.files,
        size=made.size,
        created_by=plan.owner,
        created_at=fact.at,
        metadata=output.metadata,
        labels=output.labels,
        made_by=made_by,
    )
    return MadeVersion(dataset=output.dataset, made_by=made_by, new=new)
