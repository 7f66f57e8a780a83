"""The same answers where the rows stand in PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.api_support import HELLO, one_task, running_api
from tests.integration.osmo_shapes import assert_shape

pytestmark = pytest.mark.xdist_group("postgresql")


def test_a_workflow_from_its_submission_to_its_list(tmp_path: Path, postgres_emptied: str) -> None:
    with running_api(tmp_path, database=postgres_emptied) as api:
        api.accepted(HELLO, label=["team=a"], user="alice")
        failed = api.accepted(one_task("fails", exit_code="3", log="oh \0 grüße"), user="alice")
        api.submit(HELLO.replace("image:", "imag:"), user="alice")
        found = api.workflow(failed)
        assert_shape("WorkflowQueryResponse", found)
        assert (found["status"], found["groups"][0]["tasks"][0]["exit_code"]) == ("FAILED", 3)
        assert api.listed(label="team=(a|b)*") == ["hello-1"]
        assert api.listed(name="_") == []
        assert api.listed(statuses="FAILED_SUBMISSION") == ["hello-2"]
        assert api.get("/api/users").json() == ["alice"]
        assert "Started" in api.get(f"/api/workflow/{failed}/events").text
        assert "fails" in api.get("/api/task", all_users=1, all_pools=1).text
        assert api.post(f"/api/pool/default/workflow/{failed}/restart").json()["name"] == "fails-2"
        assert 'argosmo_workflows{status="RUNNING"}' in api.get("/metrics").text


def test_characters_that_a_database_would_refuse(tmp_path: Path, postgres_emptied: str) -> None:
    with running_api(tmp_path, database=postgres_emptied) as api:
        text = "workflow: {}\n# \0\n"
        assert api.submit(text).status_code == 400
        body = {"file": one_task("kept"), "uploaded_templated_spec": "a\0b"}
        assert api.post("/api/pool/default/workflow", body).status_code == 200
        assert api.post("/api/profile/settings", {"pool": "a\0b"}).status_code == 400
        name = api.accepted(one_task("waits", stays="RUNNING"))
        assert api.post(f"/api/workflow/{name}/cancel", message="é").status_code == 200
