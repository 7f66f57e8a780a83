"""Lists, details, cancel, tags, restart, connecting: api.md §2.8, §2.10, workflow-spec.md §5.8, §5.9."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.api_support import BASE, HELLO, Api, one_task, running_api
from tests.integration.osmo_shapes import assert_shape

CONFIG = """\
backends:
  here: {engine: local, dashboard_url: "https://kube.example/", grafana_url: "https://graf.example/d/1?orgId=1"}
  far: {cluster: {in_cluster: true}}
pools:
  default: {backend: here, default_platform: cpu, platforms: {cpu: {}}}
  other: {backend: here, default_platform: cpu, platforms: {cpu: {}}}
  remote: {backend: far, default_platform: cpu, platforms: {cpu: {}}}
workflow:
  workflow_data: {base_url: "https://data.example/w/"}
  workflow_info: {tags: [keep, drop]}
  plugins_config: {rsync: {enabled: true}}
  max_retry_per_task: 2
"""
TWO_GROUPS = """\
workflow:
  name: two
  tasks:
  - {name: good, image: i, command: [echo]}
  - {name: bad, image: i, command: [echo], inputs: [{task: good}], environment: {DUMMY_EXIT_CODE: '3'}}
  - {name: after, image: i, command: [echo], inputs: [{task: bad}]}
"""
RETRIED = """\
workflow:
  name: retried
  tasks:
  - name: t
    image: i
    command: [echo]
    environment: {DUMMY_EXIT_CODE: '7,0'}
    exitActions: {RESCHEDULE: '7'}
"""
GANG = """\
workflow:
  name: gang
  groups:
  - name: g
    tasks:
    - {name: lead, lead: true, image: i, command: [echo], environment: {DUMMY_STAYS: RUNNING}}
    - {name: side, image: i, command: [echo], environment: {DUMMY_STAYS: INITIALIZING}}
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running_api(tmp_path_factory.mktemp("workflows"), config=CONFIG) as running:
        yield running


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Api]:
    with running_api(tmp_path, config=CONFIG) as running:
        yield running


class TestDetail:
    def test_shape(self, api: Api) -> None:
        for text in (HELLO, TWO_GROUPS, GANG, one_task("waits", stays="SCHEDULING")):
            assert_shape("WorkflowQueryResponse", api.workflow(api.accepted(text)))

    def test_values_of_a_finished_workflow(self, fresh: Api) -> None:
        fresh.accepted(HELLO, user="alice")
        found = fresh.workflow("hello-1")
        url = f"{BASE}/api/workflow/hello-1"
        expected: dict[str, Any] = {
            "name": "hello-1",
            "submitted_by": "alice",
            "cancelled_by": None,
            "spec": f"{url}/spec",
            "template_spec": f"{url}/spec?use_template=true",
            "logs": f"{url}/logs?last_n_lines=1000",
            "events": f"{url}/events",
            "overview": f"{BASE}/workflows/hello-1",
            "submit_time": "2026-02-12T08:38:57.123456",
            "end_time": "2026-02-12T08:38:57.123456",
            "queued_time": 0.0,
            "duration": 0.0,
            "exec_timeout": 5184000.0,
            "status": "COMPLETED",
            "outputs": "https://data.example/w/hello-1",
            "pool": "default",
            "backend": "here",
            "plugins": {"rsync": True},
            "priority": "NORMAL",
            "labels": {},
            "warnings": [],
            "tags": [],
            "dashboard_url": "https://kube.example/#/search?namespace=argo&q=hello-1",
        }
        assert {key: found[key] for key in expected} == expected
        assert found["grafana_url"].startswith(
            "https://graf.example/d/1?orgId=1&var-namespace=argo&var-workflow=hello-1"
        )
        assert len(found["uuid"]) == 32

    def test_times_are_naive_utc(self, api: Api) -> None:
        """api.md §1.4: no `Z`, no offset."""
        text = api.get(f"/api/workflow/{api.accepted()}").text
        assert 'Z"' not in text
        assert "+00:00" not in text

    def test_groups_and_tasks(self, fresh: Api) -> None:
        fresh.accepted(TWO_GROUPS)
        groups = {group["name"]: group for group in fresh.workflow("two-1")["groups"]}
        assert list(groups) == ["good-group", "bad-group", "after-group"]
        assert [group["status"] for group in groups.values()] == ["COMPLETED", "FAILED", "FAILED_UPSTREAM"]
        assert groups["good-group"]["downstream_groups"] == ["bad-group"]
        assert groups["after-group"]["remaining_upstream_groups"] == ["bad-group"]
        (bad,) = groups["bad-group"]["tasks"]
        url = f"{BASE}/api/workflow/two-1"
        assert bad["exit_code"] == 3
        assert bad["logs"] == f"{url}/logs?task_name=bad&retry_id=0"
        assert bad["events"] == f"{url}/events?task_name=bad&retry_id=0"
        assert bad["error_logs"] == f"{url}/error_logs?task_name=bad&retry_id=0"
        assert bad["lead"] is True
        assert groups["after-group"]["tasks"][0]["error_logs"] is None

    def test_every_attempt_only_when_verbose(self, fresh: Api) -> None:
        """api.md §2.8: tasks are sorted by name, then retry descending."""
        fresh.accepted(RETRIED)

        def attempts(**params: Any) -> list[tuple[int, str]]:
            (group,) = fresh.workflow("retried-1", **params)["groups"]
            return [(task["retry_id"], task["status"]) for task in group["tasks"]]

        assert attempts() == [(1, "COMPLETED")]
        assert attempts(verbose="False") == [(1, "COMPLETED")]
        assert attempts(verbose="True") == [(1, "COMPLETED"), (0, "RESCHEDULED")]

    def test_without_groups(self, api: Api) -> None:
        assert api.workflow(api.accepted(), skip_groups="True")["groups"] == []

    def test_by_uuid_everywhere(self, api: Api) -> None:
        """api.md §11: resolve UUID to id first, everywhere."""
        workflow_id = api.accepted(one_task("found", exit_code="1"))
        uuid = api.workflow(workflow_id)["uuid"]
        assert api.workflow(uuid)["name"] == workflow_id
        for path in ("task/found", "logs", "events", "error_logs", "spec"):
            assert api.get(f"/api/workflow/{uuid}/{path}").status_code == 200
        assert api.post(f"/api/workflow/{uuid}/cancel", force="True").json() == {"name": workflow_id}
        assert api.post(f"/api/pool/default/workflow/{uuid}/restart").status_code == 200

    @pytest.mark.parametrize(
        "path", ["", "/logs", "/events", "/error_logs", "/spec", "/task/t", "/logs?task_name=t", "/events?task_name=t"]
    )
    @pytest.mark.parametrize("name", ["never-1", "0" * 32, "%20", "a" * 5000, "ü", "hello-1%3b--"])
    def test_unknown(self, api: Api, name: str, path: str) -> None:
        """api.md §1.5: a missing workflow, task or group is DATABASE with status 400."""
        reply = api.client.get(f"/api/workflow/{name}{path}")
        assert (reply.status_code, reply.json()["error_code"]) == (400, "DATABASE")

    @pytest.mark.parametrize(
        "path",
        ["task/none", "logs?task_name=none", "events?task_name=none", "error_logs?task_name=none"]
        + [f"{kind}?task_name=hello&retry_id={retry}" for kind in ("logs", "events") for retry in (1, -1, 10**30)],
    )
    def test_unknown_task_or_attempt(self, api: Api, path: str) -> None:
        reply = api.client.get(f"/api/workflow/{api.accepted()}/{path}")
        assert (reply.status_code, reply.json()["error_code"]) == (400, "DATABASE")

    def test_task(self, api: Api) -> None:
        text = one_task("sized") + "  resources: {default: {cpu: 1, memory: 1536Mi, storage: 3Gi}}\n"
        workflow_id = api.accepted(text)
        found = api.get(f"/api/workflow/{workflow_id}/task/sized").json()
        assert_shape("TaskEntry", found)
        assert (found["cpu"], found["memory"], found["storage"], found["gpu"]) == (1, 1.5, 3.0, 0)
        assert (found["status"], found["node"]) == ("COMPLETED", "dummy")


class TestList:
    @pytest.fixture(scope="class")
    @staticmethod
    def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
        with running_api(tmp_path_factory.mktemp("list"), config=CONFIG) as api:
            rows: list[tuple[str, str, str, dict[str, Any]]] = [
                ("alice", "default", "train_a", {"label": ["team=red", "stage=one"], "priority": "LOW"}),
                ("alice", "other", "train-b", {"label": "team=blue"}),
                ("bob@x.org", "default", "sim", {"app_uuid": "a" * 32, "app_version": 3}),
                ("bob@x.org", "default", "broken", {}),
            ]
            for number, (user, pool, name, params) in enumerate(rows):
                api.accepted(one_task(name, exit_code=str(number // 3)), user=user, pool=pool, **params)
                api.clock.advance_to(api.clock.now().replace(minute=number, second=0, microsecond=0, hour=9))
            api.post("/api/workflow/sim-1/tag", add="keep")
            api.submit(HELLO.replace("image:", "imag:"), user="alice")
            yield api

    ALL = ["train_a-1", "train-b-1", "sim-1", "broken-1"]

    def names(self, api: Api, user: str = "alice", **params: Any) -> list[str]:
        reply = api.get("/api/workflow", user, **params)
        assert reply.status_code == 200, reply.text
        assert_shape("src__service__core__workflow__objects__ListResponse", reply.json())
        return [entry["name"] for entry in reply.json()["workflows"]]

    @pytest.mark.parametrize(
        ("params", "names"),
        [
            ({}, ["train_a-1", "train-b-1"]),
            ({"all_users": "1"}, ALL),
            ({"all_users": "yes", "order": "DESC"}, ALL[::-1]),
            ({"users": ["bob"]}, ["sim-1", "broken-1"]),
            ({"users": ["bob@x.org", "alice"]}, ALL),
            ({"name": "train"}, ["train_a-1", "train-b-1"]),
            ({"name": "n_a"}, ["train_a-1"]),
            ({"name": "n_"}, ["train_a-1"]),
            ({"name": "%"}, []),
            ({"all_users": "t", "statuses": ["FAILED"]}, ["broken-1"]),
            ({"statuses": ["FAILED_SUBMISSION"]}, ["hello-1"]),
            ({"statuses": ["FAILED_SUBMISSION", "COMPLETED"]}, ["train_a-1", "train-b-1", "hello-1"]),
            ({"all_users": "true", "tags": ["keep", "none"]}, ["sim-1"]),
            ({"all_users": "true", "priority": ["LOW"]}, ["train_a-1"]),
            ({"all_users": "true", "label": ["team=*"]}, ["train_a-1", "train-b-1"]),
            ({"all_users": "true", "label": ["team=(red|green)", "stage=o*"]}, ["train_a-1"]),
            ({"all_users": "true", "label": ["team=re"]}, []),
            ({"all_users": "true", "no_label": ["team"]}, ["sim-1", "broken-1"]),
            ({"all_users": "true", "no_label": ["stage"], "label": ["team=*"]}, ["train-b-1"]),
            ({"all_users": "true", "submitted_after": "2026-02-12T09:01:00"}, ["sim-1", "broken-1"]),
            ({"all_users": "true", "submitted_after": "2026-02-12 09:01:00.000000"}, ["sim-1", "broken-1"]),
            ({"all_users": "true", "submitted_after": "2026-02-12T10:01:00+01:00"}, ["sim-1", "broken-1"]),
            ({"all_users": "true", "submitted_before": "2026-02-12T09:01:00"}, ["train_a-1", "train-b-1"]),
            ({"all_users": "true", "limit": "2"}, ["train_a-1", "train-b-1"]),
            ({"all_users": "true", "limit": "2", "offset": "3"}, ["broken-1"]),
            ({"all_users": "true", "offset": "9" * 15}, []),
            ({"all_users": "true", "pool": "x", "regexes": "y", "unheard": "z"}, ALL),
        ],
    )
    def test_filters(self, listed: Api, params: dict[str, Any], names: list[str]) -> None:
        assert self.names(listed, all_pools="True", **params) == names

    def test_pools(self, listed: Api) -> None:
        assert self.names(listed, pools=["other"]) == ["train-b-1"]
        assert self.names(listed, pools=["other", "default"]) == ["train_a-1", "train-b-1"]

    def test_the_profile_has_the_default_pool(self, listed: Api) -> None:
        reply = listed.get("/api/workflow", "carol")
        assert (reply.status_code, reply.json()["error_code"]) == (400, "USER")
        assert reply.json()["message"].startswith("No pool selected!")
        listed.post("/api/profile/settings", {"pool": "other"}, "carol")
        assert self.names(listed, "carol", users=["alice"]) == ["train-b-1"]

    def test_a_caller_who_was_never_seen_is_known(self, listed: Api) -> None:
        assert self.names(listed, "nobody", all_pools="True") == []
        assert self.names(listed, "nobody", all_pools="True", users=["nobody"]) == []

    def test_more_entries(self, listed: Api) -> None:
        def more(**params: Any) -> bool:
            return bool(listed.get("/api/workflow", all_users=1, all_pools=1, **params).json()["more_entries"])

        assert [more(limit=3), more(limit=4), more(limit=3, offset=1), more(limit=1, offset=2)] == [
            True,
            False,
            False,
            True,
        ]

    @pytest.mark.parametrize(
        ("params", "status", "code"),
        [
            ({"limit": "1001"}, 400, "USER"),
            ({"limit": "0"}, 400, "USER"),
            ({"offset": "-1"}, 400, "USAGE"),
            ({"offset": "9" * 30}, 400, "USAGE"),
            ({"users": "stranger"}, 400, "USER"),
            ({"label": "team"}, 400, "USAGE"),
            ({"label": "team=(a|)"}, 400, "USAGE"),
            ({"label": "team=((a|b)|c)"}, 400, "USAGE"),
            ({"label": "te am=x"}, 400, "USAGE"),
            ({"app": "name:version"}, 400, "USER"),
            ({"statuses": "BROKEN"}, 422, None),
            ({"order": "up"}, 422, None),
            ({"limit": "many"}, 422, None),
            ({"submitted_after": "yesterday"}, 422, None),
            ({"submitted_after": "0001-01-01T00:00:00+14:00"}, 422, None),
        ],
    )
    def test_refusals(self, listed: Api, params: dict[str, str], status: int, code: str | None) -> None:
        reply = listed.get("/api/workflow", all_pools="True", **params)
        assert (reply.status_code, reply.json().get("error_code")) == (status, code)

    def test_entry(self, listed: Api) -> None:
        entries = listed.get("/api/workflow", all_users=1, all_pools=1).json()["workflows"]
        by_name = {entry["name"]: entry for entry in entries}
        assert by_name["train_a-1"]["error_logs"] is None
        assert by_name["broken-1"]["error_logs"] == f"{BASE}/api/workflow/broken-1/error_logs"
        assert by_name["sim-1"]["user"] == "bob@x.org"
        assert by_name["sim-1"]["app_version"] == 3
        assert by_name["train_a-1"]["labels"] == {"team": "red", "stage": "one"}

    def test_submitters(self, listed: Api) -> None:
        assert listed.get("/api/users").json() == ["alice", "bob@x.org"]


class TestCancel:
    def test_an_unfinished_workflow(self, fresh: Api) -> None:
        """workflow-spec.md §5.8: message "Task was canceled by user: U. <message>"."""
        workflow_id = fresh.accepted(one_task("long", stays="RUNNING"))
        assert fresh.post(f"/api/workflow/{workflow_id}/cancel", user="bob", message="why not").json() == {
            "name": workflow_id
        }
        fresh.settle()
        found = fresh.workflow(workflow_id)
        assert (found["status"], found["cancelled_by"]) == ("FAILED_CANCELED", "bob")
        assert found["groups"][0]["tasks"][0]["failure_message"] == "Task was canceled by user: bob. why not"

    def test_a_finished_workflow_needs_force(self, api: Api) -> None:
        workflow_id = api.accepted()
        refused = api.post(f"/api/workflow/{workflow_id}/cancel")
        assert (refused.status_code, refused.json()["error_code"]) == (400, "USER")
        assert refused.json()["message"] == f"Workflow {workflow_id} is already finished."
        assert api.post(f"/api/workflow/{workflow_id}/cancel", force="True").status_code == 200
        assert api.workflow(workflow_id)["status"] == "COMPLETED"

    def test_a_refused_submission(self, fresh: Api) -> None:
        fresh.submit(HELLO.replace("image:", "imag:"))
        assert fresh.post("/api/workflow/hello-1/cancel", force="True").status_code == 200
        assert fresh.workflow("hello-1")["status"] == "FAILED_SUBMISSION"

    def test_unknown(self, api: Api) -> None:
        assert api.post("/api/workflow/never-1/cancel").json()["error_code"] == "DATABASE"

    def test_a_message_as_long_as_a_book(self, api: Api) -> None:
        workflow_id = api.accepted(one_task("long", stays="RUNNING"))
        assert api.post(f"/api/workflow/{workflow_id}/cancel", message="x" * 5000).status_code == 400


class TestTags:
    def test_add_and_remove(self, fresh: Api) -> None:
        """api.md §2.10: removal happens before adding."""
        fresh.accepted()
        path = "/api/workflow/hello-1/tag"
        reply = fresh.post(path, add=["keep", "drop"])
        assert (reply.status_code, reply.text) == (200, "null")
        assert fresh.workflow("hello-1")["tags"] == ["drop", "keep"]
        fresh.post(path, remove=["drop"])
        fresh.post(path, add=["keep"], remove=["keep", "unheard"])
        assert fresh.workflow("hello-1")["tags"] == ["keep"]

    @pytest.mark.parametrize("params", [{}, {"add": "unheard"}])
    def test_refusals(self, api: Api, params: dict[str, str]) -> None:
        reply = api.post(f"/api/workflow/{api.accepted()}/tag", **params)
        assert (reply.status_code, reply.json()["error_code"]) == (400, "USER")

    def test_available(self, api: Api) -> None:
        assert api.get("/api/tag").json() == {"tags": ["keep", "drop"]}


class TestRestart:
    def test_failed_groups_run_again_on_the_old_outputs(self, fresh: Api) -> None:
        """workflow-spec.md §5.9: groups that did not fail are left out, `task: X` becomes `<old id>:X`."""
        fresh.accepted(TWO_GROUPS, label="team=a", priority="LOW", user="alice")
        reply = fresh.post("/api/pool/other/workflow/two-1/restart", user="bob")
        fresh.settle()
        assert_shape("SubmitResponse", reply.json())
        found = fresh.workflow("two-2")
        assert [group["name"] for group in found["groups"]] == ["bad-group", "after-group"]
        assert (found["parent_name"], found["parent_job_id"]) == ("two", 1)
        assert (found["labels"], found["priority"], found["pool"]) == ({"team": "a"}, "LOW", "other")
        assert found["submitted_by"] == "bob"
        spec = yaml.safe_load(fresh.get("/api/workflow/two-2/spec").text)
        assert spec["workflow"]["groups"][0]["tasks"][0]["inputs"] == [{"task": "two-1:good"}]

    def test_only_failed_workflows(self, api: Api) -> None:
        for text in (HELLO, one_task("runs", stays="RUNNING")):
            refused = api.post(f"/api/pool/default/workflow/{api.accepted(text)}/restart")
            assert (refused.status_code, refused.json()["error_code"]) == (400, "SUBMISSION")
            assert refused.json()["message"].startswith("Restart can only be used on FAILED workflows")

    def test_a_refused_submission_runs_as_a_whole(self, fresh: Api) -> None:
        """workflow-spec.md §10.24: allowed from FAILED_SUBMISSION, all groups re-run."""
        text = TWO_GROUPS + "  resources: {default: {platform: gpu}}\n"
        assert fresh.submit(text).status_code == 400
        refused = fresh.post("/api/pool/default/workflow/two-1/restart")
        assert refused.json()["message"] == "Platform gpu does not exist in pool default!"
        assert fresh.workflow("two-2")["parent_job_id"] == 1

    def test_a_submission_without_spec(self, fresh: Api) -> None:
        fresh.submit("workflow: [")
        (name,) = fresh.listed(statuses="FAILED_SUBMISSION")
        refused = fresh.post(f"/api/pool/default/workflow/{name}/restart")
        assert (refused.status_code, refused.json()["error_code"]) == (400, "SUBMISSION")

    @pytest.mark.parametrize(
        ("path", "code"), [("default/workflow/never-1", "DATABASE"), ("no/workflow/x-1", "DATABASE")]
    )
    def test_unknown(self, api: Api, path: str, code: str) -> None:
        assert api.post(f"/api/pool/{path}/restart").json()["error_code"] == code

    def test_unknown_pool(self, api: Api) -> None:
        failed = api.accepted(one_task("fails", exit_code="1"))
        assert api.post(f"/api/pool/no/workflow/{failed}/restart").json()["message"] == "Pool no not found."


CONNECT = {
    "exec": "exec/task/{task}?entry_command=bash",
    "portforward": "portforward/{task}?task_ports=80&task_ports=81",
    "webserver": "webserver/{task}?task_port=80",
    "rsync": "rsync/task/{task}",
}


class TestConnecting:
    """api.md §2.10, errors for exec, port-forward, webserver, rsync."""

    @pytest.mark.parametrize("path", [*CONNECT.values(), "exec/group/g?entry_command=ls"])
    @pytest.mark.parametrize(
        ("text", "task", "status"),
        [
            (HELLO, "hello", 410),
            (one_task("t", stays="SCHEDULING"), "t", 425),
            (GANG, "side", 425),
            (GANG, "none", 404),
            (GANG, "lead", 400),
        ],
    )
    def test_states(self, api: Api, path: str, text: str, task: str, status: int) -> None:
        if "group" in path and text == GANG:
            # A group runs as soon as one of its tasks does.
            path, status = (path.replace("/g?", "/none?"), 404) if task == "none" else (path, 400)
        workflow_id = api.accepted(text)
        reply = api.post(f"/api/workflow/{workflow_id}/{path.format(task=task)}")
        assert reply.status_code == status, reply.text
        assert reply.json()["workflow_id"] == workflow_id
        assert reply.json()["error_code"] == "USER"

    def test_rsync_that_is_not_enabled(self, tmp_path: Path) -> None:
        with running_api(tmp_path) as plain:
            workflow_id = plain.accepted(one_task("t", stays="RUNNING"))
            assert plain.post(f"/api/workflow/{workflow_id}/rsync/task/t").status_code == 403

    @pytest.mark.parametrize("query", ["", "?task_ports=0", "?task_ports=70000", "?" + "&".join(["task_ports=1"] * 31)])
    def test_ports(self, api: Api, query: str) -> None:
        workflow_id = api.accepted(one_task("t", stays="RUNNING"))
        reply = api.post(f"/api/workflow/{workflow_id}/portforward/t{query}")
        assert (reply.status_code, reply.json()["error_code"]) == (400, "USER")

    @pytest.mark.parametrize("path", CONNECT.values())
    def test_unknown_workflow(self, api: Api, path: str) -> None:
        reply = api.post(f"/api/workflow/never-1/{path.format(task='t')}")
        assert (reply.status_code, reply.json()["error_code"]) == (400, "DATABASE")
