"""`$(NAME)` as Kubernetes expands it."""

from __future__ import annotations

import pytest

from engine.expansion import expanded

KNOWN = {"A": "x", "B": "$(A)", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$(A)", "x"),
        ("a$(A)b$(A)", "axbx"),
        ("$(B)", "$(A)"),
        ("$(EMPTY)", ""),
        ("$(NOPE)", "$(NOPE)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$x"),
        ("$$$$(A)", "$$(A)"),
        ("$(A", "$(A"),
        ("$(A $(A)", "$(A $(A)"),
        ("$()", "$()"),
        ("$(date +%s)", "$(date +%s)"),
        ("echo $HOME $$ $", "echo $HOME $$ $"),
        ("kill -KILL $$", "kill -KILL $$"),
        ("", ""),
    ],
)
def test_expansion(text: str, result: str) -> None:
    """§3.1 E same rules as Kubernetes, `$$(` escape."""
    assert expanded(text, KNOWN) == result
