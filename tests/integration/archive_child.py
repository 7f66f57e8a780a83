"""A process that writes a log, ends the workflow and brings the log to its place, and may die on the way.

HOME POINT; it does what is not done yet, so that the next one goes on where this one was killed.
"""

from __future__ import annotations

from pathlib import Path

from engine.crashpoints import arm
from engine.ports import LogLine
from gateway.ports.logs import LogQuery
from gateway.ports.runs import StateChange
from gateway.services.log_place import LogPlaces
from gateway.store.log_archived import ArchivedLogs
from gateway.store.log_archiving import LogArchiving
from gateway.store.logs import FileLogs
from gateway.store.session import SqlStore, open_store
from pools.config import parse_config
from storage.lanes import NEVER
from tests.workplace import START, insert, line, plan
from translator.plan.model import WorkflowUuid

UUID = WorkflowUuid("a" * 32)
LINES: list[LogLine] = [line(f"line {number}", name="ab"[number % 2], seconds=number) for number in range(40)]


def opened(home: Path) -> tuple[SqlStore, FileLogs, LogArchiving]:
    """The parts of a gateway."""
    config = parse_config(
        {"c.yaml": f'workflow: {{workflow_log: {{credential: {{endpoint: "file://{home}/place"}}}}}}'.encode()}
    )
    store = open_store(f"sqlite:///{home / 'test.db'}")
    places = LogPlaces(lambda: config)
    archived = ArchivedLogs(store, places, lambda: START)
    logs = FileLogs(home / "logs", store, roll_bytes=200, archived=archived)
    moves = LogArchiving(
        root=home / "logs", store=store, places=places, archived=archived, now=lambda: START, stopped=NEVER, at_once=2
    )
    return store, logs, moves


def run(home: str, crash_at: str) -> None:
    """Go on."""
    arm(crash_at)
    store, logs, moves = opened(Path(home))
    with store.reading() as reads:
        known, sealed = reads.workflow(UUID), reads.sealed(UUID)
    if known is None:
        insert(store, plan(uuid=UUID))
    if known is None or not sealed:
        _write(store, logs, moves)
        logs.seal(UUID)
        _seal_row(store)
    moves.attend(UUID)
    logs.close()
    store.close()


def _write(store: SqlStore, logs: FileLogs, moves: LogArchiving) -> None:
    kept = len(list(logs.read(UUID, LogQuery())))
    for start in range(kept, len(LINES), 5):
        logs.append(UUID, LINES[start : start + 5])
    with store.writing() as writes:
        writes._connection.exec_driver_sql("UPDATE tasks SET alive = false")
    moves.attend(UUID)


def _seal_row(store: SqlStore) -> None:
    with store.reading() as reads:
        stored = reads.load_run(UUID)
    assert stored is not None
    change = StateChange(uuid=UUID, fence=stored.owner.fence, before=stored.state, after=stored.state, sealed=True)
    with store.writing() as writes:
        writes.save_changes([change])
