"""The questions that are asked often are answered from an index, however long the history is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import event

from gateway.ports.records import LabelFilter, Page, TaskFilter, WorkflowFilter
from gateway.store.session import ReadSession, SqlStore, open_store
from translator.lifecycle.words import TaskStatus, WorkflowStatus
from translator.plan.model import WorkflowUuid

NEWEST = Page(descending=True)
LISTED = tuple(status for status in WorkflowStatus if status is not WorkflowStatus.FAILED_SUBMISSION)
ALIVE = (WorkflowStatus.PENDING, WorkflowStatus.RUNNING)
TASKS_ALIVE = tuple(status for status in TaskStatus if not status.finished)
ANY = WorkflowUuid("0" * 32)
Ask = Callable[[ReadSession], object]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    """An empty database: plans do not depend on what is in it."""
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('plans') / 'test.db'}")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda s: s.workflows(WorkflowFilter(statuses=LISTED), NEWEST), "submit_time_workflow_uuid"),
        (lambda s: s.workflows(WorkflowFilter(statuses=LISTED), Page()), "submit_time_workflow_uuid"),
        (
            lambda s: s.workflows(WorkflowFilter(users=("a",), pools=("p",), statuses=LISTED), NEWEST),
            "submitted_by_submit_time",
        ),
        (lambda s: s.workflows(WorkflowFilter(pools=("p",), statuses=LISTED), NEWEST), "pool_submit_time"),
        (
            lambda s: s.workflows(WorkflowFilter(pools=("p", "q"), statuses=LISTED), NEWEST),
            "_submit_time_workflow_uuid",
        ),
        (lambda s: s.workflows(WorkflowFilter(statuses=ALIVE), NEWEST), "ix_workflows_alive_newest"),
        (lambda s: s.workflows(WorkflowFilter(statuses=(WorkflowStatus.FAILED,)), NEWEST), "status_submit_time"),
        (lambda s: s.tasks(TaskFilter(), NEWEST), "ix_tasks_newest"),
        (lambda s: s.tasks(TaskFilter(users=("a",), pools=("p",)), NEWEST), "ix_tasks_newest_by_user"),
        (
            lambda s: s.tasks(TaskFilter(users=("a",), statuses=(TaskStatus.RUNNING,)), NEWEST),
            "ix_tasks_newest_by_user",
        ),
        (lambda s: s.tasks(TaskFilter(statuses=TASKS_ALIVE), NEWEST), "ix_tasks_newest"),
        (lambda s: s.tasks(TaskFilter(pools=("p",)), NEWEST), "ix_tasks_newest_by_pool"),
        (lambda s: s.tasks(TaskFilter(statuses=(TaskStatus.RUNNING,)), NEWEST), "ix_tasks_newest_by_status"),
        (lambda s: s.resource_sums(TaskFilter(statuses=(TaskStatus.RUNNING, TaskStatus.WAITING))), "ix_tasks_alive"),
        (lambda s: s.unfinished_counts("a"), "alive"),
        (lambda s: s.unsealed(), "ix_workflows_unsealed"),
        (lambda s: s.unsealed(besides="me"), "ix_workflows_unsealed"),
        (lambda s: s.events(ANY, after=7), "ix_events_workflow_uuid_id"),
        (lambda s: s.events(ANY, last=7), "ix_events_workflow_uuid_id"),
        (lambda s: s.attempts(ANY), "sqlite_autoindex_tasks"),
        (lambda s: s.attempt(ANY, "a"), "sqlite_autoindex_tasks"),
        (lambda s: s.workflow("wf-1"), "sqlite_autoindex_workflows"),
    ],
)
def test_an_index_answers(store: SqlStore, ask: Ask, index: str) -> None:
    for step in plans_of(store, ask):
        assert index in step, step


@pytest.mark.parametrize(
    "chosen", [WorkflowFilter(tags=("t",)), WorkflowFilter(labels=(LabelFilter(key="k", patterns=("v*",)),))]
)
def test_what_few_have_is_found_by_what_they_have(store: SqlStore, chosen: WorkflowFilter) -> None:
    steps = plans_of(store, lambda s: s.workflows(chosen, NEWEST))
    assert not any(step.startswith("SCAN") for step in steps), steps


def plans_of(store: SqlStore, ask: Ask) -> list[str]:
    """The steps that look at tables, and sorts of whole results."""
    steps: list[str] = []
    with store.reading() as reads:
        engine = reads._connection.engine
        asked: list[tuple[str, tuple[object, ...]]] = []

        def note(_c: object, _cursor: object, sql: str, values: tuple[object, ...], _x: object, _many: bool) -> None:
            asked.append((sql, values))

        event.listen(engine, "before_cursor_execute", note)
        try:
            ask(reads)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        for sql, values in asked:
            if sql.startswith("SELECT"):
                rows = reads._connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
                # Ties in the order are sorted among themselves ("RIGHT PART"), which costs nothing.
                steps += [str(row[3]) for row in rows if "RIGHT PART" not in row[3]]
    return steps
