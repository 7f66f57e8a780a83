"""What a run calls for at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from translator.argo.observe_run import SeenPod
from translator.plan.model import GroupName


@dataclass(frozen=True, slots=True, kw_only=True)
class PodDeletion:
    """A pod that is to be deleted. Units: seconds of grace."""

    name: str
    uid: str
    grace_seconds: int

    @classmethod
    def of(cls, one: SeenPod, grace_seconds: float) -> PodDeletion:
        """The deletion of a pod that was seen."""
        return cls(name=one.name, uid=one.pod.metadata.uid, grace_seconds=int(grace_seconds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chores:
    """What is to be done. Shape: `cleaned` are to be told when all the rest is done."""

    deletions: Sequence[PodDeletion] = ()
    shutdowns: Sequence[str] = ()
    removals: Sequence[str] = ()
    cleaned: Sequence[GroupName] = ()
    look_again: bool = False
