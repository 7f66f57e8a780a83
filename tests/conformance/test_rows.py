"""The index of the language's rows names tests that exist: tests/conformance/rows.yaml."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

TESTS = Path(__file__).resolve().parents[1]
INDEX: dict[str, dict[str, list[str]]] = yaml.safe_load(Path(__file__).with_name("rows.yaml").read_text())
ROWS = [
    pytest.param(tests, id=f"{section.removeprefix('§')}: {row}")
    for section, rows in INDEX.items()
    for row, tests in rows.items()
]


@pytest.mark.parametrize("tests", ROWS)
def test_a_row_is_proved_by_tests_that_exist(tests: list[str]) -> None:
    assert tests
    assert [test for test in tests if not _exists(test)] == []


def test_every_table_of_the_language_is_in_the_index() -> None:
    for section in (*(f"§2.{number}" for number in range(1, 14)), *(f"§11.{number}" for number in range(1, 14))):
        assert any(re.search(rf"{section}\b(?!\.)", title) for title in INDEX), section


def _exists(test: str) -> bool:
    file, _, name = test.partition("::")
    text = _text(file)
    if file.endswith(".yaml"):
        return f"case: {name}\n" in text
    if name.startswith("["):
        # Of a table: all rows of `number="2.6"`, or those of one field.
        row = name[1:].strip()
        number, _, field = row.rpartition(" ")
        return f'number="{row}"' in text or (f'number="{number}"' in text and f'"{field}": Row(' in text)
    return re.search(rf"^ *def {re.escape(name)}\(", text, re.MULTILINE) is not None


@cache
def _text(file: str) -> str:
    return (TESTS / file).read_text()
