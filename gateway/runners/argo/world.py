"""One run on a cluster: what was seen of it, what is to be done, and what was told.

Threads of reflectors and followers bring news, workers do what is called for; all of them meet at one lock, under which
facts and lines are handed over, so that their order is kept. Nothing is asked of the cluster under the lock.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine.crashpoints import crash_point
from engine.log_lines import Masker
from engine.ports import EventLine, LogLine, Run, Sink
from gateway.ports.surroundings import Surroundings
from gateway.runners.argo.chores import Chores, PodDeletion
from gateway.runners.argo.clearing import Clearing
from gateway.runners.argo.containers import containers_of, ends_for_good, has_begun
from gateway.runners.argo.follower import FollowedLog, Line, Reading, log_key
from gateway.runners.argo.log_lines import Position
from gateway.runners.argo.obstacles import Obstacles
from gateway.runners.argo.settings import Pace
from gateway.runners.argo.telling import Telling
from gateway.services.sleepers import Sleepers
from translator.argo.observe import Attempt, RunIndex
from translator.argo.observe_causes import MAIN, SIDECARS
from translator.argo.observe_objects import Meta, Pod, Workflow, version_of
from translator.argo.observe_run import RunObservations
from translator.argo.observe_waiting import waiting_nodes
from translator.lifecycle.effects import AnyEffect
from translator.lifecycle.facts import AnyFact, GroupCleaned, TaskObserved
from translator.lifecycle.state import WorkflowState
from translator.lifecycle.words import ExitCode, TaskStatus
from translator.plan.model import GroupName, TaskName, WorkflowUuid

_DIGITS = re.compile(r"\d+")

# What is packed while nothing happens to the run; it grows with the number of its tasks.
_PACKED = (
    "_run",
    "_index",
    "_plans",
    "_seen",
    "_telling",
    "_obstacles",
    "_clearing",
    "_captured",
    "_why_waiting",
    "_known_logs",
)


class World:
    """One run. Implements `gateway.runners.argo.follower.Owner` and `gateway.services.sleepers.Sleeper`."""

    def __init__(
        self,
        run: Run,
        *,
        sink: Sink,
        pace: Pace,
        now: Callable[[], datetime],
        masker: Masker,
        around: Surroundings,
        follow: Callable[[World, FollowedLog], Reading],
        log_path: Callable[[str], str],
        sleepers: Sleepers,
    ) -> None:
        self._run = run
        self.uuid: WorkflowUuid = run.plan.workflow_uuid
        self.weight = sum(len(group.tasks) for group in run.plan.groups)
        self.masker = masker
        self._index = RunIndex.of(run.plan)
        self._plans = {group.name: group for group in run.plan.groups}
        self._sink = sink
        self._now = now
        self._around = around
        self._follow = follow
        self._log_path = log_path
        self._lock = threading.RLock()
        # The lock for all that needs what may be packed.
        self._awake = _Awake(self)
        self._sleepers = sleepers
        self._asleep: bytes | None = None
        self._seen = RunObservations(self._index)
        self._telling = Telling(self._index.groups, self._tell, now, pace.log_patience)
        self._obstacles = Obstacles(run.plan, self._index, self._seen, self._telling, pace)
        self._clearing = Clearing(run.plan, self._index, self._seen, self._telling, pace)
        self._followers: dict[str, Reading] = {}
        self._of_log: dict[str, Attempt] = {}
        self._known_logs: set[str] = set()
        self._captured: set[Attempt] = set()
        self._vanished: set[str] = set()
        self._listens = False
        self._look_again = False
        self._why_waiting: dict[Attempt, str] = {}
        self._events_since = datetime.min
        # The worker's own: only one works on a run at a time.
        self.effects: deque[AnyEffect | Recovery] = deque()
        self.created = False
        self.creation_error: str | None = None
        self.retry_at: datetime | None = None
        self.attempts_failed = 0
        self.forgotten = False

    @property
    def run(self) -> Run:
        """The run with its Plan."""
        with self._awake:
            return self._run

    def sleep(self) -> bool:
        """Pack what the run holds, if nothing is going on."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._asleep is None and self._may_sleep():
                self._asleep = self._sleepers.pack({name: getattr(self, name) for name in _PACKED})
                for name in _PACKED:
                    delattr(self, name)
            return self._asleep is not None
        finally:
            self._lock.release()

    def attempt_of(self, pod: Pod) -> Attempt | None:
        """Which attempt a pod is; None where it is none of this run."""
        with self._awake:
            return self._index.attempt_of(pod)

    # What was seen

    def pod_seen(self, pod: Pod, *, gone: bool = False) -> None:
        """Take what a pod shows."""
        with self._awake:
            attempt = self._index.attempt_of(pod)
            if attempt is not None:
                facts = self._seen.attempt_seen(attempt, pod, self._now(), gone=gone)
                self._listen(attempt)
                self._say(facts)

    def pods_seen(self, pods: Sequence[Pod]) -> None:
        """Take many pods at once, and tell what they show in the order in which it happened."""
        with self._awake:
            now = self._now()
            facts = sorted((fact for pod in pods for fact in self._seen.pod_seen(pod, now)), key=_by_time)
            for pod in pods:
                attempt = self._index.attempt_of(pod)
                if attempt is not None:
                    self._listen(attempt)
            self._say(facts)

    def pod_vanished(self, name: str) -> None:
        """A pod of this name is gone."""
        with self._awake:
            self._say(self._seen.pod_vanished(name, self._now()))

    def workflow_seen(self, workflow: Workflow) -> None:
        """Take what a Workflow shows."""
        with self._awake:
            self._vanished.discard(workflow.metadata.name)
            self._say(self._seen.workflow_seen(workflow, self._now()))
            self._tell_waiting(workflow.metadata.name)
            self._look_again = (
                self._look_again
                or (workflow.finished and self._obstacles.wants)
                or not all(map(self._telling.was_said, self._known_without_pods(self._now())))
            )

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
        with self._awake:
            if name in self._seen.workflows:
                self._seen.workflow_vanished(name)
                self._vanished.add(name)
                self._look_again = True

    def names(self) -> tuple[set[str], set[str]]:
        """Pods and Workflows that are thought to exist."""
        with self._awake:
            pods = {one.name for one in self._seen.pods.values() if not one.gone}
            return pods, set(self._seen.workflows)

    def pods_listed(self, present: Collection[str], version: str) -> None:
        """These pods of the run existed at the resource version; what was seen later than that is left alone."""
        with self._awake:
            for one in list(self._seen.pods.values()):
                if not one.gone and one.name not in present and _is_older(one.pod.metadata, version):
                    self._say(self._seen.pod_vanished(one.name, self._now()))

    def workflows_listed(self, present: Collection[str], version: str) -> None:
        """These Workflows of the run existed at the resource version."""
        with self._awake:
            for name, workflow in list(self._seen.workflows.items()):
                if name not in present and _is_older(workflow.metadata, version):
                    self.workflow_vanished(name)

    def event_seen(self, attempt: Attempt, event: EventLine) -> None:
        """Take an event of the pod of an attempt."""
        with self._lock:
            if event.at >= self._events_since:
                line = replace(event, task=attempt.task, retry_id=attempt.retry_id)
                self._sink.events(self.uuid, [line])

    def all_seen(self) -> None:
        """Every pod of the run that exists was seen just now: what only Argo's nodes know can be told."""
        with self._awake:
            now = self._now()
            self._look_again = False
            self._say(self._known_without_pods(now))
            if self._vanished and not self._seen.workflows:
                self._say(self._lost(self._latest_attempts(), "The Workflow was deleted on its cluster."))
            self._say(self._obstacles.never_to_come(now))

    def _known_without_pods(self, now: datetime) -> list[AnyFact]:
        """What only Argo's Workflows say, but for the ends that the rows had when the run was taken up."""
        ends = (
            fact
            for fact in self._seen.unsaid(now)
            if Attempt(task=fact.task, retry_id=fact.retry_id) not in self._captured
        )
        return [*ends, *self._seen.refused(now)]

    # What is asked for

    def begin(self) -> None:
        """From now on the logs of the run are read, and what is seen of it is told."""
        with self._awake:
            self._listens = True
            for attempt in list(self._seen.pods):
                self._listen(attempt)

    def group_wanted(self, group: GroupName) -> None:
        """The group may run: what it waited for is completed."""
        with self._awake:
            plan = self._plans.get(group)
            if plan is not None:
                self._clearing.begun.add(group)
                self._clearing.completed.update(plan.upstream)
                for task in plan.tasks:
                    self._say_again(Attempt(task=task.name, retry_id=0))

    def attempt_wanted(self, task: TaskName, retry_id: int) -> None:
        """A further attempt is expected; Argo makes it by itself."""
        with self._awake:
            self._obstacles.want(task, retry_id)
            self._look_again = True
            self._say_again(Attempt(task=task, retry_id=retry_id))

    def doom(self, group: GroupName, *, force: bool) -> None:
        """The group is to end."""
        with self._awake:
            self._clearing.doom(group, self._now(), force=force)

    def recovered(self, state: WorkflowState) -> None:
        """Everything that exists was seen; tell what is missing, and take up what `state` knows."""
        with self._awake:
            self._events_since = self._now()
            self._clearing.recovered(state, self._now())
            for attempts in state.attempts.values():
                ended = [Attempt(task=one.name, retry_id=one.retry_id) for one in attempts if one.status.finished]
                self._captured.update(ended)
            was_seen = any(
                _was_seen(attempts[-1].status) or attempts[-1].retry_id for attempts in state.attempts.values()
            )
            if self._seen.workflows or self._seen.pods:
                self.begin()
            exists = self._seen.workflows or self._seen.pods or was_seen
            self.created = bool(exists) and not self._is_half_created()
            known = (fact for one in list(self._seen.pods) for fact in self._seen.facts_of(one, self._now()))
            again = sorted(known, key=_by_time)
            self._telling.say_again(again)
            self.all_seen()
            missing = [
                Attempt(task=attempts[-1].name, retry_id=attempts[-1].retry_id)
                for attempts in state.attempts.values()
                if attempts[-1].status in _LIVING
            ]
            if not any(not one.finished for one in self._seen.workflows.values()):
                self._telling.say(self._lost(missing, "It no longer exists."))

    def chores(self) -> Chores:
        """What is called for now. What it names counts as asked for."""
        with self._awake:
            now = self._now()
            obstacles = list(self._obstacles.deletions(self._clearing.dooms, now))
            called_for = self._clearing.chores(now, idle=not self.effects, forgotten=self.forgotten)
            self._look_again = self._look_again or called_for.look_again
            self._telling.release_old()
            deletions = [*obstacles, *called_for.deletions]
            return replace(called_for, deletions=deletions, look_again=self._look_again)

    def say_cleaned(self, groups: Sequence[GroupName]) -> None:
        """Nothing of these groups runs or is still to be removed: tell it."""
        if not groups:
            return
        with self._awake:
            for group in groups:
                self._clearing.dooms[group].told = True
            crash_point("argo.cleaned")
            self._sink.facts(self.uuid, [GroupCleaned(group=group, at=self._now()) for group in groups])

    def not_done(self, *, deletion: PodDeletion | None = None, removal: str | None = None) -> None:
        """Something that was called for failed, and is called for again."""
        with self._awake:
            self._clearing.not_done(deletion=deletion, removal=removal)
            if deletion is not None:
                self._obstacles.not_done(deletion.uid)

    def open_gates(self) -> tuple[Mapping[str, Workflow], frozenset[GroupName]]:
        """The Workflows that may have gates, and the groups that are completed."""
        with self._awake:
            found = {name: one for name, one in self._seen.workflows.items() if not one.finished}
            return found, frozenset(self._clearing.completed)

    def node_phase(self, workflow: str, node_id: str) -> str:
        """The phase of a node, "" where there is none yet."""
        with self._awake:
            node = self._seen.nodes(workflow).get(node_id)
            return node.phase if node is not None else ""

    @property
    def all_cleaned(self) -> bool:
        """Whether nothing that ever began is left to end."""
        with self._awake:
            return self._clearing.all_cleaned

    @property
    def busy(self) -> bool:
        """Whether time alone may call for something."""
        with self._lock:
            if self._asleep is not None:
                return False
            waits = self._obstacles.waits or self._clearing.waits
            return waits or self._look_again or bool(self._telling.holds)

    def refresh(self) -> None:
        """Judge again what depends on how long it has lasted."""
        with self._lock:
            if self._asleep is not None:
                return
            now = self._now()
            for attempt, one in list(self._seen.pods.items()):
                if not one.ended and not one.over:
                    self._say(self._seen.facts_of(attempt, now))
            self._telling.release_old()

    def facts(self, facts: Sequence[AnyFact]) -> None:
        """Tell facts that nothing was seen of."""
        with self._awake:
            self._telling.say(facts)

    def let_go(self) -> None:
        """Tell nothing more of this run: it is over, or another process has it."""
        with self._lock:
            self.forgotten = True

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
        with self._awake:
            attempt = self._of_log.get(log.key)
            seen = self._seen.pods.get(attempt) if attempt is not None else None
            if seen is None or seen.pod.metadata.uid != log.pod_uid or seen.over:
                return True
            # One that Kubernetes starts again goes on in the same log.
            return ends_for_good(seen.pod, log.container)

    def position_of(self, log: FollowedLog) -> Position:
        """How far the log was kept before. Errors: StoreUnavailable."""
        attempt = self._of_log.get(log.key)
        if attempt is None or self._around.logs is None:
            return Position()
        end = self._around.logs.end_of(self.uuid, attempt.task, attempt.retry_id, system=log.system)
        return Position() if end is None else Position(at=end.at, lines=end.lines)

    def take(self, log: FollowedLog, lines: Sequence[Line]) -> bool:
        """Hand over lines; False where that is another process's business."""
        attempt = self._of_log.get(log.key)
        if attempt is None:
            return True
        crash_point("argo.lines-read")
        if self.forgotten or not self._around.may_act():
            return False
        made = [
            LogLine(at=at, task=attempt.task, retry_id=attempt.retry_id, text=text, system=log.system)
            for at, text in lines
        ]
        self._sink.lines(self.uuid, made)
        return True

    def done(self, log: FollowedLog) -> None:
        """All lines of a container were handed over; an end that waited for them is told."""
        with self._awake:
            attempt = self._of_log.pop(log.key, None)
            self._followers.pop(log.key, None)
            if attempt is not None:
                self._telling.log_done(attempt, log.key)

    # Below: always under the lock, and awake

    def _may_sleep(self) -> bool:
        waits = self.effects or self.retry_at is not None or self.forgotten or not self._listens
        return not (waits or self.busy or self._seen.judged_by_time)

    def _tell(self, facts: Sequence[AnyFact]) -> None:
        self._sink.facts(self.uuid, facts)

    def _say(self, facts: Sequence[AnyFact]) -> None:
        # Before the logs are read an end would be told without its lines; whoever took it up next would not read them.
        # What was seen until then is told by `recovered`.
        if self._listens:
            self._telling.say(facts)

    def _say_again(self, attempt: Attempt) -> None:
        if self._listens:
            self._telling.say_again(self._seen.facts_of(attempt, self._now()))

    def _listen(self, attempt: Attempt) -> None:
        """Follow the logs of an attempt's containers that have begun, and have those of ended ones read to the end."""
        seen = self._seen.pods.get(attempt)
        if seen is None:
            return
        for container in containers_of(seen.pod):
            follower = self._followers.get(log_key(seen.pod.metadata.uid, container.name))
            if follower is not None and (seen.over or ends_for_good(seen.pod, container.name)):
                follower.ended()
        if not self._listens or seen.gone or attempt in self._captured:
            return
        for container in containers_of(seen.pod):
            if not has_begun(container) or (container.name != MAIN and container.name not in SIDECARS):
                continue
            key = log_key(seen.pod.metadata.uid, container.name)
            if key in self._known_logs:
                continue
            log = FollowedLog(
                path=self._log_path(seen.name),
                pod_uid=seen.pod.metadata.uid,
                container=container.name,
                system=container.name != MAIN,
            )
            self._known_logs.add(key)
            self._of_log[key] = attempt
            self._telling.log_opened(attempt, key)
            follower = self._follow(self, log)
            self._followers[key] = follower
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
        for group in self._run.plan.groups:
            for task in group.tasks:
                numbers = [one.retry_id for one in self._seen.pods if one.task == task.name]
                found.append(Attempt(task=task.name, retry_id=max([self._obstacles.wanted(task.name), *numbers])))
        return found

    def _is_half_created(self) -> bool:
        """Whether a Workflow still waits to be let run: objects that belong to it may be missing."""
        return any(
            one.spec.suspend and not one.spec.shutdown and not one.finished and not self._seen.nodes(name)
            for name, one in self._seen.workflows.items()
        )


class _Awake:
    """The lock of a run, which wakes it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __enter__(self) -> None:
        world = self._world
        world._lock.acquire()
        if world._asleep is not None:
            try:
                vars(world).update(world._sleepers.unpack(world._asleep))
            except BaseException:
                world._lock.release()
                raise
            world._telling.connect(world._tell, world._now)
            world._asleep = None

    def __exit__(self, *exc: object) -> None:
        self._world._lock.release()
        self._world._sleepers.used(self._world)


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


def _by_time(fact: TaskObserved) -> datetime:
    return fact.at


def _is_older(meta: Meta, version: str) -> bool:
    return not version.isdigit() or version_of(meta) <= int(version)
