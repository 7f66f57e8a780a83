"""Who may start: a queue of gangs over the machine's cpu, memory and GPUs, as a pure book.

First come, first served: nobody overtakes the first in the queue, so nobody starves. What a task holds it may hand over
to its next attempt; where there is nothing to hand over, that attempt goes before all gangs, since its group already
runs and may be waiting for it. Who asks for more than the machine has runs alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType

from engine.machine import Machine
from translator.plan.model import ResourceRequest

Claim = NewType("Claim", str)
"""Names what one attempt holds."""


@dataclass(frozen=True, slots=True)
class Gang:
    """Attempts that start together. Shape: `wants` is not empty."""

    name: str
    wants: Mapping[Claim, ResourceRequest]


@dataclass(frozen=True, slots=True)
class Grant:
    """A gang that may start. Shape: `gpus` has the ids of every claim that asked for some."""

    gang: Gang
    gpus: Mapping[Claim, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Held:
    cpu: float
    memory_bytes: int
    gpus: tuple[str, ...]


class Admission:
    """The book of one machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._queue: deque[Gang] = deque()
        self._held: dict[Claim, _Held] = {}
        self._alone: set[Claim] = set()
        self._free_cpu = machine.cpu
        self._free_memory_bytes = machine.memory_bytes
        self._free_gpus = list(machine.gpus)

    def enqueue(self, gang: Gang, *, first: bool = False) -> None:
        """Put a gang at the end of the queue, or before all others."""
        if first:
            self._queue.appendleft(gang)
        else:
            self._queue.append(gang)

    def withdraw(self, name: str) -> None:
        """Take a gang out of the queue, if it is there."""
        self._queue = deque(gang for gang in self._queue if gang.name != name)

    def next_grant(self) -> Grant | None:
        """The first gang, if what it wants is free; it is out of the queue then and holds what it wants."""
        if not self._queue or self._alone:
            return None
        gang = self._queue[0]
        if beyond := bool(self.excess(gang)):
            if self._held:
                return None
        elif not self._fits(gang):
            return None
        self._queue.popleft()
        if beyond:
            self._alone = set(gang.wants)
        return Grant(gang, {claim: self._take(claim, request) for claim, request in gang.wants.items()})

    def release(self, claim: Claim) -> None:
        """Give back what an attempt held; nothing where it held nothing."""
        self._alone.discard(claim)
        held = self._held.pop(claim, None)
        if held is not None:
            self._free_cpu += held.cpu
            self._free_memory_bytes += held.memory_bytes
            self._free_gpus = sorted([*self._free_gpus, *held.gpus], key=self._machine.gpus.index)

    def hand_over(self, claim: Claim, to: Claim) -> tuple[str, ...] | None:
        """Let another attempt hold what this one held, and return the GPUs; None where it held nothing."""
        held = self._held.pop(claim, None)
        if held is None:
            return None
        self._held[to] = held
        if claim in self._alone:
            self._alone ^= {claim, to}
        return held.gpus

    def excess(self, gang: Gang) -> str:
        """What a gang asks for beyond the machine, as a sentence; empty where it fits."""
        wants = gang.wants.values()
        beyond = [
            f"{asked:g} {unit} of {offered:g}"
            for asked, offered, unit in (
                (sum(want.cpu for want in wants), self._machine.cpu, "CPUs"),
                (sum(want.memory_bytes for want in wants), self._machine.memory_bytes, "bytes of memory"),
                (sum(want.gpu for want in wants), len(self._machine.gpus), "GPUs"),
            )
            if asked > offered
        ]
        return f"Asks for more than this machine has ({', '.join(beyond)})" if beyond else ""

    def _fits(self, gang: Gang) -> bool:
        wants = gang.wants.values()
        return (
            # Sums of floating cores may miss zero by a hair.
            sum(want.cpu for want in wants) <= self._free_cpu + 1e-9
            and sum(want.memory_bytes for want in wants) <= self._free_memory_bytes
            and sum(want.gpu for want in wants) <= len(self._free_gpus)
        )

    def _take(self, claim: Claim, want: ResourceRequest) -> tuple[str, ...]:
        held = _Held(
            cpu=min(want.cpu, self._free_cpu),
            memory_bytes=min(want.memory_bytes, self._free_memory_bytes),
            gpus=tuple(self._free_gpus[: want.gpu]),
        )
        self._held[claim] = held
        self._free_cpu -= held.cpu
        self._free_memory_bytes -= held.memory_bytes
        del self._free_gpus[: want.gpu]
        return held.gpus
