"""Versions, profile, pools, resources, tasks, configuration, wire rules: api.md §1, §2.1, §2.4, §2.6, §2.11, §6."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.api_support import BASE, HELLO, Api, one_task, running_api
from tests.integration.osmo_shapes import assert_shape

CONFIG = """\
service:
  service_base_url: https://osmo.example/
  cli_config: {latest_version: 6.5.0, min_supported_version: 6.0.0, client_install_url: "https://x/install.sh"}
backends:
  here: {engine: local}
  far: {cluster: {in_cluster: true}}
pools:
  gpu:
    backend: here
    default_platform: a
    resources: {gpu: {guarantee: 3, maximum: -1, weight: 2}}
    default_exit_actions: {RESCHEDULE: "137"}
    topology_keys: [{key: rack, label: topology/rack}]
    platforms:
      a: {description: arms, privileged_allowed: true, allowed_mounts: [/dev/shm]}
  shared: {backend: here, default_platform: a, platforms: {a: {}}}
  away: {backend: far, default_platform: a, platforms: {a: {}}}
  closed: {backend: here, enable_maintenance: true, default_platform: a, platforms: {a: {}}}
nodes:
- name: n1
  backend: here
  allocatable: {cpu: "8", memory: 32Gi, ephemeral-storage: 100Gi, nvidia.com/gpu: "4"}
- name: n2
  backend: here
  allocatable: {cpu: "4", memory: 16Gi, ephemeral-storage: 50Gi}
  unschedulable: true
- name: dummy
  backend: here
  allocatable: {cpu: "16", memory: 64Gi, ephemeral-storage: 200Gi, nvidia.com/gpu: "8"}
"""
GPU_TASK = one_task("burn", stays="RUNNING") + "  resources: {default: {gpu: 2, cpu: 3, memory: 2Gi, storage: 4Gi}}\n"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running_api(tmp_path_factory.mktemp("misc"), config=CONFIG) as running:
        yield running


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running_api(tmp_path_factory.mktemp("default")) as running:
        yield running


class TestMisc:
    def test_health(self, default: Api) -> None:
        assert default.get("/health").json() == {"status": "OK"}

    def test_version_is_all_text(self, default: Api) -> None:
        assert default.get("/api/version").json() == {"major": "6", "minor": "4", "revision": "0", "hash": ""}

    def test_client_version(self, default: Api, api: Api) -> None:
        assert default.get("/client/version").json()["minor"] == "4"
        reply = api.client.get("/client/version", headers={"accept": "text/plain"})
        assert (reply.text, reply.headers["content-type"]) == ("6.5.0", "text/plain; charset=utf-8")

    def test_nobody_need_sign_in(self, default: Api) -> None:
        assert set(default.get("/api/auth/login").json().values()) == {None}

    def test_plugins(self, default: Api) -> None:
        assert_shape("PluginsConfig", default.get("/api/plugins/configs").json())

    def test_metrics(self, default: Api) -> None:
        default.get("/api/version")
        page = default.get("/metrics").text
        assert 'argosmo_http_requests_total{method="GET",route="/api/version",status="200"}' in page
        assert "argosmo_http_request_seconds_bucket" in page
        assert 'argosmo_queue_size{queue="mirror"} 0.0' in page
        assert 'argosmo_workflows{status="RUNNING"} 0.0' in page
        default.accepted(one_task("counted", stays="RUNNING"))
        page = default.get("/metrics").text
        assert 'argosmo_workflows{status="RUNNING"} 1.0' in page
        assert 'argosmo_task_transitions_total{status="RUNNING"} 1.0' in page
        assert "argosmo_mirror_lag_seconds 0.0" in page

    def test_links_below_the_configured_address(self, api: Api) -> None:
        name = api.accepted(pool="shared")
        assert api.workflow(name)["overview"] == f"https://osmo.example/workflows/{name}"


class TestVersionHeaders:
    def test_a_warning_beside_the_reply(self, api: Api) -> None:
        reply = api.client.get("/api/version", headers={"x-osmo-client-version": "6.4.0"})
        assert reply.headers["x-osmo-service-version"] == "6.5.0"
        assert base64.b64decode(reply.headers["x-osmo-warning"]).decode().startswith("WARNING: New client")

    def test_too_old(self, api: Api) -> None:
        reply = api.client.get("/api/users", headers={"x-osmo-client-version": "5.0.0"})
        assert (reply.status_code, reply.json()["error_code"]) == (400, "OSMO_ERROR")

    def test_the_clients_own_version_is_fine_by_default(self, default: Api) -> None:
        reply = default.client.get("/api/version", headers={"x-osmo-client-version": "6.4.0"})
        assert "x-osmo-warning" not in reply.headers


class TestWireRules:
    @pytest.mark.parametrize("path", ["//api/version", "/api//version", "/api/version/", "//health//"])
    def test_slashes(self, default: Api, path: str) -> None:
        assert default.client.get(f"{BASE}{path}").status_code == 200

    @pytest.mark.parametrize("word", ["true", "True", "TRUE", "1", "yes", "on", "t", "Y"])
    def test_true_in_any_spelling(self, default: Api, word: str) -> None:
        assert default.get("/api/pool", all_pools=word).json()["pools"]

    @pytest.mark.parametrize("word", ["false", "False", "0", "no", "off", "F", "n"])
    def test_false_in_any_spelling(self, default: Api, word: str) -> None:
        assert default.get("/api/pool", all_pools=word).json() == {"pools": {}, "node_sets": []}

    def test_a_json_type_with_an_empty_body_is_no_body(self, default: Api) -> None:
        """api.md §1.2 [must]."""
        headers = {"content-type": "application/json", "content-length": "0"}
        reply = default.client.post("/api/pool/default/workflow?workflow_id=never-1", headers=headers)
        assert reply.json()["error_code"] == "DATABASE"

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [("GET", "/", 404), ("GET", "/api/nothing", 404), ("DELETE", "/api/workflow/x", 405), ("PUT", "/health", 405)],
    )
    def test_no_such_route(self, default: Api, method: str, path: str, status: int) -> None:
        reply = default.client.request(method, path, json={"delete": "with body"})
        assert reply.status_code == status
        assert reply.json()["message"]

    def test_request_ids_come_back(self, default: Api) -> None:
        assert default.client.get("/health", headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
        made_up = default.client.get("/health", headers={"x-request-id": "no good\\"}).headers["x-request-id"]
        assert len(made_up) == 32

    @pytest.mark.parametrize("user", ["a b", "x" * 300, "@", "ü", "a;b"])
    def test_names_that_nobody_has(self, default: Api, user: str) -> None:
        reply = default.client.get("/api/profile/settings", headers={"x-osmo-user": user.encode()})
        assert (reply.status_code, reply.json()["error_code"]) == (400, "USER")

    def test_a_body_that_is_too_large(self, tmp_path: Path) -> None:
        with running_api(tmp_path, max_body_bytes=2000) as small:
            reply = small.submit(HELLO + "#" * 3000)
            assert (reply.status_code, reply.json()["error_code"]) == (413, "USER")

    @pytest.mark.parametrize(
        "body", [b"{", b"[" * 100_000, b"\xff\xfe", b'{"file": "\\ud800"}', b'{"file": NaN}', b"null "]
    )
    def test_bodies_that_are_no_json(self, default: Api, body: bytes) -> None:
        reply = default.client.post(
            "/api/pool/default/workflow", content=body, headers={"content-type": "application/json"}
        )
        assert reply.status_code in (400, 422)


class TestProfile:
    def test_first_read_gives_defaults(self, default: Api) -> None:
        found = default.get("/api/profile/settings", "fresh").json()
        assert_shape("ProfileResponse", found)
        assert found == {
            "profile": {"username": "fresh", "email_notification": False, "slack_notification": False, "pool": None},
            "roles": ["osmo-admin"],
            "pools": ["default"],
            "token": None,
        }

    def test_identity_headers(self, api: Api) -> None:
        headers = {"x-osmo-user": "eve", "x-osmo-roles": "osmo-user, osmo-x", "x-osmo-allowed-pools": "gpu,shared"}
        found = api.client.get("/api/profile/settings", headers=headers).json()
        assert (found["roles"], found["pools"]) == (["osmo-user", "osmo-x"], ["gpu", "shared"])

    def test_any_subset_changes(self, default: Api) -> None:
        def change(body: dict[str, Any]) -> dict[str, Any]:
            reply = default.post("/api/profile/settings?set_default_backend=true", body, "carl")
            assert (reply.status_code, reply.text) == (200, "null")
            found: dict[str, Any] = default.get("/api/profile/settings", "carl").json()["profile"]
            return found

        assert change({"pool": "default"})["pool"] == "default"
        assert change({"email_notification": True, "pool": None, "username": "x", "unheard": 1}) == {
            "username": "carl",
            "email_notification": True,
            "slack_notification": False,
            "pool": "default",
        }
        assert change({}) == change({"slack_notification": None})

    def test_a_pool_that_does_not_exist(self, default: Api) -> None:
        reply = default.post("/api/profile/settings", {"pool": "nowhere"})
        assert (reply.status_code, reply.json()["error_code"]) == (400, "USER")


class TestPools:
    def test_minimal(self, api: Api) -> None:
        found = api.get("/api/pool").json()
        assert_shape("MinimalPoolConfig", found)
        assert list(found["pools"]) == ["away", "closed", "gpu", "shared"]
        assert {name: pool["status"] for name, pool in found["pools"].items()} == {
            "away": "OFFLINE",
            "closed": "MAINTENANCE",
            "gpu": "ONLINE",
            "shared": "ONLINE",
        }
        gpu = found["pools"]["gpu"]
        assert gpu["resources"] == {"gpu": {"guarantee": 3, "maximum": -1, "weight": 2}}
        assert gpu["default_exit_actions"] == {"RESCHEDULE": "137"}
        assert gpu["topology_keys"] == [{"key": "rack", "label": "topology/rack"}]
        assert gpu["platforms"]["a"]["privileged_allowed"] is True

    def test_the_only_pool_is_found_in_node_sets(self, default: Api) -> None:
        """api.md §2.6 [ours]: the client submits there without a default pool."""
        names = {
            pool["name"] for node_set in default.get("/api/pool").json()["node_sets"] for pool in node_set["pools"]
        }
        assert names == {"default"}

    def test_named(self, api: Api) -> None:
        assert list(api.get("/api/pool", all_pools="False", pools=["gpu", "unheard"]).json()["pools"]) == ["gpu"]

    def test_quota_numbers_are_texts(self, api: Api) -> None:
        """api.md §2.6 [must] keep strings."""
        name = api.accepted(GPU_TASK, pool="gpu")
        found = api.get("/api/pool_quota").json()
        assert_shape("PoolResponse", found)
        rows = {pool["name"]: pool["resource_usage"] for each in found["node_sets"] for pool in each["pools"]}
        assert rows["gpu"] == {
            "quota_used": "2",
            "quota_free": "1",
            "quota_limit": "3",
            "total_usage": "2",
            "total_capacity": "12",
            "total_free": "10",
        }
        assert rows["shared"]["total_free"] == "10", "pools that share nodes show the same capacity"
        assert found["resource_sum"]["total_capacity"] == "12", "a node set counts once"
        api.post(f"/api/workflow/{name}/cancel", force="True")
        api.settle()


class TestResources:
    def test_nodes(self, api: Api) -> None:
        found = api.get("/api/resources", all_pools="True").json()
        assert_shape("ResourcesResponse", found)
        assert [entry["hostname"] for entry in found["resources"]] == ["dummy", "n1"], "only available ones"
        entry = found["resources"][1]
        assert entry["exposed_fields"] == {
            "node": "n1",
            "pool/platform": ["gpu/a", "shared/a", "closed/a"],
            "storage": "100",
            "cpu": "8",
            "memory": "32",
            "gpu": "4",
        }
        assert entry["allocatable_fields"] == {"cpu": 8, "memory": "33554432Ki", "storage": 107374182400, "gpu": 4}
        assert entry["resource_type"] == "SHARED"
        assert entry["pool_platform_labels"] == {"gpu": ["a"], "shared": ["a"], "closed": ["a"]}
        assert entry["config_fields"]["gpu"]["a"]["allowed_mounts"] == ["/dev/shm"]
        assert entry["platform_allocatable_fields"]["gpu"]["a"]["cpu"] == 8

    def test_use(self, api: Api) -> None:
        name = api.accepted(GPU_TASK, pool="gpu")
        (entry,) = api.get("/api/resources/dummy").json()["resources"]
        assert entry["usage_fields"] == {"cpu": 3, "memory": "2097152Ki", "storage": 4294967296, "gpu": 2}
        api.post(f"/api/workflow/{name}/cancel", force="True")
        api.settle()

    def test_of_pools(self, api: Api) -> None:
        def entries(**params: Any) -> list[list[str]]:
            found = api.get("/api/resources", **params).json()["resources"]
            return [entry["exposed_fields"]["pool/platform"] for entry in found]

        assert entries(pools=["gpu"], platforms=["a"]) == [["gpu/a"], ["gpu/a"]]
        assert entries(pools=["gpu"], platforms=["b"]) == []
        assert entries(pools=["away"]) == []

    def test_concise(self, api: Api) -> None:
        found = api.get("/api/resources", concise="True", pools=["gpu"]).json()
        assert_shape("PoolResourcesResponse", found)
        assert found["pools"][0]["allocatable_fields"]["gpu"] == 12

    def test_only_the_pools_of_the_caller(self, api: Api) -> None:
        found = api.client.get("/api/resources", headers={"x-osmo-allowed-pools": "away"}).json()
        assert found == {"resources": []}

    def test_unknown_node(self, api: Api) -> None:
        """api.md §2.6 [ours]: an empty list."""
        assert api.get("/api/resources/nowhere").json() == {"resources": []}

    def test_this_machine(self, default: Api) -> None:
        (entry,) = default.get("/api/resources").json()["resources"]
        assert int(entry["exposed_fields"]["cpu"]) >= 1
        assert entry["backend"] == "local"


class TestTasks:
    @pytest.fixture(scope="class")
    @staticmethod
    def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
        with running_api(tmp_path_factory.mktemp("tasks"), config=CONFIG) as api:
            api.accepted(one_task("done"), user="alice", pool="shared")
            api.clock.advance_to(api.clock.now().replace(hour=9))
            api.accepted(GPU_TASK, user="alice", pool="gpu", priority="LOW")
            api.accepted(one_task("waits", stays="SCHEDULING"), user="alice", pool="shared")
            api.accepted(one_task("other"), user="bob", pool="shared")
            yield api

    def names(self, api: Api, **params: Any) -> list[str]:
        reply = api.get("/api/task", "alice", all_pools="True", **params)
        assert_shape("ListTaskResponse", reply.json())
        return [entry["task_name"] for entry in reply.json()["tasks"]]

    @pytest.mark.parametrize(
        ("params", "names"),
        [
            ({"order": "DESC"}, ["waits", "burn", "done"]),
            ({}, ["done", "burn", "waits"]),
            ({"limit": 2}, ["burn", "waits"]),
            ({"limit": 2, "order": "DESC", "offset": 1}, ["burn", "done"]),
            ({"limit": 5000}, ["done", "burn", "waits"]),
            ({"statuses": ["RUNNING", "SCHEDULING"]}, ["burn", "waits"]),
            ({"workflow_id": "burn"}, ["burn"]),
            ({"nodes": ["dummy"], "statuses": ["RUNNING"]}, ["burn"]),
            ({"nodes": ["n9"]}, []),
            ({"priority": ["LOW"]}, ["burn"]),
            ({"users": ["bob"]}, ["other"]),
            ({"all_users": "True", "pools": ["gpu"]}, ["other", "done", "burn", "waits"]),
            ({"started_after": "2026-02-12T09:00:00"}, ["burn", "waits"]),
            ({"started_before": "2026-02-12T09:00:00"}, ["done"]),
        ],
    )
    def test_filters(self, listed: Api, params: dict[str, Any], names: list[str]) -> None:
        assert sorted(self.names(listed, **params)) == sorted(names)
        if "all_users" not in params:
            assert self.names(listed, **params) == names

    def test_entry(self, listed: Api) -> None:
        (entry,) = listed.get("/api/task", "alice", pools="gpu").json()["tasks"]
        expected = {
            "storage": 4.0,
            "cpu": 3,
            "memory": 2.0,
            "gpu": 2,
            "priority": "LOW",
            "pool": "gpu",
            "node": "dummy",
        }
        assert {key: entry[key] for key in expected} == expected
        assert entry["duration"] is not None

    def test_summary(self, listed: Api) -> None:
        found = listed.get("/api/task", "alice", all_pools="True", summary="True").json()
        assert_shape("ListTaskSummaryResponse", found)
        assert [(row["pool"], row["gpu"], row["cpu"]) for row in found["summaries"]] == [
            ("gpu", 2, 3),
            ("shared", 0, 0),
        ]

    def test_aggregate(self, listed: Api) -> None:
        found = listed.get("/api/task", "alice", all_pools="True", aggregate_by_workflow="True", summary="True").json()
        assert_shape("ListTaskAggregatedResponse", found)
        assert [row["workflow_id"] for row in found["summaries"]] == ["burn-1", "done-1", "waits-1"]

    @pytest.mark.parametrize(
        ("params", "status", "code"),
        [
            ({"limit": 0, "all_pools": 1}, 400, "USER"),
            ({"offset": -1, "all_pools": 1}, 400, "USAGE"),
            ({}, 400, "USER"),
            ({"statuses": "PENDING"}, 422, None),
        ],
    )
    def test_refusals(self, listed: Api, params: dict[str, Any], status: int, code: str | None) -> None:
        reply = listed.get("/api/task", **params)
        assert (reply.status_code, reply.json().get("error_code")) == (status, code)


class TestConfigFiles:
    def test_changes_are_read_and_the_last_good_state_is_kept(self, tmp_path: Path) -> None:
        """design §9: reloaded when it changes, last good kept."""
        with running_api(tmp_path, config=CONFIG) as api:
            file = tmp_path / "config" / "config.yaml"

            def change(text: str) -> dict[str, Any]:
                file.write_text(text)
                # Not only the size: a change of the same length within the clock's resolution must show, too.
                os.utime(file, ns=(0, file.stat().st_mtime_ns + 10**9))
                api.gateway.services.config.look_now()
                found: dict[str, Any] = api.get("/api/argosmo/v1/config/status").json()
                return found

            assert api.get("/api/argosmo/v1/config/status").json() == {"in_use": True, "problems": []}
            broken = change("pools: {gpu: {backend: nowhere}}\n")
            assert broken["in_use"] is False
            assert "nowhere" in broken["problems"][0]["message"]
            assert broken["problems"][0]["file"] == "config.yaml"
            assert "gpu" in api.get("/api/pool").json()["pools"]
            assert change(CONFIG.replace("closed:", "opened:"))["in_use"] is True
            assert "opened" in api.get("/api/pool").json()["pools"]
