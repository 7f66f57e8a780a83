"""Tokens and rendering: workflow-spec.md §3.2 (failures), §3.3, §3.4, §3.5, §11.2-4."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from templates.sandbox import SandboxLimits, TemplateSandbox
from tests.unit.spec.specs import RENDERER, parsed, plain, refused, task_of
from translator.problems import ErrorCode, SpecError
from translator.spec.parse import parse
from translator.spec.templating import is_templated, protected, rendered
from translator.spec.values import Values, typed


def after_rendering(text: str, **variables: object) -> str:
    return rendered(protected(text), variables, RENDERER)


@pytest.mark.parametrize(
    "token",
    ["{{workflow_id}}", "{{output}}", "{{uuid}}", "{{input:0}}", "{{input:up}}", "{{host:a-b}}", "{{input:a b}}"],
)
def test_tokens_survive_rendering_unchanged(token: str) -> None:
    assert after_rendering(f"a {token} {{{{ x }}}} {token}", x=1) == f"a {token} 1 {token}"
    assert after_rendering(f"{{% for i in [1, 2] %}}{token}{{{{ i }}}}{{% endfor %}}") == f"{token}1{token}2"
    assert after_rendering(f"{{% macro m() %}}{token}{{% endmacro %}}{{{{ m() }}}}") == token


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        # The table of computed names in §3.5.
        (
            "{% for i in [3] %}{% raw %}{{host:worker_{% endraw %}{{i}}{% raw %}}}{% endraw %}{% endfor %}",
            "{{host:worker_3}}",
        ),
        ("{% set i = 3 %}{{ '{{' }}host:w{{i}}{{ '}}' }}", "{{host:w3}}"),
        ('{% set i = 3 %}{{ "{{" ~ "host:w" ~ i ~ "}}" }}', "{{host:w3}}"),
        ("{% set i = 3 %}{{host:worker-{{i}}}}", "{{host:worker-{{i}}}}"),
        # Corrupted upstream; a token in a string or in raw comes out as it is.
        ("{% set i = 3 %}{{ '{{host:worker-' ~ i ~ '}}' }}", "{{host:worker-3}}"),
        ('{% set o = "{{output}}/a" %}{{ o }}', "{{output}}/a"),
        ("{% raw %}{{output}}{% endraw %}", "{{output}}"),
        ("{% raw %}{{output}} {{ x }} {# c #}{% endraw %}", "{{output}} {{ x }} {# c #}"),
        ("{%- raw -%} {{host:a}} {%- endraw -%} b", "{{host:a}}b"),
        # Comments, blanks and line control around tokens.
        ("{# {{output}} #}a", "a"),
        ("a {%- if true %}\n{{output}}\n{% endif -%} b", "a\n{{output}}\nb"),
        ("{% filter upper %}a{{output}}{% endfilter %}", "A{{OUTPUT}}"),
        ("{% if '{{output}}' == '{{output}}' %}same{% endif %}", "same"),
        ("{{ {'a': {'b': 1}}['a']['b'] }}{{output}}", "1{{output}}"),
        ("{{ '}}' }}{{ \"it's\" }}{{output}}", "}}it's{{output}}"),
        ("a\n{{ 'b' }}\n", "a\nb\n"),
    ],
)
def test_computed_tokens(written: str, expected: str) -> None:
    assert after_rendering(written) == expected


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{{ output }}", "'output' is undefined"),
        ("{{ input:0 }}", "TemplateSyntaxError"),
        ("{{item}}", "'item' is undefined"),
        ("{{workflow_id }}", "'workflow_id' is undefined"),
        ("${#array[@]}", "Missing end of comment tag"),
    ],
)
def test_tokens_have_no_blanks_and_no_other_names(written: str, message: str) -> None:
    assert message in refused(f"workflow:\n  name: {written}\n").message


def test_default_values_may_hold_tokens() -> None:
    assert after_rendering("{{ path }}", path="{{output}}/x") == "{{output}}/x"


def test_text_with_no_other_syntax_is_not_rendered() -> None:
    assert not protected("a {{output}} {{host:b}}").needs_rendering
    text = "workflow:\r\n  name: w\n  tasks: [{name: t, image: '{{output}}', command: [c]}]"

    class NoRenderer:
        def render(self, template: str, variables: object) -> str:
            raise AssertionError

    assert parse(text.encode(), renderer=NoRenderer()).text == text


def test_private_use_characters_of_a_text_are_its_own() -> None:
    text = "\ue0f2\ue0f3{{output}}{{ 1 }}"
    assert after_rendering(text) == "\ue0f2\ue0f3{{output}}1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{% x", True),
        ("{{x", True),
        ("{#", True),
        ("default-values:", True),
        ("workflow: {a: b}", False),
        ("}}", False),
    ],
)
def test_what_the_client_takes_for_a_template(text: str, expected: bool) -> None:
    assert is_templated(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("007", 7),
        ("1e3", 1000.0),
        ("1_000", 1000),
        ("true", "true"),
        ("false", "false"),
        ("", ""),
        ("1.5", 1.5),
        (" 7 ", 7),
        ("0x10", "0x10"),
        ("a=b", "a=b"),
        ("-3", -3),
        ("None", "None"),
        ("9" * 5000, float("inf")),
    ],
)
def test_typing_of_set(text: str, expected: object) -> None:
    found = typed(text)
    assert (found, type(found)) == (expected, type(expected))


def test_nan_is_a_float() -> None:
    assert str(typed("nan")) == "nan"


TEMPLATE = """
    workflow:
      name: w
      tasks: [{name: t, image: "{{ v }}", command: [c]}]
    default-values:
      v: default
"""


@pytest.mark.parametrize(
    ("values", "image"),
    [
        (Values(), "default"),
        (Values(variables=("v=007",)), "7"),
        (Values(variables=("v=1e3",)), "1000.0"),
        (Values(variables=("v=a=b",)), "a=b"),
        (Values(variables=("v=true",)), "true"),
        (Values(string_variables=("v=007",)), "007"),
        (Values(variables=("v=1",), string_variables=("v=2",)), "2"),
        (Values(variables=("v=1", "v=2")), "2"),
        (Values(variables=("other=1",)), "default"),
        (Values(variables=("output=x", "v={{output}}")), "{{output}}"),
    ],
)
def test_precedence_of_variables(values: Values, image: str) -> None:
    assert parsed(TEMPLATE, values).spec.tasks[0].image == image


@pytest.mark.parametrize(
    ("value", "branch"), [("true", "yes"), ("false", "yes"), ("0", "no"), ("", "no"), ("1", "yes")]
)
def test_booleans_of_set_are_texts_and_so_both_true(value: str, branch: str) -> None:
    """'`true`/`false` stay strings (both truthy in {% if %})'."""
    text = TEMPLATE.replace("{{ v }}", "{% if v %}yes{% else %}no{% endif %}")
    assert parsed(text, Values(variables=(f"v={value}",))).spec.tasks[0].image == branch


def test_dotted_names_are_literal() -> None:
    text = "workflow:\n  name: {{ a.b }}\ndefault-values: {a: {b: x}}\n"
    assert "workflow" in refused(text, Values(variables=("a.b=y",))).message
    assert refused(text, Values(variables=("a.b=y",))).problems[0].code == "no-tasks"


def test_assignments_need_an_equals_sign() -> None:
    error = refused(TEMPLATE, Values(variables=("a",), string_variables=("b",)))
    assert [problem.message for problem in error.problems] == [
        "Data a is incorrectly formatted. Expected key=value.",
        "Data b is incorrectly formatted. Expected key=value.",
    ]
    assert (error.error_code, error.records_submission) == (ErrorCode.USAGE, False)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("", "x"),
        ("{}", "x"),
        ("{v: 1}", "1"),
        ("{v: true}", "True"),
        ("{v: }", "None"),
        ("{v: {a: 1}}", "{'a': 1}"),
        ("{v: [1, 2]}", "[1, 2]"),
        ("{v: 2024-01-01}", "2024-01-01"),
        ("{on: 1}", "x"),
    ],
)
def test_default_values_render_as_python_shows_them(values: str, expected: str) -> None:
    text = "workflow:\n  name: w\n  tasks: [{name: t, image: \"{{ v | default('x') }}\", command: [c]}]\n"
    assert task_of(f"{text}default-values: {values}\n").image == expected


def test_default_values_nest_and_are_not_rendered() -> None:
    text = """
        default-values:
          a: {b: [x, "{{ y }}"]}
        workflow:
          name: w
          tasks: [{name: t, image: "{{ a.b[0] }}{{ a['b'][1] }}", command: [c]}]
    """
    assert task_of(text).image == "x{{ y }}"


@pytest.mark.parametrize("values", ["[a]", "text", "5", "\n- a"])
def test_default_values_are_a_map(values: str) -> None:
    error = refused(f"workflow:\n  name: w\ndefault-values: {values}\n")
    assert error.message.startswith("Jinja Template Error: ")
    assert (error.error_code, error.records_submission) == (ErrorCode.USAGE, False)
    assert error.problems[0].line in (3, 4)


def test_default_values_must_be_yaml() -> None:
    problem = refused("workflow:\n  name: w\ndefault-values:\n  a: [b\n").problems[0]
    assert problem.message.startswith("Jinja Template Error: ")
    assert problem.path == "default-values"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("{{ nothing }}", "<class 'jinja2.exceptions.UndefinedError'>: 'nothing' is undefined"),
        ("{{ 1 +* }}", "<class 'jinja2.exceptions.TemplateSyntaxError'>: "),
        ("{{ 'a' | nofilter }}", "<class 'jinja2.exceptions.TemplateAssertionError'>: No filter named 'nofilter'."),
        ("{{ 1 / 0 }}", "<class 'ZeroDivisionError'>: division by zero"),
        ("{{ range(100001) | list }}", "<class 'OverflowError'>: Range too big."),
        ("{{ ''.__class__ }}", "<class 'jinja2.exceptions.SecurityError'>: access to attribute '__class__'"),
        ("{% include 'a' %}", "<class 'TypeError'>: no loader for this environment specified"),
        ("{% import 'a' as b %}", "<class 'TypeError'>: no loader for this environment specified"),
        ("{% extends 'a' %}", "<class 'TypeError'>: no loader for this environment specified"),
        ("{% do x %}", "<class 'jinja2.exceptions.TemplateSyntaxError'>: Encountered unknown tag 'do'."),
    ],
)
def test_failures_of_rendering(expression: str, message: str) -> None:
    error = refused(f"# c\nworkflow:\n  name: w\n  pool: {expression}\n")
    assert error.message.startswith(f"Jinja substitution failure: {message}")
    assert (error.error_code, error.records_submission) == (ErrorCode.USAGE, False)
    assert error.problems[0].line == 4


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{% for i in range(3) %}{{ i }}{% endfor %}", "012"),
        ("{% set l = [] %}{% for i in range(3) %}{% set _ = l.append(i) %}{% endfor %}{{ l }}", "[0, 1, 2]"),
        ("{% set l = [1] %}{% set _ = l.extend([2]) %}{% set _ = l.insert(0, 0) %}{{ l }}", "[0, 1, 2]"),
        ("{% set n = namespace(a=1) %}{% set n.a = 2 %}{{ n.a }}", "2"),
        ("{{ x | default('d') }}{% if x is defined %}e{% endif %}", "d"),
        ("{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m(1) }}", "<1>"),
        ("a  {{- 'b' -}}  c", "abc"),
        ("{# gone #}a", "a"),
        ("{{ [3, 1] | sort | join(',') }}{{ {'a': 1} | tojson }}", '1,3{"a": 1}'),
        ("{{ 'é'.upper() }}{{ '%03d' | format(7) }}{{ '{:>3}'.format(1) }}", "É007  1"),
    ],
)
def test_what_works(template: str, expected: str) -> None:
    assert after_rendering(template) == expected


def test_stored_specs_are_not_rendered_again() -> None:
    text = plain("""
        workflow:
          name: w
          tasks: [{name: t, image: i, command: ["{{ x }}", "${#a[@]}"]}]
    """)
    assert parse(text.encode(), renderer=RENDERER, is_rendered=True).spec.tasks[0].command == ["{{ x }}", "${#a[@]}"]
    with pytest.raises(SpecError):
        parse(text.encode(), renderer=RENDERER)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[TemplateSandbox]:
    with TemplateSandbox(SandboxLimits(workers=1)) as pool:
        yield pool


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("{{ 9 ** (9 ** 9) }}", "<class 'TimeoutError'>: Process exceeded time limit of 0.5 seconds"),
        (
            "{{ 'a' * 10 ** 11 }}",
            "<class 'MemoryError'>: Sandboxed process exceeded memory limit of 104857600 bytes",
        ),
        ("{{ nothing.at.all }}", "<class 'jinja2.exceptions.UndefinedError'>: 'nothing' is undefined"),
    ],
)
def test_failures_in_the_sandbox(sandbox: TemplateSandbox, expression: str, message: str) -> None:
    if "Memory" in message and sys.platform != "linux":
        pytest.skip("address space limits are Linux's")
    with pytest.raises(SpecError) as error:
        parse(f"workflow:\n  name: {expression}\n".encode(), renderer=sandbox)
    assert error.value.message == f"Jinja substitution failure: {message}"
    assert (error.value.error_code, error.value.records_submission) == (ErrorCode.USAGE, False)


def test_places_in_a_template_rendered_in_the_sandbox(sandbox: TemplateSandbox) -> None:
    text = b"workflow:\n  name: w\n  tasks:\n{% for i in [1] %}\n  - {name: t, image: i}\n{% endfor %}\n"
    with pytest.raises(SpecError) as error:
        parse(text, renderer=sandbox)
    assert [(problem.code, problem.line, problem.column) for problem in error.value.problems] == [
        ("missing-field", 5, 5)
    ]


def test_plain_variables_need_no_renderer() -> None:
    class NoRenderer:
        def render(self, template: str, variables: object) -> str:
            raise AssertionError

    text = b"workflow:\n  name: {{ n }}\n  tasks: [{name: t, image: i, command: [c]}]\ndefault-values: {n: demo}\n"
    assert parse(text, renderer=NoRenderer()).spec.name == "demo"
