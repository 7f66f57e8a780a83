"""What is wrong with a loaded document, each thing once and at its exact place in the document.

pydantic reports the fields. It does not get as far as the rules between fields where a field is broken, and puts those
on the object that holds the fields; so they are asked here again of the plain document, whatever state it is in.

Source: workflow-spec.md §2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from translator.problems import ErrorCode
from translator.spec import rules
from translator.spec.advice import advised_message, problem_code
from translator.spec.names import normalised_name, repeated_name_message
from translator.spec.places import FieldPath, PathStep, matching_key

MAX_FINDINGS = 1000

_UNION_TAGS = ("task input", "url input", "dataset input", "url output", "dataset output")
_KEY_MARK = "[key]"
# Codes of the rules between fields, which `cross_findings` reports at better places.
_CROSS_CODES = ("lead_count", "repeated_name")
_AT_KEY = ("unknown-key", "bad-exit-action", "bad-key", "dataset")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing wrong in a document. Shape: `at_key` where the key of the last step is meant rather than its value."""

    path: FieldPath
    code: str
    message: str
    error_code: ErrorCode = ErrorCode.USAGE
    at_key: bool = False


def schema_findings(error: ValidationError, document: object) -> list[Finding]:
    """Everything wrong with `document`, whose validation gave `error`: fields first, then what is between them."""
    details = [one for one in error.errors(include_url=False) if one["type"] not in _CROSS_CODES]
    found = [_finding(one, document) for one in _first_and_foremost(details)]
    known = {(finding.path, finding.code) for finding in found}
    crossing = (finding for finding in cross_findings(document) if (finding.path, finding.code) not in known)
    found.extend(islice(crossing, MAX_FINDINGS - len(found)))
    if len(found) >= MAX_FINDINGS:
        message = f"There are more problems; only {len(found)} of them are listed."
        found.append(Finding(path=("workflow",), code="too-many-problems", message=message))
    return found


def cross_findings(document: object) -> list[Finding]:
    """Broken rules between fields. Shape: `document` is what the file holds, {"workflow": …}, in any state."""
    workflow = _child(document, "workflow")
    found = list(_repeated_names(workflow))
    for path, group in _entries(workflow, "groups", ("workflow",)):
        found.extend(_lead_findings(path, group))
    for path, task in all_tasks(document):
        found.extend(_file_findings(path, task))
    return found


def all_tasks(document: object) -> Iterator[tuple[FieldPath, Mapping[object, object]]]:
    """The maps that stand where tasks belong, with their paths, in order; first those of `tasks`."""
    workflow = _child(document, "workflow")
    yield from _entries(workflow, "tasks", ("workflow",))
    for path, group in _entries(workflow, "groups", ("workflow",)):
        yield from _entries(group, "tasks", path)


def _first_and_foremost(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """As many errors as are listed, with the first of each class of error among them."""
    if len(details) <= MAX_FINDINGS:
        return details
    foremost = next((one for one in details if _error_code(one) is not ErrorCode.USAGE), None)
    return [*([] if foremost is None else [foremost]), *details][:MAX_FINDINGS]


def _error_code(details: ErrorDetails) -> ErrorCode:
    return ErrorCode(details.get("ctx", {}).get("error_code", ErrorCode.USAGE))


def _finding(details: ErrorDetails, document: object) -> Finding:
    path, at_key = _document_path(details["loc"], document)
    code = problem_code(details["type"])
    return Finding(
        path=path,
        code="bad-key" if at_key else code,
        message=advised_message(details, path),
        error_code=_error_code(details),
        at_key=at_key or code in _AT_KEY,
    )


def _document_path(location: Sequence[PathStep], document: object) -> tuple[FieldPath, bool]:
    """pydantic's location without the tags of unions, and whether it means a key."""
    path: list[PathStep] = []
    node = document
    at_key = False
    for step in location:
        if step == _KEY_MARK:
            at_key = True
        elif isinstance(node, Mapping):
            key = matching_key(node, step)
            if key is None and step in _UNION_TAGS:
                continue
            path.append(step)
            node = node[key[0]] if key is not None else None
        elif isinstance(node, list) or step not in _UNION_TAGS:
            path.append(step)
            node = node[step] if isinstance(node, list) and isinstance(step, int) and step < len(node) else None
    return tuple(path), at_key


def _repeated_names(workflow: object) -> Iterator[Finding]:
    seen: set[str] = set()
    for path, entry in _named_entries(workflow):
        name = entry.get("name")
        if not isinstance(name, str):
            continue
        key = normalised_name(name)
        if key in seen:
            yield Finding(path=(*path, "name"), code="repeated-name", message=repeated_name_message([name]))
        seen.add(key)


def _named_entries(workflow: object) -> Iterator[tuple[FieldPath, Mapping[object, object]]]:
    yield from _entries(workflow, "tasks", ("workflow",))
    for path, group in _entries(workflow, "groups", ("workflow",)):
        yield path, group
        yield from _entries(group, "tasks", path)


def _lead_findings(path: FieldPath, group: Mapping[object, object]) -> Iterator[Finding]:
    tasks = group.get("tasks")
    if not isinstance(tasks, list) or not tasks:
        return
    leads = [_is_true(_child(task, "lead")) for task in tasks]
    message = rules.lead_message(str(group.get("name", "")), leads)
    if message is not None:
        yield Finding(path=(*path, "tasks"), code="lead-count", message=message)


def _file_findings(path: FieldPath, task: Mapping[object, object]) -> Iterator[Finding]:
    indexed = [(place, entry.get("path")) for place, entry in _entries(task, "files", path)]
    paths = [(place, str(text)) for place, text in indexed if isinstance(text, str | int | float)]
    for index, message in rules.repeated_paths(str(task.get("name", "")), [text for _, text in paths]):
        yield Finding(path=(*paths[index][0], "path"), code="repeated-path", message=message)


def _entries(node: object, field: str, path: FieldPath) -> Iterator[tuple[FieldPath, Mapping[object, object]]]:
    entries = _child(node, field)
    if not isinstance(entries, list):
        return
    for index, entry in enumerate(entries):
        if isinstance(entry, Mapping):
            yield (*path, field, index), entry


def _child(node: object, field: str) -> object:
    return node.get(field) if isinstance(node, Mapping) else None


def _is_true(value: object) -> bool:
    # As pydantic reads booleans; what it cannot read is reported there.
    return value is True or value == 1 or str(value).lower() in ("true", "t", "yes", "y", "on", "1")
