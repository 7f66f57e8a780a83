"""Laws of parsing a spec: it never crashes, every refusal is a `SpecError`, every place lies in the file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from templates.sandbox_failure import TemplateFailure
from tests.fuzz.loader_oracle import check, kept_inputs
from tests.unit.spec.specs import RENDERER
from translator.problems import Problem, SpecError
from translator.spec.dump import stored_document, yaml_text
from translator.spec.jinja_text import is_plain, literal_template, pieces
from translator.spec.labels import label_faults
from translator.spec.parse import ParsedSpec, parse
from translator.spec.redaction import redacted, redacted_text
from translator.spec.selectors import label_selector
from translator.spec.templating import protected, rendered
from translator.spec.units import duration, quantity

SEEDS = [path.read_bytes() for path in kept_inputs()]

_names = st.sampled_from(["a", "b", "a-b", "a_b", "osmo-ctrl", "1", "", "x" * 70])
_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _maybe(good: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(good, good, good, good, _anything)


_files = st.lists(
    _maybe(st.fixed_dictionaries({"path": _maybe(st.sampled_from(["/a", "/b", "/osmo/x"])), "contents": _anything})),
    max_size=3,
)
_inputs = st.lists(
    _maybe(st.fixed_dictionaries({"task": _maybe(_names)}))
    | _maybe(st.fixed_dictionaries({"url": _maybe(st.just("u"))})),
    max_size=2,
)
_tasks = _maybe(
    st.fixed_dictionaries(
        {"name": _maybe(_names), "image": _maybe(st.just("i")), "command": _maybe(st.just(["c"]))},
        optional={
            "files": _maybe(_files),
            "inputs": _maybe(_inputs),
            "lead": _maybe(st.booleans()),
            "environment": _maybe(st.dictionaries(st.text(max_size=3), _anything, max_size=3)),
            "credentials": _anything,
            "exitActions": _maybe(st.dictionaries(st.sampled_from(["FAIL", "complete", "X"]), _anything, max_size=3)),
            "checkpoint": _maybe(st.lists(_anything, max_size=2)),
            "oops": _anything,
        },
    )
)
_workflows = st.fixed_dictionaries(
    {"name": _maybe(_names)},
    optional={
        "tasks": _maybe(st.lists(_tasks, max_size=3)),
        "groups": _maybe(
            st.lists(
                _maybe(st.fixed_dictionaries({"name": _maybe(_names), "tasks": _maybe(st.lists(_tasks, max_size=3))})),
                max_size=3,
            )
        ),
        "labels": _anything,
        "timeout": _anything,
        "resources": _anything,
    },
)


@settings(deadline=None)
@given(workflow=_workflows)
def test_any_document_is_a_spec_or_a_spec_error(workflow: dict[str, object]) -> None:
    source = yaml.safe_dump({"workflow": workflow}, allow_unicode=True, sort_keys=False)
    found = _parsed(source.encode(errors="replace"))
    if isinstance(found, SpecError):
        assert found.message
        _assert_problems(found.problems, source)
    else:
        _assert_stored_form_is_the_same(found)


@settings(deadline=None)
@given(seed=st.sampled_from(SEEDS), edits=st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=4)), max_size=5))
def test_any_bytes_are_a_spec_or_a_spec_error(seed: bytes, edits: list[tuple[int, bytes]]) -> None:
    data = bytearray(seed)
    for position, replacement in edits:
        position %= len(data) + 1
        data[position : position + len(replacement)] = replacement
    check(bytes(data))


@settings(deadline=None)
@given(source=st.binary(max_size=300))
def test_any_bytes_at_all(source: bytes) -> None:
    check(source)
    check(b"workflow:\n  " + source)


_signs = st.sampled_from(
    [*"{}%#'\"()- \n-ab", "{{", "}}", "{%", "%}", "{{output}}", "{{host:a}}", "{% raw %}", "{% endraw %}"]
)


@settings(deadline=None)
@given(text=st.lists(_signs).map("".join))
def test_scanner_loses_nothing_and_literal_templates_come_back(text: str) -> None:
    assert "".join(piece.text for piece in pieces(text)) == text
    template = protected(literal_template(text))
    assert (rendered(template, {}, RENDERER) if template.needs_rendering else literal_template(text)) == text


@settings(deadline=None)
@given(text=st.lists(_signs | st.sampled_from(["{{input:0}}", "{{ output }}", "{{input:"])).map("".join))
@example("{{{output}}}")
@example("{{input:{{output}}")
@example("{{output}}{% x %}")
@example("{{output}}{{output}}")
def test_a_quick_look_says_of_no_syntax_that_it_is_none(text: str) -> None:
    assert not is_plain(text) or not protected(text).needs_rendering


def test_a_quick_look_sees_that_tokens_are_all_there_is() -> None:
    assert is_plain("a {b} {{output}}{{host:a}} }} {")
    assert not is_plain("{{ x }}")


_expressions = st.sampled_from(
    [
        "a\r\nb",
        "\n",
        "{{ x }}",
        "{{x}}",
        "{{\ty\n}}",
        "{{z}}",
        "{{output}}",
        "{{ true }}",
        "{{ range }}",
        "{{ x + 1 }}",
        "{{",
        "é}}",
    ]
)


@settings(deadline=None)
@given(
    text=st.lists(_expressions).map("".join),
    variables=st.dictionaries(
        st.sampled_from(["x", "y", "z"]),
        st.text(max_size=5) | st.integers() | st.floats() | st.booleans() | st.none() | st.dates() | st.just([1]),
    ),
)
def test_texts_filled_in_without_jinja_are_what_jinja_makes_of_them(text: str, variables: dict[str, object]) -> None:
    guarded = protected(text)
    try:
        expected = guarded.revealed(RENDERER.render("".join(map(guarded.hidden, guarded.pieces)), variables))
    except TemplateFailure:
        with pytest.raises(TemplateFailure):
            rendered(guarded, variables, RENDERER)
        return
    assert rendered(guarded, variables, RENDERER) == expected


@settings(deadline=None)
@given(value=st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8))
def test_dumped_text_is_read_back(value: object) -> None:
    text = yaml_text(value)
    printable = "\ufffe" not in text
    if printable and not any("\ud800" <= sign <= "\udfff" for sign in text):
        assert yaml.safe_load(text) == value


@settings(deadline=None)
@given(value=st.one_of(st.text(max_size=80), st.integers(), st.floats(), st.booleans(), st.none()))
def test_durations_and_quantities_are_values_or_faults(value: object) -> None:
    for read in (duration, lambda given: quantity(str(given), "memory").bytes):
        with suppress(PydanticCustomError):
            assert read(value) is not None


@settings(deadline=None)
@given(labels=st.dictionaries(st.text(max_size=6) | st.integers(), _anything, max_size=20) | _anything)
def test_labels_are_judged_whatever_they_are(labels: object) -> None:
    for fault in label_faults(labels):
        assert fault.message


@settings(deadline=None)
@given(text=st.text(st.sampled_from("ab=*()|-/."), max_size=30))
def test_selectors_are_conditions_or_errors(text: str) -> None:
    try:
        selector = label_selector(text)
    except SpecError:
        return
    assert len(selector.patterns) <= 32
    for pattern in selector.patterns:
        assert selector.matches({selector.key: pattern.replace("*", "x")})


@settings(deadline=None)
@given(text=st.text(max_size=100))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = redacted_text(text)
    assert redacted_text(once) == once
    assert redacted({"a": [text]}) == {"a": [once]}


@pytest.mark.parametrize("path", kept_inputs(), ids=lambda path: path.name)
def test_kept_inputs(path: Path) -> None:
    check(path.read_bytes())


def _parsed(source: bytes) -> ParsedSpec | SpecError:
    try:
        return parse(source, renderer=RENDERER, is_rendered=True)
    except SpecError as error:
        return error


def _assert_problems(problems: tuple[Problem, ...], source: str) -> None:
    lines = source.split("\n")
    assert problems
    for problem in problems:
        assert problem.code == problem.code.lower()
        assert " " not in problem.code
        assert problem.message
        assert problem.line is not None
        assert problem.column is not None
        assert 1 <= problem.line <= len(lines)
        assert problem.column >= 1


def _assert_stored_form_is_the_same(spec: ParsedSpec) -> None:
    stored = parse(yaml_text(stored_document(spec.spec)).encode(), renderer=RENDERER, is_rendered=True)
    assert stored.spec.all_groups() == spec.spec.all_groups()
