"""The tables, as SQLAlchemy Core. Migrations in `migrations` lead to exactly these; a test compares both.

Times are naive UTC; booleans, texts and JSON-in-text are the same on SQLite and PostgreSQL. Columns named like fields
of `translator.lifecycle.state` hold those fields. Source of the columns: api.md §7.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    true,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect

# Stands where an attempt has not started, so that "newest first" is one plain index: the not started are the newest.
NOT_STARTED = datetime(9999, 12, 31)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only in a column of exactly the type INTEGER.
_Serial = BigInteger().with_variant(Integer(), "sqlite")


class _SqliteTime(sqlite.DATETIME):
    """The same text as SQLAlchemy's own type writes, three times as fast."""

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], str | None]:
        """What turns a value into what is stored."""
        return _time_text


def _time_text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat(" ", "microseconds")


_Time = DateTime().with_variant(_SqliteTime(), "sqlite")  # type: ignore[no-untyped-call]
# Names sort by code point on both databases, whatever the locale of PostgreSQL.
_Name = Text().with_variant(Text(collation="C"), "postgresql")


def _workflow_uuid() -> Column[str]:
    """The column that ties a row to its workflow, and lets it go with it."""
    return Column(
        "workflow_uuid", String(32), ForeignKey("workflows.workflow_uuid", ondelete="CASCADE"), nullable=False
    )


workflows = Table(
    "workflows",
    metadata,
    Column("workflow_uuid", String(32), primary_key=True),
    Column("workflow_id", _Name, nullable=False, unique=True),
    Column("workflow_name", _Name, nullable=False),
    Column("number", Integer, nullable=False),
    Column("submitted_by", _Name, nullable=False),
    Column("pool", _Name),
    Column("backend", Text),
    Column("priority", String(8), nullable=False),
    Column("labels", Text, nullable=False),
    Column("exec_timeout_seconds", Float),
    Column("queue_timeout_seconds", Float),
    Column("outputs", Text, nullable=False),
    Column("rsync", Boolean, nullable=False),
    Column("parent_name", Text),
    Column("parent_number", Integer),
    Column("app_uuid", Text),
    Column("app_version", Integer),
    Column("app_owner", Text),
    Column("app_name", Text),
    Column("status", String(32), nullable=False),
    Column("submit_time", _Time, nullable=False),
    Column("start_time", _Time),
    Column("end_time", _Time),
    # What the lifecycle has acted on; `cancel_requested_by` is what was asked for, shown from the first moment.
    Column("cancelled_by", Text),
    Column("cancel_requested_by", Text),
    Column("cancel_message", Text, nullable=False),
    Column("cancel_forced", Boolean, nullable=False),
    Column("failure_message", Text),
    Column("alive", Boolean, nullable=False),
    Column("sealed", Boolean, nullable=False),
    Column("instance", Text),
    Column("fence", Integer, nullable=False),
    UniqueConstraint("workflow_name", "number"),
)
Index(None, workflows.c.submit_time, workflows.c.workflow_uuid)
Index(None, workflows.c.submitted_by, workflows.c.submit_time, workflows.c.workflow_uuid)
Index(None, workflows.c.pool, workflows.c.submit_time, workflows.c.workflow_uuid)
Index(None, workflows.c.status, workflows.c.submit_time, workflows.c.workflow_uuid)
Index(None, workflows.c.end_time)
# A query uses these partial indexes only if it says the very same words.
workflow_is_alive = workflows.c.alive.is_(true())
workflow_is_unsealed = workflows.c.sealed.is_(false())
Index(
    "ix_workflows_alive",
    workflows.c.submitted_by,
    workflows.c.submit_time,
    sqlite_where=workflow_is_alive,
    postgresql_where=workflow_is_alive,
)
Index(
    "ix_workflows_alive_newest",
    workflows.c.submit_time,
    workflows.c.workflow_uuid,
    sqlite_where=workflow_is_alive,
    postgresql_where=workflow_is_alive,
)
Index(
    "ix_workflows_unsealed",
    workflows.c.submit_time,
    sqlite_where=workflow_is_unsealed,
    postgresql_where=workflow_is_unsealed,
)

workflow_numbers = Table(
    "workflow_numbers",
    metadata,
    Column("workflow_name", _Name, primary_key=True),
    Column("highest", Integer, nullable=False),
)

labels = Table(
    "labels",
    metadata,
    _workflow_uuid(),
    Column("key", _Name, nullable=False),
    Column("value", _Name, nullable=False),
    PrimaryKeyConstraint("workflow_uuid", "key"),
)
Index(None, labels.c.key, labels.c.value)

tags = Table(
    "tags",
    metadata,
    _workflow_uuid(),
    Column("tag", _Name, nullable=False),
    PrimaryKeyConstraint("workflow_uuid", "tag"),
)
Index(None, tags.c.tag)

documents = Table(
    "documents",
    metadata,
    _workflow_uuid(),
    Column("kind", String(16), nullable=False),
    Column("encoding", String(8), nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("workflow_uuid", "kind"),
)

groups = Table(
    "groups",
    metadata,
    _workflow_uuid(),
    Column("name", _Name, nullable=False),
    Column("position", Integer, nullable=False),
    Column("group_uuid", Text, nullable=False),
    Column("downstream", Text, nullable=False),
    Column("status", String(32), nullable=False),
    Column("failure_message", Text),
    Column("remaining_upstream", Text, nullable=False),
    Column("processing_start_time", _Time),
    Column("scheduling_start_time", _Time),
    Column("initializing_start_time", _Time),
    Column("start_time", _Time),
    Column("end_time", _Time),
    Column("cleaned_up", Boolean, nullable=False),
    Column("cancel_due", _Time),
    PrimaryKeyConstraint("workflow_uuid", "name"),
)

# One row per attempt. What the list of tasks filters and sorts by stands in the row itself: no join over the history.
tasks = Table(
    "tasks",
    metadata,
    _workflow_uuid(),
    Column("name", _Name, nullable=False),
    Column("retry_id", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("task_uuid", Text, nullable=False),
    Column("group_name", _Name, nullable=False),
    Column("lead", Boolean, nullable=False),
    Column("cpu", Float, nullable=False),
    Column("gpu", Integer, nullable=False),
    Column("memory_bytes", BigInteger, nullable=False),
    Column("storage_bytes", BigInteger, nullable=False),
    Column("workflow_id", _Name, nullable=False),
    Column("submitted_by", _Name, nullable=False),
    Column("submit_time", _Time, nullable=False),
    Column("pool", _Name),
    Column("priority", String(8), nullable=False),
    Column("status", String(32), nullable=False),
    Column("exit_code", Integer),
    Column("failure_message", Text),
    Column("processing_start_time", _Time),
    Column("scheduling_start_time", _Time),
    Column("initializing_start_time", _Time),
    Column("input_download_start_time", _Time),
    Column("input_download_end_time", _Time),
    Column("start_time", _Time),
    Column("output_upload_start_time", _Time),
    Column("end_time", _Time),
    Column("node_name", Text),
    Column("pod_name", Text),
    Column("pod_ip", Text),
    Column("alive", Boolean, nullable=False),
    Column("order_rank", SmallInteger, nullable=False),
    Column("started_key", _Time, nullable=False),
    PrimaryKeyConstraint("workflow_uuid", "name", "retry_id"),
)
_newest = (tasks.c.order_rank, tasks.c.started_key, tasks.c.submit_time, tasks.c.name)
Index("ix_tasks_newest", *_newest)
Index("ix_tasks_newest_by_user", tasks.c.submitted_by, *_newest)
Index("ix_tasks_newest_by_pool", tasks.c.pool, *_newest)
Index("ix_tasks_newest_by_status", tasks.c.status, *_newest)
task_is_alive = tasks.c.alive.is_(true())
Index(
    "ix_tasks_alive",
    tasks.c.submitted_by,
    tasks.c.pool,
    tasks.c.priority,
    sqlite_where=task_is_alive,
    postgresql_where=task_is_alive,
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("user_name", _Name, nullable=False),
    Column("key", _Name, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("workflow_uuid", String(32), nullable=False, index=True),
    Column("created_at", _Time, nullable=False),
    PrimaryKeyConstraint("user_name", "key"),
)

timers = Table(
    "timers",
    metadata,
    _workflow_uuid(),
    Column("kind", String(32), nullable=False),
    Column("subject", Text, nullable=False),
    Column("due", _Time, nullable=False),
    PrimaryKeyConstraint("workflow_uuid", "kind", "subject"),
)
Index(None, timers.c.due)

cancel_requests = Table(
    "cancel_requests",
    metadata,
    Column("id", _Serial, primary_key=True),
    _workflow_uuid(),
    Column("user_name", _Name, nullable=False),
    Column("message", Text, nullable=False),
    Column("force", Boolean, nullable=False),
    Column("at", _Time, nullable=False),
    sqlite_autoincrement=True,
)
Index(None, cancel_requests.c.workflow_uuid)

events = Table(
    "events",
    metadata,
    Column("id", _Serial, primary_key=True),
    _workflow_uuid(),
    Column("at", _Time, nullable=False),
    Column("task", _Name, nullable=False),
    Column("retry_id", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
    # A number is never given twice, or a follower that remembers the last one would miss events after a purge.
    sqlite_autoincrement=True,
)
Index(None, events.c.workflow_uuid, events.c.id)

log_segments = Table(
    "log_segments",
    metadata,
    _workflow_uuid(),
    Column("number", Integer, nullable=False),
    Column("first_line", BigInteger, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("first_at", _Time, nullable=False),
    Column("last_at", _Time, nullable=False),
    Column("raw_bytes", Integer, nullable=False),
    Column("stored_bytes", Integer, nullable=False),
    Column("attempts", Text, nullable=False),
    Column("ends", Text),
    PrimaryKeyConstraint("workflow_uuid", "number"),
)

instances = Table(
    "instances",
    metadata,
    Column("name", _Name, primary_key=True),
    Column("place", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", _Time, nullable=False),
    Column("heartbeat_at", _Time, nullable=False),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("name", _Name, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

submitters = Table(
    "submitters",
    metadata,
    Column("user_name", _Name, primary_key=True),
    Column("first_seen", _Time, nullable=False),
)

credentials = Table(
    "credentials",
    metadata,
    Column("user_name", _Name, primary_key=True),
    Column("cred_name", _Name, primary_key=True),
    Column("cred_type", String(8), nullable=False),
    # What it opens; null for a GENERIC one, of which a user may have any number.
    Column("profile", _Name),
    Column("payload", LargeBinary, nullable=False),
    UniqueConstraint("user_name", "profile"),
)
user_keys = Table(
    "user_keys",
    metadata,
    Column("user_name", _Name, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
profiles = Table(
    "profiles",
    metadata,
    Column("user_name", _Name, primary_key=True),
    Column("pool", _Name),
    Column("email_notification", Boolean, nullable=False),
    Column("slack_notification", Boolean, nullable=False),
)
