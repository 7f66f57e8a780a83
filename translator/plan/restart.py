"""The spec of a restarted workflow: what failed runs again and reads what succeeded from the old run.

Source: workflow-spec.md §5.9.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from translator.spec.dump import yaml_text
from translator.spec.loader import load
from translator.spec.names import implicit_group_name

PlainDocument = Mapping[str, object]
"""A loaded spec file: plain values, not checked."""


def restarted_source(stored: str, *, workflow_id: str, failed_groups: Collection[str] | None) -> bytes:
    """`restarted_document` from and to text: submit it as a rendered spec (`parse(…, is_rendered=True)`).

    Errors: translator.spec.loader.YamlFault where `stored` is no YAML and `failed_groups` is not None.
    """
    if failed_groups is None:
        return stored.encode()
    document = load(stored).value
    if not isinstance(document, Mapping):
        return stored.encode()
    restarted = restarted_document(document, workflow_id=workflow_id, failed_groups=failed_groups)
    return yaml_text(restarted).encode()


def restarted_document(
    document: PlainDocument, *, workflow_id: str, failed_groups: Collection[str] | None
) -> dict[str, object]:
    """The document to submit in place of `document`, the stored rendered spec of the failed workflow `workflow_id`.

    Shape: top-level keys as in `document` (`version`, `workflow`). Groups that are not in `failed_groups` are gone, and
    inputs from their tasks have become `<workflow_id>:<task>`. None for `failed_groups` runs everything again: the
    workflow never got as far as having groups. The argument is not changed.
    """
    workflow = document.get("workflow")
    if failed_groups is None or not isinstance(workflow, Mapping):
        return dict(document)
    tasks = [task for task in _mappings(workflow.get("tasks")) if _implicit_group(task) in failed_groups]
    groups = [group for group in _mappings(workflow.get("groups")) if group.get("name") in failed_groups]
    gone = _task_names(workflow) - _task_names({"tasks": tasks, "groups": groups})
    restarted = {
        **workflow,
        "tasks": [_rewired(task, gone, workflow_id) for task in tasks],
        "groups": [
            {**group, "tasks": [_rewired(task, gone, workflow_id) for task in _mappings(group.get("tasks"))]}
            for group in groups
        ],
    }
    # An empty list of groups would stand beside the tasks of a spec that has none.
    kept = {key: value for key, value in restarted.items() if key in workflow and value != []}
    return {**document, "workflow": kept}


def _rewired(task: PlainDocument, gone: Collection[str], workflow_id: str) -> dict[str, object]:
    """The task with its inputs from tasks in `gone` pointing to the old run."""
    inputs = task.get("inputs")
    if not isinstance(inputs, list):
        return dict(task)
    rewired = [
        {**entry, "task": f"{workflow_id}:{entry['task']}"}
        if isinstance(entry, Mapping) and entry.get("task") in gone
        else entry
        for entry in inputs
    ]
    return {**task, "inputs": rewired}


def _task_names(workflow: PlainDocument) -> set[str]:
    groups = _mappings(workflow.get("groups"))
    tasks = [*_mappings(workflow.get("tasks")), *(task for group in groups for task in _mappings(group.get("tasks")))]
    return {name for task in tasks if isinstance(name := task.get("name"), str)}


def _implicit_group(task: PlainDocument) -> str:
    return implicit_group_name(str(task.get("name")))


def _mappings(value: object) -> list[PlainDocument]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []
