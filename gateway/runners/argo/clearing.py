"""Groups that are to end: when their pods are deleted, when nothing of them is left, when the whole run may go.

Everything here is done under the lock of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.runners.argo.chores import Chores, PodDeletion
from gateway.runners.argo.containers import has_ended
from gateway.runners.argo.obstacles import counted
from gateway.runners.argo.settings import Pace
from gateway.runners.argo.telling import Telling
from translator.argo.observe import RunIndex
from translator.argo.observe_causes import MAIN
from translator.argo.observe_run import RunObservations, SeenPod
from translator.lifecycle.state import WorkflowState
from translator.lifecycle.words import TaskStatus
from translator.plan.model import GroupName, Plan


@dataclass(slots=True, kw_only=True)
class Doom:
    """A group that is to end. Shape: `deleting` has the times at which deletions of pods were asked for, by uid;
    `told` once the mirror knows that it is clean."""

    force: bool
    since: datetime
    cleaned: bool = False
    told: bool = False
    deleting: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What holds while chores are found. Shape: `everything` where all that began is to end, and no more begins."""

    now: datetime
    everything: bool
    pods: Mapping[GroupName, Sequence[SeenPod]]


class Clearing:
    """Of one run."""

    def __init__(self, plan: Plan, index: RunIndex, seen: RunObservations, telling: Telling, pace: Pace) -> None:
        self._plan = plan
        self._plans = {group.name: group for group in plan.groups}
        self._index = index
        self._seen = seen
        self._telling = telling
        self._pace = pace
        self.dooms: dict[GroupName, Doom] = {}
        self.begun: set[GroupName] = set()
        self.completed: set[GroupName] = set()
        self._failed: set[GroupName] = set()
        self._removed: set[str] = set()
        self._looked_at_the_end = False

    def doom(self, group: GroupName, now: datetime, *, force: bool) -> None:
        """The group is to end."""
        known = self.dooms.get(group)
        if group not in self._plans:
            return
        if known is None:
            self.dooms[group] = Doom(force=force, since=now)
        elif known.cleaned:
            known.told = False
        elif force and not known.force:
            known.force = True
            known.deleting.clear()

    def recovered(self, state: WorkflowState, now: datetime) -> None:
        """Take up what is known of the groups."""
        for name, group in state.groups.items():
            if group.status is TaskStatus.COMPLETED:
                self.completed.add(name)
            elif group.status.group_finished:
                self._failed.add(name)
            elif group.status not in (TaskStatus.SUBMITTING, TaskStatus.WAITING):
                self.begun.add(name)
            if group.cleaned_up:
                self.dooms[name] = Doom(force=False, since=now, cleaned=True, told=True)

    def chores(self, now: datetime, *, idle: bool, forgotten: bool) -> Chores:
        """What is called for now; what it names counts as asked for. `idle`: no effect waits to be carried out."""
        at = Moment(now=now, everything=self._is_all_to_end(forgotten=forgotten), pods=self._pods_by_group())
        unfinished = [name for name, one in self._seen.workflows.items() if not one.finished]
        if at.everything:
            # Argo may have begun what the language says does not begin any more.
            for group in self._plans.keys() - self.dooms.keys():
                if at.pods[group]:
                    self.dooms[group] = Doom(force=False, since=now, cleaned=True, told=True)
        deletions = [one for group, doom in self.dooms.items() for one in self._deletions_of(group, doom, at)]
        look_again = idle and self._clean(at, unfinished)
        return Chores(
            deletions=deletions,
            shutdowns=[one for one in unfinished if at.everything and not self._seen.workflows[one].spec.shutdown],
            removals=self._removals(at, unfinished),
            cleaned=[group for group, doom in self.dooms.items() if doom.cleaned and not doom.told],
            look_again=look_again,
        )

    def not_done(self, *, deletion: PodDeletion | None, removal: str | None) -> None:
        """Something that was called for failed, and is called for again."""
        if deletion is not None:
            for doom in self.dooms.values():
                doom.deleting.pop(deletion.uid, None)
        if removal is not None:
            self._removed.discard(removal)

    @property
    def all_cleaned(self) -> bool:
        """Whether nothing that ever began is left to end."""
        return self.dooms.keys() >= self.begun and all(doom.cleaned for doom in self.dooms.values())

    @property
    def waits(self) -> bool:
        """Whether a group is to end and has not, or its end was not told."""
        return any(not (doom.cleaned and doom.told) for doom in self.dooms.values())

    def _clean(self, at: Moment, unfinished: Sequence[str]) -> bool:
        """Note which groups are clean. True where all objects are to be looked at first."""
        left = unfinished if at.everything else ()
        clean = [
            group
            for group, doom in self.dooms.items()
            if not doom.cleaned and not left and self._is_clean(at.pods[group])
        ]
        if clean and at.everything and not self._looked_at_the_end:
            # A pod that no watch has told of yet must not be left behind.
            self._looked_at_the_end = True
            return True
        for group in clean:
            self.dooms[group].cleaned = True
        return False

    def _removals(self, at: Moment, unfinished: Sequence[str]) -> list[str]:
        if not at.everything or (unfinished and not self._is_stuck(at.now)):
            return []
        if not unfinished and not all(doom.cleaned for doom in self.dooms.values()):
            return []
        removals = [name for name in self._seen.workflows if name not in self._removed]
        self._removed.update(removals)
        return removals

    def _deletions_of(self, group: GroupName, doom: Doom, at: Moment) -> Iterator[PodDeletion]:
        patience_seconds = self._patience_with(group, at)
        wait = timedelta(seconds=0 if doom.force or doom.cleaned else patience_seconds)
        for one in at.pods[group]:
            uid = one.pod.metadata.uid
            asked = doom.deleting.get(uid)
            if one.gone:
                continue
            if one.over:
                # Argo has to see a pod's end before the pod goes.
                captured = one.pod.metadata.captured
                if doom.cleaned and captured and asked is None and one.pod.metadata.deletion_timestamp is None:
                    doom.deleting[uid] = at.now
                    yield PodDeletion.of(one, 0)
            elif asked is None:
                if at.now - doom.since >= max(wait, self._time_to_finish(one, doom, at)):
                    doom.deleting[uid] = at.now
                    yield PodDeletion.of(one, 0 if doom.force else self._pace.grace)
            elif at.now - asked >= timedelta(seconds=self._pace.grace + self._pace.member_grace):
                # Neither its own containers nor the kubelet ended it in time.
                doom.deleting[uid] = at.now
                yield PodDeletion.of(one, 0)

    def _time_to_finish(self, one: SeenPod, doom: Doom, at: Moment) -> timedelta:
        """How long a pod is left alone whose program has ended: what Argo sees of it decides what follows it there."""
        is_finishing = has_ended(one.pod, MAIN) and not (doom.force or doom.cleaned or at.everything)
        return timedelta(seconds=self._pace.finish if is_finishing else 0)

    def _patience_with(self, group: GroupName, at: Moment) -> float:
        """How long the pods of a group may end by themselves. Units: seconds."""
        if at.everything:
            return self._pace.grace
        if len(at.pods[group]) < 2:
            return 0.0
        leads = [one for one in at.pods[group] if one.attempt.task == self._plans[group].lead.name]
        is_led_to_its_end = any(one.over or has_ended(one.pod, MAIN) for one in leads)
        return self._pace.member_grace if is_led_to_its_end else 0.0

    def _is_clean(self, pods: Sequence[SeenPod]) -> bool:
        """Whether nothing of the group runs, or is still to be read."""
        return all(one.over and self._telling.is_read(one.attempt) for one in pods)

    def _is_all_to_end(self, *, forgotten: bool) -> bool:
        """Whether all groups that began are to end, and no other is going to begin.

        A group of which nothing was asked may still begin where all that it waits for seems completed: a gateway that
        is about to stop cleans up, and begins nothing any more.
        """
        begun = self.begun | self.dooms.keys()
        if not begun or len(begun) > len(self.dooms):
            return False
        return forgotten or not any(
            group.name not in begun and all(one in begun and self._may_be_completed(one) for one in group.upstream)
            for group in self._plan.groups
        )

    def _may_be_completed(self, group: GroupName) -> bool:
        if group in self.completed or group in self._failed:
            return group in self.completed
        lead = self._plans[group].lead
        ends = [fact for attempt, fact in self._telling.ends.items() if attempt.task == lead.name]
        if not ends:
            return False
        return counted(lead, max(ends, key=lambda fact: fact.retry_id)) is TaskStatus.COMPLETED

    def _is_stuck(self, now: datetime) -> bool:
        """Whether Argo does not end a run that it was told to end: then the run goes without it."""
        pace = self._pace
        return all(
            now - doom.since >= timedelta(seconds=2 * pace.grace + pace.member_grace) for doom in self.dooms.values()
        )

    def _pods_by_group(self) -> Mapping[GroupName, Sequence[SeenPod]]:
        found: dict[GroupName, list[SeenPod]] = {name: [] for name in self._plans}
        for attempt, one in self._seen.pods.items():
            found[self._index.groups[attempt.task]].append(one)
        return found
