"""Why an attempt does not run yet, told from what its backend reported of it.

Everything is in the database, so every process of a gateway answers alike, also after a restart.
Source: the reasons of Kubernetes' scheduler, kubelet and autoscaler; `translator.argo.observe_waiting` for ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.ports.records import EventRecord, GroupRecord, TaskRecord
from pools.nodes import GPU_RESOURCE
from translator.argo.observe_waiting import NOT_CREATED, QUOTA
from translator.lifecycle.words import TaskStatus

_GIB = 1024**3
_FIT = re.compile(r"\d+/(\d+) nodes are available: (.*)", re.DOTALL)
# What the scheduler adds about making room helps nobody who waits.
_ROOM = re.compile(r"\.? *(no new claims to deallocate|preemption: ).*", re.DOTALL)
_LACKING = re.compile(r"(\d+) Insufficient ([\w./-]*\w)")
_IMAGE_WORDS = ("pull image", "pulling image", "ErrImage", "ImagePullBackOff", "InvalidImageName", "inspect image")
_VOLUME_WORDS = ("persistentvolumeclaim", "volume")


class WaitKind(StrEnum):
    """What is waited for."""

    UPSTREAM = "upstream"
    QUOTA = "quota"
    NODE = "node"
    VOLUME = "volume"
    IMAGE = "image"
    CONFIG = "config"
    START = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Why an attempt does not run. Shape: `since` is when this was last reported, None where nobody did."""

    kind: WaitKind
    message: str
    since: datetime | None = None


_BEFORE_RUNNING = (TaskStatus.WAITING, TaskStatus.PROCESSING, TaskStatus.SCHEDULING, TaskStatus.INITIALIZING)
_CLEARING = frozenset({"Scheduled", "Pulled", "Created", "Started"})
_KINDS = {
    QUOTA: WaitKind.QUOTA,
    NOT_CREATED: WaitKind.CONFIG,
    "FailedScheduling": WaitKind.NODE,
    "Unschedulable": WaitKind.NODE,
    "NotReady": WaitKind.NODE,
    "NotTriggerScaleUp": WaitKind.NODE,
    "TriggeredScaleUp": WaitKind.NODE,
    "SchedulingGated": WaitKind.NODE,
    "NetworkNotReady": WaitKind.NODE,
    "FailedCreatePodSandBox": WaitKind.NODE,
    "FailedMount": WaitKind.VOLUME,
    "FailedAttachVolume": WaitKind.VOLUME,
    "FailedMapVolume": WaitKind.VOLUME,
    "Pulling": WaitKind.IMAGE,
    "InspectFailed": WaitKind.IMAGE,
}
_USUAL = {
    TaskStatus.WAITING: "Not begun yet.",
    TaskStatus.PROCESSING: "Its pod is being made.",
    TaskStatus.SCHEDULING: "The scheduler has not chosen a node yet.",
    TaskStatus.INITIALIZING: "Its containers are being started.",
}


def waiting_of(task: TaskRecord, group: GroupRecord, events: Sequence[EventRecord]) -> Waiting | None:
    """Why an attempt does not run; None where it does, or has ended. Shape: `events` are the attempt's, in order."""
    if task.status not in _BEFORE_RUNNING:
        return None
    if group.remaining_upstream:
        names = ", ".join(group.remaining_upstream)
        return Waiting(kind=WaitKind.UPSTREAM, message=f"Waits for {names} to complete.")
    for event in reversed(events):
        if event.reason in _CLEARING:
            break
        kind = _kind(event)
        if kind is not None:
            return Waiting(kind=kind, message=_message(kind, event, task), since=event.at)
    return Waiting(kind=WaitKind.START, message=_USUAL[task.status])


def _kind(event: EventRecord) -> WaitKind | None:
    if event.reason in ("Failed", "BackOff"):
        if any(word in event.message for word in _IMAGE_WORDS):
            return WaitKind.IMAGE
        return WaitKind.CONFIG if event.reason == "Failed" else None
    kind = _KINDS.get(event.reason)
    if event.reason == "FailedScheduling" and any(word in event.message.lower() for word in _VOLUME_WORDS):
        return WaitKind.VOLUME
    return kind


def _message(kind: WaitKind, event: EventRecord, task: TaskRecord) -> str:
    text = " ".join(event.message.split())
    match kind:
        case WaitKind.NODE if (found := _FIT.match(text)) is not None:
            return f"No node fits: {_reasons(_ROOM.sub('', found[2]), found[1], task)}."
        case WaitKind.IMAGE if event.reason == "Pulling":
            return f"{text}."
        case WaitKind.QUOTA:
            return f"The quota of the namespace is used up: {text}"
        case _:
            return text


def _reasons(text: str, total: str, task: TaskRecord) -> str:
    """`2 of 3 nodes lack cpu (8 asked), 1 node(s) had untolerated taint {…}`."""

    def lacking(found: re.Match[str]) -> str:
        asked = _asked(found[2], task)
        return f"{found[1]} of {total} nodes lack {found[2]}{f' ({asked} asked)' if asked else ''}"

    return _LACKING.sub(lacking, text.rstrip(". "))


def _asked(resource: str, task: TaskRecord) -> str:
    amounts = {
        "cpu": f"{task.cpu:g}",
        "memory": f"{task.memory_bytes / _GIB:.3g} GiB",
        "ephemeral-storage": f"{task.storage_bytes / _GIB:.3g} GiB",
        GPU_RESOURCE: str(task.gpu),
    }
    return amounts.get(resource, "")
