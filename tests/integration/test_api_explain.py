"""`GET /api/argosmo/v1/workflow/{name}/explain`: why tasks wait, and where Argo shows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.api_support import Api, running_api

CONFIG = """\
backends:
  argo: {cluster: {in_cluster: true}, namespace: runs, argo_ui_url: "https://argo.example/"}
pools:
  default: {backend: argo, default_platform: a, platforms: {a: {}}}
"""
CHAIN = """\
workflow:
  name: chain
  groups:
  - name: first
    tasks: [{name: a, lead: true, image: "i:1", command: [x], environment: {DUMMY_STAYS: running}}]
  - name: second
    tasks: [{name: b, lead: true, image: "i:1", command: [x], inputs: [{task: a}]}]
"""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with running_api(tmp_path, config=CONFIG) as api:
        yield api


def test_a_task_waits_for_other_groups(api: Api) -> None:
    workflow_id = api.accepted(CHAIN)
    found = api.get(f"/api/argosmo/v1/workflow/{workflow_id}/explain").json()
    assert (found["name"], found["status"]) == (workflow_id, api.workflow(workflow_id)["status"])
    by_name = {task["name"]: task for task in found["tasks"]}
    assert by_name["b"]["waiting"] == {"kind": "upstream", "message": "Waits for first to complete.", "since": None}
    assert by_name["b"]["group"] == "second"


def test_the_run_has_a_page_of_argos(api: Api) -> None:
    workflow_id = api.accepted(CHAIN)
    uuid = api.workflow(workflow_id)["uuid"]
    found = api.get(f"/api/argosmo/v1/workflow/{uuid}/explain").json()
    assert found["argo_url"] == f"https://argo.example/workflows/runs/{workflow_id}-{uuid[:8]}?tab=workflow"


def test_an_unknown_workflow_is_refused(api: Api) -> None:
    reply = api.get("/api/argosmo/v1/workflow/none-1/explain")
    assert reply.status_code == 400
    assert reply.json()["error_code"] == "DATABASE"
