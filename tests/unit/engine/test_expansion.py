"""`$(NAME)` as Kubernetes expands it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.expansion import expanded

# The wrapper in pods passes it too.
TABLE = json.loads(Path(__file__).parents[2].joinpath("data/expansion.json").read_text())


@pytest.mark.parametrize(("text", "result"), [(case["text"], case["result"]) for case in TABLE["cases"]])
def test_expansion(text: str, result: str) -> None:
    """§3.1 E same rules as Kubernetes, `$$(` escape."""
    assert expanded(text, TABLE["variables"]) == result
