"""In which order a run's facts are told: an end after the last lines of its attempt and the earlier ends of its group.

Everything here is done under the lock of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.crashpoints import crash_point
from translator.argo.observe import Attempt
from translator.lifecycle.facts import AnyFact, TaskObserved
from translator.plan.model import GroupName, TaskName


@dataclass(slots=True, kw_only=True)
class Held:
    """The end of an attempt that waits for its last lines, or for an earlier end in its group."""

    facts: list[TaskObserved]
    since: datetime
    ready: bool = False


class Telling:
    """Hands facts on, each once. Units: `patience_seconds` is how long an end waits for lines at most."""

    def __init__(
        self,
        groups: Mapping[TaskName, GroupName],
        tell: Callable[[Sequence[AnyFact]], None],
        now: Callable[[], datetime],
        patience_seconds: float,
    ) -> None:
        self._groups = groups
        self._tell = tell
        self._now = now
        self._patience = timedelta(seconds=patience_seconds)
        self._told: set[AnyFact] = set()
        self._held: dict[Attempt, Held] = {}
        self._open: dict[Attempt, set[str]] = {}
        self.ends: dict[Attempt, TaskObserved] = {}
        """The first end that was seen of each attempt."""

    def __getstate__(self) -> dict[str, object]:
        """What is packed: all but whom it tells."""
        return {name: value for name, value in vars(self).items() if name not in ("_tell", "_now")}

    def connect(self, tell: Callable[[Sequence[AnyFact]], None], now: Callable[[], datetime]) -> None:
        """Tell these, after it was packed."""
        self._tell, self._now = tell, now

    def say(self, facts: Sequence[AnyFact]) -> None:
        """Tell what was not told before, now or when it may be."""
        news: list[AnyFact] = []
        for fact in facts:
            if fact in self._told:
                continue
            self._told.add(fact)
            if isinstance(fact, TaskObserved) and self._is_held_back(fact):
                continue
            news.append(fact)
        if news:
            crash_point("argo.facts-seen")
            self._tell(news)

    def say_again(self, facts: Sequence[AnyFact]) -> None:
        """Tell facts whether they were told before or not."""
        self._told.difference_update(facts)
        self.say(facts)

    def was_said(self, fact: AnyFact) -> bool:
        """Whether it was told, or is held back."""
        return fact in self._told

    def log_opened(self, attempt: Attempt, key: str) -> None:
        """A log of the attempt is being read."""
        self._open.setdefault(attempt, set()).add(key)

    def log_done(self, attempt: Attempt, key: str) -> None:
        """A log of the attempt was read to its end; what waited for it is told."""
        self._open.get(attempt, set()).discard(key)
        if not self._open.get(attempt):
            self._release(attempt)

    def is_read(self, attempt: Attempt) -> bool:
        """Whether none of the attempt's logs is still being read."""
        return not self._open.get(attempt)

    def release_old(self) -> None:
        """Tell the ends that have waited long enough for lines."""
        now = self._now()
        for attempt, held in list(self._held.items()):
            if now - held.since >= self._patience:
                self._release(attempt)

    @property
    def holds(self) -> Collection[Attempt]:
        """The attempts whose ends are held back."""
        return self._held.keys()

    def _is_held_back(self, fact: TaskObserved) -> bool:
        attempt = Attempt(task=fact.task, retry_id=fact.retry_id)
        if fact.status.finished:
            self.ends.setdefault(attempt, fact)
        held = self._held.get(attempt)
        if held is not None:
            held.facts.append(fact)
            return True
        if fact.status.finished and (self._open.get(attempt) or self._comes_after_held(fact)):
            crash_point("argo.end-held")
            self._held[attempt] = Held(facts=[fact], since=self._now(), ready=not self._open.get(attempt))
            return True
        return False

    def _comes_after_held(self, fact: TaskObserved) -> bool:
        """Whether an earlier end of the same group is not told yet: what the group makes of them depends on order."""
        group = self._groups.get(fact.task)
        return any(
            self._groups.get(other.task) == group and held.facts[0].at <= fact.at for other, held in self._held.items()
        )

    def _release(self, attempt: Attempt) -> None:
        """The lines of an attempt are there: tell its end, and those of its group that waited for it."""
        held = self._held.get(attempt)
        if held is None:
            return
        held.ready = True
        group = self._groups.get(attempt.task)
        waiting = [(one.facts[0].at, other) for other, one in self._held.items()]
        for _, other in sorted(waiting, key=_by_first):
            if self._groups.get(other.task) != group:
                continue
            if not self._held[other].ready:
                return
            self._tell(self._held.pop(other).facts)


def _by_first(pair: tuple[datetime, Attempt]) -> datetime:
    return pair[0]
