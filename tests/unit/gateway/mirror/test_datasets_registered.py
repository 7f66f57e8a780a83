"""The mirror gives what tasks stored a version: once, with the state that says that they have ended."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from gateway.mirror.clock import VirtualClock
from gateway.ports.datasets import VersionFilter
from gateway.runners.dummy import DummyRunner
from gateway.runners.dummy_script import scripts_from
from tests.workplace import START, Workplace, group, moment, task, workplace
from translator.lifecycle.facts import DatasetMade, TaskObserved
from translator.lifecycle.words import TaskStatus
from translator.plan.model import DatasetOutput, GroupPlan, TaskName

OUTPUT = DatasetOutput(index=0, dataset="d", location="s3://b/d")


def storing() -> GroupPlan:
    """A group whose task has a dataset as its output."""
    return group("a", replace(task("a"), datasets=(OUTPUT,)))


def ended(retry_id: int = 0, status: TaskStatus = TaskStatus.COMPLETED) -> TaskObserved:
    """The end of an attempt that stored it."""
    made = DatasetMade(output=0, manifest="ab" * 32, files=1, size=2)
    return TaskObserved(task=TaskName("a"), retry_id=retry_id, status=status, at=moment(5), exit_code=0, made=(made,))


def versions(place: Workplace) -> list[tuple[int, str, int]]:
    """Number, workflow and attempt of all versions."""
    with place.store.reading() as reads:
        found = reads.dataset_versions(VersionFilter(), ("", 0), 10)
    return [(one.version, one.made_by.task, one.made_by.retry_id) for one in found if one.made_by is not None]


def test_it_is_registered_once(tmp_path: Path) -> None:
    """'exactly once (idempotent by workflow, task, attempt, output index)'; repeated facts write nothing."""
    clock, script = VirtualClock(START), scripts_from({"a": [{"seconds": 100}]})
    with workplace(tmp_path, clock=clock, runner=DummyRunner(clock, script)) as place:
        uuid = place.submit(storing(), group("b", after=["a"]))
        assert versions(place) == []
        place.mirror.facts(uuid, [ended(), ended()])
        place.settle()
        assert versions(place) == [(1, "a", 0)]
        assert place.statuses(uuid)["a"] == [TaskStatus.COMPLETED]
        saved = place.mirror.counts()["saved"]
        place.mirror.facts(uuid, [ended()])
        place.settle()
        assert place.mirror.counts()["saved"] == saved


def test_it_is_registered_once_over_a_restart(tmp_path: Path) -> None:
    """'replaying everything from the start gives the same rows'."""
    clock, script = VirtualClock(START), scripts_from({"a": [{"seconds": 100}], "b": [{"until": "deleted"}]})
    markers = tmp_path / "world"
    with workplace(tmp_path, clock=clock, runner=DummyRunner(clock, script, markers)) as place:
        uuid = place.submit(storing(), group("b"))
        place.mirror.facts(uuid, [ended()])
        place.settle()
    with workplace(tmp_path, clock=clock, runner=DummyRunner(clock, script, markers)) as place:
        place.mirror.facts(uuid, [ended()])
        place.settle()
        assert versions(place) == [(1, "a", 0)]


def test_late_words_count(tmp_path: Path) -> None:
    """An attempt that was taken for lost may have stored its output all the same."""
    clock, script = VirtualClock(START), scripts_from({"a": [{"seconds": 100}], "b": [{"until": "deleted"}]})
    with workplace(tmp_path, clock=clock, runner=DummyRunner(clock, script)) as place:
        uuid = place.submit(storing(), group("b"))
        lost = replace(ended(status=TaskStatus.FAILED_BACKEND_ERROR), made=(), exit_code=3001)
        place.mirror.facts(uuid, [lost])
        place.settle()
        place.mirror.facts(uuid, [ended()])
        place.settle()
        assert versions(place) == [(1, "a", 0)]
        assert place.statuses(uuid)["a"] == [TaskStatus.FAILED_BACKEND_ERROR]
