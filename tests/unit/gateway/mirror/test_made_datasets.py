"""Facts of stored outputs as versions to be written down."""

from __future__ import annotations

from msgspec.structs import replace

from gateway.mirror.made_datasets import made_versions
from gateway.ports.datasets import MadeBy
from tests.workplace import group, moment, plan, task
from translator.lifecycle.facts import DatasetMade, TaskObserved, Tick
from translator.lifecycle.words import TaskStatus
from translator.plan.model import DatasetOutput, Plan, TaskName

OUTPUT = DatasetOutput(index=1, dataset="d", location="s3://b/d", labels={"k": "v"}, metadata={"n": 1})


def with_dataset() -> Plan:
    """A workflow whose task has a dataset as its second output."""
    return plan(group("g", replace(task("t"), datasets=(OUTPUT,))))


def ended(made: int = 1, retry_id: int = 0, task: str = "t") -> TaskObserved:
    """The end of an attempt that stored an output."""
    return TaskObserved(
        task=TaskName(task),
        retry_id=retry_id,
        status=TaskStatus.COMPLETED,
        at=moment(5),
        exit_code=0,
        made=(DatasetMade(output=made, manifest="ab" * 32, files=2, size=3),),
    )


def test_a_version_has_what_the_plan_and_the_fact_say() -> None:
    """'linked to workflow, task, attempt'."""
    this = with_dataset()
    (found,) = made_versions(this, [Tick(at=moment(1)), ended()], set())
    made_by = MadeBy(workflow_uuid=this.workflow_uuid, workflow_id=this.workflow_id, task="t", retry_id=0, output=1)
    assert (found.dataset, found.made_by, found.new.made_by) == ("d", made_by, made_by)
    new = found.new
    assert (new.manifest, new.location, new.files, new.size) == ("ab" * 32, "s3://b/d", 2, 3)
    assert (new.created_by, new.created_at, new.labels, new.metadata) == (this.owner, moment(5), {"k": "v"}, {"n": 1})


def test_each_is_told_once() -> None:
    """Facts may come twice; another attempt is another version."""
    this = with_dataset()
    found = made_versions(this, [ended(), ended(), ended(retry_id=1)], set())
    assert [version.made_by.retry_id for version in found] == [0, 1]
    assert made_versions(this, [ended()], {found[0].made_by}) == ()


def test_what_is_no_output_of_the_plan_is_left_out() -> None:
    """A pod's last words are the task's to write."""
    assert made_versions(with_dataset(), [ended(made=0), ended(task="x")], set()) == ()
