"""Uuids and hosts. Source: workflow-spec.md §4.2; design §8."""

from __future__ import annotations

import re

from translator.plan.identity import cluster_host, group_uuid, loopback_hosts, task_uuid
from translator.plan.model import WorkflowUuid

UUID = WorkflowUuid("0" * 32)


def test_uuids_follow_from_the_workflow_and_the_name() -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", task_uuid(UUID, "a"))
    assert task_uuid(UUID, "a") == task_uuid(UUID, "a")
    others = {task_uuid(UUID, "a"), task_uuid(UUID, "b"), group_uuid(UUID, "a"), task_uuid(WorkflowUuid("1" * 32), "a")}
    assert len(others) == 4


def test_cluster_hosts() -> None:
    assert cluster_host("t", "g", namespace="n", cluster_domain="c.d") == "t.osmo-g.n.svc.c.d"


def test_loopback_addresses_are_distinct_and_usable() -> None:
    """'127.x.y.z, never 127.0.0.1/.0/.255'."""
    uuids = [task_uuid(UUID, f"t{number}") for number in range(5000)]
    hosts = loopback_hosts(uuids)
    assert len(set(hosts.values())) == 5000
    for host in hosts.values():
        first, second, third, last = map(int, host.split("."))
        assert (first, 1 <= second <= 254, 0 <= third <= 255, 1 <= last <= 254) == (127, True, True, True)


def test_a_taken_address_gives_the_next_one() -> None:
    same = [f"{number * 254 * 256 * 254:032x}" for number in range(3)]
    assert list(loopback_hosts(same).values()) == ["127.1.0.1", "127.1.0.2", "127.1.0.3"]
    last = f"{254 * 256 * 254 - 1:032x}"
    assert loopback_hosts([last])[last] == "127.254.255.254"
