"""One run on a cluster: what was seen of it, what is to be done, and what was told.

Threads of reflectors and followers bring news, workers do what is called for; all of them meet at one lock, under which
facts and lines are handed over, so that their order is kept. Nothing is asked of the cluster under the lock.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from engine.log_lines import Masker
from engine.ports import EventLine, LogLine, Run, Sink
from gateway.runners.argo.follower import FollowedLog, Follower, Line
from gateway.runners.argo.log_lines import Position
from gateway.runners.argo.positions import Positions
from gateway.runners.argo.settings import Pace
from translator.argo.observe import Attempt, RunIndex
from translator.argo.observe_causes import MAIN, SIDECARS
from translator.argo.observe_objects import Container, Meta, Pod, Workflow, version_of
from translator.argo.observe_run import RunObservations, SeenPod
from translator.argo.observe_waiting import waiting_nodes
from translator.lifecycle.effects import AnyEffect
from translator.lifecycle.exit_actions import after_exit_action
from translator.lifecycle.facts import AnyFact, GroupCleaned, TaskCreationFailed, TaskObserved
from translator.lifecycle.state import WorkflowState
from translator.lifecycle.transitions import Ending
from translator.lifecycle.words import ExitCode, TaskStatus
from translator.plan.model import GroupName, TaskName, WorkflowUuid

_DIGITS = re.compile(r"\d+")
_CAPTURED = "workflows.argoproj.io/completed"


@dataclass(slots=True, kw_only=True)
class Doom:
    """A group that is to end. Shape: `deleting` has the times at which deletions of pods were asked for, by uid."""

    force: bool
    since: datetime
    cleaned: bool = False
    deleting: dict[str, datetime] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Held:
    """The end of an attempt that waits for its last lines, or for an earlier end in its group."""

    facts: list[TaskObserved]
    since: datetime
    ready: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PodDeletion:
    """A pod that is to be deleted. Units: seconds of grace."""

    name: str
    uid: str
    grace_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chores:
    """What a run calls for at this moment."""

    deletions: Sequence[PodDeletion] = ()
    shutdowns: Sequence[str] = ()
    removals: Sequence[str] = ()
    look_again: bool = False


class World:
    """One run. Implements `gateway.runners.argo.follower.Owner`."""

    def __init__(
        self,
        run: Run,
        *,
        sink: Sink,
        pace: Pace,
        now: Callable[[], datetime],
        masker: Masker,
        positions: Positions,
        follow: Callable[[World, FollowedLog, Position], Follower],
        log_path: Callable[[str], str],
    ) -> None:
        self.run = run
        self.uuid: WorkflowUuid = run.plan.workflow_uuid
        self.masker = masker
        self._index = RunIndex.of(run.plan)
        self._plans = {group.name: group for group in run.plan.groups}
        self._sink = sink
        self._pace = pace
        self._now = now
        self._positions = positions
        self._follow = follow
        self._log_path = log_path
        self._lock = threading.RLock()
        self._seen = RunObservations(self._index)
        self._told: set[AnyFact] = set()
        self._held: dict[Attempt, Held] = {}
        self._followers: dict[str, Follower] = {}
        self._of_log: dict[str, Attempt] = {}
        self._open: dict[Attempt, set[str]] = {}
        self._captured: set[Attempt] = set()
        self._dooms: dict[GroupName, Doom] = {}
        self._wanted: dict[TaskName, int] = {}
        self._begun: set[GroupName] = set()
        self._completed: set[GroupName] = set()
        self._failed: set[GroupName] = set()
        self._ends: dict[Attempt, TaskObserved] = {}
        self._vanished: set[str] = set()
        self._removed: set[str] = set()
        self._replaced: set[str] = set()
        self._listens = False
        self._look_again = False
        self._looked_at_the_end = False
        self._why_waiting: dict[Attempt, str] = {}
        self._events_since = datetime.min
        # The worker's own: only one works on a run at a time.
        self.effects: deque[AnyEffect | Recovery] = deque()
        self.created = False
        self.creation_error: str | None = None
        self.retry_at: datetime | None = None
        self.attempts_failed = 0
        self.forgotten = False

    # What was seen

    def pod_seen(self, pod: Pod, *, gone: bool = False) -> None:
        """Take what a pod shows."""
        with self._lock:
            facts = self._seen.pod_seen(pod, self._now(), gone=gone)
            attempt = self._index.attempt_of(pod)
            if attempt is not None:
                self._listen(attempt)
                self._say(facts)

    def pods_seen(self, pods: Sequence[Pod]) -> None:
        """Take many pods at once, and tell what they show in the order in which it happened."""
        with self._lock:
            now = self._now()
            facts = sorted((fact for pod in pods for fact in self._seen.pod_seen(pod, now)), key=_by_time)
            for pod in pods:
                attempt = self._index.attempt_of(pod)
                if attempt is not None:
                    self._listen(attempt)
            self._say(facts)

    def pod_vanished(self, name: str) -> None:
        """A pod of this name is gone."""
        with self._lock:
            self._say(self._seen.pod_vanished(name, self._now()))

    def workflow_seen(self, workflow: Workflow) -> None:
        """Take what a Workflow shows."""
        with self._lock:
            self._vanished.discard(workflow.metadata.name)
            self._say(self._seen.workflow_seen(workflow, self._now()))
            self._tell_waiting(workflow.metadata.name)
            now = self._now()
            untold = any(fact not in self._told for fact in [*self._seen.unsaid(now), *self._seen.refused(now)])
            self._look_again = self._look_again or untold or (workflow.finished and bool(self._wanted))

    def _tell_waiting(self, workflow: str) -> None:
        """Tell once, as an event, why Argo cannot make a pod."""
        for attempt, reason, message in waiting_nodes(self._seen.nodes(workflow).values(), self._index):
            # The numbers in it change with every pod that comes and goes.
            gist = _DIGITS.sub("", message)
            if attempt not in self._seen.pods and self._why_waiting.get(attempt) != gist:
                self._why_waiting[attempt] = gist
                line = EventLine(
                    at=self._now(), task=attempt.task, retry_id=attempt.retry_id, reason=reason, message=message
                )
                self._sink.events(self.uuid, [line])

    def workflow_vanished(self, name: str) -> None:
        """A Workflow of this name is gone."""
        with self._lock:
            if name in self._seen.workflows:
                self._seen.workflow_vanished(name)
                self._vanished.add(name)
                self._look_again = True

    def names(self) -> tuple[set[str], set[str]]:
        """Pods and Workflows that are thought to exist."""
        with self._lock:
            pods = {one.name for one in self._seen.pods.values() if not one.gone}
            return pods, set(self._seen.workflows)

    def pods_listed(self, present: Collection[str], version: str) -> None:
        """These pods of the run existed at the resource version; what was seen later than that is left alone."""
        with self._lock:
            for one in list(self._seen.pods.values()):
                if not one.gone and one.name not in present and _is_older(one.pod.metadata, version):
                    self._say(self._seen.pod_vanished(one.name, self._now()))

    def workflows_listed(self, present: Collection[str], version: str) -> None:
        """These Workflows of the run existed at the resource version."""
        with self._lock:
            for name, workflow in list(self._seen.workflows.items()):
                if name not in present and _is_older(workflow.metadata, version):
                    self.workflow_vanished(name)

    def event_seen(self, pod: Pod, event: EventLine) -> None:
        """Take an event of a pod of this run."""
        with self._lock:
            attempt = self._index.attempt_of(pod)
            if attempt is not None and event.at >= self._events_since:
                line = replace(event, task=attempt.task, retry_id=attempt.retry_id)
                self._sink.events(self.uuid, [line])

    def all_seen(self) -> None:
        """Every pod of the run that exists was seen just now: what only Argo's nodes know can be told."""
        with self._lock:
            now = self._now()
            self._look_again = False
            self._say([*self._seen.unsaid(now), *self._seen.refused(now)])
            if self._vanished and not self._seen.workflows:
                self._say(self._lost(self._latest_attempts(), "The Workflow was deleted on its cluster."))
            self._say(self._never_to_come())

    # What is asked for

    def begin(self) -> None:
        """The run's objects exist: its logs are read, and it is told again what was seen before."""
        with self._lock:
            self._listens = True
            for attempt in list(self._seen.pods):
                self._listen(attempt)

    def group_wanted(self, group: GroupName) -> None:
        """The group may run: what it waited for is completed."""
        with self._lock:
            plan = self._plans.get(group)
            if plan is not None:
                self._begun.add(group)
                self._completed.update(plan.upstream)
                for task in plan.tasks:
                    self._say_again(Attempt(task=task.name, retry_id=0))

    def attempt_wanted(self, task: TaskName, retry_id: int) -> None:
        """A further attempt is expected; Argo makes it by itself."""
        with self._lock:
            self._wanted[task] = retry_id
            self._look_again = True
            self._say_again(Attempt(task=task, retry_id=retry_id))

    def doom(self, group: GroupName, *, force: bool) -> None:
        """The group is to end."""
        with self._lock:
            known = self._dooms.get(group)
            if group not in self._plans:
                return
            if known is None:
                self._dooms[group] = Doom(force=force, since=self._now())
            elif known.cleaned:
                self._say_cleaned(group)
            elif force and not known.force:
                known.force = True
                known.deleting.clear()

    def recovered(self, state: WorkflowState) -> None:
        """Everything that exists was seen; tell what is missing, and take up what `state` knows."""
        with self._lock:
            self._events_since = self._now()
            for name, group in state.groups.items():
                if group.status is TaskStatus.COMPLETED:
                    self._completed.add(name)
                elif group.status.group_finished:
                    self._failed.add(name)
                elif group.status not in (TaskStatus.SUBMITTING, TaskStatus.WAITING):
                    self._begun.add(name)
                if group.cleaned_up:
                    self._dooms[name] = Doom(force=False, since=self._now(), cleaned=True)
            for attempts in state.attempts.values():
                ended = [Attempt(task=one.name, retry_id=one.retry_id) for one in attempts if one.status.finished]
                self._captured.update(ended)
            if self._seen.workflows or self._seen.pods:
                self.created = True
                self.begin()
            if any(_was_seen(attempts[-1].status) or attempts[-1].retry_id for attempts in state.attempts.values()):
                self.created = True
            known = (fact for one in list(self._seen.pods) for fact in self._seen.facts_of(one, self._now()))
            again = sorted(known, key=_by_time)
            self._told.difference_update(again)
            self._say(again)
            self.all_seen()
            missing = [
                Attempt(task=attempts[-1].name, retry_id=attempts[-1].retry_id)
                for attempts in state.attempts.values()
                if attempts[-1].status in _LIVING
            ]
            if not any(not one.finished for one in self._seen.workflows.values()):
                self._say(self._lost(missing, "It no longer exists."))

    def chores(self) -> Chores:
        """What is called for now. What it names counts as asked for."""
        with self._lock:
            now = self._now()
            deletions = [*self._stale_attempts()]
            everything = self._is_all_to_end()
            unfinished = [name for name, one in self._seen.workflows.items() if not one.finished]
            shutdowns = [name for name in unfinished if everything and not self._seen.workflows[name].spec.shutdown]
            pods = self._pods_by_group()
            if everything:
                # Argo may have begun what the language says does not begin any more.
                for group in self._plans.keys() - self._dooms.keys():
                    if pods[group]:
                        self._dooms[group] = Doom(force=False, since=now, cleaned=True)
            for group, doom in self._dooms.items():
                deletions += self._deletions_of(pods[group], doom, now, self._patience_with(group, pods, everything))
            clean = [
                group
                for group, doom in self._dooms.items()
                if not doom.cleaned and self._is_clean(pods[group], unfinished if everything else ())
            ]
            if clean and everything and not self._looked_at_the_end:
                # A pod that no watch has told of yet must not be left behind.
                self._looked_at_the_end = self._look_again = True
                clean = []
            for group in clean:
                self._dooms[group].cleaned = True
                self._say_cleaned(group)
            removals: list[str] = []
            if everything and (not unfinished or self._is_stuck(now)):
                if all(doom.cleaned for doom in self._dooms.values()) or unfinished:
                    removals = [name for name in self._seen.workflows if name not in self._removed]
                self._removed.update(removals)
            self._release_held(now)
            return Chores(deletions=deletions, shutdowns=shutdowns, removals=removals, look_again=self._look_again)

    def not_done(self, *, deletion: PodDeletion | None = None, removal: str | None = None) -> None:
        """Something that was called for failed, and is called for again."""
        with self._lock:
            if deletion is not None:
                for doom in self._dooms.values():
                    doom.deleting.pop(deletion.uid, None)
                self._replaced.discard(deletion.uid)
            if removal is not None:
                self._removed.discard(removal)

    def open_gates(self) -> tuple[Mapping[str, Workflow], frozenset[GroupName]]:
        """The Workflows that may have gates, and the groups that are completed."""
        with self._lock:
            found = {name: one for name, one in self._seen.workflows.items() if not one.finished}
            return found, frozenset(self._completed)

    def node_phase(self, workflow: str, node_id: str) -> str:
        """The phase of a node, "" where there is none yet."""
        with self._lock:
            node = self._seen.nodes(workflow).get(node_id)
            return node.phase if node is not None else ""

    @property
    def all_cleaned(self) -> bool:
        """Whether nothing that ever began is left to end."""
        with self._lock:
            return self._dooms.keys() >= self._begun and all(doom.cleaned for doom in self._dooms.values())

    @property
    def busy(self) -> bool:
        """Whether time alone may call for something."""
        with self._lock:
            cleaned = sum(doom.cleaned for doom in self._dooms.values())
            return bool(self._held or self._wanted or self._look_again) or cleaned < len(self._dooms)

    def refresh(self) -> None:
        """Judge again what depends on how long it has lasted."""
        with self._lock:
            now = self._now()
            for attempt, one in list(self._seen.pods.items()):
                if not one.ended and not one.over:
                    self._say(self._seen.facts_of(attempt, now))
            self._release_held(now)

    def facts(self, facts: Sequence[AnyFact]) -> None:
        """Tell facts that nothing was seen of."""
        with self._lock:
            self._say(facts)

    def close(self, *, timeout_seconds: float = 5.0) -> None:
        """End the followers; the runner's stop is set, or the run is sealed."""
        with self._lock:
            followers = list(self._followers.values())
        for follower in followers:
            follower.wake()
        for follower in followers:
            follower.join(timeout_seconds)

    # The followers' side

    def is_over(self, log: FollowedLog) -> bool:
        """Whether the container has ended."""
        with self._lock:
            attempt = self._of_log.get(log.key)
            seen = self._seen.pods.get(attempt) if attempt is not None else None
            if seen is None or seen.pod.metadata.uid != log.pod_uid or seen.over:
                return True
            state = next((one.state for one in _containers(seen.pod) if one.name == log.container), None)
            return state is not None and state.terminated is not None

    def take(self, log: FollowedLog, lines: Sequence[Line], position: Position) -> None:
        """Hand over lines, then remember how far that was."""
        attempt = self._of_log.get(log.key)
        if attempt is None:
            return
        made = [
            LogLine(at=at, task=attempt.task, retry_id=attempt.retry_id, text=text, system=log.system)
            for at, text in lines
        ]
        self._sink.lines(self.uuid, made)
        self._positions.write(self.uuid, log.key, position)

    def done(self, log: FollowedLog) -> None:
        """All lines of a container were handed over; an end that waited for them is told."""
        with self._lock:
            attempt = self._of_log.get(log.key)
            self._followers.pop(log.key, None)
            if attempt is None:
                return
            self._open.get(attempt, set()).discard(log.key)
            if not self._open.get(attempt):
                self._release(attempt)

    # Below: always under the lock

    def _say(self, facts: Sequence[AnyFact]) -> None:
        news: list[AnyFact] = []
        for fact in facts:
            if fact in self._told:
                continue
            self._told.add(fact)
            if isinstance(fact, TaskObserved):
                attempt = Attempt(task=fact.task, retry_id=fact.retry_id)
                if fact.status.finished:
                    self._ends.setdefault(attempt, fact)
                held = self._held.get(attempt)
                if held is not None:
                    held.facts.append(fact)
                    continue
                if fact.status.finished and (self._open.get(attempt) or self._comes_after_held(fact)):
                    is_ready = not self._open.get(attempt)
                    self._held[attempt] = Held(facts=[fact], since=self._now(), ready=is_ready)
                    continue
            news.append(fact)
        if news:
            self._sink.facts(self.uuid, news)

    def _say_again(self, attempt: Attempt) -> None:
        facts = self._seen.facts_of(attempt, self._now())
        self._told.difference_update(facts)
        self._say(facts)

    def _say_cleaned(self, group: GroupName) -> None:
        self._sink.facts(self.uuid, [GroupCleaned(group=group, at=self._now())])

    def _comes_after_held(self, fact: TaskObserved) -> bool:
        """Whether an earlier end of the same group is not told yet: what the group makes of them depends on order."""
        group = self._index.groups.get(fact.task)
        return any(
            self._index.groups.get(other.task) == group and held.facts[0].at <= fact.at
            for other, held in self._held.items()
        )

    def _release(self, attempt: Attempt) -> None:
        """The lines of an attempt are there: tell its end, and those of its group that waited for it."""
        held = self._held.get(attempt)
        if held is None:
            return
        held.ready = True
        group = self._index.groups.get(attempt.task)
        waiting = [(one.facts[0].at, other) for other, one in self._held.items()]
        for _, other in sorted(waiting, key=_by_first):
            if self._index.groups.get(other.task) != group:
                continue
            if not self._held[other].ready:
                return
            self._sink.facts(self.uuid, self._held.pop(other).facts)

    def _release_held(self, now: datetime) -> None:
        for attempt, held in list(self._held.items()):
            if now - held.since >= timedelta(seconds=self._pace.log_patience):
                self._release(attempt)

    def _listen(self, attempt: Attempt) -> None:
        """Follow the logs of an attempt's containers that have begun."""
        seen = self._seen.pods.get(attempt)
        if seen is None or not self._listens or seen.gone or attempt in self._captured:
            return
        for container in _containers(seen.pod):
            if container.name != MAIN and container.name not in SIDECARS:
                continue
            log = FollowedLog(
                path=self._log_path(seen.name),
                pod_uid=seen.pod.metadata.uid,
                container=container.name,
                system=container.name != MAIN,
            )
            if log.key not in self._of_log and _has_begun(container):
                self._of_log[log.key] = attempt
                self._open.setdefault(attempt, set()).add(log.key)
                follower = self._follow(self, log, self._positions.read(self.uuid, log.key))
                self._followers[log.key] = follower
                follower.start()

    def _lost(self, attempts: Sequence[Attempt], message: str) -> list[AnyFact]:
        return [
            TaskObserved(
                task=attempt.task,
                retry_id=attempt.retry_id,
                status=TaskStatus.FAILED_BACKEND_ERROR,
                at=self._now(),
                exit_code=ExitCode.BACKEND_ERROR,
                message=message,
            )
            for attempt in attempts
            if self._is_untold(attempt)
        ]

    def _is_untold(self, attempt: Attempt) -> bool:
        """Whether no pod tells of the attempt, nor will any."""
        seen = self._seen.pods.get(attempt)
        return seen is None or (seen.gone and not seen.ended)

    def _latest_attempts(self) -> list[Attempt]:
        found = []
        for group in self.run.plan.groups:
            for task in group.tasks:
                numbers = [one.retry_id for one in self._seen.pods if one.task == task.name]
                found.append(Attempt(task=task.name, retry_id=max([self._wanted.get(task.name, 0), *numbers])))
        return found

    def _never_to_come(self) -> list[AnyFact]:
        """Attempts that were asked for and that Argo will not make any more."""
        if not self._seen.workflows or any(not one.finished for one in self._seen.workflows.values()):
            return []
        wanted, self._wanted = self._wanted, {}
        return [
            TaskCreationFailed(
                task=task, retry_id=retry_id, message="Argo has ended the task's Workflow.", at=self._now()
            )
            for task, retry_id in wanted.items()
            if Attempt(task=task, retry_id=retry_id) not in self._seen.pods
        ]

    def _stale_attempts(self) -> Iterator[PodDeletion]:
        """Pods that stand in the way of a further attempt: Argo makes it when they have failed."""
        for task, retry_id in list(self._wanted.items()):
            if Attempt(task=task, retry_id=retry_id) in self._seen.pods:
                del self._wanted[task]
                continue
            before = self._seen.pods.get(Attempt(task=task, retry_id=retry_id - 1))
            group = self._index.groups.get(task)
            if before is None or before.over or group is None or group in self._dooms:
                continue
            uid = before.pod.metadata.uid
            if before.pod.metadata.deletion_timestamp is None and uid not in self._replaced:
                self._replaced.add(uid)
                yield self._deletion(before, self._pace.grace)

    def _deletions_of(
        self, pods: Sequence[SeenPod], doom: Doom, now: datetime, patience_seconds: float
    ) -> Iterator[PodDeletion]:
        wait = timedelta(seconds=0 if doom.force or doom.cleaned else patience_seconds)
        for one in pods:
            uid = one.pod.metadata.uid
            asked = doom.deleting.get(uid)
            if one.gone:
                continue
            if one.over:
                # Argo has to see a pod's end before the pod goes.
                captured = (one.pod.metadata.labels or {}).get(_CAPTURED) == "true"
                if doom.cleaned and captured and asked is None and one.pod.metadata.deletion_timestamp is None:
                    doom.deleting[uid] = now
                    yield self._deletion(one, 0)
            elif asked is None:
                if now - doom.since >= wait:
                    doom.deleting[uid] = now
                    yield self._deletion(one, 0 if doom.force else self._pace.grace)
            elif now - asked >= timedelta(seconds=self._pace.grace + self._pace.member_grace):
                # Neither its own containers nor the kubelet ended it in time.
                doom.deleting[uid] = now
                yield self._deletion(one, 0)

    def _patience_with(self, group: GroupName, pods: Mapping[GroupName, Sequence[SeenPod]], everything: bool) -> float:
        """How long the pods of a group may end by themselves. Units: seconds."""
        if everything:
            return self._pace.grace
        if len(pods[group]) < 2:
            return 0.0
        lead = self._plans[group].lead.name
        has_ended = any(one.over for one in pods[group] if one.attempt.task == lead)
        return self._pace.member_grace if has_ended else 0.0

    def _is_clean(self, pods: Sequence[SeenPod], unfinished: Sequence[str]) -> bool:
        """Whether nothing of the group runs, will run, or is still to be read."""
        if unfinished or self.effects:
            return False
        return all(one.over and not self._open.get(one.attempt) for one in pods)

    def _is_all_to_end(self) -> bool:
        """Whether all groups that began are to end, and no other is going to begin.

        A group of which nothing was asked may still begin where all that it waits for seems completed: a gateway that
        is about to stop cleans up, and begins nothing any more.
        """
        begun = self._begun | self._dooms.keys()
        if not begun or len(begun) > len(self._dooms):
            return False
        return self.forgotten or not any(
            group.name not in begun and all(one in begun and self._may_be_completed(one) for one in group.upstream)
            for group in self.run.plan.groups
        )

    def _may_be_completed(self, group: GroupName) -> bool:
        if group in self._completed or group in self._failed:
            return group in self._completed
        lead = self._plans[group].lead
        ends = [fact for attempt, fact in self._ends.items() if attempt.task == lead.name]
        if not ends:
            return False
        last = max(ends, key=lambda fact: fact.retry_id)
        reported = Ending(status=last.status, message=last.message, exit_code=last.exit_code)
        return after_exit_action(lead, last.retry_id, reported).status is TaskStatus.COMPLETED

    def _is_stuck(self, now: datetime) -> bool:
        """Whether Argo does not end a run that it was told to end: then the run goes without it."""
        pace = self._pace
        return all(
            now - doom.since >= timedelta(seconds=2 * pace.grace + pace.member_grace) for doom in self._dooms.values()
        )

    def _pods_by_group(self) -> Mapping[GroupName, Sequence[SeenPod]]:
        found: dict[GroupName, list[SeenPod]] = {name: [] for name in self._plans}
        for attempt, one in self._seen.pods.items():
            found[self._index.groups[attempt.task]].append(one)
        return found

    @staticmethod
    def _deletion(one: SeenPod, grace_seconds: float) -> PodDeletion:
        return PodDeletion(name=one.name, uid=one.pod.metadata.uid, grace_seconds=int(grace_seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """Stands in the queue before the effects that follow it: compare with what exists."""

    state: WorkflowState


_NEVER_SEEN = frozenset(
    {
        TaskStatus.SUBMITTING,
        TaskStatus.WAITING,
        TaskStatus.PROCESSING,
        TaskStatus.FAILED_UPSTREAM,
        TaskStatus.FAILED_CANCELED,
        TaskStatus.FAILED_SERVER_ERROR,
        TaskStatus.FAILED_QUEUE_TIMEOUT,
    }
)
_LIVING = frozenset({TaskStatus.SCHEDULING, TaskStatus.INITIALIZING, TaskStatus.RUNNING})


def _was_seen(status: TaskStatus) -> bool:
    return status not in _NEVER_SEEN


def _by_first(pair: tuple[datetime, Attempt]) -> datetime:
    return pair[0]


def _by_time(fact: TaskObserved) -> datetime:
    return fact.at


def _is_older(meta: Meta, version: str) -> bool:
    return not version.isdigit() or version_of(meta) <= int(version)


def _containers(pod: Pod) -> Iterator[Container]:
    yield from pod.status.init_container_statuses or ()
    yield from pod.status.container_statuses or ()


def _has_begun(container: Container) -> bool:
    state = container.state
    if state is None:
        return False
    return state.running is not None or (state.terminated is not None and state.terminated.started_at is not None)
