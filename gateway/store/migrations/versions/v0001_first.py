"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "idempotency_keys",
        sa.Column("user_name", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("workflow_uuid", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_name", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_workflow_uuid", "idempotency_keys", ["workflow_uuid"])
    op.create_table(
        "instances",
        sa.Column("name", NAME, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_instances"),
    )
    op.create_table(
        "profiles",
        sa.Column("user_name", NAME, nullable=False),
        sa.Column("pool", NAME, nullable=True),
        sa.Column("email_notification", sa.Boolean(), nullable=False),
        sa.Column("slack_notification", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("user_name", name="pk_profiles"),
    )
    op.create_table(
        "submitters",
        sa.Column("user_name", NAME, nullable=False),
        sa.Column("first_seen", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_name", name="pk_submitters"),
    )
    op.create_table(
        "workflow_numbers",
        sa.Column("workflow_name", NAME, nullable=False),
        sa.Column("highest", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_name", name="pk_workflow_numbers"),
    )
    op.create_table(
        "workflows",
        sa.Column("workflow_uuid", sa.String(length=32), nullable=False),
        sa.Column("workflow_id", NAME, nullable=False),
        sa.Column("workflow_name", NAME, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("submitted_by", NAME, nullable=False),
        sa.Column("pool", NAME, nullable=True),
        sa.Column("backend", sa.Text(), nullable=True),
        sa.Column("priority", sa.String(length=8), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("exec_timeout_seconds", sa.Float(), nullable=True),
        sa.Column("queue_timeout_seconds", sa.Float(), nullable=True),
        sa.Column("outputs", sa.Text(), nullable=False),
        sa.Column("rsync", sa.Boolean(), nullable=False),
        sa.Column("parent_name", sa.Text(), nullable=True),
        sa.Column("parent_number", sa.Integer(), nullable=True),
        sa.Column("app_uuid", sa.Text(), nullable=True),
        sa.Column("app_version", sa.Integer(), nullable=True),
        sa.Column("app_owner", sa.Text(), nullable=True),
        sa.Column("app_name", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("submit_time", sa.DateTime(), nullable=False),
        sa.Column("start_time", sa.DateTime(), nullable=True),
        sa.Column("end_time", sa.DateTime(), nullable=True),
        sa.Column("cancelled_by", sa.Text(), nullable=True),
        sa.Column("cancel_requested_by", sa.Text(), nullable=True),
        sa.Column("cancel_message", sa.Text(), nullable=False),
        sa.Column("cancel_forced", sa.Boolean(), nullable=False),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("alive", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.Column("instance", sa.Text(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_uuid", name="pk_workflows"),
        sa.UniqueConstraint("workflow_id", name="uq_workflows_workflow_id"),
        sa.UniqueConstraint("workflow_name", "number", name="uq_workflows_workflow_name_number"),
    )
    op.create_index(
        "ix_workflows_alive",
        "workflows",
        ["submitted_by", "submit_time"],
        sqlite_where=sa.text("alive IS 1"),
        postgresql_where=sa.text("alive IS true"),
    )
    op.create_index("ix_workflows_end_time", "workflows", ["end_time"])
    op.create_index(
        "ix_workflows_pool_submit_time_workflow_uuid", "workflows", ["pool", "submit_time", "workflow_uuid"]
    )
    op.create_index(
        "ix_workflows_status_submit_time_workflow_uuid", "workflows", ["status", "submit_time", "workflow_uuid"]
    )
    op.create_index("ix_workflows_submit_time_workflow_uuid", "workflows", ["submit_time", "workflow_uuid"])
    op.create_index(
        "ix_workflows_submitted_by_submit_time_workflow_uuid",
        "workflows",
        ["submitted_by", "submit_time", "workflow_uuid"],
    )
    op.create_index(
        "ix_workflows_alive_newest",
        "workflows",
        ["submit_time", "workflow_uuid"],
        sqlite_where=sa.text("alive IS 1"),
        postgresql_where=sa.text("alive IS true"),
    )
    op.create_index(
        "ix_workflows_unsealed",
        "workflows",
        ["submit_time"],
        sqlite_where=sa.text("sealed IS 0"),
        postgresql_where=sa.text("sealed IS false"),
    )
    op.create_table(
        "cancel_requests",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("workflow_uuid", sa.String(length=32), nullable=False),
        sa.Column("user_name", NAME, nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("force", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workflow_uuid"], ["workflows.workflow_uuid"], name="fk_cancel_requests_workflow_uuid", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_cancel_requests"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cancel_requests_workflow_uuid", "cancel_requests", ["workflow_uuid"])
    op.create_table(
        "documents",
        sa.Column("workflow_uuid", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("encoding", sa.String(length=8), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workflow_uuid"], ["workflows.workflow_uuid"], name="fk_documents_workflow_uuid", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workflow_uuid", "kind", name="pk_documents"),
    )
    op.create_table(
        "events",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("workflow_uuid", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("task", NAME, nullable=False),
        sa.Column("retry_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workflow_uuid"], ["workflows.workflow_uuid"], name="fk_events_workflow_uuid", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_workflow_uuid_id", "events", ["workflow_uuid", "id"])
    op.create_table(
        "groups",
        sa.Column("workflow_uuid", sa.String(length=32), nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("group_uuid", sa.Text(), nullable=False),
        sa.Column("downstream", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("remaining_upstream", sa.Text(), nullable=False),
        sa.Column("processing_start_time", sa.DateTime(), nullable=True),
        sa.Column("scheduling_start_time", sa.DateTime(), nullable=True),
        sa.Column("initializing_start_time", sa.DateTime(), nullable=True),
        sa.Column("start_time", sa.DateTime(), nullable=True),
        sa.Column("end_time", sa.DateTime(), nullable=True),
        sa.Column("cleaned_up", sa.Boolean(), nullable=False),
        sa.Column("cancel_due", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workflow_uuid"], ["workflows.workflow_uuid"], name="fk_groups_workflow_uuid", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workflow_uuid", "name", name="pk_groups"),
    )
    op.create_table(
        "labels",
        sa.Column("workflow_uuid", sa.String(length=32), nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("value", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["workflow_uuid"], ["workflows.workflow_uuid"], name="fk_labels_workflow_uuid", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workflow_uuid", "key", name="pk_labels"),
    )
    op.create_index("ix_labels_key_value", "labels", ["key", "value"])
    op.create_table(
        "log_segments",
        sa.Column("workflow_uuid", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first_line", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(), nullable=False),
        sa.Column("last_at", sa.DateTime(), nullable=False),
        sa.Column("raw_bytes", sa.Integer(), nullable=False),
        sa.Column("stored_bytes", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workflow_uuid"], ["workflows.workflow_uuid"], name="fk_log_segments_workflow_uuid", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workflow_uuid", "number", name="pk_log_segments"),
    )
    op.create_table(
        "tags",
        sa.Column("workflow_uuid", sa.String(length=32), nullable=False),
        sa.Column("tag", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["workflow_uuid"], ["workflows.workflow_uuid"], name="fk_tags_workflow_uuid", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workflow_uuid", "tag", name="pk_tags"),
    )
    op.create_index("ix_tags_tag", "tags", ["tag"])
    op.create_table(
        "tasks",
        sa.Column("workflow_uuid", sa.String(length=32), nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("retry_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("task_uuid", sa.Text(), nullable=False),
        sa.Column("group_name", NAME, nullable=False),
        sa.Column("lead", sa.Boolean(), nullable=False),
        sa.Column("cpu", sa.Float(), nullable=False),
        sa.Column("gpu", sa.Integer(), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("storage_bytes", sa.BigInteger(), nullable=False),
        sa.Column("workflow_id", NAME, nullable=False),
        sa.Column("submitted_by", NAME, nullable=False),
        sa.Column("submit_time", sa.DateTime(), nullable=False),
        sa.Column("pool", NAME, nullable=True),
        sa.Column("priority", sa.String(length=8), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("processing_start_time", sa.DateTime(), nullable=True),
        sa.Column("scheduling_start_time", sa.DateTime(), nullable=True),
        sa.Column("initializing_start_time", sa.DateTime(), nullable=True),
        sa.Column("input_download_start_time", sa.DateTime(), nullable=True),
        sa.Column("input_download_end_time", sa.DateTime(), nullable=True),
        sa.Column("start_time", sa.DateTime(), nullable=True),
        sa.Column("output_upload_start_time", sa.DateTime(), nullable=True),
        sa.Column("end_time", sa.DateTime(), nullable=True),
        sa.Column("node_name", sa.Text(), nullable=True),
        sa.Column("pod_name", sa.Text(), nullable=True),
        sa.Column("pod_ip", sa.Text(), nullable=True),
        sa.Column("alive", sa.Boolean(), nullable=False),
        sa.Column("order_rank", sa.SmallInteger(), nullable=False),
        sa.Column("started_key", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workflow_uuid"], ["workflows.workflow_uuid"], name="fk_tasks_workflow_uuid", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workflow_uuid", "name", "retry_id", name="pk_tasks"),
    )
    op.create_index(
        "ix_tasks_alive",
        "tasks",
        ["submitted_by", "pool", "priority"],
        sqlite_where=sa.text("alive IS 1"),
        postgresql_where=sa.text("alive IS true"),
    )
    op.create_index("ix_tasks_newest", "tasks", ["order_rank", "started_key", "submit_time", "name"])
    op.create_index("ix_tasks_newest_by_pool", "tasks", ["pool", "order_rank", "started_key", "submit_time", "name"])
    op.create_index(
        "ix_tasks_newest_by_user", "tasks", ["submitted_by", "order_rank", "started_key", "submit_time", "name"]
    )
    op.create_index(
        "ix_tasks_newest_by_status", "tasks", ["status", "order_rank", "started_key", "submit_time", "name"]
    )
    op.create_table(
        "timers",
        sa.Column("workflow_uuid", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("due", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workflow_uuid"], ["workflows.workflow_uuid"], name="fk_timers_workflow_uuid", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workflow_uuid", "kind", "subject", name="pk_timers"),
    )
    op.create_index("ix_timers_due", "timers", ["due"])


def downgrade() -> None:
    """Undo."""
    op.drop_table("timers")
    op.drop_table("tasks")
    op.drop_table("tags")
    op.drop_table("log_segments")
    op.drop_table("labels")
    op.drop_table("groups")
    op.drop_table("events")
    op.drop_table("documents")
    op.drop_table("cancel_requests")
    op.drop_table("workflows")
    op.drop_table("workflow_numbers")
    op.drop_table("submitters")
    op.drop_table("profiles")
    op.drop_table("instances")
    op.drop_table("idempotency_keys")
