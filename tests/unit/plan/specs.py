"""Specs, configurations and verdicts for the tests of the plan."""

from __future__ import annotations

from textwrap import dedent

from pools.config import parse_config
from pools.model import Config
from pools.shipped import MachineResources, shipped_config
from translator.plan.checks import validate_plan
from translator.plan.context import PlanContext
from translator.plan.model import Plan, TaskName, TaskPlan, WorkflowId, WorkflowUuid
from translator.plan.resolve import resolve
from translator.problems import Problem, SpecError
from translator.spec.model import WorkflowSpec, as_document

Fields = dict[str, object]

WORKFLOW_ID = WorkflowId("wf-7")
WORKFLOW_UUID = WorkflowUuid("0123456789abcdef0123456789abcdef")

CLUSTER = """
    backends: {east: {cluster: {in_cluster: true}, namespace: robots}}
    pools:
      lab:
        backend: east
        default_platform: cpu
        common_pod_template: [default_user]
        common_default_variables: {USER_CPU: 1, USER_GPU: 0, USER_MEMORY: 1Gi, USER_STORAGE: 1Gi}
        common_resource_validations: [default_cpu, default_memory, default_storage, default_gpu]
        topology_keys: [{key: zone, label: topology/zone}, {key: rack, label: topology/rack}]
        platforms:
          cpu: {}
          gpu:
            privileged_allowed: true
            host_network_allowed: true
            allowed_mounts: [/data, /both]
            override_pod_template: [gpu]
    pod_templates:
      gpu:
        spec:
          nodeSelector: {gpu: "1"}
          containers:
          - {name: "{{USER_CONTAINER_NAME}}", volumeMounts: [{name: a, mountPath: /shm}, {name: b, mountPath: /both}]}
    nodes:
    - {name: c1, allocatable: {cpu: 8, memory: 32Gi, ephemeral-storage: 100Gi}}
    - {name: g1, labels: {gpu: "1"}, allocatable: {cpu: 16, memory: 64Gi, ephemeral-storage: 100Gi, gpu: 4}}
    """


def local_config() -> Config:
    """The shipped configuration on a machine of 8 cores and 32 GiB."""
    return shipped_config(MachineResources(cpu_count=8, memory_bytes=32 << 30, storage_bytes=100 << 30))


def cluster_config(*more: str) -> Config:
    """A cluster with pool `lab`; further files add to it."""
    texts = [CLUSTER, *more]
    return parse_config({f"{number}.yaml": dedent(text).encode() for number, text in enumerate(texts)})


def on_cluster(*more: str) -> PlanContext:
    """A submission to pool `lab`; `dataclasses.replace` says more of it."""
    return PlanContext(config=cluster_config(*more), pool="lab", owner="ada")


def on_machine() -> PlanContext:
    """A submission to the shipped pool."""
    return PlanContext(config=local_config(), pool="default", owner="ada")


def task(name: str, **fields: object) -> Fields:
    """A task as a document has it."""
    return {"name": name, "image": "ubuntu:24.04", "command": ["true"], **fields}


def after(name: str, *sources: str) -> Fields:
    """A task with inputs from `sources`."""
    return task(name, inputs=[{"task": source} for source in sources])


def group(name: str, *tasks: Fields, **fields: object) -> Fields:
    """A group as a document has it; its first task leads."""
    return {"name": name, "tasks": [{**tasks[0], "lead": True}, *tasks[1:]], **fields}


def spec(*tasks: Fields, **fields: object) -> WorkflowSpec:
    """A workflow of stand-alone tasks, or of `groups`."""
    listed = {"tasks": list(tasks)} if tasks else {}
    return as_document({"workflow": {"name": "wf", **listed, **fields}}).workflow


def grouped(*groups: Fields, **fields: object) -> WorkflowSpec:
    """A workflow of groups."""
    return spec(groups=list(groups), **fields)


def one(**fields: object) -> WorkflowSpec:
    """A workflow of the one task `t`."""
    return spec(task("t", **fields))


def sized(**resource: object) -> WorkflowSpec:
    """A workflow of the one task `t` with these default resources."""
    return spec(task("t"), resources={"default": resource})


def refusal(workflow: WorkflowSpec, context: PlanContext) -> SpecError:
    """Why the workflow is refused."""
    try:
        warnings = validate_plan(workflow, context)
    except SpecError as error:
        return error
    raise AssertionError(f"accepted, with {warnings}")


def warnings(workflow: WorkflowSpec, context: PlanContext) -> tuple[Problem, ...]:
    """The warnings of a workflow that is accepted."""
    return validate_plan(workflow, context)


def planned(workflow: WorkflowSpec, context: PlanContext) -> Plan:
    """The Plan of a workflow that must be accepted."""
    validate_plan(workflow, context)
    return resolve(workflow, context, workflow_id=WORKFLOW_ID, workflow_uuid=WORKFLOW_UUID)


def planned_task(workflow: WorkflowSpec, context: PlanContext, name: str = "t") -> TaskPlan:
    """One task of that Plan."""
    found = {one.name: one for group in planned(workflow, context).groups for one in group.tasks}
    return found[TaskName(name)]
