"""Effects that a state still calls for: what a process does first when it takes over a workflow."""

from __future__ import annotations

from tests.unit.lifecycle.plans import Story, group, plan, rule, seen, task
from translator.lifecycle.effects import CreateGroup, CreateTask, DeleteGroup, RestartInPlace, Seal
from translator.lifecycle.facts import Accepted, CancelRequested, GroupCleaned
from translator.lifecycle.reduce import outstanding
from translator.lifecycle.words import TaskStatus as S
from translator.plan.model import ExitAction, GroupName, TaskName

G = GroupName("g")


def rescheduling(*, ignore: bool = True) -> Story:
    """Two running tasks, code 42 reschedules."""
    rules = (rule(ExitAction.RESCHEDULE, (42, 42)),)
    lead, helper = task("lead", lead=True, rules=rules, max_retries=5), task("helper", rules=rules, max_retries=5)
    return Story(plan(group("g", lead, helper, ignore_nonlead_status=ignore))).runs("lead", "helper")


def test_nothing_before_acceptance() -> None:
    story = Story(plan(group("g")), accepted=False)
    assert outstanding(story.index, story.state) == ()


def test_a_group_is_created_until_all_its_first_attempts_were_seen() -> None:
    story = Story(plan(group("g", task("lead", lead=True), task("helper")), group("next", after=["g"])))
    assert outstanding(story.index, story.state) == (CreateGroup(group=G),)
    story.happen(seen("helper", S.SCHEDULING, 1))
    assert outstanding(story.index, story.state) == (CreateGroup(group=G),)
    story.happen(seen("lead", S.SCHEDULING, 2))
    assert outstanding(story.index, story.state) == ()


def test_an_attempt_is_created_until_it_was_seen() -> None:
    story = rescheduling().ends("lead", 42)
    assert outstanding(story.index, story.state) == (
        RestartInPlace(tasks=(TaskName("helper"),), because_of=TaskName("lead"), retry_id=1),
        CreateTask(task=TaskName("lead"), retry_id=1),
    )
    story.happen(seen("lead", S.SCHEDULING, 20, retry_id=1))
    assert outstanding(story.index, story.state) == ()


def test_an_ignored_helper_restarts_nobody() -> None:
    story = rescheduling().ends("helper", 42)
    assert outstanding(story.index, story.state) == (CreateTask(task=TaskName("helper"), retry_id=1),)


def test_ended_groups_are_cleaned_and_the_workflow_sealed() -> None:
    story = Story(plan(group("g"), group("next", after=["g"]))).runs("g-task").ends("g-task", 1)
    assert outstanding(story.index, story.state) == (DeleteGroup(group=G),)
    story.cleaned("g")
    assert outstanding(story.index, story.state) == (Seal(),)


def test_effects_that_later_facts_overtook_are_not_asked_for() -> None:
    """A whole history applied at once must not create what is long gone."""
    story = Story(plan(group("g"), group("next", after=["g"])), accepted=False)
    of = story.state.submit_time
    story.happen(
        Accepted(at=of),
        seen("g-task", S.RUNNING, 1),
        seen("g-task", S.COMPLETED, 2, exit_code=0),
        GroupCleaned(group=G, at=of),
    )
    assert story.effects == (CreateGroup(group=GroupName("next")),)


def test_a_restart_is_wanted_although_the_new_attempt_was_seen() -> None:
    """A runner may start the new attempt by itself; the others must restart all the same."""
    story = rescheduling()
    story.happen(seen("lead", S.FAILED, 10, exit_code=42), seen("lead", S.SCHEDULING, 11, retry_id=1))
    assert story.effects == (RestartInPlace(tasks=(TaskName("helper"),), because_of=TaskName("lead"), retry_id=1),)


def test_only_the_last_of_two_reschedules_is_asked_for() -> None:
    story = rescheduling()
    story.happen(seen("lead", S.FAILED, 10, exit_code=42), seen("lead", S.FAILED, 11, exit_code=42, retry_id=1))
    assert story.effects == (
        RestartInPlace(tasks=(TaskName("helper"),), because_of=TaskName("lead"), retry_id=2),
        CreateTask(task=TaskName("lead"), retry_id=2),
    )


def test_no_restart_when_nobody_is_left_to_restart() -> None:
    story = rescheduling()
    story.happen(seen("lead", S.FAILED, 10, exit_code=42), seen("helper", S.COMPLETED, 11, exit_code=0))
    assert story.effects == (CreateTask(task=TaskName("lead"), retry_id=1),)


def test_an_end_overtakes_restart_and_creation() -> None:
    story = rescheduling()
    cancel = CancelRequested(user="bob", at=story.state.submit_time)
    story.happen(seen("lead", S.FAILED, 10, exit_code=42), cancel)
    assert story.effects == (DeleteGroup(group=G),)


def test_a_forced_clean_up_is_asked_for_although_the_group_is_clean() -> None:
    story = Story(plan(group("g"))).runs("g-task").ends("g-task").cleaned("g").cancel(force=True)
    assert story.effects == (DeleteGroup(group=G, force=True),)
    assert outstanding(story.index, story.state) == (Seal(),)
