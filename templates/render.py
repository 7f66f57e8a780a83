"""Rendering of administrators' templates: strings of pod templates, group templates and resource rules.

Administrators are trusted more than users, still nothing but values is reachable: expressions run in Jinja's immutable
sandbox, and what users wrote comes in as values only, never as template text. Users' own specs are rendered elsewhere,
in a worker process (`templates.sandbox`).
Source: workflow-spec.md §7.5, api.md §8.5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from templates.merge import Json, JsonObject

Variables: TypeAlias = Mapping[str, Json]
"""What templates may name. None stands for a variable that is known and unset; it renders as `None`."""

_SIMPLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_JINJA_MARKS = re.compile(r"\{[{%#]")
_ARRAY = re.compile(r"ARRAY:\[(.*)\]", re.DOTALL)
_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
# Names that Jinja resolves itself; everything else must be a variable.
_JINJA_NAMES = frozenset(_ENVIRONMENT.globals)


class RenderError(Exception):
    """A template cannot be rendered. The text names the template and says why."""


def render_text(template: str, variables: Variables) -> str:
    """`template` with its variables put in.

    Errors: RenderError for a syntax error, an unknown variable, a forbidden attribute or a failing expression.
    """
    if "{" not in template:
        return template
    simple = _rendered_simply(template, variables)
    return simple if simple is not None else _rendered_by_jinja(template, variables)


def render(tree: Json, variables: Variables) -> Json:
    """`tree` with every string in it rendered, keys too.

    Shape: a string that renders to `ARRAY:[a,b]` becomes the list ["a", "b"].
    Errors: RenderError.
    """
    if isinstance(tree, str):
        return _array_or_text(render_text(tree, variables)) if "{" in tree else tree
    if isinstance(tree, list):
        return [render(item, variables) for item in tree]
    if isinstance(tree, dict):
        return render_object(tree, variables)
    return tree


def render_object(tree: Mapping[str, Json], variables: Variables) -> JsonObject:
    """`render` for a mapping."""
    return {render_text(key, variables): render(value, variables) for key, value in tree.items()}


def syntax_problem(template: str) -> str | None:
    """What is wrong with the syntax of `template`; None where it can be parsed."""
    try:
        _ENVIRONMENT.parse(template)
    except TemplateSyntaxError as error:
        return f"{error.message} (line {error.lineno} of the template)"
    return None


def names_used(template: str) -> frozenset[str]:
    """The variables that `template` reads. Errors: RenderError where it cannot be parsed."""
    try:
        return frozenset(meta.find_undeclared_variables(_ENVIRONMENT.parse(template))) - _JINJA_NAMES
    except TemplateSyntaxError as error:
        raise RenderError(f'Template "{_shortened(template)}" cannot be parsed: {error}.') from error


def _rendered_simply(template: str, variables: Variables) -> str | None:
    """The text, where plain names are all that the template holds; the common case, some 20 times faster."""
    parts: list[str] = []
    end = 0
    for match in _SIMPLE.finditer(template):
        if match[1] not in variables:
            return None
        parts += (template[end : match.start()], str(variables[match[1]]))
        end = match.end()
    parts.append(template[end:])
    return None if any(_JINJA_MARKS.search(part) for part in parts[::2]) else "".join(parts)


def _rendered_by_jinja(template: str, variables: Variables) -> str:
    try:
        return _compiled(template).render(variables)
    except TemplateError as error:
        raise RenderError(f'Template "{_shortened(template)}" cannot be rendered: {error}.') from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise RenderError(f'Template "{_shortened(template)}" cannot be rendered: {error}.') from error


@lru_cache(maxsize=1024)
def _compiled(template: str) -> Template:
    return _ENVIRONMENT.from_string(template)


def _array_or_text(text: str) -> Json:
    match = _ARRAY.fullmatch(text.strip())
    if match is None:
        return text
    return [item.strip() for item in match[1].split(",") if item.strip()]


def _shortened(template: str) -> str:
    return template if len(template) <= 120 else f"{template[:117]}..."
