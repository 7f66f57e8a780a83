"""How a local run is shown."""

from __future__ import annotations

import io
import sys

import pytest

from cli.display import LiveDisplay, PlainDisplay, SilentDisplay, TaskLine, display_for, summary
from translator.lifecycle.words import TaskStatus


def task(name: str, status: TaskStatus, retry_id: int = 0) -> TaskLine:
    """One task."""
    return TaskLine(name=name, status=status, retry_id=retry_id)


class Terminal(io.StringIO):
    """Standard output that says it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


def test_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table on a terminal, plain lines elsewhere, nothing with --quiet."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert isinstance(display_for(quiet=False), PlainDisplay)
    assert type(display_for(quiet=True)) is SilentDisplay
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert isinstance(display_for(quiet=False), LiveDisplay)


def test_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines as they come, and nothing else."""
    with PlainDisplay() as display:
        display.tasks([task("a", TaskStatus.RUNNING)])
        display.lines(["[a] one", "[a] two"])
    assert capsys.readouterr().out == "[a] one\n[a] two\n"


def test_live_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines stand above a table that shows what runs first; markup in lines is text."""
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", terminal)
    tasks = [task(f"w{index}", TaskStatus.WAITING) for index in range(50)]
    with LiveDisplay() as display:
        display.lines(["[bold]not markup[/bold]"])
        display.tasks([*tasks, task("busy", TaskStatus.RUNNING, 2), task("broken", TaskStatus.FAILED)])
    shown = terminal.getvalue()
    assert "[bold]not markup[/bold]" in shown
    assert "52 tasks: 50 WAITING, 1 RUNNING, 1 FAILED" in shown
    assert "try 3" in shown
    assert "broken" in shown
    assert "w49" not in shown


def test_summary() -> None:
    """Counts in the order of a task's life."""
    assert summary([task("a", TaskStatus.COMPLETED)]) == "1 task: 1 COMPLETED"
