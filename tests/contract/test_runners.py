"""What every runner must do. The dummy runner plays the behaviours, the local engine runs programs that have them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from engine.ports import LogLine, Run
from engine.settings import EngineSettings, IsolationChoice
from gateway.mirror.clock import VirtualClock
from gateway.ports.runner import Runner
from gateway.runners.dummy import DummyRunner
from gateway.runners.local import LocalRunner
from tests.integration.engine_scene import MACHINE, Memory
from tests.workplace import START, group, plan
from translator.lifecycle.effects import AnyEffect, CreateGroup, CreateTask, DeleteGroup, RestartInPlace
from translator.lifecycle.facts import Accepted, AnyFact, GroupCleaned, TaskObserved
from translator.lifecycle.reduce import PlanIndex, initial_state, reduce
from translator.lifecycle.state import WorkflowState
from translator.lifecycle.words import TaskStatus as S
from translator.plan.model import GroupName, GroupPlan, TaskName, TaskPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a task does."""

    log: tuple[str, ...] = ()
    exit_code: int = 0
    never_ends: bool = False


@dataclass(slots=True, kw_only=True)
class Bench:
    """A started runner, and what it told."""

    runner: Runner
    memory: Memory
    make: Callable[[], Runner]
    runners: list[Runner] = field(default_factory=list)

    def started(self, *groups: GroupPlan) -> Run:
        """A workflow that is admitted, with all its groups created."""
        made = Run(plan=plan(*groups))
        self.runner.admit(made)
        self.runner.apply(made, [CreateGroup(group=one.name) for one in groups])
        return made

    def apply(self, run: Run, *effects: AnyEffect) -> None:
        """Carry out effects."""
        self.runner.apply(run, effects)

    def ended(self, name: str, retry_id: int = 0) -> TaskObserved:
        """Wait for the end of an attempt."""
        return self.memory.end(name, retry_id)

    def running(self, name: str) -> None:
        """Wait until a task runs and has said its first line."""
        self.memory.wait(lambda: S.RUNNING in self.memory.statuses(name) and self.memory.log(name))

    def cleaned(self, run: Run, times: int = 1) -> None:
        """Wait until every group was told to be clean so many times."""
        for one in run.plan.groups:
            self.memory.wait(lambda name=one.name: len(self.memory.cleaned(name)) >= times)  # type: ignore[misc]


def acting(name: str, behaviour: Behaviour, *, lead: bool = True) -> TaskPlan:
    """A task that does this on any runner: by its program, and by its environment."""
    program = [*(f"echo {shlex.quote(text)}" for text in behaviour.log)]
    program.append("exec sleep 600" if behaviour.never_ends else f"exit {behaviour.exit_code}")
    environment = {"DUMMY_LOG": "\n".join(behaviour.log), "DUMMY_EXIT_CODE": str(behaviour.exit_code)}
    if behaviour.never_ends:
        environment["DUMMY_UNTIL"] = "deleted"
    return TaskPlan(
        name=TaskName(name),
        uuid=f"{name:0>32}",
        lead=lead,
        image="image",
        command=("sh", "-c", "; ".join(program)),
        environment=environment,
    )


def single(name: str, behaviour: Behaviour) -> GroupPlan:
    """A group of one task."""
    return group(name, acting(name, behaviour))


@pytest.fixture(params=["dummy", "local"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Each runner in turn; all that the test starts is stopped."""

    def make() -> Runner:
        if request.param == "dummy":
            return DummyRunner(VirtualClock(START))
        return LocalRunner(
            EngineSettings(
                root=tmp_path / "engines",
                data=(tmp_path / "data").as_uri(),
                isolation=IsolationChoice.PLAIN,
                machine=MACHINE,
                grace_seconds=2.0,
            )
        )

    memory = Memory()
    runner = make()
    runner.start(memory)
    made = Bench(runner=runner, memory=memory, make=make)
    yield made
    for one in (runner, *made.runners):
        one.stop()


def test_success(bench: Bench) -> None:
    """ "exit_code comes with every pod-derived end, also 0"; all lines come before the end."""
    bench.started(single("a", Behaviour(log=("one", "two"))))
    end = bench.ended("a")
    assert (end.status, end.exit_code, end.retry_id) == (S.COMPLETED, 0, 0)
    story = bench.memory.story
    lines = [index for index, told in enumerate(story) if isinstance(told, LogLine) and not told.system]
    assert bench.memory.log("a", 0) == ["one", "two"]
    assert max(lines) < story.index(end)
    words = bench.memory.statuses("a")
    assert S.RUNNING in words
    assert words == sorted(words, key=[S.SCHEDULING, S.INITIALIZING, S.RUNNING, S.COMPLETED].index)


def test_failure(bench: Bench) -> None:
    bench.started(single("a", Behaviour(exit_code=42)))
    end = bench.ended("a")
    assert (end.status, end.exit_code) == (S.FAILED, 42)


def test_times_are_naive_utc(bench: Bench) -> None:
    bench.started(single("a", Behaviour(log=("x",))))
    bench.ended("a")
    times: list[datetime] = [fact.at for _, fact in bench.memory.all_facts if isinstance(fact, TaskObserved)]
    times += [line.at for _, line in bench.memory.all_lines] + [event.at for _, event in bench.memory.all_events]
    assert all(at.tzinfo is None for at in times)


def test_an_effect_twice_is_done_once(bench: Bench) -> None:
    """ "doing an effect twice does no more than doing it once"."""
    run = bench.started(single("a", Behaviour(log=("once",))))
    again = CreateGroup(group=GroupName("a-group"))
    bench.apply(run, again, again)
    bench.runner.admit(run)
    bench.ended("a")
    bench.apply(run, again)
    bench.apply(run, DeleteGroup(group=GroupName("a-group")))
    bench.cleaned(run)
    assert bench.memory.log("a") == ["once"]
    assert len([fact for fact in bench.memory.seen("a") if fact.status.finished]) == 1


def test_a_deleted_group_runs_no_more(bench: Bench) -> None:
    run = bench.started(single("a", Behaviour(log=("up",), never_ends=True)))
    bench.running("a")
    bench.apply(run, DeleteGroup(group=GroupName("a-group")))
    bench.cleaned(run)


def test_deleting_again_is_answered_again(bench: Bench) -> None:
    """Asked for again after a crash, the answer must come again: the first one may be lost."""
    run = bench.started(single("a", Behaviour()))
    bench.ended("a")
    bench.apply(run, DeleteGroup(group=GroupName("a-group")))
    bench.cleaned(run)
    bench.apply(run, DeleteGroup(group=GroupName("a-group"), force=True))
    bench.cleaned(run, times=2)


def test_a_group_that_was_never_created_is_clean(bench: Bench) -> None:
    run = Run(plan=plan(single("a", Behaviour())))
    bench.runner.admit(run)
    bench.apply(run, DeleteGroup(group=GroupName("a-group")))
    bench.cleaned(run)
    assert bench.memory.seen("a") == []


def test_a_new_attempt_starts_from_scratch(bench: Bench) -> None:
    run = bench.started(single("a", Behaviour(log=("try",), exit_code=75)))
    bench.ended("a", 0)
    for _ in range(2):
        bench.apply(run, CreateTask(task=TaskName("a"), retry_id=1))
    end = bench.ended("a", 1)
    assert (end.status, end.exit_code, end.retry_id) == (S.FAILED, 75, 1)
    bench.apply(run, DeleteGroup(group=GroupName("a-group")))
    bench.cleaned(run)
    assert (bench.memory.log("a", 0), bench.memory.log("a", 1)) == (["try"], ["try"])


def test_a_restart_in_place_is_done_once_for_one_cause(bench: Bench) -> None:
    """ "asked for twice with the same pair, it is done once"; retry_id and status stay."""
    lead = acting("lead", Behaviour(log=("lead up",), never_ends=True))
    helper = acting("helper", Behaviour(log=("helper up",), never_ends=True), lead=False)
    run = bench.started(group("g", lead, helper))
    bench.running("lead")
    bench.running("helper")
    restart = RestartInPlace(tasks=(TaskName("helper"),), because_of=TaskName("lead"), retry_id=1)
    for _ in range(2):
        bench.apply(run, restart, CreateTask(task=TaskName("lead"), retry_id=1))
    bench.memory.wait(lambda: len(bench.memory.log("helper")) == 2 and bench.memory.log("lead", 1))
    bench.apply(run, DeleteGroup(group=GroupName("g-group")))
    bench.cleaned(run)
    assert bench.memory.log("helper", 0) == ["helper up", "helper up"]
    assert not any(fact.status.finished for fact in bench.memory.seen("helper"))


def test_workflows_do_not_touch_each_other(bench: Bench) -> None:
    stays = bench.started(single("stays", Behaviour(log=("up",), never_ends=True)))
    goes = bench.started(single("goes", Behaviour(log=("up",), never_ends=True)))
    bench.running("stays")
    bench.running("goes")
    bench.apply(goes, DeleteGroup(group=GroupName("goes-group")))
    bench.cleaned(goes)
    bench.runner.forget(goes)
    assert bench.memory.cleaned("stays-group") == []
    bench.apply(stays, DeleteGroup(group=GroupName("stays-group")))
    bench.cleaned(stays)


def test_what_no_longer_exists_is_reported(bench: Bench) -> None:
    """ "an attempt that is no longer there is reported as FAILED_BACKEND_ERROR, 3001"."""
    run = Run(plan=plan(single("a", Behaviour(never_ends=True)), single("b", Behaviour())))
    bench.runner.admit(run)
    bench.runner.recover(run, _running_state(run, "a"))
    end = bench.ended("a")
    assert (end.status, end.exit_code) == (S.FAILED_BACKEND_ERROR, 3001)
    # The other one was asked for and not seen: it is asked for again, and nothing is reported.
    bench.apply(run, CreateGroup(group=GroupName("b-group")))
    assert bench.ended("b").status is S.COMPLETED


def test_stopping_ends_and_reports_what_runs(bench: Bench) -> None:
    """ "ends local work (TERM, grace, KILL), reports it … it returns when all of that is done"."""
    run = bench.started(single("a", Behaviour(log=("up",), never_ends=True)))
    bench.running("a")
    bench.runner.stop()
    ends = [fact for fact in bench.memory.seen("a") if fact.status.finished]
    assert len(ends) == 1
    assert ends[0].status.failed
    told = len(bench.memory.all_facts)
    bench.runner.apply(run, [CreateTask(task=TaskName("a"), retry_id=1)])
    bench.runner.stop()
    assert len(bench.memory.all_facts) == told


def test_stopping_an_idle_runner(bench: Bench) -> None:
    bench.runner.stop()
    bench.runner.stop()
    assert bench.memory.all_facts == []


def _running_state(run: Run, name: str) -> WorkflowState:
    """The state in which a task runs."""
    facts: list[AnyFact] = [
        Accepted(at=START),
        TaskObserved(task=TaskName(name), retry_id=0, status=S.RUNNING, at=START, node="here"),
    ]
    return reduce(PlanIndex.of(run.plan), initial_state(run.plan, START), facts).state


def test_the_answers_are_facts_of_the_lifecycle(bench: Bench) -> None:
    run = bench.started(single("a", Behaviour()))
    bench.ended("a")
    bench.apply(run, DeleteGroup(group=GroupName("a-group")))
    bench.cleaned(run)
    facts = [Accepted(at=START), *(fact for owner, fact in bench.memory.all_facts if owner == run.plan.workflow_uuid)]
    state = reduce(PlanIndex.of(run.plan), initial_state(run.plan, START), facts).state
    assert state.groups[GroupName("a-group")].cleaned_up
    assert state.status == "COMPLETED"
    assert any(isinstance(fact, GroupCleaned) for fact in facts)
