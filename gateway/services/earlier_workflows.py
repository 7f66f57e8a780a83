"""Looking up the finished workflows that a spec takes inputs from. Source: workflow-spec.md §1.2 step 12, §2.7."""

from __future__ import annotations

from gateway.ports.store import Store
from translator.plan.context import EarlierWorkflow
from translator.plan.outline import Outline, earlier_references


def earlier_workflows(store: Store, outlined: Outline) -> dict[str, EarlierWorkflow]:
    """The workflows that inputs `WORKFLOW:TASK` name, by id or uuid as written; unknown ones are left out."""
    names = dict.fromkeys(workflow for workflow, _task in earlier_references(outlined))
    if not names:
        return {}
    found = {}
    with store.reading() as reads:
        for name in names:
            record = reads.workflow(name)
            if record is not None:
                finished = {str(task.name): task.status.finished for task in reads.attempts(record.uuid)}
                found[name] = EarlierWorkflow(id=record.workflow_id, finished=finished)
    return found
