"""What database, mirror and log store cost, beside the plainest way to do the same with `sqlite3` or a file.

Aims: store and mirror together at most 3 ms for each task of a chain of 40 that do nothing, also where every report
comes alone; a page of a list over a long history as fast as over a short one; log lines at a tenth of a plain file's
speed or better, and no line lost. Figures on SQLite; the machine's disk decides about durable commits.
"""

from __future__ import annotations

import logging
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import structlog

from engine.ports import LogLine, Run
from gateway.mirror.clock import VirtualClock
from gateway.ports.logs import LogQuery
from gateway.ports.records import Page, TaskFilter, WorkflowFilter
from gateway.runners.dummy import DummyRunner
from gateway.store.logs import FileLogs
from gateway.store.session import SqlStore
from tests.workplace import START, Workplace, chain, group, insert, line, moment, plan, workplace
from translator.lifecycle.effects import AnyEffect, CreateGroup, DeleteGroup
from translator.lifecycle.facts import AnyFact, GroupCleaned, TaskObserved
from translator.lifecycle.words import TaskStatus, WorkflowStatus
from translator.plan.model import Plan, WorkflowUuid

HISTORY_WORKFLOWS = 50_000
TASKS_EACH = 4
_LINES = 200_000


def main() -> None:
    """Print one line per figure."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as home:
        _commits(Path(home) / "commits")
        _mirrored(Path(home) / "mirrored")
        _history(Path(home) / "history")
        _logs(Path(home) / "logs")


def _commits(home: Path) -> None:
    """One small transaction, against one of the bare driver."""
    home.mkdir()
    with workplace(home) as place:
        connection = sqlite3.connect(home / "peer.db", isolation_level=None)
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE t (a, b)")

        def bare() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO t VALUES (1, 'x')")
            connection.execute("COMMIT")

        def ours() -> None:
            with place.store.writing() as writes:
                writes.set_profile("alice", pool="gpu")

        def durable() -> None:
            with place.store.writing(durable=True) as writes:
                writes.set_profile("alice", pool="gpu")

        peer = _median(bare, 300)
        print(
            f"a small commit: bare sqlite3 {peer * 1e3:.2f} ms, store {_median(ours, 300) * 1e3:.2f} ms, "
            f"durable {_median(durable, 100) * 1e3:.2f} ms"
        )
        for size in (40, 1000):
            plans = iter([plan(*chain(size), name=f"s{size}", number=number) for number in range(5)])
            seconds = _median(partial(_insert_next, place.store, plans), 5)
            print(f"a submission of {size} tasks, durable: {seconds * 1e3:.1f} ms, {seconds / peer:.0f} x bare commit")
        connection.close()


def _insert_next(store: SqlStore, plans: Iterator[Plan]) -> None:
    insert(store, next(plans))


class _OneByOne(DummyRunner):
    """Reports every fact alone, and only when the one before is saved: the worst case for batches."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.todo: list[tuple[Run, AnyFact]] = []

    def apply(self, run: Run, effects: Sequence[AnyEffect]) -> None:
        """Remember what would be reported."""
        for effect in effects:
            match effect:
                case CreateGroup(group=name):
                    (task,) = next(group for group in run.plan.groups if group.name == name).tasks
                    self.todo += [
                        (run, TaskObserved(task=task.name, retry_id=0, status=status, at=START, exit_code=0))
                        for status in (*_WAY, TaskStatus.COMPLETED)
                    ]
                case DeleteGroup(group=name):
                    self.todo.append((run, GroupCleaned(group=name, at=START)))
                case _:
                    pass


_WAY = (TaskStatus.SCHEDULING, TaskStatus.INITIALIZING, TaskStatus.RUNNING)


def _mirrored(home: Path) -> None:
    """Whole workflows through store and mirror."""
    home.mkdir()
    with workplace(home) as place:
        place.submit(*chain(3))
        for name, groups, tasks in (
            ("a chain of 40", chain(40), 40),
            ("1,000 wide", tuple(group(f"w{number}") for number in range(1000)), 1000),
        ):
            wall, cpu = _timed(lambda groups=groups: place.submit(*groups))  # type: ignore[misc]
            print(f"{name}: {wall / tasks * 1e3:.2f} ms a task, {cpu / tasks * 1e3:.2f} ms of it processor (aim <= 3)")
        wall, cpu = _timed(lambda: _many(place))
        print(
            f"200 workflows of 3 tasks side by side: {wall / 600 * 1e3:.2f} ms a task, {cpu / 600 * 1e3:.2f} processor"
        )
    (home / "alone").mkdir()
    clock = VirtualClock(START)
    runner = _OneByOne(clock)
    with workplace(home / "alone", clock=clock, runner=runner) as place:
        place.submit(*chain(2))
        _drive(place, runner)
        wall, cpu = _timed(partial(_drive_new, place, runner))
        print(f"a chain of 40, every report alone: {wall / 40 * 1e3:.2f} ms a task, {cpu / 40 * 1e3:.2f} processor")


def _many(place: Workplace) -> None:
    uuids = [insert(place.store, plan(*chain(3), name="many", number=number)) for number in range(1, 201)]
    for uuid in uuids:
        place.mirror.attend(uuid)
    place.settle()


def _drive_new(place: Workplace, runner: _OneByOne) -> None:
    place.submit(*chain(40))
    _drive(place, runner)


def _drive(place: Workplace, runner: _OneByOne) -> None:
    while runner.todo:
        run, fact = runner.todo.pop(0)
        place.mirror.facts(run.plan.workflow_uuid, [fact])
        place.settle()


def _history(home: Path) -> None:
    """Lists over a long history, against the same over a short one."""
    home.mkdir()
    with workplace(home) as place:
        uuid = place.submit(*(group(f"t{number}") for number in range(TASKS_EACH)))
        questions = _questions(place.store)
        short = {name: _median(ask, 20) for name, ask in questions.items()}
        begin = time.perf_counter()
        _multiply(home / "test.db", uuid)
        print(f"(a history of {HISTORY_WORKFLOWS} workflows made in {time.perf_counter() - begin:.0f} s)")
        for name, ask in questions.items():
            long = _median(ask, 20)
            print(f"{name}: {long * 1e3:.2f} ms, {long / short[name]:.1f} x that of one workflow")


def _questions(store: SqlStore) -> dict[str, Callable[[], object]]:
    alive = (WorkflowStatus.RUNNING, WorkflowStatus.PENDING)
    listed = tuple(set(WorkflowStatus) - {WorkflowStatus.FAILED_SUBMISSION})
    newest = Page(descending=True)

    def workflows(chosen: WorkflowFilter, page: Page = newest) -> Callable[[], object]:
        def ask() -> object:
            with store.reading() as reads:
                return reads.workflows(chosen, page)

        return ask

    def tasks(chosen: TaskFilter) -> Callable[[], object]:
        def ask() -> object:
            with store.reading() as reads:
                return reads.tasks(chosen, newest)

        return ask

    def counts() -> object:
        with store.reading() as reads:
            return reads.unfinished_counts("alice"), reads.unsealed()

    return {
        "my newest 20 workflows": workflows(WorkflowFilter(users=("alice",), pools=("default",), statuses=listed)),
        "everybody's newest 20": workflows(WorkflowFilter(statuses=listed)),
        "everybody's oldest 20": workflows(WorkflowFilter(statuses=listed), Page()),
        "those that run": workflows(WorkflowFilter(statuses=alive)),
        "a name that few have": workflows(WorkflowFilter(name="zzz")),
        "page 100": workflows(WorkflowFilter(), Page(descending=True, offset=2000)),
        "the newest 20 tasks": tasks(TaskFilter()),
        "my newest 20 tasks": tasks(TaskFilter(users=("alice",), pools=("default",))),
        "tasks that run": tasks(TaskFilter(statuses=(TaskStatus.RUNNING,))),
        "unfinished counts": counts,
    }


def _multiply(database: Path, uuid: str) -> None:
    """Copy one workflow's rows many times, with other names and times."""
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TEMP TABLE n AS WITH RECURSIVE r(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM r "
                           f"WHERE i <= {HISTORY_WORKFLOWS}) SELECT i FROM r")  # fmt: skip
        for table in ("workflows", "tasks"):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            changed = {
                "workflow_uuid": "printf('%032x', n.i)",
                "workflow_id": "'wf-' || n.i",
                "number": "n.i",
                "submit_time": "strftime('%Y-%m-%d %H:%M:%S', '2026-01-01', (n.i * 60) || ' seconds') || '.000000'",
                "submitted_by": "CASE n.i % 10 WHEN 0 THEN 'alice' ELSE 'user' || (n.i % 50) END",
            }
            changed["started_key"] = changed["submit_time"]
            picked = ", ".join(changed.get(column, f"t.{column}") for column in columns)
            connection.execute(
                f"INSERT INTO {table} SELECT {picked} FROM {table} t, n WHERE t.workflow_uuid = ?", (uuid,)
            )
        connection.execute("ANALYZE")


def _logs(home: Path) -> None:
    """Lines in, lines out, against a plain file."""
    home.mkdir()
    lines = [line(f"a line of some ordinary length, number {number}", seconds=number) for number in range(1000)]
    with workplace(home) as place:
        uuid = insert(place.store, plan())
        logs = place.logs
        plain, _ = _timed(lambda: _to_file(home / "peer.log", lines))
        wall, _ = _timed(partial(_append, logs, uuid, lines, 50, _LINES // 1000))
        print(f"log lines in batches of 50: {_LINES / wall / 1000:.0f} k/s, {wall / plain:.1f} x a plain file")
        one, _ = _timed(partial(_append, logs, uuid, lines, 1, 1))
        print(f"log lines one by one: {1000 / one / 1000:.0f} k/s")
        for name, query in (
            ("the last 100 lines", LogQuery(last_n_lines=100)),
            ("the last 100 of a task that has none", LogQuery(task="nobody", last_n_lines=100)),
        ):
            print(f"{name}: {_median(lambda query=query: list(logs.read(uuid, query)), 5) * 1e3:.1f} ms")  # type: ignore[misc]
        whole, _ = _timed(lambda: sum(1 for _ in logs.read(uuid, LogQuery())))
        seal, _ = _timed(lambda: logs.seal(uuid))
        print(
            f"reading all: {(_LINES + 1000) / whole / 1000:.0f} k lines/s; sealing what was left: {seal * 1e3:.0f} ms"
        )


def _append(logs: FileLogs, uuid: WorkflowUuid, lines: Sequence[LogLine], batch: int, times: int) -> None:
    for _ in range(times):
        for start in range(0, len(lines), batch):
            logs.append(uuid, lines[start : start + batch])


def _to_file(path: Path, lines: Sequence[LogLine]) -> None:
    with path.open("a") as file:
        for _ in range(_LINES // 1000):
            for start in range(0, 1000, 50):
                file.write("".join(f"{moment(0)} {one.task} {one.text}\n" for one in lines[start : start + 50]))
                file.flush()


def _median(action: Callable[[], object], runs: int) -> float:
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def _timed(action: Callable[[], object]) -> tuple[float, float]:
    begin, processor = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - begin, time.process_time() - processor


if __name__ == "__main__":
    main()
