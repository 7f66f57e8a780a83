"""Cancel. Source: workflow-spec.md §5.8 and §10.23, checklist 11.17."""

from __future__ import annotations

import pytest

from tests.unit.lifecycle.plans import Story, group, moment, plan, seen, task
from translator.lifecycle.effects import DeleteGroup, Seal
from translator.lifecycle.facts import Accepted
from translator.lifecycle.reduce import outstanding
from translator.lifecycle.words import TaskStatus as S
from translator.lifecycle.words import WorkflowStatus as W
from translator.plan.model import GroupName

G = GroupName("g")


@pytest.mark.parametrize("status", [S.SCHEDULING, S.INITIALIZING, S.RUNNING])
@pytest.mark.parametrize("force", [False, True])
def test_cancel_of_a_created_group(status: S, force: bool) -> None:
    """'sends FAILED_CANCELED to every unfinished group'; 'pods deleted (grace 0 with force)'."""
    story = Story(plan(group("g", task("lead", lead=True), task("helper")))).happen(seen("lead", status, 1))
    story.cancel(at=20, message="wrong data", force=force)
    text = "Task was canceled by user: bob. wrong data"
    for name in ("lead", "helper"):
        attempt = story.task(name)
        assert (attempt.status, attempt.failure_message, attempt.exit_code) == (S.FAILED_CANCELED, text, None)
        assert attempt.end_time == moment(20)
    assert (story.group("g").status, story.group("g").failure_message) == (S.FAILED_CANCELED, text)
    assert (story.state.status, story.state.end_time) == (W.FAILED_CANCELED, moment(20))
    assert (story.state.cancelled_by, story.state.cancel_message) == ("bob", "wrong data")
    assert story.effects == (DeleteGroup(group=G, force=force),)


def test_text_without_a_message() -> None:
    story = Story(plan(group("g"))).runs("g-task").cancel()
    assert story.group("g").failure_message == "Task was canceled by user: bob."


def test_group_in_processing_is_postponed() -> None:
    """'Group in PROCESSING: postponed 1 min unless force.'"""
    story = Story(plan(group("g"))).cancel(at=20, message="stop")
    assert (story.group("g").status, story.group("g").cancel_due) == (S.PROCESSING, moment(80))
    assert (story.state.status, story.state.cancelled_by, story.effects) == (W.PENDING, "bob", ())
    assert story.tick(79).group("g").status is S.PROCESSING
    story.tick(80)
    assert story.group("g").failure_message == "Task was canceled by user: bob. stop"
    assert (story.group("g").status, story.group("g").cancel_due) == (S.FAILED_CANCELED, None)
    assert story.effects == (DeleteGroup(group=G),)


def test_forced_cancel_is_not_postponed() -> None:
    story = Story(plan(group("g"))).cancel(force=True)
    assert story.group("g").status is S.FAILED_CANCELED
    assert story.effects == (DeleteGroup(group=G, force=True),)
    postponed = Story(plan(group("g"))).cancel(at=20).cancel(at=25, force=True)
    assert postponed.group("g").status is S.FAILED_CANCELED


def test_postponed_group_goes_on_until_it_is_due() -> None:
    """It keeps its minute when it leaves PROCESSING and when the user asks again; an end in between counts."""
    story = Story(plan(group("g"))).cancel(at=20).runs("g-task", at=21).cancel(at=30)
    assert (story.group("g").status, story.group("g").cancel_due) == (S.RUNNING, moment(80))
    ended = Story(plan(group("g"))).cancel(at=20).runs("g-task", at=21).ends("g-task", at=22).tick(100)
    assert ended.group("g").status is S.COMPLETED
    assert story.tick(80).group("g").status is S.FAILED_CANCELED


def test_all_unfinished_groups_are_canceled() -> None:
    """§10.23 'CANCELED for all unfinished', also downstream of a canceled one."""
    groups = [group("done"), group("g"), group("next", after=["g"]), group("last", after=["next"])]
    story = Story(plan(*groups)).runs("done-task", "g-task").ends("done-task").cancel()
    assert story.group("done").status is S.COMPLETED
    for name in ("g", "next", "last"):
        assert story.group(name).status is S.FAILED_CANCELED
        assert story.task(f"{name}-task").status is S.FAILED_CANCELED
    assert [story.group(name).cleaned_up for name in ("g", "next", "last")] == [False, True, True]
    assert story.state.status is W.FAILED_CANCELED


def test_dependents_of_a_postponed_group_never_start() -> None:
    story = Story(plan(group("g"), group("next", after=["g"]))).cancel(at=20)
    assert (story.group("g").status, story.group("next").status) == (S.PROCESSING, S.FAILED_CANCELED)
    story.runs("g-task", at=21).ends("g-task", at=22)
    assert (story.group("next").status, story.state.status) == (S.FAILED_CANCELED, W.FAILED_CANCELED)


def test_cancel_before_start() -> None:
    """'A workflow canceled before its worker processed it never starts.'"""
    story = Story(plan(group("g"), group("next", after=["g"])), accepted=False).cancel(at=1)
    assert (story.state.status, story.state.end_time) == (W.FAILED_CANCELED, moment(1))
    assert list(story.effects) == [Seal()]
    before = story.state
    assert story.happen(Accepted(at=moment(2))).state is before
    assert story.effects == ()


def test_cancel_of_a_finished_workflow_does_nothing() -> None:
    story = Story(plan(group("g"))).runs("g-task").ends("g-task")
    before = story.state
    assert story.cancel().state is before
    assert story.effects == ()


@pytest.mark.parametrize("clean", [False, True])
def test_force_on_a_finished_workflow_cleans_again(clean: bool) -> None:
    """'force is also allowed on finished workflows and re-sends clean-up.'"""
    story = Story(plan(group("g"), group("never", after=["g"]))).runs("g-task").ends("g-task", 1)
    if clean:
        story.cleaned("g")
    ended = story.state
    story.cancel(force=True)
    assert story.effects == (DeleteGroup(group=G, force=True),)
    assert (story.state.status, story.state.cancelled_by) == (W.FAILED, None)
    assert (story.state.groups, story.state.attempts) == (ended.groups, ended.attempts)


def test_force_hurries_the_clean_up_of_groups_that_ended_before() -> None:
    story = Story(plan(group("done"), group("clean"), group("g"))).runs("done-task", "clean-task", "g-task")
    story.ends("done-task").ends("clean-task").cleaned("clean").cancel(force=True)
    assert set(story.effects) == {
        DeleteGroup(group=GroupName("done"), force=True),
        DeleteGroup(group=G, force=True),
    }


def test_force_is_remembered_for_clean_ups_that_are_asked_for_again() -> None:
    story = Story(plan(group("g"))).runs("g-task").cancel().cancel(force=True)
    assert outstanding(story.index, story.state) == (DeleteGroup(group=G, force=True),)


def test_first_user_stays() -> None:
    story = Story(plan(group("g"))).cancel(user="bob", message="a", at=20).cancel(user="eve", message="b", at=21)
    assert (story.state.cancelled_by, story.state.cancel_message) == ("bob", "a")
    assert story.tick(100).group("g").failure_message == "Task was canceled by user: bob. a"


def test_nothing_is_created_again_in_a_group_about_to_be_canceled() -> None:
    story = Story(plan(group("g"))).cancel()
    assert outstanding(story.index, story.state) == ()
    assert outstanding(story.index, story.tick(500).state) == (DeleteGroup(group=G),)
