"""Rendering of administrators' templates. Source: workflow-spec.md §7.5, api.md §8.5."""

from __future__ import annotations

import pytest

from templates.merge import JsonObject
from templates.render import RenderError, names_used, render, render_object, render_text, syntax_problem

VARIABLES: JsonObject = {
    "USER_CPU": 4,
    "USER_MEMORY": "8Gi",
    "USER_MEMORY_Gi": 8,
    "NONE": None,
    "LIST": ["a"],
    "EMPTY": "",
    "USER_EXCLUDED_NODES": "ARRAY:[n1,n2]",
    "EVIL": "{{USER_CPU}}{% x %}",
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{x}", "{x}"),
        ("{{USER_CPU}}", "4"),
        ("{{ USER_CPU }}", "4"),
        ("a{{USER_CPU}}b{{USER_MEMORY}}", "a4b8Gi"),
        ("{{NONE}}", "None"),
        ("{{ USER_MEMORY_Gi * 2 }}Gi", "16Gi"),
        ("{% if USER_CPU > 2 %}big{% else %}small{% endif %}", "big"),
        ("{{ USER_MEMORY | lower }}", "8gi"),
        ("{# note #}x", "x"),
        ("{{ EMPTY }}", ""),
        ("x\n", "x\n"),
        ("{{ USER_CPU }}\n", "4\n"),
    ],
)
def test_text(template: str, text: str) -> None:
    assert render_text(template, VARIABLES) == text


def test_values_are_never_templates_themselves() -> None:
    """What users wrote comes in as values only."""
    assert render_text("{{EVIL}}", VARIABLES) == "{{USER_CPU}}{% x %}"
    assert render_text("{{EVIL | upper}}", VARIABLES) == "{{USER_CPU}}{% X %}"


@pytest.mark.parametrize(
    "template",
    [
        "{{ UNKNOWN }}",
        "{{ USER_CPU",
        "{% if %}",
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__[1] }}",
        "{{ NONE * 2 }}",
        "{{ 1 // 0 }}",
        "{{ USER_CPU.x.y }}",
        "{{ LIST.append(1) }}",
        "{{ [][3] }}",
        "{% include 'x' %}",
        "{{ range(10**9) | list }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ cycler.__init__.__globals__ }}",
    ],
)
def test_what_cannot_be_rendered_says_so(template: str) -> None:
    with pytest.raises(RenderError, match="Template"):
        render_text(template, VARIABLES)


def test_trees_are_rendered_through_and_through() -> None:
    tree: JsonObject = {"{{USER_CPU}}": [{"a": "{{USER_MEMORY}}"}, 1, True, None, "x"]}
    assert render_object(tree, VARIABLES) == {"4": [{"a": "8Gi"}, 1, True, None, "x"]}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{USER_EXCLUDED_NODES}}", ["n1", "n2"]),
        ("ARRAY:[{{USER_CPU}}, b]", ["4", "b"]),
        ("{{ 'ARRAY:[]' }}", []),
        ("ARRAY:[x]", "ARRAY:[x]"),
        ("x {{USER_EXCLUDED_NODES}}", "x ARRAY:[n1,n2]"),
    ],
)
def test_a_rendered_array_becomes_a_list(template: str, value: object) -> None:
    """'a rendered value ARRAY:[a,b] becomes a list'."""
    assert render(template, VARIABLES) == value


def test_syntax_problems_and_names() -> None:
    assert syntax_problem("{{ a }}") is None
    assert "line 2" in (syntax_problem("x\n{{ a") or "")
    assert names_used("{{ A + range(B)|length }}{% set c = D %}{{ c }}") == {"A", "B", "D"}
    with pytest.raises(RenderError):
        names_used("{% if %}")
