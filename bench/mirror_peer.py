"""The peer of the mirror: each event decoded once, and one row of it written, many at a time, by the bare driver.

It knows nothing of order, repetition, causes, retries or cancel, and reads nothing back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime

import msgspec
import psycopg

from translator.argo.observe_objects import Labels, Pod, Workflow

_BATCH = 500
_COLUMNS = ("run", "name", "phase", "reason", "node", "ip", "started", "ended", "code")
_SCHEMA = (
    "CREATE TABLE peer (run TEXT, name TEXT, phase TEXT, reason TEXT, node TEXT, ip TEXT, started TIMESTAMP,"
    " ended TIMESTAMP, code INTEGER, PRIMARY KEY (run, name))"
)

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


@contextmanager
def plain_writer(url: str) -> Iterator[Write]:
    """Writes rows into a table of its own in the database behind `url`, a batch in a transaction."""
    names = ", ".join(_COLUMNS)
    changed = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[2:])
    upsert = f"INSERT INTO peer ({names}) VALUES ({{}}) ON CONFLICT (run, name) DO UPDATE SET {changed}"
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as lite:
            lite.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {_SCHEMA}")
            statement = upsert.format(", ".join("?" for _ in _COLUMNS))

            def write(rows: Sequence[Row]) -> None:
                lite.execute("BEGIN IMMEDIATE")
                lite.executemany(statement, [_text_times(row) for row in rows])
                lite.execute("COMMIT")

            yield write
        return
    with closing(psycopg.connect(url)) as connection:
        connection.execute(_SCHEMA)
        connection.commit()
        statement = upsert.format(", ".join("%s" for _ in _COLUMNS))

        def write_there(rows: Sequence[Row]) -> None:
            with connection.cursor() as cursor:
                cursor.executemany(statement, rows)
            connection.commit()

        yield write_there


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


def _text_times(row: Row) -> tuple[str | int | None, ...]:
    return tuple(one.isoformat(" ") if isinstance(one, datetime) else one for one in row)
