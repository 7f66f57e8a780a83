"""Images, locations, credentials. Source: workflow-spec.md §1.2 step 17, §2.6, §2.13, §6.5."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.plan.specs import on_cluster, on_machine, one, refusal, spec, task, warnings
from translator.plan.context import UserCredentials
from translator.plan.images import image_problem
from translator.plan.urls import LocationError, location
from translator.problems import ErrorCode

STORED = UserCredentials(
    generic={"wandb": frozenset({"token", "host"})}, data_profiles=frozenset({"gs://mine", "swift://e/ns"})
)


@pytest.mark.parametrize(
    "image",
    [
        "ubuntu",
        "ubuntu:24.04",
        "i",
        "nvcr.io/nvidia/pytorch:24.01-py3",
        "localhost:5000/a/b_c/d--e:x",
        "a@sha256:" + "0" * 64,
        "Registry.Example.COM/x:Y",
        "[::1]:5000/x",
        "a/b:tag@sha256:" + "f" * 64,
    ],
)
def test_images(image: str) -> None:
    assert image_problem(image) is None


@pytest.mark.parametrize(
    "image",
    [
        "",
        "Ubuntu",
        "a b",
        "ubuntu:",
        "ubuntu:a:b",
        "-x",
        "x@sha256:12",
        "a//b",
        "x:" + "t" * 129,
        "x" * 256,
        "http://x/y",
        "a/B",
        "x" * 5000,
        "x\n",
    ],
)
def test_images_that_cannot_be(image: str) -> None:
    assert (image_problem(image) or "").startswith("Could not parse docker image ")


def test_a_bad_image_is_refused() -> None:
    """'Could not parse docker image X. Please provide a valid image.'"""
    error = refusal(one(image="Bad Image"), on_machine())
    assert error.message == "Could not parse docker image Bad Image. Please provide a valid image."
    assert (error.error_code, error.records_submission, error.problems[0].path) == (
        ErrorCode.CREDENTIAL,
        True,
        "workflow.tasks[0].image",
    )


def test_tokens_in_images() -> None:
    assert warnings(one(image="x:{{workflow_id}}"), on_machine()) == ()


@pytest.mark.parametrize(
    ("url", "profile", "ambient"),
    [
        ("s3://b", "s3://b", True),
        ("s3://b/a/b/", "s3://b", True),
        ("s3://b/{{workflow_id}}", "s3://b", True),
        ("gs://b/x", "gs://b", False),
        ("azure://acc/cont/x", "azure://acc", True),
        ("swift://e/ns/b/x", "swift://e/ns", False),
        ("tos://e/b", "tos://e/b", False),
    ],
)
def test_locations(url: str, profile: str, ambient: bool) -> None:
    """The table of §6.5."""
    found = location(url, local=False)
    assert (found.profile, found.ambient) == (profile, ambient)


@pytest.mark.parametrize(
    "url", ["s3://", "s3:///x", "s3://a,b", "s3://a/b;c", "azure://acc", "swift://e/ns", "tos://e", "gs://a/*"]
)
def test_known_schemes_in_the_wrong_shape(url: str) -> None:
    with pytest.raises(LocationError, match="is not a storage location"):
        location(url, local=True)


@pytest.mark.parametrize("url", ["ftp://x/y", "http://x/y", "file:///x", "/x", "x", ""])
def test_unknown_schemes(url: str) -> None:
    with pytest.raises(LocationError, match="Unknown URI scheme: "):
        location(url, local=False)


def test_files_on_this_machine() -> None:
    """`file://` is ours and works with the local engine only."""
    assert location("file:///data/in", local=True).ambient
    for url in ("file://x", "file:x"):
        with pytest.raises(LocationError):
            location(url, local=True)
    workflow = one(inputs=[{"url": "file:///data"}], outputs=[{"url": "file:///out"}])
    assert warnings(workflow, on_machine()) == ()
    error = refusal(workflow, on_cluster())
    assert error.message.startswith("Unknown URI scheme: file. Expected s3://bucket[/path]")
    kept = one(checkpoint=[{"path": "/a", "url": "file:///kept", "frequency": "1m"}])
    assert warnings(kept, on_machine()) == ()
    assert refusal(kept, on_cluster()).problems[0].path == "workflow.tasks[0].checkpoint[0].url"


def test_unknown_schemes_are_a_users_fault() -> None:
    """500 in OSMO; §10.5: 400 USAGE."""
    error = refusal(one(outputs=[{"url": "ftp://x/y"}]), on_machine())
    assert error.message.startswith("Unknown URI scheme: ftp")
    assert (error.error_code, error.records_submission, error.problems[0].path) == (
        ErrorCode.USAGE,
        True,
        "workflow.tasks[0].outputs[0].url",
    )


def test_data_credentials() -> None:
    """'absent -> ok if ambient is possible, else 400 CREDENTIAL No credentials configured for U (user X) …'."""
    context = replace(on_cluster(), credentials=STORED)
    assert warnings(one(inputs=[{"url": "gs://mine/x"}], outputs=[{"url": "s3://any/x"}]), context) == ()
    error = refusal(one(inputs=[{"url": "gs://other/x"}]), context)
    assert error.message.startswith(
        "No credentials configured for gs://other/x (user ada) and the backend does not support "
        "environment authentication. Run `osmo credential set`"
    )
    assert error.error_code is ErrorCode.CREDENTIAL


def test_schemes_that_are_not_checked() -> None:
    text = "workflow: {credential_config: {disable_data_validation: [gs]}}"
    context = replace(on_cluster(text), credentials=STORED)
    assert warnings(one(inputs=[{"url": "gs://other/x"}]), context) == ()


def test_checkpoints_are_not_probed() -> None:
    context = replace(on_cluster(), credentials=STORED)
    checkpoint = {"path": "/a", "url": "gs://other/x", "frequency": "1m"}
    assert warnings(one(checkpoint=[checkpoint]), context) == ()


@pytest.mark.parametrize(
    ("credentials", "message", "path"),
    [
        ({"nope": "/dir"}, "Could not find the credential: nope.", "credentials.nope"),
        ({"nope": {"A": "token"}}, "Could not find the credential: nope.", "credentials.nope"),
        (
            {"wandb": {"A": "key"}},
            "key is not a valid credential key please choose from host, token",
            "credentials.wandb.A",
        ),
    ],
)
def test_generic_credentials(credentials: dict[str, object], message: str, path: str) -> None:
    error = refusal(one(credentials=credentials), replace(on_machine(), credentials=STORED))
    assert (error.message, error.error_code, error.records_submission) == (message, ErrorCode.CREDENTIAL, True)
    assert error.problems[0].path == f"workflow.tasks[0].{path}"


def test_credentials_that_exist() -> None:
    workflow = one(credentials={"wandb": {"A": "token", "B": "token"}})
    assert warnings(workflow, replace(on_machine(), credentials=STORED)) == ()
    assert warnings(one(credentials={"wandb": "/dir"}), replace(on_machine(), credentials=STORED)) == ()


def test_without_a_server_credentials_are_taken_on_trust() -> None:
    workflow = one(credentials={"nope": "/dir"}, inputs=[{"url": "gs://other/x"}])
    assert warnings(workflow, on_machine()) == ()


def test_task_by_task_image_then_locations_then_credentials() -> None:
    """'per task, image registry, then data URLs, then generic credentials'."""
    bad = {"image": "Bad Image", "inputs": [{"url": "ftp://x"}], "credentials": {"nope": "/d"}}
    error = refusal(spec(task("a", **bad), task("b", image="WORSE")), replace(on_machine(), credentials=STORED))
    assert [problem.path for problem in error.problems] == [
        "workflow.tasks[0].image",
        "workflow.tasks[0].inputs[0].url",
        "workflow.tasks[0].credentials.nope",
        "workflow.tasks[1].image",
    ]
