"""The log store: same answer live and sealed, prefix-complete, no line lost or doubled."""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.ports import LogLine
from gateway.ports.faults import BadPattern
from gateway.ports.log_format import event_text, line_text
from gateway.ports.logs import LogEnd, LogQuery, Logs
from gateway.ports.records import EventRecord
from gateway.store.log_pieces import Pieces
from gateway.store.logs import FileLogs
from gateway.store.session import SqlStore, open_store
from tests.workplace import PATIENCE_SECONDS, insert, line, lines_of, moment, plan
from translator.plan.model import TaskName, WorkflowUuid


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """A database."""
    opened = open_store(f"sqlite:///{tmp_path / 'test.db'}")
    yield opened
    opened.close()


@pytest.fixture
def logs(tmp_path: Path, store: SqlStore) -> Iterator[FileLogs]:
    """A log store whose pieces are full after some hundred bytes."""
    made = FileLogs(tmp_path / "logs", store, roll_bytes=400)
    checked: Logs = made
    assert checked
    yield made
    made.close()


@pytest.fixture
def workflow(store: SqlStore) -> WorkflowUuid:
    """A workflow that may have a log."""
    return insert(store, plan())


def many(count: int) -> list[LogLine]:
    """Lines of two tasks, the second with two attempts."""
    return [
        line(
            f"line {number}",
            name="ab"[number % 2],
            retry_id=int(number % 4 == 3),
            seconds=number,
            system=number % 5 == 0,
        )
        for number in range(count)
    ]


QUERIES = [
    LogQuery(),
    LogQuery(task="a"),
    LogQuery(task="b"),
    LogQuery(task="b", retry_id=0),
    LogQuery(task="b", retry_id=1),
    LogQuery(task="b", retry_id=2),
    LogQuery(task="c"),
    LogQuery(pattern="line 1[0-9]$"),
    LogQuery(pattern=r"\[a\]\[osmo\]"),
    LogQuery(pattern=r"2026/01/01 12:00:0[0-4]"),
    LogQuery(since=moment(30)),
    LogQuery(last_n_lines=0),
    LogQuery(last_n_lines=1),
    LogQuery(last_n_lines=17),
    LogQuery(last_n_lines=10_000),
    LogQuery(task="b", retry_id=1, last_n_lines=3),
    LogQuery(task="a", pattern="[02468]$", since=moment(10), last_n_lines=5),
]


def expected(lines: list[LogLine], query: LogQuery) -> list[LogLine]:
    """The plain definition of a query."""
    found = [
        one
        for one in lines
        if query.task in (None, one.task)
        and query.retry_id in (None, one.retry_id)
        and (query.since is None or one.at >= query.since)
        and (query.pattern is None or re.search(query.pattern, line_text(one)))
    ]
    return found if query.last_n_lines is None else found[len(found) - min(query.last_n_lines, len(found)) :]


def test_the_same_answer_before_and_after_sealing(logs: FileLogs, workflow: WorkflowUuid, store: SqlStore) -> None:
    lines = many(100)
    for start in range(0, 100, 7):
        logs.append(workflow, lines[start : start + 7])
    live = [list(logs.read(workflow, query)) for query in QUERIES]
    logs.seal(workflow)
    sealed = [list(logs.read(workflow, query)) for query in QUERIES]
    wanted = [expected(lines, query) for query in QUERIES]
    assert live == wanted
    assert sealed == wanted
    assert logs.line_count(workflow) == 100
    directory = Pieces(Path(logs._root), workflow).directory
    assert not list(directory.glob("live-*"))
    with store.reading() as reads:
        segments = reads.segments(workflow)
    assert [segment.first_line for segment in segments] == [
        sum(before.lines for before in segments[:index]) for index in range(len(segments))
    ]
    assert sum(segment.lines for segment in segments) == 100
    assert all((directory / f"{segment.number:06}.z").stat().st_size == segment.stored_bytes for segment in segments)


def test_no_line_cap(logs: FileLogs, workflow: WorkflowUuid) -> None:
    for _ in range(10):
        logs.append(workflow, many(5000))
    assert len(lines_of(logs, workflow)) == 50_000
    logs.seal(workflow)
    assert len(lines_of(logs, workflow)) == 50_000


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", [""]),
        ("tab\there", ["tab\there"]),
        ("two\nlines", ["two", "lines"]),
        ("ends\n", ["ends", ""]),
        ("carriage\rreturn\r", ["carriage\rreturn\r"]),
        ("ünïcode 😀 \0 \x1b[31m", ["ünïcode 😀 \0 \x1b[31m"]),
        ("surrogate \udc80", ["surrogate ?"]),
        ("x" * 200_000, ["x" * 200_000]),
    ],
)
def test_texts_come_back(logs: FileLogs, workflow: WorkflowUuid, text: str, kept: list[str]) -> None:
    logs.append(workflow, [line(text), line("after")])
    assert lines_of(logs, workflow) == [*kept, "after"]
    logs.seal(workflow)
    assert lines_of(logs, workflow) == [*kept, "after"]


def test_an_empty_log(logs: FileLogs, workflow: WorkflowUuid) -> None:
    assert lines_of(logs, workflow) == []
    assert lines_of(logs, workflow, LogQuery(last_n_lines=3)) == []
    logs.append(workflow, [])
    logs.seal(workflow)
    logs.seal(workflow)
    assert lines_of(logs, workflow) == []
    assert logs.line_count(workflow) == 0
    assert lines_of(logs, WorkflowUuid("f" * 32)) == []


def test_lines_after_the_seal_are_dropped(logs: FileLogs, workflow: WorkflowUuid) -> None:
    logs.append(workflow, [line("before")])
    logs.seal(workflow)
    logs.append(workflow, [line("after")])
    assert lines_of(logs, workflow) == ["before"]


@pytest.mark.parametrize("pattern", ["(", "[", "*", "a{99999999999999999999}", "(?P<n", "x" * 1001])
def test_a_bad_pattern_is_refused(logs: FileLogs, workflow: WorkflowUuid, pattern: str) -> None:
    """ "bad expression 400 USER": told before the first line."""
    with pytest.raises(BadPattern):
        logs.read(workflow, LogQuery(pattern=pattern))
    with pytest.raises(BadPattern):
        logs.follow(workflow, LogQuery(pattern=pattern))


def test_many_threads_write_one_log(logs: FileLogs, workflow: WorkflowUuid) -> None:
    def write(name: str) -> None:
        for number in range(200):
            logs.append(workflow, [line(f"{name} {number}", name=name)])

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logs.seal(workflow)
    for name in "abcd":
        assert lines_of(logs, workflow, LogQuery(task=name)) == [f"{name} {number}" for number in range(200)]


def test_more_logs_than_open_files(tmp_path: Path, store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.store.logs._OPEN_FILES", 3)
    logs = FileLogs(tmp_path / "logs", store)
    workflows = [insert(store, plan(number=number)) for number in range(1, 11)]
    for turn in range(3):
        for workflow in workflows:
            logs.append(workflow, [line(f"turn {turn}")])
    assert len(logs._open) == 3
    for workflow in workflows:
        assert lines_of(logs, workflow) == ["turn 0", "turn 1", "turn 2"]
    logs.close()


# Follow


def test_a_follow_gets_every_line_once(logs: FileLogs, workflow: WorkflowUuid) -> None:
    lines = many(300)
    found: list[LogLine] = []
    follow = logs.follow(workflow, LogQuery())

    def read() -> None:
        with follow:
            while not follow.ended:
                assert follow.wait(PATIENCE_SECONDS)
                found.extend(follow.advance())

    reader = threading.Thread(target=read)
    reader.start()
    for start in range(0, 300, 3):
        logs.append(workflow, lines[start : start + 3])
    logs.seal(workflow)
    reader.join(PATIENCE_SECONDS)
    assert not reader.is_alive()
    assert found == lines


@pytest.mark.parametrize(
    ("query", "backlog"), [(LogQuery(), 40), (LogQuery(last_n_lines=5), 5), (LogQuery(last_n_lines=0), 0)]
)
def test_last_n_lines_limits_only_the_backlog(
    logs: FileLogs, workflow: WorkflowUuid, query: LogQuery, backlog: int
) -> None:
    """ "last_n_lines limits only the backlog, following goes on"."""
    lines = many(50)
    logs.append(workflow, lines[:40])
    follow = logs.follow(workflow, query)
    logs.append(workflow, lines[40:])
    logs.seal(workflow)
    found: list[LogLine] = []
    while not follow.ended:
        found.extend(follow.advance())
    assert found == lines[40 - backlog :]


def test_a_follow_of_a_sealed_log_ends_after_the_last_line(logs: FileLogs, workflow: WorkflowUuid) -> None:
    logs.append(workflow, many(30))
    logs.seal(workflow)
    with logs.follow(workflow, LogQuery(task="a")) as follow:
        found: list[LogLine] = []
        while not follow.ended:
            found.extend(follow.advance())
    assert found == expected(many(30), LogQuery(task="a"))
    assert follow.advance() == ()
    assert follow.wait(0)


def test_a_follow_waits_without_turning(logs: FileLogs, workflow: WorkflowUuid) -> None:
    logs.append(workflow, [line("first")])
    follow = logs.follow(workflow, LogQuery())
    assert [one.text for one in follow.advance()] == ["first"]
    assert follow.advance() == ()
    assert not follow.wait(0.01)
    assert not follow.ended
    woken = threading.Event()
    follow.on_change(woken.set)
    assert not woken.is_set()
    logs.append(workflow, [line("second")])
    assert woken.wait(PATIENCE_SECONDS)
    assert follow.wait(0)
    assert [one.text for one in follow.advance()] == ["second"]


def test_closing_ends_follows(logs: FileLogs, workflow: WorkflowUuid) -> None:
    logs.append(workflow, [line("first")])
    follow = logs.follow(workflow, LogQuery())
    assert follow.advance()
    logs.close()
    assert follow.wait(0)
    assert follow.ended


def test_a_log_that_another_process_writes_is_followed(tmp_path: Path, store: SqlStore, logs: FileLogs) -> None:
    workflow = insert(store, plan(number=2))
    writer = logs
    reader = FileLogs(tmp_path / "logs", store)
    follow = reader.follow(workflow, LogQuery())
    follow.advance()
    writer.append(workflow, [line("from there")])
    found: list[str] = []
    while not found:
        assert follow.wait(PATIENCE_SECONDS)
        found = [one.text for one in follow.advance()]
    assert found == ["from there"]
    reader.close()


# After a crash


def test_a_torn_line_is_cut(tmp_path: Path, store: SqlStore, workflow: WorkflowUuid) -> None:
    """ "A torn last record after kill -9 is detected and cut at the next start."""
    logs = FileLogs(tmp_path / "logs", store)
    logs.append(workflow, [line("whole"), line("torn apart")])
    logs.close()
    live = Pieces(tmp_path / "logs", workflow).raw(1)
    live.write_bytes(live.read_bytes()[:-5])
    again = FileLogs(tmp_path / "logs", store)
    assert lines_of(again, workflow) == ["whole"]
    again.recover(workflow)
    again.append(workflow, [line("after")])
    assert lines_of(again, workflow) == ["whole", "after"]
    again.seal(workflow)
    assert lines_of(again, workflow) == ["whole", "after"]
    again.close()


@pytest.mark.parametrize("state", ["written twice", "partial", "not indexed", "raw left", "empty raw"])
def test_compression_is_taken_up_where_it_stopped(
    tmp_path: Path, store: SqlStore, workflow: WorkflowUuid, state: str
) -> None:
    logs = FileLogs(tmp_path / "logs", store)
    logs.append(workflow, many(20))
    logs.seal(workflow)
    logs.close()
    pieces = Pieces(tmp_path / "logs", workflow)
    data = zlib.decompress(pieces.compressed(1).read_bytes())
    match state:
        case "written twice" | "raw left":
            pieces.raw(1).write_bytes(data)
        case "partial":
            pieces.raw(1).write_bytes(data)
            pieces.compressed(1).with_suffix(".tmp").write_bytes(b"half")
            pieces.compressed(1).unlink()
        case "empty raw":
            pieces.raw(2).write_bytes(b"")
    if state in ("not indexed", "partial", "written twice"):
        forget_segments(store)
    again = FileLogs(tmp_path / "logs", store)
    assert list(again.read(workflow, LogQuery())) == many(20)
    again.recover(workflow)
    again.append(workflow, [line("more", seconds=99)])
    again.seal(workflow)
    assert list(again.read(workflow, LogQuery())) == [*many(20), line("more", seconds=99)]
    assert again.line_count(workflow) == 21
    assert sorted(path.suffix for path in pieces.directory.iterdir()) == [".z"] * len(pieces.numbers())
    again.close()


# Taken over from a process that may still live


def test_what_a_replaced_process_writes_is_not_kept(tmp_path: Path, store: SqlStore, workflow: WorkflowUuid) -> None:
    """It has its file open, and begins the next one: neither is part of the log any more."""
    former, present = (FileLogs(tmp_path / "logs", store, roll_bytes=400) for _ in range(2))
    former.append(workflow, many(5))
    present.recover(workflow, contested=True)
    former.append(workflow, [line("late")])
    present.append(workflow, [line("after")])
    for _ in range(40):
        former.append(workflow, [line("late and long enough for a file of its own")])
    assert list(present.read(workflow, LogQuery())) == [*many(5), line("after")]
    former.seal(workflow)
    present.append(workflow, [line("last")])
    present.seal(workflow)
    for one in (former, present):
        assert list(one.read(workflow, LogQuery())) == [*many(5), line("after"), line("last")]
        one.close()


@pytest.mark.parametrize("begun", [False, True])
def test_a_file_that_was_not_begun_is_not_begun_by_two(
    tmp_path: Path, store: SqlStore, workflow: WorkflowUuid, begun: bool
) -> None:
    former, present = (FileLogs(tmp_path / "logs", store) for _ in range(2))
    former.recover(workflow)
    present.recover(workflow, contested=True)
    if begun:
        present.append(workflow, [line("mine")])
    former.append(workflow, [line("late")])
    assert lines_of(present, workflow) == (["mine"] if begun else [])
    former.close()
    present.close()


def test_a_log_that_comes_back_is_gone_on_with(tmp_path: Path, store: SqlStore, workflow: WorkflowUuid) -> None:
    one, other = (FileLogs(tmp_path / "logs", store) for _ in range(2))
    one.append(workflow, [line("first")])
    follow = one.follow(workflow, LogQuery())
    assert [found.text for found in follow.advance()] == ["first"]
    one.leave(workflow)
    one.append(workflow, [line("late")])
    other.recover(workflow, contested=True)
    other.append(workflow, [line("second")])
    found: list[str] = []
    while not found:
        assert follow.wait(PATIENCE_SECONDS)
        found = [one.text for one in follow.advance()]
    assert found == ["second"]
    other.leave(workflow)
    one.recover(workflow, contested=True)
    one.append(workflow, [line("third")])
    assert lines_of(other, workflow) == ["first", "second", "third"]
    one.close()
    other.close()


def test_how_far_a_log_goes_is_what_was_kept_of_it(tmp_path: Path, store: SqlStore, workflow: WorkflowUuid) -> None:
    """Whatever was compressed, indexed or torn."""
    logs = FileLogs(tmp_path / "logs", store, roll_bytes=400)
    logs.append(workflow, [*many(40), line("x", seconds=38), line("y", seconds=38), line("z", seconds=7)])
    logs.append(workflow, [line("torn", seconds=38)])
    logs.close()
    pieces = Pieces(tmp_path / "logs", workflow)
    live = pieces.raw(max(pieces.raw_numbers()))
    live.write_bytes(live.read_bytes()[:-1])
    for contested in (False, True):
        again = FileLogs(tmp_path / "logs", store, roll_bytes=400)
        again.recover(workflow, contested=contested)
        # Line 38 is the program's own, and "x" and "y" have its time.
        assert again.end_of(workflow, "a", 0, system=False) == LogEnd(at=moment(38), lines=3)
        assert again.end_of(workflow, "a", 0, system=True) == LogEnd(at=moment(30), lines=1)
        assert again.end_of(workflow, "b", 1, system=False) == LogEnd(at=moment(39), lines=1)
        assert again.end_of(workflow, "b", 7, system=False) is None
        again.close()


def test_a_log_on_another_machine_is_begun_anew(tmp_path: Path, store: SqlStore, workflow: WorkflowUuid) -> None:
    """Where directories are not shared, the lines of pods that still exist are read again from the beginning."""
    here, there = (FileLogs(tmp_path / name, store) for name in ("here", "there"))
    here.append(workflow, many(4))
    here.recover(workflow, contested=True)
    there.recover(workflow, contested=True)
    assert there.end_of(workflow, "a", 0, system=False) is None
    there.append(workflow, many(6))
    there.seal(workflow)
    assert list(there.read(workflow, LogQuery())) == many(6)
    here.close()
    there.close()


def forget_segments(store: SqlStore) -> None:
    """Lose the index, as a power cut may."""
    with store.writing() as writes:
        writes._connection.exec_driver_sql("DELETE FROM log_segments")


def test_a_removed_log_is_gone(logs: FileLogs, workflow: WorkflowUuid) -> None:
    logs.append(workflow, many(50))
    logs.seal(workflow)
    logs.remove(workflow)
    logs.remove(workflow)
    assert lines_of(logs, workflow) == []
    assert list(Path(logs._root).iterdir()) == []


# Format


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (line("hello", name="t"), "2026/01/01 12:00:00 [t] hello"),
        (line("hello", name="t", retry_id=2, seconds=61), "2026/01/01 12:01:01 [t retry-2] hello"),
        (line("up", name="t", system=True), "2026/01/01 12:00:00 [t][osmo] up"),
        (line("", name="t", retry_id=1, system=True), "2026/01/01 12:00:00 [t retry-1][osmo] "),
    ],
)
def test_line_format(shown: LogLine, text: str) -> None:
    """ "YYYY/MM/DD HH:MM:SS [task] text for stdout/stderr, … [task][osmo] text for ctrl lines, [task retry-N]"."""
    assert line_text(shown) == text


def test_event_format() -> None:
    """ "2026-02-12 08:38:57+00:00 [task] Reason: message, or [task retry-1]"."""
    event = EventRecord(
        number=1, at=moment(0.25), task=TaskName("t"), retry_id=1, reason="Scheduled", message="on node n"
    )
    assert event_text(event) == "2026-01-01 12:00:00+00:00 [t retry-1] Scheduled: on node n"
