"""What the coordinator of a group knows and what follows from it. Decides; sends nothing and reads no clock.

The rounds: a command belongs to the round in which it was started. A task whose reschedule restarts its siblings begins
a new round with each attempt, so whoever runs in an earlier one is to be restarted. A coordinator that is itself new
learns everything from the members' reports; who ended before is in the memory that they keep for it.
Source: workflow-spec.md §5.3 to §5.5; the decisions are those of `translator.lifecycle`.
"""

from __future__ import annotations

from dataclasses import dataclass

from runtime.sidecar.group.words import Do, Here, Order, Phase
from translator.argo.payload import EXIT_RESCHEDULE, EXIT_STOPPED, GroupPayload, Member
from translator.lifecycle.barrier import released
from translator.lifecycle.leads import restarts_siblings
from translator.plan.model import TaskName

LOST_SECONDS = 120.0
"""After that long without a word, the others no longer wait for a member."""


@dataclass(slots=True)
class _Seen:
    """The latest of a member. Shape: `silent_since` None while it is connected; `attempt` -1 for one never seen."""

    attempt: int = -1
    phase: Phase = Phase.PREPARING
    round: int = 0
    status: int = 0
    silent_since: float | None = None

    @property
    def coming_again(self) -> bool:
        return self.phase is Phase.ENDED and self.status == EXIT_RESCHEDULE

    @property
    def over(self) -> bool:
        return self.phase is Phase.ENDED and not self.coming_again


class GroupBook:
    """One coordinator's view of its group.

    Shape: `attempt` is the lead's; `now` is any clock, in seconds, that does not go back.
    """

    def __init__(self, group: GroupPayload, attempt: int, now: float) -> None:
        self._group = group
        self._members = {member.task: member for member in group.members}
        self._seen = {task: _Seen(silent_since=now) for task in self._members}
        # Before the first attempt of a lead ended, nobody can have ended unseen.
        self._is_first = attempt == 0
        self._remembered: set[str] = set()
        self._vanished: set[str] = set()

    def take(self, here: Here) -> bool:
        """Take note of a report; False where it is nobody's, or of an attempt that a later one has replaced."""
        seen = self._seen.get(here.task)
        if seen is None or here.attempt < seen.attempt:
            return False
        self._remember(here.memory)
        self._remembered.discard(here.task)
        self._vanished.discard(here.task)
        if here.attempt == seen.attempt and seen.phase is Phase.ENDED:
            # An end is the last word of an attempt.
            seen.silent_since = None
            return True
        self._seen[here.task] = _Seen(attempt=here.attempt, phase=here.phase, round=here.round, status=here.status)
        return True

    def left(self, task: str, attempt: int, now: float) -> None:
        """Take note that a member is not connected any more."""
        seen = self._seen[task]
        if seen.attempt == attempt:
            seen.silent_since = now

    def unheard(self) -> list[Member]:
        """Whoever is not connected and is still waited for, while somebody waits."""
        if all(seen.phase is not Phase.WAITING for seen in self._seen.values()):
            return []
        return [
            self._members[task]
            for task, seen in self._seen.items()
            if seen.silent_since is not None
            and not (seen.over or seen.coming_again)
            and task not in self._remembered | self._vanished
        ]

    def vanished(self, task: str) -> None:
        """Take note that a member's pod, which was there, is not any more; it counts again when it reports."""
        if self._seen[task].silent_since is not None:
            self._vanished.add(task)

    @property
    def round(self) -> int:
        """The current round."""
        return sum(
            max(seen.attempt, 0) + seen.coming_again
            for task, seen in self._seen.items()
            if restarts_siblings(self._group, self._members[task])
        )

    @property
    def memory(self) -> str:
        """Who ended for good, for members to keep: a bit a member, as hexadecimal digits."""
        bits = 0
        for number, task in enumerate(self._members):
            if self._seen[task].over or task in self._remembered:
                bits |= 1 << number
        return f"{bits:x}" if bits else ""

    def orders(self, now: float) -> dict[str, Order]:
        """What every connected member that has not ended is to do now; NOTE where there is nothing."""
        stop, current, memory = self._stop(), self.round, self.memory
        free = self._free(now, current)
        orders: dict[str, Order] = {}
        for task, seen in self._seen.items():
            if seen.silent_since is not None:
                continue
            if stop is not None and seen.phase is not Phase.ENDED:
                orders[task] = stop
            elif seen.phase is Phase.RUNNING and seen.round < current:
                orders[task] = Order(do=Do.RESTART, round=current, memory=memory)
            elif seen.phase is Phase.WAITING and task in free:
                orders[task] = Order(do=Do.GO, round=current, memory=memory)
            else:
                orders[task] = Order(do=Do.NOTE, memory=memory)
        return orders

    def all_told(self) -> bool:
        """Whether nobody is left that was to be stopped, is connected, and has not ended."""
        return self._stop() is None or all(
            seen.silent_since is not None or seen.phase is Phase.ENDED for seen in self._seen.values()
        )

    def _stop(self) -> Order | None:
        for task, seen in self._seen.items():
            member = self._members[task]
            if not seen.over:
                continue
            if member.lead:
                # Siblings of a lead that completed end well, so that Argo takes the group for what its lead was.
                return Order(do=Do.STOP, code=EXIT_STOPPED if seen.status else 0, reason="Lead task finished")
            if seen.status and not self._group.ignore_nonlead_status:
                return Order(do=Do.STOP, code=EXIT_STOPPED, reason=f"Task {task} Failed.")
        return None

    def _free(self, now: float, current: int) -> frozenset[TaskName]:
        announced = {
            TaskName(task)
            for task, seen in self._seen.items()
            if seen.phase is Phase.WAITING or (seen.phase in (Phase.RUNNING, Phase.SAVING) and seen.round == current)
        }
        unfinished = {TaskName(task) for task, seen in self._seen.items() if not self._counts_as_over(task, seen, now)}
        return released(self._group, announced, unfinished)

    def _counts_as_over(self, task: str, seen: _Seen, now: float) -> bool:
        if seen.over or task in self._remembered or task in self._vanished:
            return True
        if seen.silent_since is None or seen.coming_again:
            return False
        is_lost = now - seen.silent_since >= LOST_SECONDS
        return is_lost and (seen.attempt >= 0 or not self._is_first)

    def _remember(self, memory: str) -> None:
        try:
            bits = int(memory, 16) if memory else 0
        except ValueError:
            return
        for number, task in enumerate(self._members):
            if bits >> number & 1 and self._seen[task].attempt < 0:
                self._remembered.add(task)


def lead_of(group: GroupPayload) -> Member:
    """The member that coordinates."""
    return next(member for member in group.members if member.lead)
