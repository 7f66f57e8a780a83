"""Everything about one workflow. Source: api.md §2.8."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from gateway.ports.clock import Clock
from gateway.ports.records import GroupRecord, TaskRecord, WorkflowRecord
from gateway.ports.store import Store
from gateway.schemas.workflows import GroupQuery, Plugins, TaskQuery, WorkflowQuery
from gateway.services.dashboards import Dashboards
from gateway.services.elapsed import queued_seconds, running_seconds
from gateway.services.links import Links
from gateway.services.lookup import known_workflow
from pools.model import Config
from translator.plan.label_rules import label_rules
from translator.plan.model import GroupName
from translator.spec.labels import label_policy


class Query:
    """Answers what one workflow is doing."""

    def __init__(self, *, store: Store, config: Callable[[], Config], clock: Clock) -> None:
        self._store = store
        self._config = config
        self._clock = clock

    def detail(self, id_or_uuid: str, links: Links, *, skip_groups: bool, verbose: bool) -> WorkflowQuery:
        """The workflow with its groups and tasks; verbose: with every attempt of each task.

        Errors: UnknownWorkflow.
        """
        with self._store.reading() as reads:
            record = known_workflow(reads, id_or_uuid)
            tags = reads.tags(record.uuid)
            groups = () if skip_groups else reads.groups(record.uuid)
            attempts = () if skip_groups else reads.attempts(record.uuid, all_retries=verbose)
        config = self._config()
        shown = _Shown(record=record, links=links, dashboards=Dashboards(backends=config.backends))
        return shown.workflow(
            groups=shown.groups(groups, attempts),
            tags=tags,
            warnings=label_policy(record.labels, label_rules(config.workflow.labels_config)).warnings,
            now=self._clock.now(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    record: WorkflowRecord
    links: Links
    dashboards: Dashboards

    def workflow(
        self, *, groups: list[GroupQuery], tags: Iterable[str], warnings: Iterable[str], now: datetime
    ) -> WorkflowQuery:
        record, workflow_id = self.record, self.record.workflow_id
        return WorkflowQuery(
            name=workflow_id,
            uuid=record.uuid,
            submitted_by=record.submitted_by,
            cancelled_by=record.cancelled_by,
            spec=self.links.spec(workflow_id),
            template_spec=self.links.template(workflow_id),
            logs=self.links.recent_logs(workflow_id),
            events=self.links.events(workflow_id),
            overview=self.links.overview(workflow_id),
            parent_name=record.parent.name if record.parent else None,
            parent_job_id=record.parent.number if record.parent else None,
            dashboard_url=self.dashboards.kubernetes(record.backend, workflow_id),
            grafana_url=self.dashboards.grafana(record),
            tags=list(tags),
            submit_time=record.submit_time,
            start_time=record.start_time,
            end_time=record.end_time,
            exec_timeout=record.exec_timeout_seconds,
            queue_timeout=record.queue_timeout_seconds,
            duration=running_seconds(record.start_time, record.end_time, now),
            queued_time=queued_seconds(record, now),
            status=record.status,
            outputs=record.outputs,
            groups=groups,
            pool=record.pool,
            backend=record.backend,
            app_owner=record.app.owner if record.app else None,
            app_name=record.app.name if record.app else None,
            app_version=record.app.version if record.app else None,
            plugins=Plugins(rsync=record.rsync),
            priority=record.priority.value,
            labels=dict(record.labels),
            warnings=list(warnings),
        )

    def groups(self, groups: Iterable[GroupRecord], attempts: Iterable[TaskRecord]) -> list[GroupQuery]:
        by_group: dict[GroupName, list[TaskRecord]] = defaultdict(list)
        for attempt in attempts:
            by_group[attempt.group].append(attempt)
        return [self._group(group, by_group[group.name]) for group in groups]

    def _group(self, group: GroupRecord, attempts: Iterable[TaskRecord]) -> GroupQuery:
        return GroupQuery(
            name=group.name,
            status=group.status,
            start_time=group.start_time,
            end_time=group.end_time,
            processing_start_time=group.processing_start_time,
            scheduling_start_time=group.scheduling_start_time,
            initializing_start_time=group.initializing_start_time,
            remaining_upstream_groups=list(group.remaining_upstream),
            downstream_groups=list(group.downstream),
            failure_message=group.failure_message,
            tasks=[self._task(group, attempt) for attempt in attempts],
        )

    def _task(self, group: GroupRecord, task: TaskRecord) -> TaskQuery:
        workflow_id, links = self.record.workflow_id, self.links
        has_error_logs = task.status.has_error_logs
        return TaskQuery(
            name=task.name,
            retry_id=task.retry_id,
            status=task.status,
            failure_message=task.failure_message,
            exit_code=task.exit_code,
            logs=links.task_logs(workflow_id, task.name, task.retry_id),
            error_logs=links.task_error_logs(workflow_id, task.name, task.retry_id) if has_error_logs else None,
            processing_start_time=group.processing_start_time,
            scheduling_start_time=task.scheduling_start_time,
            initializing_start_time=task.initializing_start_time,
            events=links.task_events(workflow_id, task.name, task.retry_id),
            start_time=task.start_time,
            end_time=task.end_time,
            input_download_start_time=task.input_download_start_time,
            input_download_end_time=task.input_download_end_time,
            output_upload_start_time=task.output_upload_start_time,
            dashboard_url=self.dashboards.kubernetes(self.record.backend, task.pod_name) if task.pod_name else None,
            pod_name=task.pod_name or "",
            pod_ip=task.pod_ip,
            task_uuid=task.uuid,
            node_name=task.node_name,
            lead=task.lead,
        )
