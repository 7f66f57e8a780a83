"""The one table from errors to statuses and bodies: api.md §1.5, workflow-spec.md §1.3."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from gateway.api import errors as table
from gateway.ports import faults
from gateway.services import errors
from gateway.services.submission import SubmissionRefused
from translator.problems import ErrorCode, Problem, SpecError

PROBLEM = Problem(code="unknown-key", message="no such key", path="workflow.x", line=3, column=5)


def spec_error(code: ErrorCode) -> SpecError:
    return SpecError([PROBLEM], error_code=code)


def client(error: Exception) -> TestClient:
    app = FastAPI()
    table.install(app)
    app.add_middleware(table.ServerFaults)

    @app.get("/")
    def fail(number: int = 0) -> None:
        raise error

    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.Refusal("no"), 400, "USER"),
        (errors.Refusal("no", error_code=ErrorCode.USAGE), 400, "USAGE"),
        (errors.UnknownWorkflow("no"), 400, "DATABASE"),
        (errors.Forbidden("no"), 403, "USER"),
        (errors.NotThere("no"), 404, "USER"),
        (errors.Conflict("no"), 409, "USER"),
        (errors.Gone("no"), 410, "USER"),
        (errors.TooEarly("no"), 425, "USER"),
        (faults.KeyConflict("alice", "k"), 409, "USER"),
        *((spec_error(code), 400, code.value) for code in ErrorCode),
        (SubmissionRefused(spec_error(ErrorCode.RESOURCE), workflow_id="w"), 400, "RESOURCE"),
    ],
)
def test_faults_of_the_caller(error: Exception, status: int, code: str) -> None:
    reply = client(error).get("/")
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/json"
    assert (reply.json()["error_code"], "workflow_id" in reply.json()) == (code, True)


def test_a_refused_spec_has_its_problems_beside_the_envelope() -> None:
    reply = client(SubmissionRefused(spec_error(ErrorCode.USAGE), workflow_id="train")).get("/")
    assert reply.json() == {
        "message": "no such key",
        "error_code": "USAGE",
        "workflow_id": "train",
        "problems": [
            {
                "code": "unknown-key",
                "message": "no such key",
                "path": "workflow.x",
                "line": 3,
                "column": 5,
                "severity": "error",
            }
        ],
    }


def test_the_database_is_away() -> None:
    reply = client(faults.StoreUnavailable("the disk is full")).get("/")
    assert (reply.status_code, reply.json()) == (503, {"message": "the disk is full"})


def test_faults_of_ours_say_little_and_have_no_code() -> None:
    reply = client(RuntimeError("the password is hunter2")).get("/")
    assert reply.status_code == 500
    assert reply.json()["message"].startswith("Internal server error: RuntimeError")
    assert "hunter2" not in reply.text
    assert "error_code" not in reply.json()


def test_wrong_forms_name_the_place_and_repeat_nothing() -> None:
    reply = client(RuntimeError()).get("/?number=geheim")
    assert reply.status_code == 422
    (fault,) = reply.json()["detail"]
    assert fault["loc"] == ["query", "number"]
    assert fault.keys() == {"loc", "msg", "type"}
    assert "geheim" not in reply.text


def test_routes_that_do_not_exist() -> None:
    reply = client(RuntimeError()).get("/nothing")
    assert (reply.status_code, reply.json()["message"], reply.json()["detail"]) == (404, "Not Found", "Not Found")


def test_every_error_of_the_services_has_a_status() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert kinds
    for kind in kinds:
        assert kind in table.STATUS


def test_half_characters_can_be_said() -> None:
    reply = client(errors.Refusal("half: \ud800")).get("/")
    assert reply.status_code == 400
