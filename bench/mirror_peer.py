"""The peer of the mirror: each event decoded once, and one row of it written, many at a time, by the bare driver.

It knows nothing of order, repetition, causes, retries or cancel, and reads nothing back. It writes into a table of nine
columns without an index, or into one with the columns and indexes of the mirror's own, by which tasks are listed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import msgspec
import psycopg
from sqlalchemy import MetaData, make_url
from sqlalchemy.schema import CreateIndex, CreateTable

from gateway.store.tables import tasks
from translator.argo.observe_objects import Labels, Pod, Workflow

_BATCH = 500
_COLUMNS = ("run", "name", "phase", "reason", "node", "ip", "started", "ended", "code")
_BARE = (
    "CREATE TABLE peer (run TEXT, name TEXT, phase TEXT, reason TEXT, node TEXT, ip TEXT, started TIMESTAMP,"
    " ended TIMESTAMP, code INTEGER, PRIMARY KEY (run, name))"
)

_OUR_COLUMNS = (
    *("workflow_uuid", "name", "retry_id", "position", "task_uuid", "group_name", "lead", "cpu", "gpu"),
    *("memory_bytes", "storage_bytes", "workflow_id", "submitted_by", "submit_time", "pool", "priority"),
    *("status", "exit_code", "failure_message", "start_time", "end_time", "node_name", "pod_name", "pod_ip"),
    *("alive", "order_rank", "started_key"),
)
_CHANGING = frozenset((*_COLUMNS[2:], *_OUR_COLUMNS[_OUR_COLUMNS.index("status") :]))
_RANKS = {"Pending": 2, "Running": 1}
_MOMENT = "2026-01-01 00:00:00"

Row = tuple[str, str, str, str, str, str, datetime | None, datetime | None, int | None]


class _PodEvent(msgspec.Struct, frozen=True):
    type: str
    object: Pod


class _WorkflowEvent(msgspec.Struct, frozen=True):
    type: str
    object: Workflow


_NO_LABELS = Labels()
_POD = msgspec.json.Decoder(_PodEvent)
_WORKFLOW = msgspec.json.Decoder(_WorkflowEvent)

Write = Callable[[Sequence[Row]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """A table and how a row comes into it. Shape: `values` makes the parameters of `columns`, `keys` of them first."""

    schema: Sequence[str]
    name: str
    columns: Sequence[str]
    keys: int
    values: Callable[[Row], Sequence[object]]

    def upsert(self, mark: str) -> str:
        """The statement. Shape: `mark` is what stands for a parameter."""
        marks = ", ".join(mark for _ in self.columns)
        changed = ", ".join(f"{name} = excluded.{name}" for name in self.columns if name in _CHANGING)
        return (
            f"INSERT INTO {self.name} ({', '.join(self.columns)}) VALUES ({marks}) "
            f"ON CONFLICT ({', '.join(self.columns[: self.keys])}) DO UPDATE SET {changed}"
        )


@contextmanager
def plain_writer(url: str, *, like_ours: bool) -> Iterator[Write]:
    """Writes rows into a table of its own in the database behind `url`, a batch in a transaction."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as lite:
            target = _like_ours("sqlite://") if like_ours else _bare()
            lite.executescript(";\n".join(["PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", *target.schema]))
            statement, values = target.upsert("?"), target.values

            def write(rows: Sequence[Row]) -> None:
                lite.execute("BEGIN IMMEDIATE")
                lite.executemany(statement, [values(_text_times(row)) for row in rows])
                lite.execute("COMMIT")

            yield write
        return
    with closing(psycopg.connect(url)) as connection:
        target = _like_ours("postgresql+psycopg://") if like_ours else _bare()
        for part in target.schema:
            connection.execute(part.encode())
        connection.commit()
        statement_there, values_there = target.upsert("%s").encode(), target.values

        def write_there(rows: Sequence[Row]) -> None:
            with connection.cursor() as cursor:
                cursor.executemany(statement_there, [values_there(row) for row in rows])
            connection.commit()

        yield write_there


def _bare() -> _Target:
    return _Target(schema=[_BARE], name="peer", columns=_COLUMNS, keys=2, values=lambda row: row)


def _like_ours(kind: str) -> _Target:
    """The mirror's table of tasks, without its parents, in a database of this kind."""
    dialect = make_url(kind).get_dialect()()
    table = tasks.to_metadata(MetaData(), name="peer")
    schema = [str(CreateTable(table, include_foreign_key_constraints=[]).compile(dialect=dialect))]
    schema += [str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes]
    return _Target(schema=schema, name="peer", columns=_OUR_COLUMNS, keys=3, values=_our_values)


def _our_values(row: Row) -> Sequence[object]:
    run, name, phase, reason, node, ip, started, ended, code = row
    fixed = (run, name, 0, 0, run, name, False, 1.0, 0, 1 << 30, 1 << 30, run, "user", _MOMENT, "default", "NORMAL")
    alive, rank = phase not in ("Succeeded", "Failed"), _RANKS.get(phase, 0)
    return (*fixed, phase, code, reason, started, ended, node, name, ip, alive, rank, started or _MOMENT)


def take(write: Write, events: Iterable[tuple[str, bytes]]) -> None:
    """Decode and write events. Shape: pairs of kind and line."""
    batch: list[Row] = []
    for kind, line in events:
        batch.append(_pod_row(line) if kind == "pods" else _workflow_row(line))
        if len(batch) >= _BATCH:
            write(batch)
            batch = []
    if batch:
        write(batch)


def _pod_row(line: bytes) -> Row:
    pod = _POD.decode(line).object
    labels, status = pod.metadata.labels or _NO_LABELS, pod.status
    main = next((one.state for one in status.container_statuses or () if one.name == "main"), None)
    ended = main.terminated if main is not None else None
    started = main.running.started_at if main is not None and main.running is not None else None
    return (
        labels.workflow_uuid,
        labels.task_uuid,
        status.phase,
        status.reason,
        pod.spec.node_name,
        status.pod_ip,
        started or (ended.started_at if ended is not None else None),
        ended.finished_at if ended is not None else None,
        ended.exit_code if ended is not None else None,
    )


def _workflow_row(line: bytes) -> Row:
    workflow = _WORKFLOW.decode(line).object
    status = workflow.status
    return (
        (workflow.metadata.labels or _NO_LABELS).workflow_uuid,
        workflow.metadata.name,
        workflow.phase,
        status.message if status is not None else "",
        "",
        "",
        workflow.metadata.creation_timestamp,
        status.finished_at if status is not None else None,
        None,
    )


def _text_times(row: Row) -> Row:
    """The row as SQLite's driver wants it."""
    *others, started, ended, code = row
    return cast("Row", (*others, started and started.isoformat(" "), ended and ended.isoformat(" "), code))
