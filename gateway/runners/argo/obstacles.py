"""Pods that stand in the way: of a further attempt of their task, or of the others of their group.

Everything here is done under the lock of the run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from gateway.runners.argo.chores import PodDeletion
from gateway.runners.argo.containers import main_began
from gateway.runners.argo.settings import Pace
from gateway.runners.argo.telling import Telling
from translator.argo.observe import Attempt, RunIndex
from translator.argo.observe_run import RunObservations
from translator.lifecycle.exit_actions import after_exit_action
from translator.lifecycle.facts import AnyFact, TaskCreationFailed, TaskObserved
from translator.lifecycle.transitions import Ending
from translator.lifecycle.words import TaskStatus
from translator.plan.model import GroupName, Plan, TaskName, TaskPlan


class Obstacles:
    """Of one run. Shape: `waits` while time alone may call for something."""

    def __init__(self, plan: Plan, index: RunIndex, seen: RunObservations, telling: Telling, pace: Pace) -> None:
        self._plans = {group.name: group for group in plan.groups}
        self._index = index
        self._seen = seen
        self._telling = telling
        self._pace = pace
        self._wanted: dict[TaskName, int] = {}
        self._asked: set[str] = set()
        self._leads_since: dict[Attempt, datetime] = {}
        self._has_dead_weight = False

    def want(self, task: TaskName, retry_id: int) -> None:
        """A further attempt is expected; Argo makes it by itself."""
        self._wanted[task] = retry_id

    def wanted(self, task: TaskName) -> int:
        """The number of the attempt that is expected, 0 where none was asked for."""
        return self._wanted.get(task, 0)

    @property
    def wants(self) -> bool:
        """Whether an attempt is expected that has no pod yet."""
        return bool(self._wanted)

    @property
    def waits(self) -> bool:
        """Whether time alone may call for something."""
        return self.wants or self._has_dead_weight

    def deletions(self, doomed: Collection[GroupName], now: datetime) -> Iterator[PodDeletion]:
        """The pods that are to go, but not those of groups that end anyway; each is named once."""
        yield from self._former_attempts(doomed)
        yield from self._dead_weight(doomed, now)

    def not_done(self, uid: str) -> None:
        """A deletion failed, and is called for again."""
        self._asked.discard(uid)

    def never_to_come(self, now: datetime) -> list[AnyFact]:
        """Attempts that were asked for and that Argo will not make any more."""
        if not self._seen.workflows or any(not one.finished for one in self._seen.workflows.values()):
            return []
        wanted, self._wanted = self._wanted, {}
        message = "Argo has ended the task's Workflow."
        return [
            TaskCreationFailed(task=task, retry_id=retry_id, message=message, at=now)
            for task, retry_id in wanted.items()
            if Attempt(task=task, retry_id=retry_id) not in self._seen.pods
        ]

    def _former_attempts(self, doomed: Collection[GroupName]) -> Iterator[PodDeletion]:
        """Pods that stand in the way of a further attempt: Argo makes it when they have failed."""
        for task, retry_id in list(self._wanted.items()):
            if Attempt(task=task, retry_id=retry_id) in self._seen.pods:
                del self._wanted[task]
                continue
            before = self._seen.pods.get(Attempt(task=task, retry_id=retry_id - 1))
            group = self._index.groups.get(task)
            if before is None or before.over or group is None or group in doomed:
                continue
            uid = before.pod.metadata.uid
            if before.pod.metadata.deletion_timestamp is None and uid not in self._asked:
                self._asked.add(uid)
                yield PodDeletion.of(before, self._pace.grace)

    def _dead_weight(self, doomed: Collection[GroupName], now: datetime) -> Iterator[PodDeletion]:
        """Pods of members that have ended without the group, but stay: one that waits for an image for ever, and one
        that Argo made of a task that does not come again. The others may wait for them until they are gone.
        """
        self._has_dead_weight = False
        for attempt, one in self._seen.pods.items():
            group = self._index.groups[attempt.task]
            uid = one.pod.metadata.uid
            if one.over or group in doomed or len(self._plans[group].tasks) < 2 or uid in self._asked:
                continue
            if one.pod.metadata.deletion_timestamp is not None:
                continue
            is_stuck = one.ended and not main_began(one.pod)
            if not is_stuck and not self._is_uncalled_for(attempt):
                continue
            since = self._led_since(group, now)
            if since is None or now - since < timedelta(seconds=self._pace.name_patience):
                self._has_dead_weight = True
                continue
            self._asked.add(uid)
            yield PodDeletion.of(one, 0)

    def _is_uncalled_for(self, attempt: Attempt) -> bool:
        """Whether the attempt before it was the last: Argo knows an end without a code from no other such end."""
        before = self._telling.ends.get(Attempt(task=attempt.task, retry_id=attempt.retry_id - 1))
        if before is None:
            return False
        plans = self._plans[self._index.groups[attempt.task]].tasks
        return counted(next(one for one in plans if one.name == attempt.task), before) is not TaskStatus.RESCHEDULED

    def _led_since(self, group: GroupName, now: datetime) -> datetime | None:
        """Since when the latest attempt of the lead was seen to run; None while it does not."""
        lead = self._plans[group].lead.name
        attempts = [attempt for attempt in self._seen.pods if attempt.task == lead]
        latest = max(attempts, key=_by_number, default=None)
        if latest is None or not main_began(self._seen.pods[latest].pod):
            return None
        return self._leads_since.setdefault(latest, now)


def counted(task: TaskPlan, end: TaskObserved) -> TaskStatus:
    """What an end counts as, after the task's exit actions."""
    reported = Ending(status=end.status, message=end.message, exit_code=end.exit_code)
    return after_exit_action(task, end.retry_id, reported).status


def _by_number(attempt: Attempt) -> int:
    return attempt.retry_id
