"""A run gets the credentials that its Plan names, and no others. Source: workflow-spec.md §2.13, §6.5."""

from __future__ import annotations

import msgspec
import pytest

from gateway.services.run_secrets import needed
from tests.workplace import group, plan
from translator.plan.images import image_location
from translator.plan.model import CheckpointPlan, CredentialEnv, CredentialFiles, Plan, TaskPlan, UrlInput, UrlOutput


def one_task(**fields: object) -> Plan:
    made = plan(group("a"))
    (only,) = made.groups
    task: TaskPlan = msgspec.structs.replace(only.tasks[0], **fields)
    return msgspec.structs.replace(made, groups=(msgspec.structs.replace(only, tasks=(task,)),))


def test_generic_credentials_by_name() -> None:
    named = one_task(
        credential_env=(CredentialEnv(variable="V", credential="wandb", key="k"),),
        credential_files=(CredentialFiles(directory="/d", credential="files"),),
    )
    assert needed(named).names == {"wandb", "files"}
    assert needed(one_task()).names == set()


def test_data_credentials_by_the_profile_of_urls() -> None:
    moves = one_task(
        inputs=(UrlInput(index=0, url="s3://in/x/y"), UrlInput(index=1, url="nonsense")),
        outputs=(UrlOutput(url="azure://account/container/x"),),
        checkpoints=(CheckpointPlan(path="/p", url="swift://host/ns/bucket", frequency_seconds=1),),
    )
    assert needed(moves).profiles == {"s3://in", "azure://account", "swift://host/ns"}


@pytest.mark.parametrize(
    ("image", "location"),
    [
        ("ubuntu", "registry-1.docker.io/library/ubuntu"),
        ("ubuntu:24.04", "registry-1.docker.io/library/ubuntu"),
        ("team/image:1", "registry-1.docker.io/team/image"),
        ("docker.io/team/image", "registry-1.docker.io/team/image"),
        ("nvcr.io/nvidia/isaac:4@sha256:00", "nvcr.io/nvidia/isaac"),
        ("localhost:5000/x:y", "localhost:5000/x"),
        ("localhost/x", "localhost/x"),
    ],
)
def test_where_images_come_from(image: str, location: str) -> None:
    assert image_location(image) == location


@pytest.mark.parametrize(
    ("scope", "image", "serves"),
    [
        ("nvcr.io", "nvcr.io/nvidia/isaac:4", True),
        ("nvcr.io/nvidia", "nvcr.io/nvidia/isaac:4", True),
        ("nvcr.io/nvidia/isaac", "nvcr.io/nvidia/isaac:4", True),
        # A scope is a path, not the beginning of a text.
        ("nvcr.io/nvid", "nvcr.io/nvidia/isaac:4", False),
        ("nvcr.io", "nvcr.io.example/x", False),
        ("registry-1.docker.io", "ubuntu", True),
        ("nvcr.io", "ubuntu", False),
    ],
)
def test_logins_by_the_scope_of_images(scope: str, image: str, serves: bool) -> None:
    assert needed(one_task(image=image)).login(scope) is serves
