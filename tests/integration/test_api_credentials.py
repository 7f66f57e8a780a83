"""Credentials by REST: stored sealed, tried out, replaced, removed, and opened for the runs that name them.

Source: api.md §2.5; workflow-spec.md §2.13, §1.2 step 17.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.main import rotate_master_keys
from tests.integration.api_support import Api, running_api
from tests.object_store import S3Server

UNCHECKED = """
workflow:
  credential_config:
    disable_registry_validation: [nvcr.io]
    disable_data_validation: [s3]
"""
GENERIC = {"generic_credential": {"credential": {"user": "u", "password": "hush-hush"}}}
REGISTRY = {"registry_credential": {"registry": "nvcr.io", "username": "u", "auth": "hush-hush"}}
DATA = {"data_credential": {"endpoint": "s3://bucket/", "access_key_id": "AK", "access_key": "hush-hush"}}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A gateway that tries out neither nvcr.io nor s3."""
    with running_api(tmp_path, config=UNCHECKED) as running:
        yield running


def put(api: Api, name: str, body: object, user: str = "", status: int = 200) -> str:
    """Post one; the text of the reply."""
    reply = api.post(f"/api/credentials/{name}", body, user)
    assert reply.status_code == status, reply.text
    return reply.text


def listed(api: Api, user: str = "") -> list[tuple[str, str, str | None]]:
    """The names, kinds and profiles."""
    found = api.get("/api/credentials", user).json()["credentials"]
    assert all(entry.keys() == {"cred_name", "cred_type", "profile"} for entry in found)
    return [(entry["cred_name"], entry["cred_type"], entry["profile"]) for entry in found]


def test_they_are_listed_by_kind_and_name_without_values(api: Api) -> None:
    """Sorted: DATA, REGISTRY, GENERIC, then by name. Secrets are never returned."""
    for name, body in (("b", GENERIC), ("a", GENERIC), ("z", REGISTRY), ("y", DATA)):
        assert put(api, name, body) == "null"
    assert listed(api) == [
        ("y", "DATA", "s3://bucket"),
        ("z", "REGISTRY", "nvcr.io"),
        ("a", "GENERIC", None),
        ("b", "GENERIC", None),
    ]
    assert "hush" not in api.get("/api/credentials").text
    assert listed(api, "somebody-else") == []


def test_a_name_and_a_place_are_there_once(api: Api) -> None:
    """One credential per (user, profile): another name with the same profile replaces it; a name is set again."""
    put(api, "one", DATA)
    put(api, "two", DATA)
    assert listed(api) == [("two", "DATA", "s3://bucket")]
    put(api, "two", GENERIC)
    put(api, "two", GENERIC)
    assert listed(api) == [("two", "GENERIC", None)]


def test_removal_returns_what_is_gone(api: Api) -> None:
    put(api, "reg", REGISTRY)
    reply = api.client.delete("/api/credentials/reg")
    assert reply.json() == {"credentials": [{"cred_name": "reg", "cred_type": "REGISTRY", "profile": "nvcr.io"}]}
    assert listed(api) == []
    again = api.client.delete("/api/credentials/reg")
    assert (again.status_code, again.json()["error_code"]) == (400, "USER")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "USER"),
        ({**GENERIC, **DATA}, 400, "USER"),
        ({"registry_credential": {"registry": "nvcr.io"}}, 422, None),
        ({"registry_credential": {"registry": "nvcr.io", "auth": "hush", "more": 1}}, 422, None),
        ({"data_credential": {"endpoint": "s3://b", "addressing_style": "odd"}}, 422, None),
        ({"data_credential": {"endpoint": "https://minio"}}, 400, "USER"),
    ],
)
def test_what_is_refused(api: Api, body: object, status: int, code: str | None) -> None:
    reply = api.post("/api/credentials/name", body)
    assert (reply.status_code, reply.json().get("error_code")) == (status, code)
    assert "hush" not in reply.text
    assert listed(api) == []


def test_a_data_credential_is_tried_out_on_its_store(tmp_path: Path, s3: S3Server) -> None:
    """Verified against the store: 400 `CREDENTIAL` when that fails."""
    good = {"endpoint": "s3://bucket", "override_url": s3.url, "addressing_style": "path", "region": "us-east-1"}
    keys = {"access_key_id": "writer", "access_key": "writer-secret-key"}
    with running_api(tmp_path) as api:
        put(api, "good", {"data_credential": {**good, **keys}})
        for wrong in ({"access_key": "hush-hush"}, {"endpoint": "s3://no-such-bucket"}):
            reply = api.post("/api/credentials/bad", {"data_credential": {**good, **keys, **wrong}})
            assert (reply.status_code, reply.json()["error_code"]) == (400, "CREDENTIAL"), reply.text
            assert "hush" not in reply.text
        assert listed(api) == [("good", "DATA", "s3://bucket")]


SPEC = """
workflow:
  name: secretive
  tasks:
  - name: t
    image: i
    command: [echo]
    credentials:
      wandb: {KEY: %s}
"""


def test_a_spec_may_name_what_is_stored(api: Api) -> None:
    """Step 17: unknown credential; unknown key -> please choose from."""
    reply = api.submit(SPEC % "password")
    assert (reply.status_code, reply.json()["error_code"]) == (400, "CREDENTIAL")
    assert reply.json()["message"] == "Could not find the credential: wandb."
    put(api, "wandb", GENERIC)
    reply = api.submit(SPEC % "token")
    assert reply.json()["message"] == "token is not a valid credential key please choose from password, user"
    assert api.accepted(SPEC % "password")
    assert api.submit(SPEC % "password", user="somebody-else").status_code == 400


def test_what_is_sealed_survives_a_rotation_and_needs_its_key_file(tmp_path: Path) -> None:
    with running_api(tmp_path) as api:
        put(api, "wandb", GENERIC)
        settings = api.gateway.settings
        # While the gateway works.
        assert rotate_master_keys(settings) == 1
        assert rotate_master_keys(settings) == 1
        assert api.accepted(SPEC % "password")
        put(api, "other", GENERIC, user="bob")
        (settings.data_dir / "master-keys.json").unlink()
        reply = api.submit(SPEC % "password")
        assert reply.status_code == 500
        assert "Restore the file that was in use" in reply.json()["message"]


def test_values_are_not_in_the_database(tmp_path: Path) -> None:
    with running_api(tmp_path, config=UNCHECKED) as api:
        for name, body in (("a", GENERIC), ("b", REGISTRY), ("c", DATA)):
            put(api, name, body)
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert b"hush" not in stored


MOVES = """
workflow:
  name: moves
  tasks:
  - name: t
    image: i
    command: [echo]
    inputs: [{url: s3://bucket/in}]
    outputs: [{url: "s3://bucket/out"}, {url: "s3://bucket/{{workflow_id}}"}]
"""


def test_locations_are_tried_out_with_the_users_own_credential(tmp_path: Path, s3: S3Server) -> None:
    """Step 17: user credential for the profile present -> real READ (inputs) or WRITE (outputs) probe."""
    place = {"endpoint": "s3://bucket", "override_url": s3.url, "addressing_style": "path"}

    def key(identity: str) -> dict[str, dict[str, str]]:
        return {"data_credential": {**place, "access_key_id": identity, "access_key": f"{identity}-secret-key"}}

    with running_api(tmp_path) as api:
        # Without a credential the machine's own identity may serve, which shows at run time.
        assert api.accepted(MOVES)
        put(api, "mine", key("reader"))
        reply = api.submit(MOVES)
        assert (reply.status_code, reply.json()["error_code"]) == (400, "CREDENTIAL"), reply.text
        assert reply.json()["message"].startswith("No WRITE access to s3://bucket/out with the credential of admin")
        (problem,) = reply.json()["problems"]
        assert (problem["path"], problem["line"]) == ("workflow.tasks[0].outputs[0].url", 9)
        assert api.workflow("moves-2")["status"] == "FAILED_SUBMISSION"
        put(api, "mine", key("writer"))
        assert api.accepted(MOVES) == "moves-3"
        assert not s3.keys("out")
