"""What this machine offers."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.machine import memory_limit, this_machine, visible_gpus


@pytest.mark.parametrize(
    ("visible", "found"),
    [
        (None, ("0", "1", "10")),
        ("", ()),
        ("-1", ()),
        ("1", ("1",)),
        ("1,10,-1,0", ("1", "10")),
        ("GPU-aa", ("GPU-aa",)),
        ("0,1,2,3,4", ("0", "1", "2")),
    ],
)
def test_gpus(tmp_path: Path, visible: str | None, found: tuple[str, ...]) -> None:
    for name in ("nvidia0", "nvidia1", "nvidia10", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    assert visible_gpus(tmp_path, visible) == found


def test_a_machine_without_driver_has_none(tmp_path: Path) -> None:
    assert visible_gpus(tmp_path / "none", None) == ()


@pytest.mark.parametrize(
    ("file", "text", "limit"),
    [("memory.max", "1000\n", 1000), ("memory.max", "max\n", 1 << 60), ("memory/memory.limit_in_bytes", "7", 7)],
)
def test_memory_of_a_control_group(tmp_path: Path, file: str, text: str, limit: int) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    assert memory_limit(tmp_path) == limit


def test_this_machine_has_something() -> None:
    machine = this_machine({})
    assert machine.name
    assert machine.cpu >= 1
    assert machine.memory_bytes > 1 << 20
