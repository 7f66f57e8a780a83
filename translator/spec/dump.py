"""Specs as YAML text: for dry runs, for sending, for storage.

Source: workflow-spec.md §3.6; api.md §2.7, §2.9.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from yaml import dump
from yaml.cyaml import CSafeDumper
from yaml.nodes import ScalarNode

from translator.spec.exit_codes import ExitActionTable
from translator.spec.model import SPEC_VERSION, GroupSpec, TaskSpec, WorkflowSpec

# Long enough that no line is ever folded: a fold would cut tokens that hold blanks.
_NEVER_FOLD = 2**31 - 1
_TEXT_TAG = "tag:yaml.org,2002:str"
_ONE_MICROSECOND = timedelta(microseconds=1)
_ONE_SECOND = timedelta(seconds=1)


def yaml_text(document: object) -> str:
    """A plain document as YAML: keys in their order, texts of several lines as blocks, no aliases."""
    text: str = dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_NEVER_FOLD)
    return text


def stored_document(spec: WorkflowSpec) -> dict[str, Any]:
    """The spec as OSMO stores and shows it: version 2, always with groups, without what is left at its default.

    Shape: plain values; parsing it again gives the same groups.
    """
    workflow = spec.model_dump(
        by_alias=True, exclude_defaults=True, mode="json", include={"name", "labels", "resources"}
    )
    timeout = {
        name: _duration(length)
        for name, length in (
            ("exec_timeout", spec.timeout.exec_timeout),
            ("queue_timeout", spec.timeout.queue_timeout),
        )
        if length is not None
    }
    if timeout:
        workflow["timeout"] = timeout
    workflow["groups"] = [_group(group) for group in spec.all_groups()]
    return {"version": SPEC_VERSION, "workflow": workflow}


def _group(group: GroupSpec) -> dict[str, Any]:
    fields = group.model_dump(by_alias=True, exclude_defaults=True, mode="json", exclude={"tasks"})
    return {**fields, "tasks": [_task(task) for task in group.tasks]}


def _task(task: TaskSpec) -> dict[str, Any]:
    fields = task.model_dump(
        by_alias=True,
        exclude_defaults=True,
        mode="json",
        exclude={"checkpoint", "exit_actions", "resources", "backend"},
    )
    if task.checkpoint:
        fields["checkpoint"] = [
            {**entry.model_dump(exclude_defaults=True, exclude={"frequency"}), "frequency": _duration(entry.frequency)}
            for entry in task.checkpoint
        ]
    if task.exit_actions:
        fields["exitActions"] = _exit_actions(task.exit_actions)
    return fields


def _exit_actions(table: ExitActionTable) -> dict[str, str]:
    return {rule.action.value: rule.codes for rule in table}


def _duration(length: timedelta) -> str:
    if length % _ONE_SECOND:
        return f"{length // _ONE_MICROSECOND}us"
    return f"{length // _ONE_SECOND}s"


class _Dumper(CSafeDumper):
    """Writes texts of several lines as blocks, and repeated values where they stand."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text_node(dumper: _Dumper, text: str) -> ScalarNode:
    return dumper.represent_scalar(_TEXT_TAG, text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text_node)
