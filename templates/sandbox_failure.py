"""How rendering a template fails, as an exception every renderer raises."""

from __future__ import annotations


class TemplateFailure(Exception):
    """A template could not be rendered.

    Shape: `error_class` is the class of what went wrong as Python shows it (`<class 'TimeoutError'>`), `message` its
    text, `line` counts from 1 in the template, None where no line is to blame.
    """

    def __init__(self, error_class: str, message: str, line: int | None = None) -> None:
        super().__init__(f"{error_class}: {message}")
        self.error_class = error_class
        self.message = message
        self.line = line
