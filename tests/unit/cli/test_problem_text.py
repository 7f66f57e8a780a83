"""How problems are shown. Source: design §10."""

from __future__ import annotations

from cli.problem_text import are_errors, in_order, problem_line, problem_value
from translator.problems import Problem, Severity

ERROR = Problem(code="unknown-key", message="Unknown\nkey x.", path="workflow.x", line=3, column=5)
WARNING = Problem(code="ignored", message="Ignored.", severity=Severity.WARNING)


def test_lines() -> None:
    """`file:line:col: code: message`, warnings marked; every line has the same form."""
    assert problem_line("a.yaml", ERROR) == "a.yaml:3:5: unknown-key: Unknown key x."
    assert problem_line("a.yaml", WARNING) == "a.yaml:1:1: warning: ignored: Ignored."


def test_values() -> None:
    """{line, column, path, code, message, severity}."""
    assert problem_value(ERROR) == {
        "line": 3,
        "column": 5,
        "path": "workflow.x",
        "code": "unknown-key",
        "message": "Unknown\nkey x.",
        "severity": "error",
    }
    assert problem_value(WARNING)["line"] is None


def test_order_and_weight() -> None:
    """In the order of the file; warnings alone refuse nothing."""
    assert in_order([ERROR, WARNING]) == [WARNING, ERROR]
    assert are_errors([ERROR, WARNING])
    assert not are_errors([WARNING])
