"""Workflow labels: syntax, overrides from the command line, and the deployment's label policy.

Source: workflow-spec.md §2.4. Selectors for lists of workflows are in `translator.spec.selectors`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import assert_never

from translator.problems import Problem, Severity, SpecError
from translator.spec.faults import shortened

MAX_LABELS = 16
MAX_SEGMENT_LENGTH = 63
MAX_PREFIX_LENGTH = 253

# Beyond, the number of labels is fault enough.
_MAX_JUDGED = 100
_SEGMENT = re.compile(r"[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?")
_DNS_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class Enforcement(StrEnum):
    """What a label rule does where a workflow breaks it."""

    OFF = "off"
    WARN = "warn"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRule:
    """One entry of `labels_config.policy`. Shape: an empty `allow_list` allows every value."""

    key: str
    allow_list: tuple[str, ...] = ()
    enforcement: Enforcement = Enforcement.OFF
    assert_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyResult:
    """What the label rules say. Shape: `errors` refuse the workflow, `warnings` go into its `warnings`."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFault:
    """One thing wrong with a map of labels. Shape: `key` is None where the whole map is meant."""

    message: str
    key: object = None
    at_value: bool = False


def label_faults(labels: object) -> list[LabelFault]:
    """Everything wrong with what stands under `labels:`, in OSMO's order of checks; empty where it is fine."""
    if not isinstance(labels, Mapping):
        return [LabelFault(message="Workflow labels must be a map of string keys to string values.")]
    found = []
    if len(labels) > MAX_LABELS:
        found.append(LabelFault(message=f"Workflows can have at most {MAX_LABELS} labels."))
    for key, value in islice(labels.items(), _MAX_JUDGED):
        if (message := _key_message(key)) is not None:
            found.append(LabelFault(message=shortened(message), key=key))
        if (message := _value_message(value)) is not None:
            found.append(LabelFault(message=shortened(message), key=key, at_value=True))
    return found


def label_key_message(key: str) -> str | None:
    """What is wrong with a label key; None for a Kubernetes qualified name."""
    prefix, slash, segment = key.rpartition("/")
    if not key or "/" in prefix:
        return f'Workflow label key "{key}" is not a valid Kubernetes label key.'
    if slash and (len(prefix) > MAX_PREFIX_LENGTH or not _DNS_PREFIX.fullmatch(prefix)):
        return f'Workflow label key "{key}" has an invalid DNS prefix.'
    if not _is_segment(segment):
        return f'Workflow label key "{key}" has an invalid name segment.'
    return None


def is_label_value(value: str) -> bool:
    """Whether `value` is a non-empty Kubernetes label value."""
    return _is_segment(value)


def label_overrides(assignments: Iterable[str]) -> dict[str, str]:
    """`key=value` texts as a map; a later one wins.

    Errors: SpecError (USAGE) where one has no `=`.
    """
    overrides = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise SpecError(
                [Problem(code="bad-label", message="Workflow labels must use key=value format.", path="label")]
            )
        overrides[key] = value
    return overrides


def merged_labels(spec_labels: object, overrides: Mapping[str, str]) -> object:
    """The spec's labels with `overrides` on top; what is no map is given back for `label_faults` to judge."""
    if not isinstance(spec_labels, Mapping):
        return spec_labels
    return {**spec_labels, **overrides}


def prefixed_labels(labels: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The labels as stamped on pods, each key behind `prefix`, which is prepended as it is.

    Errors: SpecError (USAGE) where the prefix makes a key illegal.
    """
    problems = [
        Problem(
            code="bad-label",
            message=f"Label key {key} with the configured pod label prefix {prefix} forms an invalid Kubernetes label "
            f"key {prefix + key}.",
            path=f"workflow.labels.{key}",
        )
        for key in labels
        if label_key_message(prefix + key) is not None
    ]
    if problems:
        raise SpecError(problems)
    return {prefix + key: value for key, value in labels.items()}


def label_policy(labels: Mapping[str, str], rules: Sequence[LabelRule]) -> PolicyResult:
    """Judge labels by the deployment's rules, one entry per broken rule, in the order of the rules."""
    errors: list[str] = []
    warnings: list[str] = []
    for rule in rules:
        match rule.enforcement:
            case Enforcement.OFF:
                continue
            case Enforcement.ENFORCE:
                target, message = errors, _enforced_message(labels, rule)
            case Enforcement.WARN:
                target, message = warnings, _warning_message(labels, rule)
            case _:
                assert_never(rule.enforcement)
        if message is not None:
            target.append(f"{message} {rule.assert_message}".rstrip())
    return PolicyResult(errors=tuple(errors), warnings=tuple(warnings))


def label_policy_problems(labels: Mapping[str, str], rules: Sequence[LabelRule]) -> list[Problem]:
    """`label_policy` as Problems: errors first, then warnings."""
    result = label_policy(labels, rules)
    refused = [Problem(code="label-policy", message=text, path="workflow.labels") for text in result.errors]
    warned = [
        Problem(code="label-policy", message=text, path="workflow.labels", severity=Severity.WARNING)
        for text in result.warnings
    ]
    return refused + warned


def _is_segment(text: str) -> bool:
    return 0 < len(text) <= MAX_SEGMENT_LENGTH and _SEGMENT.fullmatch(text) is not None


def _key_message(key: object) -> str | None:
    if not isinstance(key, str):
        return "Workflow labels must be a map of string keys to string values."
    return label_key_message(key)


def _value_message(value: object) -> str | None:
    if not isinstance(value, str):
        return "Workflow label values must be strings."
    if not is_label_value(value):
        return f'Workflow label value "{value}" is not a valid non-empty Kubernetes label value.'
    return None


def _enforced_message(labels: Mapping[str, str], rule: LabelRule) -> str | None:
    if rule.key not in labels:
        return f"Workflow is missing required label '{rule.key}'."
    if rule.allow_list and labels[rule.key] not in rule.allow_list:
        return f"Workflow label '{rule.key}' has a value that is not allowed."
    return None


def _warning_message(labels: Mapping[str, str], rule: LabelRule) -> str | None:
    if rule.key not in labels:
        return f"Workflow is missing label '{rule.key}'; add it now to avoid rejected submissions once it is required."
    if rule.allow_list and labels[rule.key] not in rule.allow_list:
        return (
            f"Workflow label '{rule.key}' has a value that is not allowed; "
            "use an allowed value now to avoid rejected submissions once it is required."
        )
    return None
