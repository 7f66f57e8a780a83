"""The cut in top-level sections: workflow-spec.md §2.1, §11.1."""

from __future__ import annotations

import pytest

from tests.unit.spec.specs import parsed, refused
from translator.problems import ErrorCode
from translator.spec.places import LineIndex
from translator.spec.sections import Sections, cut

WORKFLOW = "workflow:\n  name: w\n  tasks: [{name: t, image: i, command: [c]}]\n"


def sections(text: str) -> Sections:
    return cut(text, LineIndex(text))


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        (f"{WORKFLOW}resources:\n  a: b\n", 'Unknown top-level key "resources" found in the workflow spec.', 4),
        (f"{WORKFLOW}\n{WORKFLOW}", 'Duplicate top-level key "workflow" found in the workflow spec.', 5),
        (
            f"default-values:\n{WORKFLOW}default-values:\n",
            'Duplicate top-level key "default-values" found in the workflow spec.',
            5,
        ),
        ("name: a\n", 'Unknown top-level key "name" found in the workflow spec.', 1),
        ("", "Workflow spec not found.", 1),
        ("  workflow:\n", "Workflow spec not found.", 1),
        ("# workflow:\n", "Workflow spec not found.", 1),
    ],
)
def test_sections_are_known_and_single(text: str, message: str, line: int) -> None:
    error = refused(text)
    assert (error.message, error.error_code, error.records_submission) == (message, ErrorCode.USER, False)
    assert (error.problems[0].line, error.problems[0].column) == (line, 1)


def test_all_problems_come_together() -> None:
    error = refused("a: 1\nb: 2\nversion: 2\nversion: 2\n")
    assert [problem.code for problem in error.problems] == [
        "unknown-section",
        "unknown-section",
        "repeated-section",
        "missing-section",
    ]


def test_a_word_with_a_colon_at_the_start_of_a_line_begins_a_section() -> None:
    assert refused(f"{WORKFLOW}http://example.com\n").message.startswith('Unknown top-level key "http"')


@pytest.mark.parametrize("key", ["a", "Z", "a-b_1", "default-value", "Workflow"])
def test_keys_of_sections(key: str) -> None:
    """'key = letter then [A-Za-z0-9_-]*'; there are three, in lower case."""
    assert refused(f"{WORKFLOW}{key}: 1\n").message == f'Unknown top-level key "{key}" found in the workflow spec.'


@pytest.mark.parametrize("line", ["1a: 1", "_a: 1", "a.b: 1", "a b: 1", "é: 1", "'a': 1", "a :1", "- a: 1"])
def test_lines_that_begin_no_section(line: str) -> None:
    """They stay in the section that they stand in, where YAML has no use for them."""
    assert sections(f"{WORKFLOW}{line}\n").workflow.text == f"{WORKFLOW}{line}\n"


def test_what_stands_before_the_first_section_is_dropped() -> None:
    text = f"---\n# license\n{{% set x = 1 %}}\n1: 2\n{WORKFLOW}"
    assert sections(text).workflow.text == WORKFLOW
    preamble = refused("{% set x = 1 %}\nworkflow:\n  name: w{{ x }}\n")
    assert "'x' is undefined" in preamble.message


def test_lines_at_column_0_that_are_no_keys_stay_in_the_section() -> None:
    text = "workflow:\n{% if true %}\n  name: w\n{% endif %}\n# comment\n  tasks: [{name: t, image: i, command: [c]}]\n"
    assert parsed(text).spec.name == "w"


@pytest.mark.parametrize("version", ["99", "abc", "1", "'2'", "[", ""])
def test_any_version_is_accepted_with_a_warning(version: str) -> None:
    # §2.1: discarded before validation; §10.1: accept, warn.
    warnings = parsed(f"version: {version}\n{WORKFLOW}").warnings
    assert [(warning.code, warning.line) for warning in warnings] == [("ignored-version", 1)]


@pytest.mark.parametrize("version", ["2", "2 # the only one"])
def test_version_2_is_silent(version: str) -> None:
    assert parsed(f"{WORKFLOW}version: {version}\n").warnings == ()


def test_places_hold_with_windows_line_ends_and_a_byte_order_mark() -> None:
    error = refused(
        "\ufeff# c\r\nworkflow:\r\n  name: w\r\n  oops: 1\r\n  tasks: [{name: t, image: i, command: [c]}]\r\n"
    )
    assert [(problem.path, problem.line, problem.column) for problem in error.problems] == [("workflow.oops", 4, 3)]
