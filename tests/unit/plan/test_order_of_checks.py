"""'First failure wins': the steps of workflow-spec.md §1.2 after the schema, each with message, class and record.

One submission has everything wrong; its faults are repaired in the order of the table, and each repair must bring the
next row to light. Steps 3 to 6 are in tests/unit/spec/test_parse.py, 1, 4 and 18 in test_api_submit.py.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import pytest

from pools.config import parse_config
from tests.unit.plan.specs import Fields, refusal, spec, task, warnings
from translator.plan.checks import check_user_limits
from translator.plan.context import EarlierWorkflow, PlanContext, UserCredentials, UserLoad
from translator.plan.model import Priority
from translator.problems import ErrorCode, SpecError
from translator.spec.model import WorkflowSpec

CONFIG = """
backends:
  plain: {cluster: {in_cluster: true}, scheduler_settings: {supports_priority: false}}
pools:
  odd:
    backend: plain
    enable_maintenance: true
    common_default_variables: {USER_CPU: 1, USER_GPU: 0, USER_MEMORY: 1Gi, USER_STORAGE: 1Gi}
    common_resource_validations: [default_cpu, default_memory]
    resources: {gpu: {guarantee: 4, maximum: 8}}
    topology_keys: [{key: zone, label: topology/zone}, {key: rack, label: topology/rack}]
    platforms: {p: {}}
nodes:
- {name: n1, backend: plain, allocatable: {cpu: 8, memory: 32Gi, ephemeral-storage: 100Gi, gpu: 8}}
workflow:
  max_num_tasks: 12
  user_workflow_limits: {max_num_workflows: 2}
  labels_config: {pod_label_prefix: x.io/, policy: [{key: cost, enforcement: enforce}]}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A row of the table. Shape: `number` also names the fault that leads to it."""

    number: str
    message: str
    error_code: ErrorCode
    row: bool = False


STEPS = [
    Step(number="2 pool", message="Pool mars not found.", error_code=ErrorCode.USER),
    Step(number="7 input", message="Task input nobody does not exist.", error_code=ErrorCode.SUBMISSION),
    Step(
        number="8 platform",
        message="Resource unused does not have a platform!",
        error_code=ErrorCode.RESOURCE,
    ),
    Step(
        number="8 topology key",
        message='Topology key "row" in resource "unused" is not available in pool "odd".',
        error_code=ErrorCode.SUBMISSION,
    ),
    Step(number="8 resource", message="Requesting undefined resource none.", error_code=ErrorCode.RESOURCE),
    Step(
        number="8 names",
        message="Multiple tasks/groups have the same name a-group",
        error_code=ErrorCode.USAGE,
    ),
    Step(number="9 task count", message="Workflow cannot have more than 12 tasks.", error_code=ErrorCode.USER),
    Step(
        number="10 prefix",
        message="Label key y.io/team with the configured pod label prefix x.io/ forms an invalid Kubernetes label key",
        error_code=ErrorCode.USAGE,
    ),
    Step(number="10 policy", message="Workflow is missing required label 'cost'.", error_code=ErrorCode.USAGE),
    Step(
        number="11 name length",
        message=f"Name {'w' * 65} is too long. It must be 64 characters or less.",
        error_code=ErrorCode.USER,
        row=True,
    ),
    Step(
        number="12 earlier task",
        message="Task nobody of workflow old-1 not found.",
        error_code=ErrorCode.DATABASE,
        row=True,
    ),
    Step(
        number="12 unfinished",
        message="Input tasks from previous workflows must be finished: old-1:open",
        error_code=ErrorCode.SUBMISSION,
        row=True,
    ),
    Step(number="13 maintenance", message="Pool odd is in maintenance", error_code=ErrorCode.USAGE),
    Step(number="14 priority", message="Backend plain does not support priorities", error_code=ErrorCode.USAGE),
    Step(
        number="15 gpus",
        message="Pool odd has 4 GPUs guaranteed",
        error_code=ErrorCode.USAGE,
        row=True,
    ),
    Step(
        number="16 topology sets",
        message="Topology validation failed: All tasks must use the same topology keys",
        error_code=ErrorCode.RESOURCE,
        row=True,
    ),
    Step(
        number="16 platform",
        message="Platform moon does not exist in pool odd!",
        error_code=ErrorCode.RESOURCE,
        row=True,
    ),
    Step(
        number="16 static",
        message="Resource validation failed for task: static\nAssertion failed for task static: Value 0Gi needs to be",
        error_code=ErrorCode.USER,
        row=True,
    ),
    Step(
        number="16 privileged",
        message="Task with platform: p does not have privileged flag enabled. Task privileged",
        error_code=ErrorCode.RESOURCE,
        row=True,
    ),
    Step(
        number="16 nodes",
        message="Resource validation failed for task: nodes",
        error_code=ErrorCode.RESOURCE,
        row=True,
    ),
    Step(
        number="17 image",
        message="Could not parse docker image Bad Image. Please provide a valid image.",
        error_code=ErrorCode.CREDENTIAL,
        row=True,
    ),
    Step(number="17 url", message="Unknown URI scheme: ftp", error_code=ErrorCode.USAGE, row=True),
    Step(
        number="17 credential",
        message="Could not find the credential: wandb.",
        error_code=ErrorCode.CREDENTIAL,
        row=True,
    ),
]


def submission(faults: AbstractSet[str]) -> tuple[WorkflowSpec, PlanContext]:
    """A workflow and its surroundings with just these faults."""

    def either(fault: str, wrong: object, right: object) -> object:
        return wrong if fault in faults else right

    inputs = {"7 input": "nobody", "12 earlier task": "old-1:nobody", "12 unfinished": "old-1:open"}
    tasks: list[Fields] = [
        task("a", inputs=[{"task": source} for fault, source in inputs.items() if fault in faults]),
        task(str(either("8 names", "a-group", "b")), resource=either("8 resource", "none", "default")),
        task("gpus", resource=either("15 gpus", "gpus", "default")),
        task("zone", resource="zone"),
        task("rack", resource=either("16 topology sets", "rack", "zone")),
        task("platform", resource=either("16 platform", "moon", "default")),
        task("static", resource=either("16 static", "nothing", "default")),
        task("privileged", privileged="16 privileged" in faults),
        task("nodes", resource=either("16 nodes", "huge", "default")),
        task(
            "last",
            image=either("17 image", "Bad Image", "ubuntu"),
            outputs=[{"url": either("17 url", "ftp://x", "s3://b")}],
            credentials={"wandb": "/d"} if "17 credential" in faults else {},
        ),
        *(task(f"more{number}") for number in range(10) if "9 task count" in faults),
    ]
    resources: Fields = {
        "default": {"platform": "p"},
        "unused": {
            **({} if "8 platform" in faults else {"platform": "p"}),
            "topology": [{"key": either("8 topology key", "row", "zone")}],
        },
        "gpus": {"platform": "p", "gpu": 5},
        "zone": {"platform": "p", "topology": [{"key": "zone"}]},
        "rack": {"platform": "p", "topology": [{"key": "rack"}]},
        "moon": {"platform": "moon"},
        "nothing": {"platform": "p", "memory": "0Gi"},
        "huge": {"platform": "p", "cpu": 999},
    }
    labels = {
        **({} if "10 policy" in faults else {"cost": "1"}),
        **({"y.io/team": "arms"} if "10 prefix" in faults else {}),
    }
    workflow = spec(*tasks, name=either("11 name length", "w" * 65, "w"), resources=resources, labels=labels)
    context = PlanContext(
        config=parse_config({"a.yaml": CONFIG.encode()}),
        pool=str(either("2 pool", "mars", "odd")),
        owner="ada",
        roles=frozenset() if "13 maintenance" in faults else frozenset({"osmo-admin"}),
        priority=Priority.HIGH if "14 priority" in faults else Priority.NORMAL,
        earlier_workflows={"old-1": EarlierWorkflow(id="old-1", finished={"open": False})},
        credentials=UserCredentials(),
        load=UserLoad(workflows=2, tasks=0),
    )
    return workflow, context


@pytest.mark.parametrize("place", [pytest.param(place, id=step.number) for place, step in enumerate(STEPS)])
def test_first_failure_wins(place: int) -> None:
    """Everything that comes later in the table is wrong too, and is listed behind it."""
    step, later = STEPS[place], {each.number for each in STEPS[place:]}
    error = refusal(*submission(later))
    assert error.message.startswith(step.message)
    assert (error.error_code, error.records_submission) == (step.error_code, step.row)
    if step.number != "2 pool":
        assert len(error.problems) >= len(later)


@pytest.mark.parametrize("step", [pytest.param(step, id=step.number) for step in STEPS])
def test_each_failure_alone(step: Step) -> None:
    error = refusal(*submission({step.number}))
    assert error.message.startswith(step.message)
    assert (error.error_code, error.records_submission) == (step.error_code, step.row)


def test_without_faults_only_the_limits_of_the_user_are_left() -> None:
    """'18: if validation_only: return'; '19: per-user limits', 400 USER, no row."""
    workflow, context = submission(frozenset())
    assert warnings(workflow, context) == ()
    with pytest.raises(SpecError) as refused:
        check_user_limits(workflow, context)
    error = refused.value
    assert error.message == "User ada cannot submit more than 2 ongoing workflows."
    assert (error.error_code, error.records_submission) == (ErrorCode.USER, False)
