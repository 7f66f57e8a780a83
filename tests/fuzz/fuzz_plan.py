"""Random specs from text to Plan: `python -m tests.fuzz.fuzz_plan [--count 100000] [--seed 0]`.

What must hold for every one: it is refused with a SpecError that names its problems, or its Plan is made, stored and
read back unchanged, and obeys the laws of `check_plan`. tests/property/test_plan_fuzz.py is a short run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random

from pools.config import parse_config
from pools.model import Config
from pools.shipped import MachineResources, shipped_config
from templates.render import render_object
from templates.sandbox_environment import failure, render
from tests.fuzz.random_specs import RandomSpecs
from translator.plan.checks import validate_plan
from translator.plan.context import EarlierWorkflow, PlanContext, UserCredentials
from translator.plan.model import GroupPlan, Plan, TaskPlan, WorkflowId, WorkflowUuid, decode, encode
from translator.plan.resolve import resolve
from translator.plan.variables import pod_variables, task_variables
from translator.problems import Severity, SpecError
from translator.spec.dump import yaml_text
from translator.spec.parse import parse

_UUID = WorkflowUuid("0123456789abcdef0123456789abcdef")
_CLUSTER = b"""
backends: {east: {cluster: {in_cluster: true}}}
pools:
  lab:
    backend: east
    default_platform: cpu
    common_pod_template: [default_ctrl, default_user]
    common_default_variables: {USER_CPU: 1, USER_GPU: 0, USER_MEMORY: 1Gi, USER_STORAGE: 1Gi}
    common_resource_validations: [default_cpu, default_memory, default_storage, default_gpu]
    topology_keys: [{key: zone, label: topology/zone}, {key: rack, label: topology/rack}]
    platforms:
      cpu: {}
      gpu: {privileged_allowed: true, host_network_allowed: true, allowed_mounts: [/data]}
nodes: [{name: n1, allocatable: {cpu: 64, memory: 1Ti, ephemeral-storage: 10Ti, gpu: 8}}]
"""


class _InProcess:
    """The renderer of the sandbox, without its process: nothing here is hostile."""

    def render(self, template: str, variables: Mapping[str, object]) -> str:
        try:
            return render(template, variables)
        except Exception as error:
            raise failure(error) from error


def contexts() -> tuple[PlanContext, ...]:
    """The shipped pool without a server's knowledge, and a cluster's pool with it."""
    machine = MachineResources(cpu_count=8, memory_bytes=32 << 30, storage_bytes=100 << 30)
    cluster: Config = parse_config({"config.yaml": _CLUSTER})
    return (
        PlanContext(config=shipped_config(machine), pool="default", owner="ada"),
        PlanContext(
            config=cluster,
            pool="lab",
            owner="ada",
            earlier_workflows={"old-1": EarlierWorkflow(id="old-1", finished={"x": True})},
            credentials=UserCredentials(generic={"c": frozenset({"k"})}, data_profiles=frozenset({"gs://b"})),
        ),
    )


def one_spec(seed: int, judged_by: Sequence[PlanContext]) -> str:
    """Make, judge and plan one spec; what became of it: `planned`, or the code of its first problem."""
    random = Random(seed)
    source = yaml_text(RandomSpecs(random).document()).encode()
    context = random.choice(judged_by)
    # Most texts hold braces that mean nothing to a template; as rendered ones they get further.
    is_rendered = random.random() < 0.9
    try:
        parsed = parse(source, renderer=_InProcess(), is_rendered=is_rendered)
        warnings = validate_plan(parsed.spec, context, locate=parsed.locate)
    except SpecError as error:
        return _refusal(error)
    assert all(problem.severity is Severity.WARNING for problem in warnings)
    workflow_id = WorkflowId(f"{parsed.spec.name}-1")
    plan = resolve(parsed.spec, context, workflow_id=workflow_id, workflow_uuid=_UUID)
    check_plan(plan)
    stored = encode(plan)
    assert decode(stored) == plan
    assert encode(decode(stored)) == stored
    assert encode(resolve(parsed.spec, context, workflow_id=workflow_id, workflow_uuid=_UUID)) == stored
    return "planned"


def _refusal(error: SpecError) -> str:
    assert error.message
    severities = [problem.severity for problem in error.problems]
    assert severities == sorted(severities)
    assert severities[0] is Severity.ERROR
    return error.problems[0].code


def check_plan(plan: Plan) -> None:
    """The laws of every Plan. Errors: AssertionError."""
    names = [group.name for group in plan.groups]
    tasks = [task for group in plan.groups for task in group.tasks]
    uuids = [group.uuid for group in plan.groups] + [task.uuid for task in tasks]
    assert len({name.lower().replace("_", "-") for name in [*names, *(task.name for task in tasks)]}) == len(uuids)
    assert len(set(uuids)) == len(uuids)
    assert len({task.host for task in tasks}) == len(tasks)
    for place, group in enumerate(plan.groups):
        _check_edges(plan, place, group)
        assert [task.lead for task in group.tasks].count(True) == 1
    for task in tasks:
        _check_task(plan, task)


def _check_edges(plan: Plan, place: int, group: GroupPlan) -> None:
    earlier = {one.name: one for one in plan.groups[:place]}
    assert set(group.upstream) <= set(earlier)
    assert all(group.name in earlier[name].downstream for name in group.upstream)
    later = {one.name: one for one in plan.groups[place + 1 :]}
    assert all(group.name in later[name].upstream for name in group.downstream)


def _check_task(plan: Plan, task: TaskPlan) -> None:
    assert [entry.index for entry in task.inputs] == list(range(len(task.inputs)))
    assert "{{output}}" not in "".join(task.command + task.args).replace("{{{{output}}}}", "")
    assert all(not file.path.startswith("/osmo/data/input") for file in task.files)
    assert task.resources.memory_bytes >= 0
    platform = plan.platforms[task.platform]
    # What was accepted can be rendered: no pod fails for its template later.
    render_object(platform.pod_template, pod_variables(task_variables(task.resources, platform), {}, task.name))


def main() -> int:
    """Run; print what became of the specs; 1 where a law was broken."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--count", type=int, default=100_000)
    arguments.add_argument("--seed", type=int, default=0)
    options = arguments.parse_args()
    judged_by = contexts()
    outcomes: Counter[str] = Counter()
    started = time.monotonic()
    for seed in range(options.seed, options.seed + options.count):
        try:
            outcomes[one_spec(seed, judged_by)] += 1
        except Exception:
            print(f"seed {seed} breaks a law", file=sys.stderr)
            raise
    seconds = time.monotonic() - started
    print(f"{options.count} specs in {seconds:.0f} s")
    for code, count in outcomes.most_common():
        print(f"{count:8} {code}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
