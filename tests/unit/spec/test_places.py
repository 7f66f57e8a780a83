"""Lines, columns and field paths."""

from __future__ import annotations

import pytest

from translator.spec.places import FieldPath, LineIndex, field_path, field_steps


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ((), ""),
        (("workflow",), "workflow"),
        (("workflow", "tasks", 2, "resources", "cpu"), "workflow.tasks[2].resources.cpu"),
        (("workflow", "labels", "example.com/a"), 'workflow.labels["example.com/a"]'),
        (("workflow", "resources", "a b", "cpu"), 'workflow.resources["a b"].cpu'),
        ((0, 1, "a"), "[0][1].a"),
        (("é",), '["é"]'),
    ],
)
def test_field_paths_there_and_back(steps: FieldPath, text: str) -> None:
    assert field_path(steps) == text
    assert field_steps(text) == steps


@pytest.mark.parametrize(
    ("text", "offset", "place"),
    [
        ("", 0, (1, 1)),
        ("", 9, (1, 1)),
        ("ab\ncd", 0, (1, 1)),
        ("ab\ncd", 2, (1, 3)),
        ("ab\ncd", 3, (2, 1)),
        ("ab\ncd", 99, (2, 3)),
        ("ab\ncd", -1, (1, 1)),
        ("a\r\nb\rc\nd", 3, (2, 1)),
        ("a\r\nb\rc\nd", 5, (3, 1)),
        ("a\r\nb\rc\nd", 7, (4, 1)),
        ("a\n", 2, (2, 1)),
    ],
)
def test_places(text: str, offset: int, place: tuple[int, int]) -> None:
    assert LineIndex(text).place(offset) == place


def test_lines() -> None:
    lines = LineIndex("a\r\nbc\nd")
    assert [lines.text(number) for number in (1, 2, 3)] == ["a\r\n", "bc\n", "d"]
    assert (lines.start(2), lines.start(99), len(lines)) == (3, 6, 3)
