"""A spec file, cut, rendered and loaded, with the place of everything in it; its schema is not looked at yet.

Steps 3 and 3b of workflow-spec.md §1.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from templates.sandbox_failure import TemplateFailure
from translator.problems import Problem, Severity, SpecError
from translator.spec import loader, values
from translator.spec.jinja_text import is_plain
from translator.spec.loader import LoadedDocument, YamlFault
from translator.spec.model import SPEC_VERSION
from translator.spec.places import NOWHERE, FieldPath, LineIndex, Place, field_path, field_steps
from translator.spec.sections import DEFAULT_VALUES, VERSION, Section, Sections, cut
from translator.spec.source_map import PlainMap, RenderedMap, SourceMap
from translator.spec.templating import Renderer, protected, rendered
from translator.spec.values import Values

MAX_WARNINGS = 1000
MAX_SOURCE_BYTES = 8 * 1024 * 1024

_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecPlaces:
    """Finds the parts of a document in the user's file."""

    loaded: LoadedDocument
    source_map: SourceMap

    def locate(self, path: FieldPath | str, *, at_key: bool = False) -> Place:
        """The place of the value at `path`, or of its key; of the nearest part above it where it does not exist."""
        steps = field_steps(path) if isinstance(path, str) else path
        return self.source_map.place(self.loaded.offset(steps, at_key=at_key))

    def problem(
        self,
        path: FieldPath,
        code: str,
        message: str,
        *,
        at_key: bool = False,
        severity: Severity = Severity.ERROR,
    ) -> Problem:
        """A Problem at `path`, with its place, or the line of the rendered spec where no place is known."""
        offset = self.loaded.offset(path, at_key=at_key)
        return placed_problem(self.source_map, offset, code, message, path=field_path(path), severity=severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSpec:
    """A file of which everything is known but whether it is a workflow.

    Shape: `text` is the workflow section after rendering; `value` what it holds, normally {"workflow": …}.
    """

    source: str
    text: str
    value: object
    places: SpecPlaces
    warnings: tuple[Problem, ...]


def open_spec(source: bytes, given: Values, renderer: Renderer, *, is_rendered: bool = False) -> OpenedSpec:
    """The document in a file; in a file that `is_rendered`, a stored one, Jinja's signs are text.

    Errors: SpecError, with everything that is wrong in the first step that fails.
    """
    original = decoded(source)
    lines = LineIndex(original)
    sections = cut(original, lines)
    variables = _variables(sections, lines, given)
    text, source_map = _rendered(sections.workflow, lines, variables, renderer, is_rendered=is_rendered)
    loaded = _loaded(text, source_map)
    places = SpecPlaces(loaded=loaded, source_map=source_map)
    warnings = (*_version_warnings(sections, lines), *_repeated_keys(loaded, source_map))
    return OpenedSpec(source=original, text=text, value=loaded.value, places=places, warnings=warnings)


def decoded(source: bytes) -> str:
    """The text of a file. Errors: SpecError where it is no UTF-8, or too long."""
    if len(source) > MAX_SOURCE_BYTES:
        message = f"The spec has {len(source)} bytes; at most {MAX_SOURCE_BYTES} are accepted."
        raise SpecError([Problem(code="too-large", message=message, line=1, column=1)])
    try:
        return source.decode().removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        before = LineIndex(source[: error.start].decode())
        line, column = before.place(error.start)
        message = f"The spec is not valid UTF-8: {error.reason} at byte {error.start}. Save the file as UTF-8."
        raise SpecError([Problem(code="bad-encoding", message=message, line=line, column=column)]) from error


def placed_problem(
    source_map: SourceMap,
    offset: int,
    code: str,
    message: str,
    *,
    path: str = "",
    severity: Severity = Severity.ERROR,
) -> Problem:
    """A Problem at an offset of the parsed text."""
    line, column = source_map.place(offset)
    if line is None:
        message = f"{message} (line {source_map.parsed_line(offset)} of the rendered spec)"
    return Problem(code=code, message=message, path=path, line=line, column=column, severity=severity)


def _rendered(
    section: Section, lines: LineIndex, variables: Mapping[str, object], renderer: Renderer, *, is_rendered: bool
) -> tuple[str, SourceMap]:
    """The text of the workflow section to parse, and where its parts come from."""
    if is_rendered or is_plain(section.text):
        return section.text, PlainMap(lines, section)
    try:
        guarded = protected(section.text)
        if not guarded.needs_rendering:
            return section.text, PlainMap(lines, section)
        text = rendered(guarded, variables, renderer)
    except TemplateFailure as failure:
        raise SpecError([_template_problem(failure, lines, section)]) from failure
    source_map = RenderedMap(
        lines=lines, section=section, protected=guarded, text=text, variables=variables, renderer=renderer
    )
    return text, source_map


def _loaded(text: str, source_map: SourceMap) -> LoadedDocument:
    try:
        return loader.load(text)
    except YamlFault as fault:
        line, column = source_map.place(fault.offset)
        where = f" (line {line}, column {column})" if line is not None else ""
        message = f"Workflow spec is not properly formatted: {fault.message}{where}"
        problem = placed_problem(source_map, fault.offset, fault.code, message, path="workflow")
        raise SpecError([problem], records_submission=True) from fault


def _variables(sections: Sections, lines: LineIndex, given: Values) -> dict[str, object]:
    """`default-values` with what was set on top."""
    problems: list[Problem] = []
    variables: dict[str, object] = {}
    if sections.default_values is not None:
        source_map = PlainMap(lines, sections.default_values)
        try:
            variables = _default_values(sections.default_values)
        except YamlFault as fault:
            message = f"Jinja Template Error: {DEFAULT_VALUES} cannot be used: {fault.message}"
            problems.append(placed_problem(source_map, fault.offset, fault.code, message, path=DEFAULT_VALUES))
    assigned, wrong = values.variables(given)
    problems.extend(wrong)
    if problems:
        raise SpecError(problems)
    return {**variables, **assigned}


def _default_values(section: Section) -> dict[str, object]:
    document = loader.load(section.text)
    values = document.value.get(DEFAULT_VALUES) if isinstance(document.value, Mapping) else document.value
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        found = "a list" if isinstance(values, list) else "a single value"
        offset = document.offset((DEFAULT_VALUES,))
        raise YamlFault("bad-default-values", f"expected a map of variables, not {found}.", offset)
    # A key that is no text (`on:` is a boolean) is out of every template's reach.
    return {key: value for key, value in values.items() if isinstance(key, str)}


def _template_problem(failure: TemplateFailure, lines: LineIndex, section: Section) -> Problem:
    line, column = NOWHERE
    if failure.line is not None:
        # Templates keep the lines of the section they were made of.
        first, _ = lines.place(section.offset)
        line, column = min((first or 1) + failure.line - 1, len(lines)), 1
    return Problem(
        code="template-failure",
        message=f"Jinja substitution failure: {failure}",
        path="workflow",
        line=line,
        column=column,
    )


def _version_warnings(sections: Sections, lines: LineIndex) -> Iterable[Problem]:
    if sections.version is None:
        return
    text = sections.version.text.partition(":")[2].partition("#")[0].strip()
    if text != str(SPEC_VERSION):
        line, column = lines.place(sections.version.offset)
        message = f"version: {text[:40]} is ignored: specs are read as version {SPEC_VERSION}."
        yield Problem(
            code="ignored-version",
            message=message,
            path=VERSION,
            line=line,
            column=column,
            severity=Severity.WARNING,
        )


def _repeated_keys(loaded: LoadedDocument, source_map: SourceMap) -> Iterable[Problem]:
    for repeated in sorted(loaded.repeated, key=lambda one: one.offset)[:MAX_WARNINGS]:
        yield placed_problem(
            source_map,
            repeated.offset,
            "repeated-key",
            f"The key `{repeated.key[:40]}` stands here more than once; the last one counts.",
            severity=Severity.WARNING,
        )
