"""Lists of workflows. Source: api.md §2.8."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.ports.clock import Clock
from gateway.ports.records import LabelFilter, Page, WorkflowFilter, WorkflowRecord
from gateway.ports.store import Reads, Store
from gateway.schemas.workflows import WorkflowList, WorkflowListEntry
from gateway.services.dashboards import Dashboards
from gateway.services.elapsed import queued_seconds, running_seconds
from gateway.services.errors import Refusal
from gateway.services.identity import Caller
from gateway.services.links import Links
from gateway.services.lookup import MAX_INTEGER, chosen_pools, chosen_users
from pools.model import Config
from translator.lifecycle.words import WorkflowStatus
from translator.plan.model import Priority
from translator.problems import ErrorCode
from translator.spec.selectors import absent_label, label_selector

MAX_LIMIT = 1000
_ANY_VALUE = "*"
# What a list shows unless it is asked for certain statuses.
SHOWN_STATUSES = tuple(status for status in WorkflowStatus if status is not WorkflowStatus.FAILED_SUBMISSION)


class Order(StrEnum):
    """The direction of a list."""

    ASC = "ASC"
    DESC = "DESC"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """Which workflows, and which page of them. None and empty: not given."""

    users: Sequence[str] | None = None
    all_users: bool = False
    name: str | None = None
    statuses: Sequence[WorkflowStatus] | None = None
    offset: int = 0
    limit: int = 20
    order: Order = Order.ASC
    pools: Sequence[str] | None = None
    all_pools: bool = False
    submitted_after: datetime | None = None
    submitted_before: datetime | None = None
    tags: Sequence[str] | None = None
    app: str | None = None
    priority: Sequence[Priority] | None = None
    label: Sequence[str] | None = None
    no_label: Sequence[str] | None = None


class Listing:
    """Answers lists of workflows."""

    def __init__(self, *, store: Store, config: Callable[[], Config], clock: Clock) -> None:
        self._store = store
        self._config = config
        self._clock = clock

    def page(self, caller: Caller, request: ListRequest, links: Links) -> WorkflowList:
        """One page of workflows. Errors: Refusal, SpecError for a label selector."""
        _check_page(request)
        labels = tuple(_label_filter(text) for text in request.label or ())
        with self._store.reading() as reads:
            chosen = _filter(reads, caller, request, labels)
            page = reads.workflows(
                chosen,
                Page(limit=request.limit, offset=request.offset, descending=request.order is Order.DESC),
            )
        now, dashboards = self._clock.now(), Dashboards(backends=self._config().backends)
        return WorkflowList(
            workflows=[_entry(record, links, dashboards, now) for record in page.workflows],
            more_entries=page.more_entries,
        )


def _check_page(request: ListRequest) -> None:
    if request.limit > MAX_LIMIT:
        raise Refusal(f"The limit {request.limit} is too large: at most {MAX_LIMIT} workflows fit on a page.")
    if request.limit < 1:
        raise Refusal(f"The limit {request.limit} is too small: expected 1 to {MAX_LIMIT}.")
    if not 0 <= request.offset <= MAX_INTEGER:
        raise Refusal("The offset must be zero or more.", error_code=ErrorCode.USAGE)


def _label_filter(text: str) -> LabelFilter:
    selector = label_selector(text)
    return LabelFilter(key=selector.key, patterns=selector.patterns or (_ANY_VALUE,))


def _filter(reads: Reads, caller: Caller, request: ListRequest, labels: tuple[LabelFilter, ...]) -> WorkflowFilter:
    app_name, app_version = _app(request.app)
    return WorkflowFilter(
        users=chosen_users(reads, caller, request.users, all_users=request.all_users),
        statuses=tuple(request.statuses or SHOWN_STATUSES),
        name=request.name or None,
        pools=chosen_pools(reads, caller, request.pools, all_pools=request.all_pools),
        tags=tuple(request.tags) if request.tags else None,
        app_name=app_name,
        app_version=app_version,
        priorities=tuple(request.priority) if request.priority else None,
        labels=labels,
        no_labels=tuple(absent_label(key) for key in request.no_label or ()),
        submitted_after=request.submitted_after,
        submitted_before=request.submitted_before,
    )


def _app(text: str | None) -> tuple[str | None, int | None]:
    """`name` or `name:version` in parts."""
    if not text:
        return None, None
    name, colon, version = text.partition(":")
    if not colon:
        return name, None
    if not version.isascii() or not version.isdigit() or int(version[:20]) > MAX_INTEGER:
        raise Refusal(f"App {text!r} is not valid: expected NAME or NAME:VERSION with a whole number as version.")
    return name, int(version)


def _entry(record: WorkflowRecord, links: Links, dashboards: Dashboards, now: datetime) -> WorkflowListEntry:
    return WorkflowListEntry(
        user=record.submitted_by,
        name=record.workflow_id,
        workflow_uuid=record.uuid,
        submit_time=record.submit_time,
        start_time=record.start_time,
        end_time=record.end_time,
        queued_time=queued_seconds(record, now),
        duration=running_seconds(record.start_time, record.end_time, now),
        status=record.status,
        overview=links.overview(record.workflow_id),
        logs=links.logs(record.workflow_id),
        error_logs=links.error_logs(record.workflow_id) if record.status.failed else None,
        grafana_url=dashboards.grafana(record),
        dashboard_url=dashboards.kubernetes(record.backend, record.workflow_id),
        pool=record.pool,
        app_owner=record.app.owner if record.app else None,
        app_name=record.app.name if record.app else None,
        app_version=record.app.version if record.app else None,
        priority=record.priority.value,
        labels=dict(record.labels),
    )
