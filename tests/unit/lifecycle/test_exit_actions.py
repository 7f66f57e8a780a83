"""Exit actions, from the table of cases that the wrapper shares. Source: workflow-spec.md §5.4."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.unit.lifecycle.plans import Story, group, plan, rule, task
from translator.lifecycle.effects import CreateTask
from translator.lifecycle.exit_actions import after_exit_action, matching_action
from translator.lifecycle.facts import CancelRequested, GroupCreationFailed
from translator.lifecycle.transitions import Ending
from translator.lifecycle.words import TaskStatus as S
from translator.plan.model import ExitAction, ExitRule, GroupName, TaskName


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the shared table."""

    name: str
    exit_rules: tuple[ExitRule, ...]
    default_exit_rules: tuple[ExitRule, ...]
    max_retries: int
    retry_id: int
    reported: S
    exit_code: int | None
    reported_message: str
    action: ExitAction | None
    status: S
    message: str


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shared table."""

    about: str
    cases: tuple[Case, ...]


CASES = msgspec.json.decode((Path(__file__).parents[2] / "data" / "exit_actions.json").read_bytes(), type=Table).cases


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_shared_case(case: Case) -> None:
    """'action = first entry of task.exitActions whose ranges contain exit_code or first matching entry of
    pool.default_exit_actions', in the order FAIL, COMPLETE, RESCHEDULE."""
    of = task("t", rules=case.exit_rules, pool_rules=case.default_exit_rules, max_retries=case.max_retries)
    reported = Ending(status=case.reported, message=case.reported_message, exit_code=case.exit_code)
    expected = Ending(status=case.status, message=case.message, exit_code=case.exit_code)
    assert after_exit_action(of, case.retry_id, reported) == expected
    if case.exit_code is not None:
        assert matching_action(of, case.exit_code) is case.action


def test_names_of_cases_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("status", [S.FAILED_CANCELED, S.FAILED_EXEC_TIMEOUT, S.FAILED_QUEUE_TIMEOUT])
def test_not_applied_to_cancel_and_timeouts(status: S) -> None:
    """'Not applied to cancel, timeouts, upstream, server error.'"""
    of = task("t", rules=(rule(ExitAction.COMPLETE, (0, 9999)),))
    reported = Ending(status=status, exit_code=137)
    assert after_exit_action(of, 0, reported) == reported


def test_complete_on_non_zero_keeps_the_true_code() -> None:
    """A COMPLETED task shows the code that the command returned."""
    story = Story(plan(group("g", task("t", lead=True, rules=(rule(ExitAction.COMPLETE, (1, 9)),)))))
    story.runs("t").ends("t", 4)
    assert (story.task("t").status, story.task("t").exit_code) == (S.COMPLETED, 4)
    assert story.group("g").status is S.COMPLETED


def test_reschedule_begins_a_new_attempt() -> None:
    """'old row -> RESCHEDULED; new row, retry_id + 1, PROCESSING; group stays RUNNING; exec timer not reset'."""
    story = Story(plan(group("g", task("t", lead=True, rules=(rule(ExitAction.RESCHEDULE, (4, 4)),), max_retries=1))))
    story.runs("t")
    before = story.group("g")
    story.ends("t", 4, message="bad luck.")
    old, new = story.attempts("t")
    assert old.status is S.RESCHEDULED
    assert old.exit_code == 4
    assert old.failure_message == "bad luck. Exit Action: RESCHEDULE the task for exit code 4."
    assert (new.retry_id, new.status, new.processing_start_time) == (1, S.PROCESSING, old.end_time)
    assert (new.exit_code, new.start_time, new.end_time) == (None, None, None)
    assert story.group("g") == before
    assert story.effects == (CreateTask(task=TaskName("t"), retry_id=1),)
    story.runs("t", at=11).ends("t", 4, at=12)
    assert story.task("t").failure_message == "No exit action applied due to retry limit 1."
    assert story.group("g").status is S.FAILED


def test_service_made_ends_take_no_action() -> None:
    """A group that could not be created is no exit of a program."""
    of = task("t", lead=True, rules=(rule(ExitAction.RESCHEDULE, (0, 9999)),), max_retries=9)
    story = Story(plan(group("g", of)))
    failed = GroupCreationFailed(group=GroupName("g"), message="quota", at=story.state.submit_time)
    assert story.happen(failed).task("t").status is S.FAILED_SERVER_ERROR
    canceled = Story(plan(group("g", of))).runs("t")
    canceled.happen(CancelRequested(user="bob", at=canceled.state.submit_time))
    assert canceled.task("t").status is S.FAILED_CANCELED
