"""Logs as text in objects: what comes back is what went in, and zcat shows it."""

from __future__ import annotations

import gzip
import io
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ports import LogLine
from gateway.store.log_members import MembersWriter, member_text
from gateway.store.log_records import encoded, records_of
from gateway.store.log_text import records_in, text_lines
from translator.plan.model import TaskName

NAMES = st.from_regex(r"[a-zA-Z]([a-zA-Z0-9_-]{0,8}[a-zA-Z0-9])?", fullmatch=True).map(TaskName)
LINES = st.builds(
    LogLine,
    at=st.datetimes(min_value=datetime(1000, 1, 1)),
    task=NAMES,
    retry_id=st.integers(0, 1000),
    text=st.text(),
    system=st.booleans(),
)


@given(st.lists(LINES))
def test_every_record_comes_back_byte_by_byte(lines: list[LogLine]) -> None:
    """A follower that is at a byte of a piece goes on at the same byte when the piece has moved."""
    records = encoded(lines)
    assert records_in(b"".join(text_lines(records_of(records)))) == records


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (LogLine(at=datetime(2026, 2, 12, 8, 38, 57, 42), task=TaskName("a"), retry_id=0, text="hello"), "[a] hello"),
        (LogLine(at=datetime(2026, 2, 12, 8, 38, 57, 42), task=TaskName("a"), retry_id=2, text=""), "[a retry-2] "),
        (
            LogLine(at=datetime(2026, 2, 12, 8, 38, 57, 42), task=TaskName("a"), retry_id=0, text="x", system=True),
            "[a][osmo] x",
        ),
    ],
)
def test_lines_are_for_people(line: LogLine, text: str) -> None:
    assert b"".join(text_lines(records_of(encoded([line])))).decode() == f"2026-02-12T08:38:57.000042Z {text}\n"


def test_what_is_no_line_is_left_out_as_when_it_is_read_here() -> None:
    assert list(text_lines([b"", b"x\ty", b"1\ta\tb\to\tt"])) == []
    assert records_in(b"no line\n2026-02-12T08:38:57.000042Z [a] kept\n") == b"1770885537000042\ta\t0\to\tkept\n"


def test_members_are_one_file_for_zcat_and_each_is_read_alone() -> None:
    lines = [f"line {number}\n".encode() for number in range(100)]
    files = []
    for _ in range(2):
        file = io.BytesIO()
        writer = MembersWriter(file, member_bytes=200)
        for line in lines:
            writer.add(line)
        members = writer.finish()
        files.append(file.getvalue())
    data = files[0]
    assert files[1] == data, "the same lines give the same object"
    assert gzip.decompress(data) == b"".join(lines)
    assert len(members) > 3
    assert [member_text(data[one.start : one.start + one.size]).count(b"\n") for one in members] == [
        one.lines for one in members
    ]
    with pytest.raises(ValueError, match="incomplete"):
        member_text(data[: members[0].size - 1])


def test_no_line_is_no_member() -> None:
    file = io.BytesIO()
    assert MembersWriter(file).finish() == ()
    assert file.getvalue() == b""
