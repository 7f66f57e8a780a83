"""Facts from pods and from Argo's nodes.

One snapshot of a pod yields all that it proves, from its creation on: so it does not matter how many events before it
were missed, and seeing it again changes nothing. Source: workflow-spec.md §5.2; argo-verified.md §3, §6, §9.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from translator.argo.made_datasets import made_datasets
from translator.argo.observe_causes import MAIN, Evidence, Verdict, evidence_of, node_verdict, verdict
from translator.argo.observe_objects import Container, Meta, Node, Pod, Workflow, naive
from translator.argo.run_names import run_names
from translator.lifecycle.facts import GroupCreationFailed, TaskObserved
from translator.lifecycle.words import TaskStatus
from translator.plan.model import GroupName, Plan, TaskName, WorkflowUuid

_ATTEMPT = re.compile(r"\((\d{1,9})\)$")
_INITIALIZING = frozenset({"ContainerCreating", "PodInitializing"})
_SHUTDOWN = "Stopped with strategy"


class Attempt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which attempt of which task."""

    task: TaskName
    retry_id: int


@dataclass(frozen=True, slots=True)
class RunIndex:
    """What pods and nodes of one run belong to. Build it once a run.

    Shape: `tasks` by uuid; `named` has Argo's names of tasks, and of groups of several, with the tasks they stand for.
    """

    workflow_uuid: WorkflowUuid
    tasks: Mapping[str, TaskName]
    named: Mapping[str, tuple[TaskName, ...]]
    groups: Mapping[TaskName, GroupName]

    @classmethod
    def of(cls, plan: Plan) -> RunIndex:
        """The index of a Plan."""
        named: dict[str, tuple[TaskName, ...]] = {}
        names = run_names(plan)
        for group, group_name, task_names in zip(plan.groups, names.groups, names.tasks, strict=True):
            named[group_name] = tuple(task.name for task in group.tasks)
            named.update((name, (task.name,)) for name, task in zip(task_names, group.tasks, strict=True))
        return cls(
            workflow_uuid=plan.workflow_uuid,
            tasks={task.uuid: task.name for group in plan.groups for task in group.tasks},
            named=named,
            groups={task.name: group.name for group in plan.groups for task in group.tasks},
        )

    def attempt_of(self, pod: Pod) -> Attempt | None:
        """Which attempt a pod is; None where it is none of this run."""
        labels = pod.metadata.labels
        if labels is None or labels.workflow_uuid != self.workflow_uuid:
            return None
        task = self.tasks.get(labels.task_uuid)
        return None if task is None else Attempt(task=task, retry_id=_retry_id(pod.metadata))


def workflow_uuid_of(meta: Meta) -> WorkflowUuid | None:
    """The run that an object belongs to; None where it is not one of ours."""
    uuid = meta.labels.workflow_uuid if meta.labels is not None else ""
    return WorkflowUuid(uuid) if uuid else None


def node_id_of(pod: Pod) -> str:
    """The id of Argo's node of a pod, "" where it has none."""
    annotations = pod.metadata.annotations
    return annotations.node_id if annotations is not None else ""


def pod_facts(
    pod: Pod, attempt: Attempt, now: datetime, *, gone: bool = False, node: Node | None = None
) -> tuple[TaskObserved, ...]:
    """All that a pod proves about its attempt, in the order in which it happened.

    Shape: unfinished words first, then at most one end. `gone`: the pod does not exist any more, `pod` is the last
    that was seen of it. `node` is Argo's node of it, where known. Units: `now` and all times are naive UTC.
    """
    known = evidence_of(pod, now, gone=gone, node=node)
    facts = _way(known, attempt)
    end = verdict(known)
    if end is not None:
        facts.append(_ended(known, attempt, end))
    return tuple(facts)


def nodes_facts(nodes: Mapping[str, Node], index: RunIndex, now: datetime) -> tuple[TaskObserved, ...]:
    """What Argo's nodes say of tasks that have no pod to say it.

    Shape: ends only, by name of the node. The caller leaves out attempts of which it knows a pod.
    """
    ends = [(node, end) for node in nodes.values() if (end := _node_end(node)) is not None]
    ends.sort(key=_by_name)
    return tuple(fact for node, end in ends for fact in _node_facts(node, end, index, now))


def refusal_facts(workflow: Workflow, groups: Iterable[GroupName], now: datetime) -> tuple[GroupCreationFailed, ...]:
    """The failed creation of `groups`, where Argo refused their Workflow before it made any node; () otherwise."""
    status = workflow.status
    if status is None or status.nodes or status.compressed_nodes or workflow.phase not in ("Failed", "Error"):
        return ()
    if status.message.startswith(_SHUTDOWN):
        return ()
    at = naive(status.finished_at) if status.finished_at is not None else now
    return tuple(GroupCreationFailed(group=group, message=status.message, at=at) for group in groups)


def node_tasks(node: Node, index: RunIndex) -> tuple[Attempt, ...]:
    """The attempts that a node stands for; () for one of Argo's own (roots, modules, gates)."""
    number = _ATTEMPT.search(node.name)
    name = _ATTEMPT.sub("", node.display_name)
    return tuple(
        Attempt(task=task, retry_id=int(number.group(1)) if number else 0) for task in index.named.get(name, ())
    )


def _node_end(node: Node) -> Verdict | None:
    # A retry's node repeats its last attempt, a DAG's sums up; both would name the wrong attempt or cause.
    return node_verdict(node) if node.type in ("Pod", "Skipped") else None


def _node_facts(node: Node, end: Verdict, index: RunIndex, now: datetime) -> Iterator[TaskObserved]:
    at = naive(node.finished_at) if node.finished_at is not None else now
    for attempt in node_tasks(node, index):
        yield TaskObserved(
            task=attempt.task,
            retry_id=attempt.retry_id,
            status=end.status,
            at=at,
            exit_code=end.exit_code,
            message=end.message,
        )


def _way(known: Evidence, attempt: Attempt) -> list[TaskObserved]:
    """The unfinished words that the pod went through, with their times, which never go back."""
    pod = known.pod
    at = _first(pod.metadata.creation_timestamp, pod.status.start_time) or known.now
    facts = [_observed(pod, attempt, TaskStatus.SCHEDULING, at)]
    if not _is_placed(pod):
        return facts
    began = _main_start(pod)
    running = began is not None or pod.status.phase in ("Running", "Succeeded")
    if running or any(map(_shows_initializing, _every_container(pod))):
        at = max(at, _first(pod.status.start_time) or at)
        facts.append(_observed(pod, attempt, TaskStatus.INITIALIZING, at))
    if running:
        facts.append(_observed(pod, attempt, TaskStatus.RUNNING, max(at, began or at)))
    return facts


def _is_placed(pod: Pod) -> bool:
    return bool(pod.spec.node_name) or pod.status.phase in ("Running", "Succeeded")


def _shows_initializing(container: Container) -> bool:
    state = container.state
    if state is None:
        return False
    return (
        state.running is not None
        or state.terminated is not None
        or (state.waiting is not None and state.waiting.reason in _INITIALIZING)
    )


def _main_start(pod: Pod) -> datetime | None:
    """When `main` began to run; None where it never did."""
    for container in pod.status.container_statuses or ():
        state = container.state
        if container.name != MAIN or state is None:
            continue
        if state.running is not None:
            return _first(state.running.started_at)
        if state.terminated is not None:
            return _first(state.terminated.started_at)
    return None


def _every_container(pod: Pod) -> Iterator[Container]:
    yield from pod.status.init_container_statuses or ()
    yield from pod.status.container_statuses or ()


def _end_time(known: Evidence) -> datetime:
    main = known.main
    if main is not None and main.finished_at is not None:
        return naive(main.finished_at)
    ends = [
        naive(container.state.terminated.finished_at)
        for container in _every_container(known.pod)
        if container.state is not None
        and container.state.terminated is not None
        and container.state.terminated.finished_at is not None
    ]
    return max(ends, default=known.now) if known.over else known.now


def _observed(pod: Pod, attempt: Attempt, status: TaskStatus, at: datetime) -> TaskObserved:
    return TaskObserved(
        task=attempt.task,
        retry_id=attempt.retry_id,
        status=status,
        at=at,
        node=pod.spec.node_name,
        pod_name=pod.metadata.name,
        pod_ip=pod.status.pod_ip,
    )


def _ended(known: Evidence, attempt: Attempt, end: Verdict) -> TaskObserved:
    pod = known.pod
    return TaskObserved(
        task=attempt.task,
        retry_id=attempt.retry_id,
        status=end.status,
        at=_end_time(known),
        exit_code=end.exit_code,
        message=end.message,
        node=pod.spec.node_name,
        pod_name=pod.metadata.name,
        pod_ip=pod.status.pod_ip,
        made=made_datasets(known.report.made) if known.report is not None else (),
    )


def _retry_id(meta: Meta) -> int:
    """The number of the attempt: our label, else what Argo put at the end of the node's name, else the first."""
    label = meta.labels.retry_id if meta.labels is not None else ""
    if label.isascii() and label.isdigit() and len(label) < 10:
        return int(label)
    name = meta.annotations.node_name if meta.annotations is not None else ""
    number = _ATTEMPT.search(name) if name.endswith(")") else None
    return int(number.group(1)) if number else 0


def _by_name(known: tuple[Node, Verdict]) -> str:
    return known[0].name


def _first(*times: datetime | None) -> datetime | None:
    for time in times:
        if time is not None:
            return naive(time)
    return None
