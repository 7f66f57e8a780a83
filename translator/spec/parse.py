"""From the text of a spec file to a checked `WorkflowSpec`, or to everything that is wrong with it.

Steps 3 to 6 of workflow-spec.md §1.2; pools, defaults, dependencies and policy come after, in `translator.plan`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from translator.problems import ErrorCode, Problem, Severity, SpecError
from translator.spec import local_files as inlining
from translator.spec.document import OpenedSpec, SpecPlaces, open_spec
from translator.spec.dump import yaml_text
from translator.spec.findings import MAX_FINDINGS, Finding, all_tasks, schema_findings
from translator.spec.labels import label_faults, label_overrides, merged_labels
from translator.spec.model import WorkflowSpec, as_document
from translator.spec.places import FieldPath, Place
from translator.spec.templating import Renderer, is_templated
from translator.spec.values import NO_VALUES, Values, environment, with_environment

PlainDocument = Mapping[object, object]

# Far above what anybody reads; keeps an answer about a broken generated file within bounds.
_MAX_FULL_TEXT = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedSpec:
    """A spec that follows the schema.

    Shape: `text` is the rendered workflow section; `document` what it holds as plain values, {"workflow": {…}}, with
    labels from outside and local files in it, but not the environment; `spec` has all three.
    """

    spec: WorkflowSpec
    document: PlainDocument
    text: str
    source: str
    templated: bool
    warnings: tuple[Problem, ...]
    places: SpecPlaces

    def locate(self, path: FieldPath | str, *, at_key: bool = False) -> Place:
        """The (line, column) in the user's file of the value at `path` (`workflow.tasks[0].image`), or of its key.

        Shape: that of the nearest part above it where nothing stands at `path`; (None, None) where the template hides
        which line it came from.
        """
        return self.places.locate(path, at_key=at_key)

    def problem(
        self, path: FieldPath, code: str, message: str, *, severity: Severity = Severity.ERROR, at_key: bool = False
    ) -> Problem:
        """A Problem at `path` with its place in the user's file."""
        return self.places.problem(path, code, message, severity=severity, at_key=at_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedSpec:
    """The answer to a dry run. Shape: `text` is YAML with the one key `workflow`; its schema was not checked."""

    name: str
    text: str
    warnings: tuple[Problem, ...]


def parse(
    source: bytes,
    *,
    values: Values = NO_VALUES,
    renderer: Renderer,
    local_files: Mapping[str, str] | None = None,
    is_rendered: bool = False,
) -> ParsedSpec:
    """The checked spec in a file.

    Shape: `is_rendered` is true for a stored spec, whose text is not rendered again; `local_files` gives the text of
    each `localpath:`, without it `localpath` is refused, as a server does.
    Errors: SpecError with all problems of the first step that fails; its message, class and `records_submission` are
    OSMO's. Label faults and schema faults come together.
    """
    opened = open_spec(source, values, renderer, is_rendered=is_rendered)
    document = _document(opened)
    if local_files is not None:
        document = _with_local_files(opened, document, local_files)
    document, label_problems = _with_labels(opened, document, values)
    spec = _checked(opened, document, label_problems)
    return ParsedSpec(
        spec=with_environment(spec, environment(values.environment)),
        document=document,
        text=opened.text,
        source=opened.source,
        templated=is_templated(opened.source),
        warnings=(*opened.warnings, *_unused_fields(opened, document)),
        places=opened.places,
    )


def render_only(source: bytes, *, values: Values = NO_VALUES, renderer: Renderer) -> RenderedSpec:
    """What a dry run shows: the rendered workflow section with its labels, `localpath` entries untouched.

    Errors: SpecError as `parse`, for the steps before the schema.
    Source: workflow-spec.md §1.2 step 4; api.md §2.7.
    """
    opened = open_spec(source, values, renderer)
    document, problems = _with_labels(opened, _document(opened), values)
    if problems:
        raise SpecError(problems)
    workflow = document.get("workflow")
    name = workflow.get("name", "") if isinstance(workflow, Mapping) else ""
    return RenderedSpec(name=str(name), text=yaml_text(document), warnings=opened.warnings)


def _document(opened: OpenedSpec) -> PlainDocument:
    if isinstance(opened.value, Mapping):
        return opened.value
    # `workflow:x` without a blank is one plain text to YAML.
    message = "Workflow spec is not properly formatted: expected `workflow:` and below it a map."
    raise SpecError([opened.places.problem((), "yaml-syntax", message)], records_submission=True)


def _with_local_files(opened: OpenedSpec, document: PlainDocument, local_files: Mapping[str, str]) -> PlainDocument:
    inlined, faults = inlining.inlined(document, local_files.__getitem__)
    if faults:
        raise SpecError([opened.places.problem(fault.path, fault.code, fault.message) for fault in faults])
    return inlined


def _with_labels(opened: OpenedSpec, document: PlainDocument, values: Values) -> tuple[PlainDocument, list[Problem]]:
    """The document with the labels of `values`, and what is wrong with the result."""
    workflow = document.get("workflow")
    if not isinstance(workflow, Mapping):
        return document, []
    overrides = label_overrides(values.labels)
    written = workflow.get("labels", {}) if values.stored_labels is None else values.stored_labels
    labels = merged_labels(written, overrides)
    problems = [
        opened.places.problem(
            ("workflow", "labels") if fault.key is None else ("workflow", "labels", str(fault.key)),
            "bad-label",
            fault.message,
            at_key=not fault.at_value,
        )
        for fault in label_faults(labels)
    ]
    if labels or "labels" in workflow:
        document = {**document, "workflow": {**workflow, "labels": labels}}
    return document, problems


def _checked(opened: OpenedSpec, document: PlainDocument, label_problems: list[Problem]) -> WorkflowSpec:
    try:
        spec = as_document({str(key): value for key, value in document.items()}).workflow
    except ValidationError as error:
        raise _schema_error(opened, document, error, label_problems) from error
    if label_problems:
        raise SpecError(label_problems)
    return spec


def _schema_error(
    opened: OpenedSpec, document: PlainDocument, error: ValidationError, label_problems: list[Problem]
) -> SpecError:
    found = schema_findings(error, document)
    if label_problems:
        found = [finding for finding in found if finding.code != "bad-label"]
        return SpecError([*label_problems, *_problems(opened, found)])
    # An error of this class leaves OSMO's validation at once, whatever else was wrong.
    first = next((finding for finding in found if finding.error_code is not ErrorCode.USAGE), None)
    if first is not None:
        found = [first, *(finding for finding in found if finding is not first)]
        return SpecError(_problems(opened, found), message=first.message, error_code=first.error_code)
    problems = _problems(opened, found)
    return SpecError(problems, message=_full_text(error, problems), records_submission=True)


def _problems(opened: OpenedSpec, found: list[Finding]) -> list[Problem]:
    return [
        opened.places.problem(finding.path, finding.code, finding.message, at_key=finding.at_key) for finding in found
    ]


def _full_text(error: ValidationError, problems: Sequence[Problem]) -> str:
    count = error.error_count()
    if count > MAX_FINDINGS:
        # pydantic would write out all of them.
        lines = "\n".join(f"{problem.path}\n  {problem.message}" for problem in problems)
        text = f"{count} validation errors for {error.title}\n{lines}"
    else:
        text = str(error)
    return text if len(text) <= _MAX_FULL_TEXT else f"{text[:_MAX_FULL_TEXT]}\n… {count} errors in all"


def _unused_fields(opened: OpenedSpec, document: PlainDocument) -> list[Problem]:
    """Warnings about fields of tasks that are accepted and mean nothing. Source: workflow-spec.md §10.25."""
    instead = {"resources": "name an entry of workflow.resources in `resource`", "backend": "the pool decides"}
    return [
        opened.places.problem(
            (*path, field),
            "unused-field",
            f"`{field}` of a task has no effect: {advice}.",
            severity=Severity.WARNING,
            at_key=True,
        )
        for path, task in all_tasks(document)
        for field, advice in instead.items()
        if field in task
    ]
