"""Whether more connections to a store pay, by what came over those so far. Times are handed in; nothing is asked.

A store nearby gives one connection nearly all it has. One that is far away gives each little, and twice as many bring
twice as much until the way is full. Which it is shows in how late answers begin, and then in what twice or half as many
bring. What is compared are whole pieces of contents with the time of their requests: whatever is sooner, the first
bytes of one or an empty moment between two, says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

# Answers of a store in the same building begin sooner, those of AWS in the same region later.
_FAR_SECONDS = 0.01
# What the number of connections is multiplied by as soon as a store is known to be far away.
_FAR_FACTOR = 4.0
# Who has this much of each connection needs no more of them.
_FAST_BYTES_PER_SECOND = 100_000_000
# Twice as many pay if they bring this many times as much.
_PAYS_FROM = 1.25
_LEAST_PIECES = 3
_FIRST_HOLD_SECONDS = 2.0
_LONGEST_HOLD_SECONDS = 120.0
# How long fewer requests are made after a store asked for it.
_CALM_SECONDS = 10.0
# Refusals that come together are one.
_ONE_BURST_SECONDS = 1.0
_LEAST_FACTOR = 1 / 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Who asks: a transfer that has `least` connections where none is added, and `most` where all are."""

    least: int
    most: int

    def number(self, factor: float) -> int:
        """How many connections it has with a factor."""
        return max(min(int(self.least * factor), max(self.most, self.least)), 1)


@dataclass(frozen=True, slots=True)
class _Trial:
    """Another factor is being tried. Shape: the one before it, and what that brought. Units: bytes a second."""

    factor: float
    rate: float


class Pace:
    """By how much the number of connections is multiplied: 1 at first and wherever a store is near. One thread.

    It goes up by steps of two, looks whether that pays and goes back if not; then it waits, longer each time, before it
    tries again. What it began with far away it also takes back where half as many bring as much. A store that asks for
    fewer requests has half as many.
    """

    def __init__(self) -> None:
        self._factor = 1.0
        self._answer_seconds: float | None = None
        self._trial: _Trial | None = None
        self._was_far = False
        # Whether fewer are known to bring less.
        self._pays = False
        self._goes_down = False
        self._held_until = 0.0
        self._holds = 0
        self._refused_at: float | None = None
        self._since = 0.0
        self._pieces = 0
        self._bytes = 0
        self._seconds = 0.0

    @property
    def is_far(self) -> bool:
        """Whether even the fastest answer was late."""
        return self._answer_seconds is not None and self._answer_seconds >= _FAR_SECONDS

    @property
    def is_near(self) -> bool:
        """Whether an answer was early; before there was any it is neither near nor far."""
        return self._answer_seconds is not None and self._answer_seconds < _FAR_SECONDS

    def answered(self, seconds: float) -> None:
        """The answer to a request without contents to speak of began so long after it."""
        self._answer_seconds = seconds if self._answer_seconds is None else min(seconds, self._answer_seconds)

    def moved(self, size: int, begun: float, ended: float) -> None:
        """One connection moved a piece in this time, that of its request included."""
        # What was begun before says nothing about the number that there is now.
        if begun >= self._since:
            self._pieces += 1
            self._bytes += size
            self._seconds += ended - begun

    def refused(self, at: float) -> None:
        """The store asked for fewer requests."""
        if self._refused_at is not None and at < self._refused_at + _ONE_BURST_SECONDS:
            return
        self._refused_at = at
        self._set(max(self._factor / 2, _LEAST_FACTOR), at)
        self._held_until = at + _CALM_SECONDS

    def changed(self, at: float) -> None:
        """Others use the store now: what is being tried cannot be judged any more."""
        self._set(self._trial.factor if self._trial is not None else self._factor, at)

    def number(self, at: float, use: Use) -> int:
        """How many connections a transfer may have now."""
        if self._factor < 1:
            self._recover(at)
        else:
            self._weigh(at, use)
        return use.number(self._factor)

    def _recover(self, at: float) -> None:
        if at >= self._held_until:
            self._set(self._factor * 2, at)
            self._held_until = at + _CALM_SECONDS

    def _weigh(self, at: float, use: Use) -> None:
        is_far = self.is_far
        if is_far != self._was_far:
            self._was_far, self._pays, self._goes_down = is_far, False, False
            self._set(_FAR_FACTOR if is_far else 1.0, at)
        rate = self._rate(use) if is_far else None
        if rate is not None and self._trial is not None:
            self._judge(self._trial, rate, at)
        elif rate is not None and at >= self._held_until:
            self._try(rate, at, use)

    def _rate(self, use: Use) -> float | None:
        """Bytes a second over all connections; None as long as too few pieces came to say."""
        number = use.number(self._factor)
        if self._pieces < max(number // 2, _LEAST_PIECES) or self._seconds <= 0:
            return None
        return number * self._bytes / self._seconds

    def _judge(self, trial: _Trial, rate: float, at: float) -> None:
        went_up = self._factor > trial.factor
        if went_up and rate >= trial.rate * _PAYS_FROM:
            self._pays, self._holds = True, 0
            self._set(self._factor, at)
        elif went_up:
            # Perhaps those before were too many already.
            self._goes_down = not self._pays and trial.factor > 1
            self._end(trial.factor, at)
        elif rate * _PAYS_FROM >= trial.rate:
            self._goes_down = self._factor > 1
            self._end(self._factor, at)
        else:
            self._pays, self._goes_down = True, False
            self._end(trial.factor, at)

    def _end(self, factor: float, at: float) -> None:
        self._set(factor, at)
        if not self._goes_down:
            self._hold(at)

    def _try(self, rate: float, at: float, use: Use) -> None:
        number, factor = use.number(self._factor), self._factor
        has_more = use.number(factor * 2) > number
        self._set(factor, at)
        if has_more and not self._goes_down and rate < number * _FAST_BYTES_PER_SECOND:
            self._set(factor * 2, at)
        elif not self._pays and factor > 1:
            self._set(factor / 2, at)
        else:
            return
        self._trial = _Trial(factor, rate)

    def _hold(self, at: float) -> None:
        self._held_until = at + min(_FIRST_HOLD_SECONDS * 2**self._holds, _LONGEST_HOLD_SECONDS)
        self._holds += 1

    def _set(self, factor: float, at: float) -> None:
        self._factor, self._since, self._trial = factor, at, None
        self._pieces, self._bytes, self._seconds = 0, 0, 0.0
