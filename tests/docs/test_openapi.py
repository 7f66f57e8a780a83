"""The stored OpenAPI document is that of the routes, and says what OSMO's says about the same routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.docs.write_openapi import FILE, document, text

# OSMO's routes as far as they are served here (api.md §2): method, path, query parameters with `*` where required.
OSMO_ROUTES = """\
GET /health
GET /api/version
GET /client/version
GET /api/users
GET /api/tag
GET /api/plugins/configs
GET /api/auth/login
GET /api/profile/settings
POST /api/profile/settings
GET /api/credentials
POST /api/credentials/{}
DELETE /api/credentials/{}
GET /api/configs/backend
GET /api/configs/backend/{}
GET /api/pool all_pools pools
GET /api/pool_quota all_pools pools
GET /api/resources pools platforms all_pools concise
GET /api/resources/{}
POST /api/pool/{}/workflow workflow_id app_uuid app_version dry_run validation_only priority env_vars label
POST /api/pool/{}/workflow/{}/restart
GET /api/workflow users name statuses offset limit order all_users pools all_pools submitted_before submitted_after \
tags app priority label no_label
GET /api/workflow/{} skip_groups verbose
GET /api/workflow/{}/task/{}
GET /api/workflow/{}/logs last_n_lines task_name retry_id query
GET /api/workflow/{}/events task_name retry_id
GET /api/workflow/{}/error_logs last_n_lines task_name retry_id query
GET /api/workflow/{}/spec use_template
POST /api/workflow/{}/cancel message force
POST /api/workflow/{}/tag add remove
POST /api/workflow/{}/exec/task/{} entry_command*
POST /api/workflow/{}/exec/group/{} entry_command*
POST /api/workflow/{}/portforward/{} task_ports use_udp
POST /api/workflow/{}/webserver/{} task_port*
POST /api/workflow/{}/rsync/task/{}
GET /api/task workflow_id statuses users all_users pools all_pools nodes started_after started_before offset limit \
order summary aggregate_by_workflow priority
"""


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return document()


def operations(found: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_the_stored_document_is_current(found: dict[str, Any]) -> None:
    """Where it is not: `python -m tests.docs.write_openapi`, and look at the difference."""
    assert FILE.read_text() == text(found)


def test_every_route_says_what_it_does_and_which_action_it_needs(found: dict[str, Any]) -> None:
    """design §9: each route declares its action and a test walks all routes."""
    for method, path, operation in operations(found):
        assert operation.get("description"), f"{method} {path}"
        assert operation.get("x-osmo-action"), f"{method} {path}"


def test_osmos_routes_take_osmos_parameters(found: dict[str, Any]) -> None:
    ours = set()
    for method, path, operation in operations(found):
        segments = ["{}" if segment.startswith("{") else segment for segment in path.split("/")]
        query = {
            entry["name"] + ("*" if entry.get("required") else "")
            for entry in operation.get("parameters", ())
            if entry["in"] == "query"
        }
        ours.add((method, "/".join(segments), frozenset(query)))
    theirs = set()
    for line in OSMO_ROUTES.splitlines():
        method, path, *query_names = line.split()
        theirs.add((method, path, frozenset(query_names)))
    assert theirs - ours == set()
    assert {path for _, path, _ in ours - theirs if not path.startswith("/api/argosmo/")} == {"/metrics"}
