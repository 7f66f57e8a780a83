"""Datasets by REST: made, given versions, found, tagged, changed, deleted; and who may do what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.api_support import Api, running_api

V1 = "/api/argosmo/v1"
CONFIG = "workflow:\n  workflow_datasets: {location: 's3://bucket/datasets/'}\n"
VERSION = {"manifest": "a" * 64, "files": 2, "bytes": 10}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A gateway whose datasets go to a bucket."""
    with running_api(tmp_path, config=CONFIG) as running:
        yield running


def ask(
    api: Api, method: str, path: str, body: object = None, user: str = "", roles: str = "", status: int = 200
) -> Any:
    """Send a request; the reply's JSON."""
    headers = {key: value for key, value in (("x-osmo-user", user), ("x-osmo-roles", roles)) if value}
    reply = api.client.request(method, f"{V1}{path}", json=body, headers=headers)
    assert reply.status_code == status, reply.text
    return reply.json()


def test_the_first_version_makes_the_dataset(api: Api) -> None:
    """'register': where nobody said a place, versions go where the configuration says."""
    assert ask(api, "GET", "/dataset/d/place") == {"location": "s3://bucket/datasets"}
    body = VERSION | {"labels": {"k": "v"}, "metadata": {"n": {"m": 1}}, "tags": ["good"]}
    made = ask(api, "POST", "/dataset/d/version", body, user="alice")
    assert made == {
        "dataset": "d",
        "version": 1,
        "tags": ["good", "latest"],
        "state": "READY",
        "location": "s3://bucket/datasets",
        "manifest": "a" * 64,
        "files": 2,
        "bytes": 10,
        "created_by": "alice",
        "created_at": made["created_at"],
        "labels": {"k": "v"},
        "metadata": {"n": {"m": 1}},
        "made_by": None,
    }
    assert ask(api, "POST", "/dataset/d/version", VERSION, user="bob")["version"] == 2
    shown = ask(api, "GET", "/dataset/d")
    assert (shown["owner"], shown["tags"], shown["latest"]["version"]) == ("alice", {"good": 1, "latest": 2}, 2)
    assert ask(api, "GET", "/dataset/d/version/good")["version"] == 1
    assert ask(api, "GET", "/dataset/d/version/latest")["tags"] == ["latest"]


def test_a_gateway_without_a_place_keeps_them_itself(tmp_path: Path) -> None:
    """'file:///…' of this machine: the first five minutes need no bucket."""
    with running_api(tmp_path) as api:
        place = ask(api, "GET", "/dataset/d/place")["location"]
        assert place == f"file://{tmp_path}/data/datasets"


def test_a_dataset_is_made_once_and_keeps_its_place(api: Api) -> None:
    """Also at a place of its own; a slash at the end means nothing."""
    body = {"location": "gs://other/x/", "labels": {"a": "b"}}
    assert ask(api, "POST", "/dataset/d", body)["location"] == "gs://other/x"
    refused = ask(api, "POST", "/dataset/d", body, status=409)
    assert "There is a dataset d already" in refused["message"]
    assert ask(api, "POST", "/dataset/d/version", VERSION)["location"] == "gs://other/x"
    elsewhere = ask(api, "POST", "/dataset/d/version", VERSION | {"location": "s3://third/y"})
    assert elsewhere["location"] == "s3://third/y"
    assert ask(api, "GET", "/dataset/d/place") == {"location": "gs://other/x"}


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/dataset/a%20b", {}, 400, "Expected the name of a dataset"),
        ("/dataset/d", {"location": "ftp://x/y"}, 400, "Unknown URI scheme"),
        ("/dataset/d", {"location": "file:///a/../b"}, 400, "without '..'"),
        ("/dataset/d/version", VERSION | {"tags": ["latest"]}, 400, "choose another"),
        ("/dataset/d/version", VERSION | {"tags": ["12"]}, 400, "Expected a tag"),
        ("/dataset/d/version", VERSION | {"manifest": "A" * 64}, 422, "manifest"),
        ("/dataset/d/version", VERSION | {"files": -1}, 422, "files"),
        ("/dataset/d/version", VERSION | {"metadata": {"x": "y" * 70_000}}, 422, "65536 bytes"),
        ("/dataset/d/version", VERSION | {"labels": {str(key): "" for key in range(65)}}, 422, "64 labels"),
        ("/dataset/d/version", VERSION | {"more": 1}, 422, "more"),
    ],
)
def test_what_is_refused(api: Api, path: str, body: object, status: int, said: str) -> None:
    """With what was expected, and nothing is made."""
    reply = ask(api, "POST", path, body, status=status)
    assert said in str(reply)
    assert ask(api, "GET", "/dataset")["datasets"] == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/dataset/none", "Dataset none not found"),
        ("/dataset/none/version/1", "Dataset none not found"),
        ("/dataset/d/version/7", "Dataset d:7 not found: its newest version is 1"),
        ("/dataset/d/version/bad", "its tags are good, latest"),
    ],
)
def test_what_is_not_there(api: Api, path: str, said: str) -> None:
    """404, with what there is instead."""
    ask(api, "POST", "/dataset/d/version", VERSION | {"tags": ["good"]})
    reply = ask(api, "GET", path, status=404)
    assert said in reply["message"]
    assert reply["error_code"] == "DATABASE"


def test_labels_and_metadata_change(api: Api) -> None:
    """A value that is null goes; others stay."""
    ask(api, "POST", "/dataset/d", {"labels": {"a": "1", "b": "2"}})
    assert ask(api, "PATCH", "/dataset/d", {"labels": {"a": None, "c": "3"}})["labels"] == {"b": "2", "c": "3"}
    ask(api, "POST", "/dataset/d/version", VERSION | {"metadata": {"x": 1, "y": 2}, "labels": {"l": "m"}})
    changed = ask(api, "PATCH", "/dataset/d/version/1", {"metadata": {"x": None, "z": [3]}, "labels": {"n": "o"}})
    assert (changed["metadata"], changed["labels"]) == ({"y": 2, "z": [3]}, {"l": "m", "n": "o"})


def test_tags_are_put_and_taken(api: Api) -> None:
    """A tag leaves the version that had it."""
    for _ in range(2):
        ask(api, "POST", "/dataset/d/version", VERSION)
    assert ask(api, "PUT", "/dataset/d/tag/good", {"version": 1})["tags"] == {"good": 1, "latest": 2}
    assert ask(api, "PUT", "/dataset/d/tag/good", {"version": 2})["tags"] == {"good": 2, "latest": 2}
    assert "choose another" in ask(api, "PUT", "/dataset/d/tag/latest", {"version": 1}, status=400)["message"]
    ask(api, "PUT", "/dataset/d/tag/good", {"version": 9}, status=404)
    assert ask(api, "DELETE", "/dataset/d/tag/good")["tags"] == {"latest": 2}
    assert "it has latest" in ask(api, "DELETE", "/dataset/d/tag/good", status=404)["message"]


def test_deleted_versions_can_be_shown_and_not_used(api: Api) -> None:
    """'delete = mark version deleted'."""
    for _ in range(2):
        ask(api, "POST", "/dataset/d/version", VERSION | {"tags": ["t"]})
    gone = ask(api, "DELETE", "/dataset/d/version/t")
    assert (gone["version"], gone["state"], gone["tags"]) == (2, "DELETED", [])
    ask(api, "GET", "/dataset/d/version/2", status=404)
    assert ask(api, "GET", "/dataset/d/version/2?deleted=true")["state"] == "DELETED"
    assert ask(api, "GET", "/dataset/d")["tags"] == {"latest": 1}
    assert ask(api, "DELETE", "/dataset/d")["name"] == "d"
    ask(api, "GET", "/dataset/d", status=404)
    assert ask(api, "POST", "/dataset/d/version", VERSION)["version"] == 3
    listed = ask(api, "GET", "/dataset-version?deleted=true")["versions"]
    assert [(entry["version"], entry["state"]) for entry in listed] == [(1, "DELETED"), (2, "DELETED"), (3, "READY")]


def test_only_the_owner_and_administrators_take_away(api: Api) -> None:
    """Everybody reads, and adds; what others rely on is the owner's."""
    ask(api, "POST", "/dataset/d/version", VERSION, user="alice")
    for method, path, body in (
        ("DELETE", "/dataset/d", None),
        ("DELETE", "/dataset/d/version/1", None),
        ("PATCH", "/dataset/d", {"location": "s3://mine/x"}),
        ("PATCH", "/dataset/d/version/1", {"location": "s3://mine/x"}),
    ):
        refused = ask(api, method, path, body, user="bob", roles="osmo-user", status=403)
        assert "Only alice, who owns dataset d" in refused["message"]
    ask(api, "PATCH", "/dataset/d/version/1", {"labels": {"seen": "yes"}}, user="bob", roles="osmo-user")
    ask(api, "PATCH", "/dataset/d/version/1", {"location": "s3://mine/x"}, user="alice", roles="osmo-user")
    ask(api, "DELETE", "/dataset/d", user="root", roles="osmo-admin")


def test_lists_go_on_where_a_page_ends(api: Api) -> None:
    """`next` of a page is `after` of the next one."""
    for name in ("a", "b", "c"):
        for _ in range(2):
            ask(api, "POST", f"/dataset/{name}/version", VERSION | {"labels": {"of": name}})
    first = ask(api, "GET", "/dataset?limit=2")
    assert ([entry["name"] for entry in first["datasets"]], first["next"]) == (["a", "b"], "b")
    rest = ask(api, "GET", "/dataset?limit=2&after=b")
    assert ([entry["name"] for entry in rest["datasets"]], rest["next"]) == (["c"], None)
    seen, after = [], ""
    while after is not None:
        page = ask(api, "GET", f"/dataset-version?limit=4&after={after}")
        seen += [f"{entry['dataset']}:{entry['version']}" for entry in page["versions"]]
        after = page["next"]
    assert seen == ["a:1", "a:2", "b:1", "b:2", "c:1", "c:2"]
    found = ask(api, "GET", "/dataset-version?label=of%3Db&tag=latest")["versions"]
    assert [(entry["dataset"], entry["version"]) for entry in found] == [("b", 2)]
    assert "KEY=VALUE" in ask(api, "GET", "/dataset?label=x", status=400)["message"]
    assert "`next`" in ask(api, "GET", "/dataset-version?after=x", status=400)["message"]
