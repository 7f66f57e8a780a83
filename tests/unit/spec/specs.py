"""Spec texts for tests, and short ways to have them parsed."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent, indent

import pytest

from templates import sandbox_environment
from translator.problems import SpecError
from translator.spec.model import TaskSpec, WorkflowSpec
from translator.spec.parse import ParsedSpec, parse
from translator.spec.values import NO_VALUES, Values


class InProcessRenderer:
    """Renders without a worker: for templates that are none of a test's concern."""

    def render(self, template: str, variables: Mapping[str, object]) -> str:
        """The template's text."""
        try:
            return sandbox_environment.render(template, variables)
        except Exception as error:
            raise sandbox_environment.failure(error) from error


RENDERER = InProcessRenderer()


def parsed(text: str, values: Values = NO_VALUES) -> ParsedSpec:
    """The parsed form of a spec text, which may be indented if it begins with an empty line."""
    return parse(plain(text).encode(), values=values, renderer=RENDERER)


def refused(text: str, values: Values = NO_VALUES) -> SpecError:
    """The error that a spec text gives."""
    with pytest.raises(SpecError) as error:
        parsed(text, values)
    return error.value


def plain(text: str) -> str:
    """The text without the indentation of the test it stands in."""
    return dedent(text.removeprefix("\n")) if text.startswith("\n") else text


def workflow(lines: str) -> str:
    """A spec whose workflow has a name and `lines`."""
    return f"workflow:\n  name: w\n{indent(dedent(lines), '  ')}\n"


def with_fields(lines: str) -> str:
    """A spec of one task, with more `lines` in its workflow."""
    return workflow(f"tasks:\n- {{name: t, image: i, command: [c]}}\n{dedent(lines)}")


def with_task(lines: str) -> str:
    """A spec of one task that has a name, an image, a command, and `lines`."""
    return workflow(f"tasks:\n- name: t\n  image: i\n  command: [c]\n{indent(dedent(lines), '  ')}")


def with_resource(lines: str) -> str:
    """A spec whose default resource has `lines`."""
    return with_fields(f"resources:\n  default:\n{indent(dedent(lines), '    ')}")


def task_of(text: str) -> TaskSpec:
    """The only task of a spec."""
    return parsed(text).spec.all_tasks()[0]


def workflow_of(text: str) -> WorkflowSpec:
    """The workflow of a spec."""
    return parsed(text).spec
