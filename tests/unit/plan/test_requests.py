"""Requests in base units. Source: workflow-spec.md §2.9, §7.3, §7.6, §10.6."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.plan.specs import on_cluster, on_machine, planned, planned_task, sized, spec, task
from translator.plan.model import ResourceRequest, Topology
from translator.plan.variables import group_variables, pod_variables, task_variables


def test_defaults_of_the_pool() -> None:
    assert planned_task(spec(task("t")), on_machine()).resources == ResourceRequest(
        cpu=1, gpu=0, memory_bytes=1 << 30, storage_bytes=1 << 30
    )


@pytest.mark.parametrize(
    ("memory", "memory_bytes", "requested"),
    [
        ("10G", 10 << 30, "10G"),
        ("10GiB", 10 << 30, "10GiB"),
        ("1.5Gi", 3 << 29, "1.5Gi"),
        ("2048", 2048, "2.0Ki"),
        ("4194304m", 4096, "4194304m"),
        (2048, 2048, "2.0Ki"),
    ],
)
def test_amounts_are_binary(memory: object, memory_bytes: int, requested: str) -> None:
    """'G equals Gi; no unit = bytes, rewritten as <float>Ki'."""
    made = planned_task(sized(memory=memory), on_machine()).resources
    assert (made.memory_bytes, made.requested_memory) == (memory_bytes, requested)


def test_what_was_asked() -> None:
    made = planned_task(sized(cpu=2, gpu="1.0", storage="5Gi", nodesExcluded=["n1"]), on_machine()).resources
    assert (made.cpu, made.gpu, made.requested_cpu, made.requested_gpu) == (2, 1, 2, 1)
    assert (made.storage_bytes, made.requested_storage, made.nodes_excluded) == (5 << 30, "5Gi", ("n1",))


def test_zero_is_not_requested() -> None:
    """'A requested 0 counts as not requested'."""
    made = planned_task(sized(cpu=0, gpu=0), on_machine()).resources
    assert (made.cpu, made.requested_cpu, made.requested_gpu) == (1, None, None)


def test_resources_written_in_a_task_mean_nothing() -> None:
    """'`resources`: internal; accepted but overwritten by the resource named in `resource`; `backend`: overwritten.'"""
    made = planned_task(spec(task("t", resources={"cpu": 4, "memory": "2Gi"}, backend="moon")), on_machine())
    assert (made.resources.cpu, made.resources.memory_bytes) == (1, 1 << 30)
    named = spec(task("t", resources={"cpu": 4}, resource="big"), resources={"big": {"cpu": 2}})
    assert planned_task(named, on_machine()).resources.cpu == 2


def test_platform_variables_win_over_the_pools() -> None:
    text = """
    pools:
      p: {backend: east, default_platform: x, common_default_variables: {USER_CPU: 2, USER_MEMORY: 3Gi},
          platforms: {x: {default_variables: {USER_CPU: "4.5", USER_GPU: nonsense}}}}
    """
    made = planned_task(spec(task("t")), replace(on_cluster(text), pool="p")).resources
    assert (made.cpu, made.gpu, made.memory_bytes, made.storage_bytes) == (4.5, 0, 3 << 30, 0)


def test_the_largest_amount_fits_in_the_stored_plan() -> None:
    made = planned_task(sized(memory="9" * 30 + "T"), on_machine()).resources
    assert made.memory_bytes == 2**63 - 1


def test_topology_goes_from_coarse_to_fine() -> None:
    topology = [{"key": "rack", "requirementType": "preferred"}, {"key": "zone", "group": "a"}]
    made = planned_task(sized(topology=topology), on_cluster()).resources
    assert made.topology == (
        Topology(key="zone", label="topology/zone", group="a"),
        Topology(key="rack", label="topology/rack", required=False),
    )


def test_variables_of_a_planned_task() -> None:
    """Templates see the request again, in Kubernetes' units, with the WF_* variables of the labels."""
    plan = planned(sized(memory="10G", cpu=2), on_cluster())
    made = plan.groups[0].tasks[0]
    variables = task_variables(made.resources, plan.platforms[made.platform])
    assert (variables["USER_MEMORY"], variables["USER_STORAGE"]) == ("10G", "1Gi")
    pod = pod_variables(variables, {"osmo.task_name": "t"}, "My_Task")
    assert (pod["USER_MEMORY"], pod["USER_CPU"], pod["WF_TASK_NAME"], pod["WF_SUBMITTED_BY"]) == ("10Gi", 2, "t", "")
    assert pod["USER_CONTAINER_NAME"] == "my-task"
    assert group_variables({"osmo.group_uuid": "g"})["WF_GROUP_UUID"] == "g"


def test_cache_sizes_are_kept_per_task() -> None:
    workflow = spec(task("a", cacheSize="5Gi"), task("b", cacheSize="10%"), task("c"))
    made = [group.tasks[0].resources.cache_size for group in planned(workflow, on_machine()).groups]
    assert made == ["5Gi", "10%", ""]
