"""What the dummy runner does beyond the contract of all runners (tests/contract/test_runners.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.runners.dummy_script import scripts_from
from tests.workplace import group, plan, task, workplace
from translator.lifecycle.words import TaskStatus as S
from translator.lifecycle.words import WorkflowStatus as W
from translator.plan.model import TaskName


def test_durations_are_on_the_clock(tmp_path: Path) -> None:
    with workplace(tmp_path, scripts_from({"a": [{"seconds": 30}]})) as place:
        uuid = place.submit(group("a"))
        place.advance(29)
        assert place.statuses(uuid) == {"a": [S.RUNNING]}
        place.advance(1)
        assert place.statuses(uuid) == {"a": [S.COMPLETED]}


def test_one_waits_for_another(tmp_path: Path) -> None:
    scripts = scripts_from(
        {"lead": [{"after": ["helper FAILED"]}], "helper": [{"exit": 75}, {"exit": 3, "after": ["lead RUNNING"]}]}
    )
    with workplace(tmp_path, scripts) as place:
        helper = task("helper", lead=False, reschedule=((75, 75),), max_retries=1)
        uuid = place.submit(group("g", task("lead"), helper))
        assert place.statuses(uuid) == {"lead": [S.COMPLETED], "helper": [S.RESCHEDULED, S.FAILED]}
        assert place.record(uuid).status is W.COMPLETED


@pytest.mark.parametrize(
    ("environment", "status", "exit_code"),
    [
        ({"DUMMY_EXIT_CODE": "7"}, W.FAILED, 7),
        ({"DUMMY_STATUS": "FAILED_PREEMPTED"}, W.FAILED_PREEMPTED, 3006),
        ({"DUMMY_STATUS": "FAILED_EVICTED"}, W.FAILED_EVICTED, 3004),
        ({"DUMMY_STATUS": "FAILED_IMAGE_PULL"}, W.FAILED, 301),
        ({}, W.COMPLETED, 0),
    ],
)
def test_a_task_says_itself_what_is_played(
    tmp_path: Path, environment: dict[str, str], status: W, exit_code: int
) -> None:
    with workplace(tmp_path) as place:
        uuid = place.submit(group("g", task("t", environment=environment)))
        assert place.record(uuid).status is status
        assert place.state(uuid).attempts[TaskName("t")][0].exit_code == exit_code


def test_what_cannot_be_created(tmp_path: Path) -> None:
    scripts = scripts_from({"a": [{"creation_error": "no room"}], "b": [{"exit": 75}, {"creation_error": "gone"}]})
    with workplace(tmp_path, scripts) as place:
        uuid = place.submit(group("a"), group("b", task("b", reschedule=((75, 75),), max_retries=1)))
        first, second = (place.state(uuid).attempts[TaskName(name)][-1] for name in "ab")
        assert (first.status, first.exit_code) == (S.FAILED_SERVER_ERROR, 3002)
        assert (second.status, second.exit_code, second.retry_id) == (S.FAILED_BACKEND_ERROR, 3001, 1)


def test_a_status_that_is_never_left_ends_by_its_timer(tmp_path: Path) -> None:
    """§5.7: start timeout "INITIALIZING … RUNNING … FAILED_START_TIMEOUT (3005), 30 min"."""
    with workplace(tmp_path, scripts_from({"a": [{"stays": "INITIALIZING"}]})) as place:
        uuid = place.submit_plan(plan(group("a")))
        place.advance(1799)
        assert place.statuses(uuid) == {"a": [S.INITIALIZING]}
        place.advance(1)
        assert place.statuses(uuid) == {"a": [S.FAILED_START_TIMEOUT]}
