"""The Jinja environment in which users' templates run, inside a worker process of `templates.sandbox`.

Source: workflow-spec.md §3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from templates.sandbox_failure import TemplateFailure

# OSMO's templates build lists in loops. These three only ever grow a list of the same rendering: every value a template
# sees was made for it alone, and the worker's memory limit bounds them. All else stays immutable.
_GROWING_METHODS = frozenset({"append", "extend", "insert"})
_MAX_MESSAGE_LENGTH = 2000
_MAX_TRACEBACK_LENGTH = 10_000


class SpecEnvironment(ImmutableSandboxedEnvironment):
    """Jinja without files, without reach into Python, with undefined variables as errors."""

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, loader=None, keep_trailing_newline=True)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may read `obj.attr`."""
        if type(obj) is list and attr in _GROWING_METHODS:
            return True
        return super().is_safe_attribute(obj, attr, value)


def render(template: str, variables: Mapping[str, object]) -> str:
    """The template's text. Errors: whatever Jinja or the template's own expressions raise."""
    # A new environment each time: nothing a template did to it is there for the next.
    return SpecEnvironment().from_string(template).render(variables)


def failure(error: BaseException) -> TemplateFailure:
    """What to tell the user about an error of `render`."""
    return TemplateFailure(str(type(error)), _text(error)[:_MAX_MESSAGE_LENGTH], _line(error))


def _text(error: BaseException) -> str:
    # A syntax error's own text repeats the source line.
    return (error.message or "") if isinstance(error, TemplateSyntaxError) else str(error)


def _line(error: BaseException) -> int | None:
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    line = None
    traceback: TracebackType | None = error.__traceback__
    for _ in range(_MAX_TRACEBACK_LENGTH):
        if traceback is None:
            break
        if traceback.tb_frame.f_code.co_filename in ("<template>", "<unknown>"):
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
