"""A gang of which only a part had begun when the engine was killed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from engine.local import Engine
from engine.ports import Run
from engine.records import AttemptRecord, Stage, write_record
from engine.settings import EngineSettings
from tests.integration.engine_scene import MACHINE, Memory
from translator.lifecycle.facts import Accepted
from translator.lifecycle.reduce import PlanIndex, initial_state, outstanding, reduce
from translator.lifecycle.words import TaskStatus
from translator.plan.model import GroupName, GroupPlan, Plan, TaskName, TaskPlan, WorkflowId, WorkflowUuid

NOW = datetime(2026, 1, 1)
UUID = WorkflowUuid("a" * 32)


def _task(name: str, *, lead: bool) -> TaskPlan:
    return TaskPlan(name=TaskName(name), uuid=name, lead=lead, image="i", command=("true",))


def test_what_had_not_begun_is_lost_with_the_rest(tmp_path: Path) -> None:
    """A gang starts together or not at all: the effect that asks for the group again must not be waited for."""
    group = GroupPlan(name=GroupName("g"), uuid="g", tasks=(_task("lead", lead=True), _task("helper", lead=False)))
    plan = Plan(
        name="half",
        workflow_id=WorkflowId("half-1"),
        workflow_uuid=UUID,
        owner="me",
        pool="default",
        backend="local",
        groups=(group,),
    )
    index = PlanIndex.of(plan)
    state = reduce(index, initial_state(plan, NOW), [Accepted(at=NOW)]).state
    begun = tmp_path / "root" / "runs" / UUID / "helper~0"
    begun.mkdir(parents=True)
    write_record(begun, AttemptRecord(stage=Stage.BEGUN))
    memory = Memory()
    engine = Engine(EngineSettings(root=tmp_path / "root", machine=MACHINE), memory)
    engine.start()
    try:
        run = Run(plan=plan)
        engine.admit(run)
        engine.recover(run, state)
        engine.apply(run, outstanding(index, state))
        ends = [memory.end("helper"), memory.end("lead")]
    finally:
        engine.stop()
    assert [(end.status, end.exit_code) for end in ends] == [(TaskStatus.FAILED_BACKEND_ERROR, 3001)] * 2
