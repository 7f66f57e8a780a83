"""Who is taken for dead, and when, by a clock that the test turns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from storage.datasets import notices
from storage.datasets.layout import writers
from storage.datasets.notices import Pace, purging
from storage.lanes import NEVER
from storage.local import LocalStore
from storage.stores import Stores
from storage.urls import parse_location

PACE = Pace(beat_seconds=1000.0, dead_seconds=10.0, wait_seconds=20.0, look_seconds=4.0)


@contextmanager
def slow_store(monkeypatch: pytest.MonkeyPatch, first_answer_seconds: float) -> Iterator[None]:
    """A store whose first list takes so long."""
    now = [0.0]
    answers = iter([first_answer_seconds])
    asked = notices._notes

    def listed(*arguments: object) -> dict[str, str]:
        now[0] += next(answers, 0.0)
        return asked(*arguments)  # type: ignore[arg-type]

    def slept(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(notices, "_notes", listed)
    monkeypatch.setattr(notices, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=slept))
    yield


def test_a_store_that_answers_late_makes_nobody_live_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    location = parse_location(f"{tmp_path.as_uri()}/d")
    note = Path(writers(location).path) / "killed"
    note.parent.mkdir(parents=True)
    note.write_text("0")
    with (
        slow_store(monkeypatch, 5.0),
        purging(Stores({"file": LocalStore()}), location, "p", NEVER, force=False, pace=PACE),
    ):
        assert not note.exists()
