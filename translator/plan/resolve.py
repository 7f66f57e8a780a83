"""From a checked spec to its Plan: every default, token, order and policy put in.

Source: workflow-spec.md §2, §3.5, §5.4, §5.7, §6.2, §7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pools.pool import Pool
from translator.plan.context import PlanContext
from translator.plan.datasets import NO_CATALOG, DatasetCatalog
from translator.plan.identity import cluster_host, group_uuid, loopback_hosts, task_uuid
from translator.plan.model import (
    ExitAction,
    ExitRule,
    GroupName,
    GroupPlan,
    Mount,
    Plan,
    PlatformPlan,
    TaskName,
    TaskPlan,
    WorkflowId,
    WorkflowUuid,
)
from translator.plan.mounts import task_mounts
from translator.plan.operations import (
    checkpoint_plans,
    credential_references,
    dataset_outputs,
    environment,
    file_plans,
    kpi_plans,
    task_inputs,
    url_outputs,
)
from translator.plan.outline import Outline, OutlineGroup, OutlineTask, outline
from translator.plan.requests import RequestTable, TaskRequest
from translator.plan.timeouts import timeouts
from translator.plan.tokens import Tokens, all_substituted, group_tokens, substituted, task_tokens
from translator.spec.exit_codes import ExitActionTable, exit_action_table
from translator.spec.model import WorkflowSpec


def resolve(
    spec: WorkflowSpec,
    context: PlanContext,
    *,
    workflow_id: WorkflowId,
    workflow_uuid: WorkflowUuid,
    outlined: Outline | None = None,
) -> Plan:
    """The Plan of `spec`; same arguments, same Plan to the byte.

    `validate_plan` must have passed with the same spec and context: what it refuses is not looked for again here.
    Shape: `outlined` saves working it out again.
    """
    pool = context.config.pools[context.pool]
    workshop = _Workshop.of(spec, context, pool, workflow_id, workflow_uuid, outlined or outline(spec))
    limits = timeouts(spec.timeout, pool, context.config)
    groups = tuple([workshop.group(group) for group in workshop.outline.groups])
    return Plan(
        name=spec.name,
        workflow_id=workflow_id,
        workflow_uuid=workflow_uuid,
        owner=context.owner,
        pool=context.pool,
        backend=pool.backend,
        priority=context.priority,
        labels=dict(spec.labels),
        pod_label_prefix=context.config.workflow.labels_config.pod_label_prefix,
        exec_timeout_seconds=limits.exec_seconds,
        queue_timeout_seconds=limits.queue_seconds,
        start_timeout_seconds=limits.start_seconds,
        groups=groups,
        platforms=_platforms(groups, context),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Workshop:
    """What the tasks of one workflow have in common while they are made."""

    context: PlanContext
    pool: Pool
    workflow_id: WorkflowId
    outline: Outline
    requests: RequestTable
    group_uuids: Mapping[str, str]
    task_uuids: Mapping[str, str]
    hosts: Mapping[str, str]
    default_exit_rules: tuple[ExitRule, ...]

    @classmethod
    def of(
        cls,
        spec: WorkflowSpec,
        context: PlanContext,
        pool: Pool,
        workflow_id: WorkflowId,
        workflow_uuid: WorkflowUuid,
        outlined: Outline,
    ) -> _Workshop:
        group_uuids = {group.name: group_uuid(workflow_uuid, group.name) for group in outlined.groups}
        task_uuids = {task.spec.name: task_uuid(workflow_uuid, task.spec.name) for task in outlined.tasks()}
        return cls(
            context=context,
            pool=pool,
            workflow_id=workflow_id,
            outline=outlined,
            requests=RequestTable(spec, context),
            group_uuids=group_uuids,
            task_uuids=task_uuids,
            hosts=_hosts(outlined, context, group_uuids, task_uuids),
            default_exit_rules=_exit_rules(exit_action_table(pool.default_exit_actions, "")),
        )

    def group(self, group: OutlineGroup) -> GroupPlan:
        names = [task.spec.name for task in group.tasks]
        shared = group_tokens(self.workflow_id, {name: self.hosts[name] for name in names})
        return GroupPlan(
            name=GroupName(group.name),
            uuid=self.group_uuids[group.name],
            tasks=tuple([self.task(task, shared, feeds_others=bool(group.downstream)) for task in group.tasks]),
            upstream=self._names(group.upstream),
            downstream=self._names(group.downstream),
            barrier=group.barrier,
            ignore_nonlead_status=group.ignore_nonlead_status,
            extra_objects=self.context.config.extra_objects.get(self.context.pool, ()),
        )

    def task(self, task: OutlineTask, shared: Tokens, *, feeds_others: bool) -> TaskPlan:
        spec = task.spec
        tokens = task_tokens(shared, spec.inputs)
        request = self.requests.of(spec)
        assert request is not None, "validate_plan finds tasks without a resource entry"
        credential_env, credential_files = credential_references(spec.credentials, tokens)
        return TaskPlan(
            name=TaskName(spec.name),
            uuid=self.task_uuids[spec.name],
            lead=task.lead,
            image=substituted(self.context.pinned_images.get(spec.image, spec.image), tokens),
            command=all_substituted(spec.command, tokens),
            args=all_substituted(spec.args, tokens),
            environment=environment(spec.environment, tokens),
            files=file_plans(spec.files, tokens),
            credential_env=credential_env,
            credential_files=credential_files,
            inputs=task_inputs(
                spec.inputs, tokens, self.workflow_id, self.context.earlier_workflows or {}, self.datasets
            ),
            outputs=url_outputs(spec.outputs, tokens) if spec.outputs else (),
            datasets=dataset_outputs(spec.outputs, tokens, self.datasets) if spec.outputs else (),
            keeps_intermediate=feeds_others or not spec.outputs,
            kpis=kpi_plans(spec.kpis, tokens) if spec.kpis else (),
            checkpoints=checkpoint_plans(spec.checkpoint, tokens) if spec.checkpoint else (),
            host=self.hosts[spec.name],
            platform=request.platform,
            resources=request.request,
            exit_rules=_exit_rules(spec.exit_actions) if spec.exit_actions else (),
            default_exit_rules=self.default_exit_rules,
            max_retries=self.context.config.workflow.max_retry_per_task,
            privileged=spec.privileged,
            host_network=spec.host_network,
            mounts=_mounts(spec.volume_mounts, tokens, request) if spec.volume_mounts else (),
        )

    @property
    def datasets(self) -> DatasetCatalog:
        return self.context.datasets or NO_CATALOG

    def _names(self, indices: Sequence[int]) -> tuple[GroupName, ...]:
        return tuple([GroupName(self.outline.groups[index].name) for index in indices]) if indices else ()


def _hosts(
    outlined: Outline, context: PlanContext, group_uuids: Mapping[str, str], task_uuids: Mapping[str, str]
) -> dict[str, str]:
    """The address of every task: a loopback one on this machine, a DNS name on a cluster."""
    backend = context.backend
    if backend.is_local:
        addresses = loopback_hosts(task_uuids.values())
        return {name: addresses[uuid] for name, uuid in task_uuids.items()}
    return {
        task.spec.name: cluster_host(
            task_uuids[task.spec.name],
            group_uuids[group.name],
            namespace=backend.namespace,
            cluster_domain=backend.cluster_domain,
        )
        for group in outlined.groups
        for task in group.tasks
    }


def _platforms(groups: Sequence[GroupPlan], context: PlanContext) -> dict[str, PlatformPlan]:
    """The platforms that tasks use, in order of their names."""
    used = sorted({task.platform for group in groups for task in group.tasks})
    policies = (context.config.policies[context.pool, name] for name in used)
    return {
        policy.name: PlatformPlan(
            name=policy.name,
            pod_template=policy.pod_template,
            default_variables=policy.default_variables,
            default_mounts=policy.default_mounts,
        )
        for policy in policies
    }


def _exit_rules(table: ExitActionTable) -> tuple[ExitRule, ...]:
    return tuple([ExitRule(action=ExitAction(rule.action.value), ranges=rule.ranges) for rule in table])


def _mounts(texts: Sequence[str], tokens: Tokens, request: TaskRequest) -> tuple[Mount, ...]:
    provided = request.policy.default_mounts if request.policy is not None else ()
    return task_mounts(all_substituted(texts, tokens), provided)
