"""Questions about workflows and those who submitted them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true, tuple_

from gateway.ports.faults import KeyConflict
from gateway.ports.records import (
    DocumentKind,
    LabelFilter,
    Page,
    Profile,
    UnfinishedCounts,
    WorkflowFilter,
    WorkflowPage,
    WorkflowRecord,
)
from gateway.store.connection import MOST_ROWS, Connected, equals
from gateway.store.records import workflow_record
from gateway.store.tables import (
    documents,
    idempotency_keys,
    labels,
    profiles,
    submitters,
    tags,
    task_is_alive,
    tasks,
    workflow_is_alive,
    workflows,
)
from gateway.store.texts import clean, unpacked
from translator.lifecycle.words import WorkflowStatus
from translator.plan.model import WorkflowUuid


class WorkflowReads(Connected):
    """Implements `gateway.ports.store.WorkflowReads` and `ProfileReads`."""

    def workflow(self, id_or_uuid: str) -> WorkflowRecord | None:
        """The workflow with this id or uuid."""
        wanted = clean(id_or_uuid)
        for column in (workflows.c.workflow_id, workflows.c.workflow_uuid):
            row = self._connection.execute(select(workflows).where(column == wanted)).one_or_none()
            if row is not None:
                return workflow_record(row)
        return None

    def workflows(self, chosen: WorkflowFilter, page: Page) -> WorkflowPage:
        """The workflows that pass, by submit time."""
        place = (workflows.c.submit_time, workflows.c.workflow_uuid)
        query = select(workflows).where(self._passes(chosen))
        if page.after is not None:
            seen = tuple_(page.after.submit_time, page.after.uuid)
            query = query.where(tuple_(*place) < seen if page.descending else tuple_(*place) > seen)
        query = query.order_by(*(column.desc() if page.descending else column.asc() for column in place))
        rows = self._connection.execute(
            query.offset(min(page.offset, MOST_ROWS)).limit(min(page.limit, MOST_ROWS) + 1)
        ).all()
        return WorkflowPage(
            workflows=tuple(workflow_record(row) for row in rows[: page.limit]), more_entries=len(rows) > page.limit
        )

    def tags(self, uuid: WorkflowUuid) -> tuple[str, ...]:
        """The tags of a workflow, sorted."""
        query = select(tags.c.tag).where(tags.c.workflow_uuid == uuid).order_by(tags.c.tag)
        return tuple(self._connection.execute(query).scalars())

    def document(self, uuid: WorkflowUuid, kind: DocumentKind) -> str | None:
        """A text kept with the workflow."""
        query = select(documents.c.encoding, documents.c.body).where(
            documents.c.workflow_uuid == uuid, documents.c.kind == kind.value
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else unpacked(row.encoding, row.body).decode()

    def submitters(self) -> tuple[str, ...]:
        """All who ever submitted a workflow, sorted."""
        query = select(submitters.c.user_name).order_by(submitters.c.user_name)
        return tuple(self._connection.execute(query).scalars())

    def submitters_called(self, name: str) -> tuple[str, ...]:
        """The submitters with this very name or, where there is none, those named `<name>@…`, sorted."""
        name = clean(name)
        user = submitters.c.user_name
        # `@` and `A` are neighbours: all names with the prefix `<name>@` lie between, and the primary key finds them.
        query = select(user).where(or_(user == name, and_(user >= f"{name}@", user < f"{name}A"))).order_by(user)
        found = tuple(self._connection.execute(query).scalars())
        return (name,) if name in found else found

    def unfinished_by_status(self) -> Mapping[WorkflowStatus, int]:
        """How many workflows have each of the living statuses."""
        query = select(workflows.c.status, func.count()).where(workflow_is_alive).group_by(workflows.c.status)
        return {WorkflowStatus(status): count for status, count in self._connection.execute(query)}

    def unfinished_counts(self, user: str) -> UnfinishedCounts:
        """What a user has going on; counted over what is alive, never over the history."""
        own = select(func.count()).where(workflow_is_alive, workflows.c.submitted_by == clean(user))
        own_tasks = select(func.count()).where(task_is_alive, tasks.c.submitted_by == clean(user))
        return UnfinishedCounts(
            workflows=self._connection.execute(own).scalar_one(), tasks=self._connection.execute(own_tasks).scalar_one()
        )

    def profile(self, user: str) -> Profile:
        """A user's choices; the defaults where he made none."""
        row = self._connection.execute(select(profiles).where(profiles.c.user_name == clean(user))).one_or_none()
        if row is None:
            return Profile(user=user)
        return Profile(
            user=row.user_name,
            pool=row.pool,
            email_notification=row.email_notification,
            slack_notification=row.slack_notification,
        )

    def claimed_key(self, user: str, key: str, digest: bytes) -> WorkflowUuid | None:
        """The workflow that was accepted under an idempotency key; None where the key is new."""
        table = idempotency_keys.c
        query = select(table.digest, table.workflow_uuid).where(table.user_name == clean(user), table.key == clean(key))
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        if bytes(row.digest) != digest:
            raise KeyConflict(user, key)
        return WorkflowUuid(row.workflow_uuid)

    def _passes(self, chosen: WorkflowFilter) -> ColumnElement[bool]:
        table = workflows.c
        conditions: list[ColumnElement[bool]] = [true()]
        if chosen.users is not None:
            conditions.append(self._one_of(table.submitted_by, chosen.users))
        if chosen.statuses is not None:
            conditions.append(self._one_of(table.status, chosen.statuses, selective=len(chosen.statuses) == 1))
        if chosen.pools is not None:
            alone = len(chosen.pools) == 1 and chosen.users is None
            conditions.append(self._one_of(table.pool, chosen.pools, selective=alone))
        if chosen.priorities is not None:
            conditions.append(self._one_of(table.priority, chosen.priorities))
        if chosen.statuses and not any(status.finished for status in chosen.statuses):
            # Follows from the statuses; said for the index over what is alive.
            conditions.append(workflow_is_alive)
        if chosen.name is not None:
            conditions.append(self._contains(table.workflow_id, clean(chosen.name)))
        if chosen.tags is not None:
            conditions.append(self._has_tag(chosen.tags))
        if chosen.app_name is not None:
            conditions.append(table.app_name == clean(chosen.app_name))
        if chosen.app_version is not None:
            conditions.append(equals(table.app_version, chosen.app_version))
        if chosen.submitted_after is not None:
            conditions.append(table.submit_time >= chosen.submitted_after)
        if chosen.submitted_before is not None:
            conditions.append(table.submit_time < chosen.submitted_before)
        conditions += [self._has_label(wanted) for wanted in chosen.labels]
        conditions += [
            ~exists().where(labels.c.workflow_uuid == workflows.c.workflow_uuid, labels.c.key == clean(key))
            for key in chosen.no_labels
        ]
        return and_(*conditions)

    def _has_tag(self, wanted: tuple[str, ...]) -> ColumnElement[bool]:
        tagged = select(tags.c.workflow_uuid).where(tags.c.tag.in_([clean(tag) for tag in wanted]))
        return workflows.c.workflow_uuid.in_(tagged)

    def _has_label(self, wanted: LabelFilter) -> ColumnElement[bool]:
        alike = or_(*(self._matches(labels.c.value, clean(pattern)) for pattern in wanted.patterns))
        # A list of the few that match, instead of a look at the labels of each workflow of the history.
        labelled = select(labels.c.workflow_uuid).where(labels.c.key == clean(wanted.key), alike)
        return workflows.c.workflow_uuid.in_(labelled)
