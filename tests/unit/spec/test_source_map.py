"""Places of problems in templates: those of the file, or an honest word that only the rendered line is known."""

from __future__ import annotations

import pytest

from tests.unit.spec.specs import parsed, refused
from translator.problems import Problem


def place(text: str, code: str = "unknown-key") -> list[tuple[int | None, int | None]]:
    return [(problem.line, problem.column) for problem in refused(text).problems if problem.code == code]


HEAD = "# comment\nworkflow:\n  name: w\n  tasks:\n"
TASK = "  - {name: t, image: i, command: [c]}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{HEAD}{TASK}  oops: {{{{ 1 }}}}\n", [(6, 3)]),
        (f"{HEAD}{{% if true %}}\n{TASK}{{% endif %}}\n  oops: 1\n", [(8, 3)]),
        (f"{HEAD}{TASK}  labels: {{% if true -%}}\n  {{}}\n{{% endif %}}  oops: 1\n", [(8, 1)]),
        (f"{HEAD}{{%- if true %}}\n{TASK}{{%- endif %}}\n  oops: 1\n", [(8, 3)]),
        (f"{HEAD}{{# a\n\nb #}}{TASK}  oops: 1\n", [(8, 3)]),
        (
            f"{HEAD}{{% for i in range(3) %}}\n  - name: t{{{{ i }}}}\n    oops: 1\n    image: i\n    command: [c]\n"
            "{% endfor %}\n",
            [(7, 5), (7, 5), (7, 5)],
        ),
        (f"{HEAD}{TASK}  {{{{ 'oops' }}}}: 1\n", [(6, 3)]),
        (f"{HEAD}{TASK}  {{{{- '\\n  oops' }}}}: 1\n", [(6, 3)]),
        (f"{HEAD}{TASK}{{% raw %}}  oops: '{{{{ x }}}}'\n{{% endraw %}}", [(6, 1)]),
        (f"{HEAD}{TASK}  {{% macro m() %}}oops{{% endmacro %}}\n\n  {{{{ m() }}}}: 1\n", [(8, 3)]),
        (f"{HEAD}  - name: t\n    image: '{{{{output}}}} {{{{ 1 }}}}'\n    command: [c]\n    oops: 1\n", [(8, 5)]),
        (f"{HEAD}{TASK}{{% set x = 1 %}}\n\n\n  labels: {{}}\n  oops: 1\n", [(10, 3)]),
        (f"{HEAD}{TASK}  {{{{ '\\n  ' }}}}oops: 1\n".replace("\n", "\r\n"), [(6, 3)]),
    ],
)
def test_lines_of_the_file(text: str, expected: list[tuple[int, int]]) -> None:
    assert place(text) == expected


def test_column_is_that_of_the_place_where_nothing_before_it_was_rendered() -> None:
    text = f"{HEAD}  - {{name: t, image: i, command: [c], oops: '{{{{ 1 }}}}'}}\n"
    assert place(text) == [(5, text.splitlines()[4].index("oops") + 1)]


def test_syntax_errors_of_rendered_text() -> None:
    problem = refused(f"{HEAD}{{% if true %}}\n{TASK}{{% endif %}}\n  oops: [{{{{ 1 }}}}\n  a: b\n").problems[0]
    assert problem.code == "yaml-syntax"
    assert problem.line in (8, 9)
    assert f"line {problem.line}" in problem.message


@pytest.mark.parametrize(
    "expression",
    [
        # Measures the block in which markers would stand.
        "{% set x %}\na\n{% endset %}{{ '#' * (x | length) }}",
        "{{ range(10 ** 5) | random }}",
    ],
)
def test_template_that_measures_itself_gets_the_rendered_line(expression: str) -> None:
    text = f"{HEAD}{TASK}  {{% if true %}}\n{{% endif %}}\n  oops: 1\n  pool: x # {expression}\n"
    problems = [problem for problem in refused(text).problems if problem.code == "unknown-key"]
    assert _is_nowhere(problems[0])


def _is_nowhere(problem: Problem) -> bool:
    return (problem.line, problem.column) == (None, None) and problem.message.endswith("of the rendered spec)")


def test_text_with_our_markers_gets_the_rendered_line() -> None:
    text = f"{HEAD}{TASK}  oops: '\ue0f01\ue0f1 {{{{ 1 }}}}'\n"
    assert place(text) == [(None, None)]


def test_locate_works_for_what_is_right_too() -> None:
    spec = parsed(
        f"{HEAD}{{% for i in [1, 2] %}}\n  - name: t{{{{ i }}}}\n    image: i\n    command: [c]\n{{% endfor %}}"
    )
    assert spec.locate("workflow.tasks[1].image") == (7, 12)
    assert spec.locate(("workflow", "tasks", 1, "image"), at_key=True) == (7, 5)
    assert spec.templated


def test_locate_in_a_plain_file() -> None:
    spec = parsed('workflow:\n  name: w\n  labels: {"a/b": c}\n  tasks: [{name: t, image: i, command: [c]}]\n')
    assert spec.locate('workflow.labels["a/b"]') == (3, 19)
    assert spec.locate("workflow.tasks[0].command[0]") == (4, 41)
    assert spec.locate("workflow.tasks[0].lead") == (4, 11)
    assert spec.locate("") == (1, 1)
    assert not spec.templated


def test_warnings_have_places_too() -> None:
    spec = parsed(
        "workflow:\n  name: w\n  name: w\n{% if true %}\n  tasks: [{name: t, image: i, command: [c]}]\n{% endif %}\n"
    )
    assert [(one.code, one.line, one.column) for one in spec.warnings] == [("repeated-key", 3, 3)]
