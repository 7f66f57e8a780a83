"""The default configuration. Source: design §10, api.md §8.4, §3.4."""

from __future__ import annotations

from pools.references import reference_findings
from pools.shipped import MachineResources, shipped_config

CONFIG = shipped_config(MachineResources(cpu_count=8, memory_bytes=32 << 30, storage_bytes=100 << 30, gpu_count=1))


def test_it_is_sound() -> None:
    assert reference_findings(CONFIG) == []


def test_one_pool_on_this_machine() -> None:
    pool = CONFIG.pools["default"]
    assert CONFIG.backend_of(pool).is_local
    assert (pool.default_platform, list(pool.platforms)) == ("default", ["default"])
    assert pool.common_default_variables == {
        "USER_CPU": 1,
        "USER_GPU": 0,
        "USER_MEMORY": "1Gi",
        "USER_STORAGE": "1Gi",
    }
    assert CONFIG.nodes is not None
    assert CONFIG.nodes[0].allocatable.gpu == 1


def test_limits() -> None:
    assert (CONFIG.workflow.max_num_tasks, CONFIG.workflow.max_retry_per_task) == (5000, 3)


def test_default_rules_have_osmos_messages() -> None:
    messages = [rule.assert_message for rule in CONFIG.policies["default", "default"].assertions]
    assert "Value {{USER_CPU}} too high for CPU" in messages
    assert "Value {{USER_MEMORY}} needs to be greater than 0 for memory" in messages


def test_default_roles() -> None:
    immutable = {name: role.immutable for name, role in CONFIG.roles.items()}
    assert immutable == {
        "osmo-admin": True,
        "osmo-user": False,
        "osmo-backend": True,
        "osmo-ctrl": True,
        "osmo-default": True,
    }
