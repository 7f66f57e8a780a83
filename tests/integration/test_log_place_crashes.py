"""The process is killed (SIGKILL) at every point on the way of a log to its place; the log is readable all the time."""

from __future__ import annotations

import gzip
import multiprocessing
import signal
from pathlib import Path

import pytest

from gateway.ports.crashpoints import ARCHIVE_CRASH_POINTS
from gateway.ports.logs import LogQuery
from tests.integration import archive_child
from tests.integration.archive_child import LINES, UUID, opened, run

# Attempts of the running workflow, attempts of the ended one, pieces and documents are put one after the other.
LATER = ("archive.objects-put:2", "archive.objects-put:3", "archive.objects-noted:2", "archive.objects-noted:3")
CASES = (*sorted(ARCHIVE_CRASH_POINTS), *LATER)


@pytest.mark.parametrize("crash_at", CASES)
def test_a_kill_loses_and_doubles_nothing(tmp_path: Path, crash_at: str) -> None:
    """ "Crash at any point between upload, row and removal leaves the log readable and nothing twice"."""
    assert outcome(tmp_path, crash_at) == -signal.SIGKILL, f"{crash_at} was not passed"
    check_log(tmp_path)
    assert outcome(tmp_path, "") == 0
    check_log(tmp_path)
    check_place(tmp_path)


def test_several_kills_in_a_row(tmp_path: Path) -> None:
    for crash_at in ("archive.objects-put", "archive.expected", "archive.objects-noted", "archive.objects-noted"):
        assert outcome(tmp_path, crash_at) == -signal.SIGKILL
        check_log(tmp_path)
    assert outcome(tmp_path, "") == 0
    check_log(tmp_path)
    check_place(tmp_path)


def outcome(home: Path, crash_at: str) -> int | None:
    """Run the child; its exit code, negative for a signal."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([archive_child.__name__])
    child = context.Process(target=run, args=(str(home), crash_at))
    child.start()
    child.join(60)
    assert child.exitcode is not None, "the child hangs"
    return child.exitcode


def check_log(home: Path) -> None:
    """Every line is read once, whole and by task, with and without a limit."""
    store, logs, _ = opened(home)
    assert list(logs.read(UUID, LogQuery())) == LINES
    assert list(logs.read(UUID, LogQuery(last_n_lines=7))) == LINES[-7:]
    for task in "ab":
        wanted = [each for each in LINES if each.task == task]
        assert list(logs.read(UUID, LogQuery(task=task, retry_id=0))) == wanted
        assert list(logs.read(UUID, LogQuery(task=task, retry_id=0, last_n_lines=3))) == wanted[-3:]
    assert logs.line_count(UUID) == len(LINES)
    logs.close()
    store.close()


def check_place(home: Path) -> None:
    """All is there once, rows tell of exactly that, and nothing is left here."""
    root = home / "place" / "wf-1" / UUID
    found = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
    store, logs, _ = opened(home)
    with store.reading() as reads:
        assert {each.name for each in reads.archived(UUID)} == set(found)
        assert reads.archive_backlog().logs == 0
    logs.close()
    store.close()
    whole = b"".join(gzip.decompress(path.read_bytes()) for name, path in sorted(found.items()) if name[:4] == "log/")
    assert [text.rpartition("] ")[2] for text in whole.decode().splitlines()] == [each.text for each in LINES]
    assert not [path for path in (home / "logs").rglob("*") if path.is_file()]
