"""Submitting, validating, expanding, submitting again: api.md §2.7, workflow-spec.md §1."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.api_support import BASE, HELLO, Api, one_task, running_api

BROKEN_YAML = "workflow:\n  name: [unclosed\n"
BROKEN_SCHEMA = HELLO.replace("image:", "imag:")
TOO_LONG = one_task("a" * 65)
UNKNOWN_PLATFORM = """\
workflow:
  name: elsewhere
  resources: {default: {platform: nowhere}}
  tasks:
  - {name: t, image: i, command: [echo]}
"""
CONFIG = """\
backends: {here: {engine: local}}
pools:
  default:
    backend: here
    default_platform: cpu
    common_default_variables: {USER_CPU: 1, USER_GPU: 0, USER_MEMORY: 1Gi, USER_STORAGE: 1Gi}
    platforms: {cpu: {}}
  closed: {backend: here, enable_maintenance: true, default_platform: cpu, platforms: {cpu: {}}}
  guarded:
    backend: here
    default_platform: cpu
    platforms: {cpu: {}}
    resources: {gpu: {guarantee: 1}}
workflow:
  max_num_tasks: 2
  user_workflow_limits: {max_num_workflows: 2}
  workflow_info: {tags: [keep]}
  labels_config:
    policy:
    - {key: team, enforcement: warn, assert_message: Ask your lead.}
    - {key: forbidden, enforcement: 'off'}
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running_api(tmp_path_factory.mktemp("submit")) as running:
        yield running


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[Api]:
    with running_api(tmp_path, config=CONFIG) as running:
        yield running


def rows(api: Api) -> list[str]:
    return api.listed(statuses="FAILED_SUBMISSION", limit=1000)


def test_reply_of_an_accepted_workflow(api: Api) -> None:
    reply = api.submit(one_task("accepted"))
    assert reply.status_code == 200
    assert reply.json() == {
        "name": "accepted-1",
        "overview": f"{BASE}/workflows/accepted-1",
        "logs": f"{BASE}/api/workflow/accepted-1/logs",
        "spec": None,
        "dashboard_url": None,
        "warnings": [],
    }


def test_the_number_is_one_more_than_the_highest_used_with_that_name(api: Api) -> None:
    """api.md §2.7.16: the id is <name>-<n>, n = 1 + the highest number used with that name."""
    first = [api.accepted(one_task("numbered"), user=user) for user in ("alice", "bob")]
    assert first == ["numbered-1", "numbered-2"]


def test_numbers_are_given_once_however_many_ask(api: Api) -> None:
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: api.submit(one_task("many")), range(24)))
    assert sorted(reply.json()["name"] for reply in replies) == sorted(f"many-{number}" for number in range(1, 25))


def test_validation_says_so_literally_and_leaves_nothing(api: Api) -> None:
    before = api.listed(limit=1000)
    reply = api.submit(validation_only="True")
    assert reply.json() == {
        "name": "hello",
        "overview": None,
        "logs": "Workflow validation succeeded.",
        "spec": None,
        "dashboard_url": None,
        "warnings": [],
    }
    assert api.listed(limit=1000) == before


def test_dry_run_expands_and_does_not_look_at_the_schema(api: Api) -> None:
    """workflow-spec.md §1.2 step 4: `{name, spec}`; schema not checked; localpath entries survive."""
    text = "default-values: {n: 2}\n" + "workflow:\n  name: w{{n}}\n  files: [{localpath: a.txt}]\n  bogus: {{n}}\n"
    reply = api.post("/api/pool/default/workflow", {"file": text, "set_variables": ["n=3"]}, dry_run="True")
    assert reply.json() == {
        "name": "w3",
        "overview": None,
        "logs": None,
        "spec": "workflow:\n  name: w3\n  files:\n  - localpath: a.txt\n  bogus: 3\n",
        "dashboard_url": None,
        "warnings": [],
    }


@pytest.mark.parametrize(
    ("body", "params", "status", "code", "message"),
    [
        (None, {}, 400, "USAGE", "Need to provide either file contents or workflow ID."),
        ({"file": HELLO}, {"workflow_id": "hello-1"}, 400, "USAGE", "but not both"),
        (None, {"workflow_id": "never-7"}, 400, "DATABASE", "Workflow never-7 not found."),
        ({"file": "workflow: {}\nother: 1\n"}, {}, 400, "USER", 'Unknown top-level key "other"'),
        ({"file": ""}, {}, 400, "USER", "Workflow spec not found."),
        ({"file": "workflow:\n  name: {{x}}\n"}, {}, 400, "USAGE", "Jinja substitution failure"),
        ({"file": HELLO, "set_variables": ["novalue"]}, {}, 400, "USAGE", "Data novalue is incorrectly formatted"),
        ({"file": HELLO}, {"label": "novalue"}, 400, "USAGE", "key=value format"),
        ({"file": HELLO}, {"env_vars": "novalue"}, 400, "USAGE", "Environment variable novalue"),
        ({"file": HELLO}, {"app_uuid": "x"}, 400, "USAGE", "app_uuid and app_version"),
        ({"file": BROKEN_SCHEMA}, {}, 400, "USAGE", "Field required"),
    ],
)
def test_refusals(api: Api, body: object, params: dict[str, str], status: int, code: str, message: str) -> None:
    reply = api.post("/api/pool/default/workflow", body, **params)
    assert reply.status_code == status
    found = reply.json()
    assert found["error_code"] == code
    assert message in found["message"]
    assert "workflow_id" in found


def test_unknown_pool(api: Api) -> None:
    reply = api.submit(pool="nowhere")
    assert (reply.status_code, reply.json()["error_code"]) == (400, "USER")
    assert reply.json()["message"] == "Pool nowhere not found."


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ({"file": HELLO, "extra": 1}, {}),
        ({"file": 5}, {}),
        ({}, {}),
        ([], {}),
        ({"file": HELLO}, {"priority": "URGENT"}),
        ({"file": HELLO}, {"dry_run": "perhaps"}),
        ({"file": HELLO}, {"app_version": "one"}),
    ],
)
def test_wrong_forms_are_422_with_details(api: Api, body: object, params: dict[str, str]) -> None:
    reply = api.post("/api/pool/default/workflow", body, **params)
    assert reply.status_code == 422
    assert all(entry.keys() == {"loc", "msg", "type"} for entry in reply.json()["detail"])


def test_problems_have_places_in_the_users_file(api: Api) -> None:
    problems = api.submit(BROKEN_SCHEMA, validation_only="True").json()["problems"]
    by_code = {problem["code"]: problem for problem in problems}
    assert (by_code["unknown-key"]["line"], by_code["unknown-key"]["path"]) == (5, "workflow.tasks[0].imag")
    assert by_code["unknown-key"]["severity"] == "error"


@pytest.mark.parametrize(
    ("text", "name"), [(BROKEN_YAML, "failed-"), (BROKEN_SCHEMA, "hello-"), (TOO_LONG, "a" * 65 + "-")]
)
def test_records_of_refused_submissions(api: Api, text: str, name: str) -> None:
    """workflow-spec.md §1.2: steps 3b, 5, 11 leave a FAILED_SUBMISSION row with the failure text."""
    before = set(rows(api))
    reply = api.submit(text)
    assert reply.status_code == 400
    (new,) = set(rows(api)) - before
    assert new.startswith(name)
    found = api.workflow(new)
    assert (found["status"], found["groups"]) == ("FAILED_SUBMISSION", [])
    assert found["duration"] is None
    assert new not in api.listed(limit=1000), "the default list hides FAILED_SUBMISSION unless asked for"


@pytest.mark.parametrize("text", [BROKEN_YAML, BROKEN_SCHEMA, TOO_LONG])
def test_a_validation_that_fails_leaves_no_record(api: Api, text: str) -> None:
    """workflow-spec.md §10.16."""
    before = rows(api)
    assert api.submit(text, validation_only="True").status_code == 400
    assert rows(api) == before


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("other: 1\n", id="3 sections"),
        pytest.param("workflow:\n  name: {{x}}\n", id="3 rendering"),
        pytest.param(HELLO + "  labels: {a: 1}\n", id="3c labels"),
        pytest.param(HELLO + "  resources: {default: {memory: 1GB}}\n", id="5b units"),
        pytest.param(HELLO.replace("args:", "inputs: [{task: later}]\n    args:"), id="7 inputs"),
        pytest.param(HELLO.replace("args:", "resource: none\n    args:"), id="8 resources"),
    ],
)
def test_steps_without_record(api: Api, text: str) -> None:
    before = rows(api)
    assert api.submit(text).status_code == 400
    assert rows(api) == before


def test_the_envelope_names_the_workflow(api: Api) -> None:
    """api.md §2.7.8: 400 USAGE with workflow_id = the name."""
    assert api.submit(BROKEN_SCHEMA).json()["workflow_id"] == "hello"


def test_labels_and_environment_come_from_the_query(api: Api) -> None:
    workflow_id = api.accepted(
        one_task("dressed"), label=["team=a", "x=y"], env_vars=["DUMMY_LOG=from=query"], priority="LOW"
    )
    found = api.workflow(workflow_id)
    assert (found["labels"], found["priority"]) == ({"team": "a", "x": "y"}, "LOW")
    assert "from=query" in api.get(f"/api/workflow/{workflow_id}/logs").text


def test_submitting_again_by_id_records_the_parent_and_keeps_labels(api: Api) -> None:
    first = api.accepted(one_task("again"), label=["team=a", "x=y"])
    second = api.post("/api/pool/default/workflow", workflow_id=first, label="x=z").json()["name"]
    found = api.workflow(second)
    assert (found["parent_name"], found["parent_job_id"]) == ("again", 1)
    assert found["labels"] == {"team": "a", "x": "z"}


def test_submitting_again_renders_nothing_twice(api: Api) -> None:
    text = "workflow:\n  name: braces\n  tasks:\n  - {name: t, image: i, command: [echo, \"{{ '{{ x }}' }}\"]}\n"
    first = api.accepted(text)
    second = api.post("/api/pool/default/workflow", workflow_id=first)
    assert second.status_code == 200, second.text
    specs = [api.get(f"/api/workflow/{name}/spec").text for name in (first, second.json()["name"])]
    assert "{{ x }}" in specs[0]
    assert specs[0] == specs[1]


def test_dry_run_by_id_shows_the_stored_spec(api: Api) -> None:
    first = api.accepted(one_task("shown"))
    reply = api.post("/api/pool/default/workflow", workflow_id=first, dry_run="True").json()
    assert (reply["name"], reply["logs"]) == ("shown", None)
    assert "shown-group" in reply["spec"]


def test_masked_secrets_are_said_when_submitted_again(api: Api) -> None:
    text = one_task("secretive") + "    args: ['--password=hunter2horse']\n"
    first = api.accepted(text)
    assert "hunter2" not in api.get(f"/api/workflow/{first}/spec").text
    warnings = api.post("/api/pool/default/workflow", workflow_id=first).json()["warnings"]
    assert any("[MASKED]" in warning for warning in warnings)


def test_the_uploaded_template_is_kept(api: Api) -> None:
    body = {"file": one_task("made"), "uploaded_templated_spec": "workflow: # {{x}}\n"}
    name = api.post("/api/pool/default/workflow", body).json()["name"]
    assert api.get(f"/api/workflow/{name}/spec", use_template="true").text == "workflow: # {{x}}\n"
    assert "version: 2" in api.get(f"/api/workflow/{name}/spec").text


def test_without_template_the_expanded_spec_is_given(api: Api) -> None:
    name = api.accepted(one_task("plain"))
    expanded = api.get(f"/api/workflow/{name}/spec")
    assert expanded.headers["content-type"] == "text/plain; charset=utf-8"
    assert api.get(f"/api/workflow/{name}/spec", use_template="true").text == expanded.text


class TestIdempotency:
    """features AP21; design §2.7: nothing accepted is ever lost or doubled."""

    def submit(self, api: Api, text: str, key: str, user: str = "admin", **params: Any) -> Any:
        reply = api.client.post(
            "/api/pool/default/workflow",
            json={"file": text},
            params=params,
            headers={"Idempotency-Key": key, "x-osmo-user": user},
        )
        api.settle()
        return reply

    def test_the_same_request_gives_the_same_workflow(self, api: Api) -> None:
        replies = [self.submit(api, one_task("once"), "key-1") for _ in range(3)]
        assert {reply.json()["name"] for reply in replies} == {"once-1"}
        assert api.accepted(one_task("once")) == "once-2", "a repeated request consumes no number"

    def test_another_request_with_the_key_is_refused(self, api: Api) -> None:
        assert self.submit(api, one_task("one"), "key-2").status_code == 200
        for reply in (
            self.submit(api, one_task("other"), "key-2"),
            self.submit(api, one_task("one"), "key-2", priority="LOW"),
        ):
            assert (reply.status_code, reply.json()["error_code"]) == (409, "USER")

    def test_keys_belong_to_users(self, api: Api) -> None:
        names = {self.submit(api, one_task("mine"), "key-3", user).json()["name"] for user in ("alice", "bob")}
        assert names == {"mine-1", "mine-2"}

    def test_a_refused_request_does_not_use_up_its_key(self, api: Api) -> None:
        assert self.submit(api, BROKEN_SCHEMA, "key-4").status_code == 400
        assert self.submit(api, one_task("later"), "key-4").status_code == 200

    def test_validation_takes_no_key(self, api: Api) -> None:
        assert self.submit(api, one_task("checked"), "key-5", validation_only="True").json()["logs"].startswith("Work")
        assert self.submit(api, one_task("checked"), "key-5").json()["name"] == "checked-1"

    def test_repeats_at_the_same_time(self, api: Api) -> None:
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda _: self.submit(api, one_task("rush"), "key-7"), range(16)))
        assert {reply.json()["name"] for reply in replies} == {"rush-1"}

    def test_restarting_takes_a_key(self, api: Api) -> None:
        failed = api.accepted(one_task("fails", exit_code="1"))
        headers = {"Idempotency-Key": "key-6"}
        replies = [api.client.post(f"/api/pool/default/workflow/{failed}/restart", headers=headers) for _ in range(2)]
        assert [reply.json()["name"] for reply in replies] == ["fails-2", "fails-2"]

    @pytest.mark.parametrize("key", ["", "k" * 256])
    def test_a_key_of_the_wrong_length(self, api: Api, key: str) -> None:
        assert self.submit(api, HELLO, key).status_code == 422


class TestConfigured:
    def test_policy_warnings(self, configured: Api) -> None:
        """workflow-spec.md §2.4: key absent with `warn` gives an entry in `warnings`, also on each read."""
        reply = configured.submit(one_task("unlabelled"))
        (warning,) = reply.json()["warnings"]
        assert warning.startswith("Workflow is missing label 'team'")
        assert warning.endswith("Ask your lead.")
        assert configured.workflow("unlabelled-1")["warnings"] == [warning]

    def test_maintenance_lets_only_administrators_in(self, configured: Api) -> None:
        def submit(roles: str) -> Any:
            return configured.client.post(
                "/api/pool/closed/workflow", json={"file": one_task()}, headers={"x-osmo-roles": roles}
            )

        refused = submit("osmo-user")
        assert (refused.status_code, refused.json()["error_code"]) == (400, "USAGE")
        assert submit("osmo-user,osmo-admin").status_code == 200

    def test_more_tasks_than_allowed(self, configured: Api) -> None:
        tasks = "".join(f"  - {{name: t{number}, image: i, command: [echo]}}\n" for number in range(3))
        reply = configured.submit(f"workflow:\n  name: many\n  tasks:\n{tasks}")
        assert reply.json()["message"] == "Workflow cannot have more than 2 tasks."
        assert reply.json()["error_code"] == "USER"

    def test_more_gpus_than_guaranteed_need_low_priority(self, configured: Api) -> None:
        text = one_task("gpus") + "  resources: {default: {gpu: 2}}\n"
        refused = configured.submit(text, pool="guarded")
        assert (refused.status_code, refused.json()["error_code"]) == (400, "USAGE")
        assert "must be submitted with LOW priority" in refused.json()["message"]

    def test_unknown_platform_is_a_resource_error_with_record(self, configured: Api) -> None:
        reply = configured.submit(UNKNOWN_PLATFORM)
        assert reply.json()["error_code"] == "RESOURCE"
        assert reply.json()["message"] == "Platform nowhere does not exist in pool default!"
        (row,) = rows(configured)
        assert "platform: nowhere" in configured.get(f"/api/workflow/{row}/spec").text

    def test_limits_of_a_user(self, configured: Api) -> None:
        """workflow-spec.md §1.2 step 19, over unfinished ones; after validation."""
        waiting = one_task("waits", stays="SCHEDULING")
        ids = [configured.accepted(waiting, user="alice") for _ in range(2)]
        refused = configured.submit(waiting, user="alice")
        assert refused.json()["message"] == "User alice cannot submit more than 2 ongoing workflows."
        assert refused.json()["error_code"] == "USER"
        assert configured.submit(waiting, user="alice", validation_only="True").status_code == 200
        assert configured.submit(waiting, user="bob").status_code == 200
        configured.post(f"/api/workflow/{ids[0]}/cancel", force="True")
        configured.settle()
        assert configured.submit(waiting, user="alice").status_code == 200

    def test_a_repeated_request_is_answered_although_the_limit_is_reached(self, configured: Api) -> None:
        def submit(key: str) -> Any:
            headers = {"Idempotency-Key": key}
            body = {"file": one_task("waits", stays="RUNNING")}
            return configured.client.post("/api/pool/default/workflow", json=body, headers=headers)

        names = [submit(key).json()["name"] for key in ("a", "b")]
        assert submit("b").json()["name"] == names[1]
        assert submit("c").status_code == 400


EARLIER = """\
workflow:
  name: consumer
  tasks:
  - {name: t, image: i, command: [echo], inputs: [{task: "SOURCE:job"}]}
"""


class TestInputsFromEarlierWorkflows:
    """workflow-spec.md §1.2 step 12."""

    def test_finished(self, api: Api) -> None:
        source = api.accepted(one_task("job"))
        assert api.submit(EARLIER.replace("SOURCE", source)).status_code == 200

    def test_failed_counts_as_finished(self, api: Api) -> None:
        source = api.accepted(one_task("job", exit_code="1"))
        assert api.submit(EARLIER.replace("SOURCE", source)).status_code == 200

    def test_by_uuid(self, api: Api) -> None:
        source = api.workflow(api.accepted(one_task("job")))["uuid"]
        assert api.submit(EARLIER.replace("SOURCE", source)).status_code == 200

    def test_unfinished(self, api: Api) -> None:
        source = api.accepted(one_task("job", stays="RUNNING"))
        refused = api.submit(EARLIER.replace("SOURCE", source)).json()
        assert refused["error_code"] == "SUBMISSION"
        assert refused["message"] == f"Input tasks from previous workflows must be finished: {source}:job"

    @pytest.mark.parametrize("source", ["never-1", "0" * 32])
    def test_unknown(self, api: Api, source: str) -> None:
        assert api.submit(EARLIER.replace("SOURCE", source)).json()["error_code"] == "DATABASE"


def test_texts_in_any_script_come_back(api: Api) -> None:
    text = one_task("letters").replace("{}", "{DUMMY_LOG: grüße 世界 🤖}")
    name = api.accepted(text)
    assert "grüße 世界 🤖" in api.get(f"/api/workflow/{name}/logs").content.decode()
    (group,) = yaml.safe_load(api.get(f"/api/workflow/{name}/spec").text)["workflow"]["groups"]
    assert group["tasks"][0]["environment"]["DUMMY_LOG"] == "grüße 世界 🤖"


@pytest.mark.parametrize(
    "text", ["workflow:\n  name: a\0b\n", "\0", "workflow: \ufffe\n", "workflow: {name: \u0085}\n"]
)
def test_characters_that_no_spec_may_hold(api: Api, text: str) -> None:
    assert api.submit(text).status_code == 400
