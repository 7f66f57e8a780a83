"""Why a task waits, told from events as schedulers, kubelets and Argo write them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gateway.ports.records import EventRecord, GroupRecord, TaskRecord
from gateway.services.waiting import Waiting, WaitKind, waiting_of
from translator.lifecycle.words import TaskStatus
from translator.plan.model import GroupName, TaskName

NOON = datetime(2026, 1, 1, 12)
GIB = 1024**3


def task(status: TaskStatus) -> TaskRecord:
    return TaskRecord(
        name=TaskName("t"),
        uuid="u",
        group=GroupName("g"),
        lead=True,
        retry_id=0,
        status=status,
        exit_code=None,
        failure_message=None,
        processing_start_time=None,
        scheduling_start_time=None,
        initializing_start_time=None,
        input_download_start_time=None,
        input_download_end_time=None,
        start_time=None,
        output_upload_start_time=None,
        end_time=None,
        node_name=None,
        pod_name=None,
        pod_ip=None,
        cpu=4,
        gpu=2,
        memory_bytes=96 * GIB,
        storage_bytes=10 * GIB,
    )


def group(*upstream: str) -> GroupRecord:
    return GroupRecord(
        name=GroupName("g"),
        uuid="g",
        status=TaskStatus.WAITING,
        failure_message=None,
        remaining_upstream=tuple(map(GroupName, upstream)),
        downstream=(),
        processing_start_time=None,
        scheduling_start_time=None,
        initializing_start_time=None,
        start_time=None,
        end_time=None,
        cleaned_up=False,
    )


def waiting(status: TaskStatus, *events: tuple[str, str], upstream: tuple[str, ...] = ()) -> Waiting | None:
    records = [
        EventRecord(
            number=number,
            at=NOON + timedelta(seconds=number),
            task=TaskName("t"),
            retry_id=0,
            reason=reason,
            message=message,
        )
        for number, (reason, message) in enumerate(events)
    ]
    return waiting_of(task(status), group(*upstream), records)


@pytest.mark.parametrize("status", [TaskStatus.RUNNING, TaskStatus.COMPLETED, TaskStatus.FAILED_IMAGE_PULL])
def test_what_runs_or_has_ended_does_not_wait(status: TaskStatus) -> None:
    assert waiting(status, ("FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu.")) is None


def test_other_groups_come_first() -> None:
    found = waiting(TaskStatus.WAITING, upstream=("data", "train"))
    assert found == Waiting(kind=WaitKind.UPSTREAM, message="Waits for data, train to complete.")


@pytest.mark.parametrize(
    ("reason", "message", "kind", "says"),
    [
        (
            "FailedScheduling",
            "0/3 nodes are available: 2 Insufficient cpu, 1 Insufficient nvidia.com/gpu, 3 Insufficient memory. "
            "no new claims to deallocate, preemption: 0/3 nodes are available: 3 No preemption victims found.",
            WaitKind.NODE,
            "No node fits: 2 of 3 nodes lack cpu (4 asked), 1 of 3 nodes lack nvidia.com/gpu (2 asked), "
            "3 of 3 nodes lack memory (96 GiB asked).",
        ),
        (
            "FailedScheduling",
            "0/2 nodes are available: 1 node(s) had untolerated taint {robots: only}, 1 node(s) didn't match Pod's "
            "node affinity/selector. preemption: not helpful",
            WaitKind.NODE,
            "No node fits: 1 node(s) had untolerated taint {robots: only}, 1 node(s) didn't match Pod's node "
            "affinity/selector.",
        ),
        (
            "FailedScheduling",
            "0/1 nodes are available: 1 Insufficient example.com/fpga.",
            WaitKind.NODE,
            "example.com/fpga.",
        ),
        (
            "FailedScheduling",
            "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
            WaitKind.VOLUME,
            "unbound immediate",
        ),
        ("NotReady", "Job is not ready for scheduling. Waiting for 2 pods", WaitKind.NODE, "Waiting for 2 pods"),
        ("TriggeredScaleUp", "pod triggered scale-up: [{pool 1->2}]", WaitKind.NODE, "scale-up"),
        ("FailedMount", 'MountVolume.SetUp failed for volume "x": secret "y" not found', WaitKind.VOLUME, 'secret "y"'),
        ("Pulling", 'Pulling image "a:1"', WaitKind.IMAGE, 'Pulling image "a:1".'),
        ("Failed", 'Failed to pull image "a:1": not found', WaitKind.IMAGE, "not found"),
        ("BackOff", 'Back-off pulling image "a:1"', WaitKind.IMAGE, "a:1"),
        ("Failed", 'Error: secret "x" not found', WaitKind.CONFIG, 'secret "x"'),
        ("FailedCreatePodSandBox", "no addresses left", WaitKind.NODE, "no addresses"),
        (
            "ExceededQuota",
            'pods "x" is forbidden: exceeded quota: q',
            WaitKind.QUOTA,
            "quota of the namespace is used up",
        ),
        ("FailedCreate", 'pods "x" is forbidden: webhook', WaitKind.CONFIG, "webhook"),
    ],
)
def test_a_reason_is_told(reason: str, message: str, kind: WaitKind, says: str) -> None:
    found = waiting(TaskStatus.SCHEDULING, (reason, message))
    assert found is not None
    assert found.kind is kind
    assert says in found.message
    assert found.since == NOON


def test_the_newest_reason_counts() -> None:
    found = waiting(TaskStatus.SCHEDULING, ("ExceededQuota", "exceeded quota"), ("FailedScheduling", "no node"))
    assert found is not None
    assert (found.kind, found.since) == (WaitKind.NODE, NOON + timedelta(seconds=1))


def test_what_was_overcome_is_no_reason_any_more() -> None:
    found = waiting(TaskStatus.INITIALIZING, ("FailedScheduling", "no node"), ("Scheduled", "to node-1"))
    assert found == Waiting(kind=WaitKind.START, message="Its containers are being started.")


@pytest.mark.parametrize("status", [TaskStatus.WAITING, TaskStatus.PROCESSING, TaskStatus.SCHEDULING])
def test_without_a_report_it_is_said_what_is_next(status: TaskStatus) -> None:
    found = waiting(status, ("SomethingNew", "of no meaning"))
    assert found is not None
    assert found.kind is WaitKind.START
    assert found.message
