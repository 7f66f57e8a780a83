"""Records of attempts."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from engine.records import AttemptRecord, Stage, read_record, write_record
from translator.lifecycle.words import TaskStatus

FINISHED = AttemptRecord(
    stage=Stage.FINISHED, exit_code=0, status=TaskStatus.COMPLETED, at=datetime(2026, 1, 1, 12, 0, 0, 5)
)


def test_the_last_record_counts(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None
    for record in (AttemptRecord(stage=Stage.BEGUN), AttemptRecord(stage=Stage.BEGUN, pid=7, start_ticks=9), FINISHED):
        write_record(tmp_path, record)
        assert read_record(tmp_path) == record


@pytest.mark.parametrize("torn", [b"\n", b'\n{"stage":"fin', b"\n\0\0\0", b'\n{"stage":"unknown"}'])
def test_half_a_record_does_not(tmp_path: Path, torn: bytes) -> None:
    """After a crash it is the old one or the new one."""
    write_record(tmp_path, FINISHED)
    with (tmp_path / "record.jsonl").open("ab") as file:
        file.write(torn)
    assert read_record(tmp_path) == FINISHED
    again = AttemptRecord(stage=Stage.ENDED, exit_code=3)
    write_record(tmp_path, again)
    assert read_record(tmp_path) == again
