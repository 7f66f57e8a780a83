"""All that is known of one run on its cluster, and the facts that follow from each thing that is seen.

Objects may come again, late, and those of different kinds in any order; of one object only the newest counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from translator.argo.observe import Attempt, RunIndex, node_id_of, nodes_facts, pod_facts, refusal_facts
from translator.argo.observe_causes import is_judged_by_time
from translator.argo.observe_objects import Node, Pod, Workflow, nodes_of, version_of
from translator.lifecycle.facts import AnyFact, TaskObserved
from translator.lifecycle.words import TaskStatus


class SeenPod(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The newest that was seen of an attempt's pod.

    Shape: `ended` once an end was told from it; `told` are the words that it was said to be in so far.
    """

    pod: Pod
    attempt: Attempt
    gone: bool = False
    ended: bool = False
    told: tuple[TaskStatus, ...] = ()

    @property
    def name(self) -> str:
        """The pod's name."""
        return self.pod.metadata.name

    @property
    def over(self) -> bool:
        """Whether nothing of it runs any more."""
        return self.gone or self.pod.status.phase in ("Succeeded", "Failed")


class RunObservations:
    """What was seen of one run. Errors: msgspec.MsgspecError from methods that are given a Workflow."""

    def __init__(self, index: RunIndex) -> None:
        self._index = index
        self._pods: dict[Attempt, SeenPod] = {}
        self._workflows: dict[str, Workflow] = {}
        self._nodes: dict[str, dict[str, Node]] = {}
        self._nodes_with_pod: set[str] = set()

    @property
    def pods(self) -> Mapping[Attempt, SeenPod]:
        """The pod of each attempt that ever had one."""
        return self._pods

    @property
    def workflows(self) -> Mapping[str, Workflow]:
        """The run's Workflows that exist, by name."""
        return self._workflows

    @property
    def judged_by_time(self) -> bool:
        """Whether what a pod proves may change with time alone."""
        return any(is_judged_by_time(one.pod) for one in self._pods.values() if not (one.ended or one.over))

    def nodes(self, workflow: str) -> Mapping[str, Node]:
        """The nodes of one Workflow by id."""
        return self._nodes.get(workflow, {})

    def pod_seen(self, pod: Pod, now: datetime, *, gone: bool = False) -> tuple[TaskObserved, ...]:
        """Take a pod, and say what it proves; () for one that is not of this run, or older than what is known.

        Shape: of the words that the pod has left behind, only those that were not said of it before.
        """
        attempt = self._index.attempt_of(pod)
        return () if attempt is None else self.attempt_seen(attempt, pod, now, gone=gone)

    def attempt_seen(
        self, attempt: Attempt, pod: Pod, now: datetime, *, gone: bool = False
    ) -> tuple[TaskObserved, ...]:
        """The same where it is known which attempt the pod is."""
        before = self._pods.get(attempt)
        if before is not None and not _is_news(before, pod, gone=gone):
            return ()
        if before is not None and before.pod.metadata.uid == pod.metadata.uid:
            gone, told = gone or before.gone, before.told
        else:
            told = ()
        facts = pod_facts(pod, attempt, now, gone=gone, node=self._node_of(pod))
        words = tuple(fact.status for fact in facts)
        self._nodes_with_pod.add(node_id_of(pod))
        self._pods[attempt] = SeenPod(
            pod=pod, attempt=attempt, gone=gone, ended=words[-1].finished, told=told if words == told else words
        )
        # Where the pod is stands in each of them: the last one says it.
        return (
            facts[-1:]
            if words == told
            else tuple(fact for fact in facts if fact.status not in told or fact is facts[-1])
        )

    def pod_vanished(self, name: str, now: datetime) -> tuple[TaskObserved, ...]:
        """A pod of this name does not exist any more, and nothing was seen of its end."""
        seen = next((one for one in self._pods.values() if one.name == name and not one.gone), None)
        if seen is None:
            return ()
        self._pods[seen.attempt] = replace(seen, gone=True)
        return self.facts_of(seen.attempt, now)

    def workflow_seen(self, workflow: Workflow, now: datetime) -> tuple[AnyFact, ...]:
        """Take a Workflow, and say what it tells of pods whose end could not be told yet, and of what is omitted."""
        name = workflow.metadata.name
        known = self._workflows.get(name)
        if known is not None and version_of(known.metadata) > version_of(workflow.metadata):
            return ()
        self._nodes[name] = nodes_of(workflow)
        self._workflows[name] = workflow
        waiting = [one.attempt for one in self._pods.values() if one.over and not one.ended]
        facts: list[AnyFact] = [fact for attempt in waiting for fact in self.facts_of(attempt, now)]
        omitted = {name: node for name, node in self._nodes[name].items() if node.phase == "Omitted"}
        facts += nodes_facts(omitted, self._index, now)
        return tuple(facts)

    def workflow_vanished(self, name: str) -> None:
        """A Workflow of this name does not exist any more; what its nodes said is kept."""
        self._workflows.pop(name, None)

    def facts_of(self, attempt: Attempt, now: datetime) -> tuple[TaskObserved, ...]:
        """All that the attempt's pod proves, again; () where it has none."""
        seen = self._pods.get(attempt)
        if seen is None:
            return ()
        facts = pod_facts(seen.pod, attempt, now, gone=seen.gone, node=self._node_of(seen.pod))
        if facts[-1].status.finished and not seen.ended:
            self._pods[attempt] = replace(seen, ended=True)
        return facts

    def unsaid(self, now: datetime) -> Iterator[TaskObserved]:
        """The ends of attempts that never had a pod, as Argo's nodes tell them.

        Ask only when all pods that exist were seen: a node may be seen before its pod.
        """
        for nodes in self._nodes.values():
            without_pod = {name: node for name, node in nodes.items() if name not in self._nodes_with_pod}
            for fact in nodes_facts(without_pod, self._index, now):
                if Attempt(task=fact.task, retry_id=fact.retry_id) not in self._pods:
                    yield fact

    def refused(self, now: datetime) -> Sequence[AnyFact]:
        """The failed creation of all groups that have no pod, where Argo refused a Workflow."""
        begun = {self._index.groups.get(attempt.task) for attempt in self._pods}
        groups = [group for group in dict.fromkeys(self._index.groups.values()) if group not in begun]
        return [fact for workflow in self._workflows.values() for fact in refusal_facts(workflow, groups, now)]

    def _node_of(self, pod: Pod) -> Node | None:
        node_id = node_id_of(pod)
        for nodes in self._nodes.values():
            node = nodes.get(node_id)
            if node is not None:
                return node
        return None


def _is_news(known: SeenPod, pod: Pod, *, gone: bool) -> bool:
    before, after = version_of(known.pod.metadata), version_of(pod.metadata)
    if known.pod.metadata.uid != pod.metadata.uid:
        return after >= before
    return after > before or (after == before and gone and not known.gone)
