"""Host paths of users, and paths that only the runtime may use."""

from __future__ import annotations

import pytest

from tests.unit.argo.clusters import pods
from tests.unit.argo.plans import plan, single
from translator.argo.faults import TranslationError
from translator.argo.target import ArgoTarget
from translator.argo.translation import translate
from translator.plan.model import FilePlan, Mount


def test_a_mount_becomes_a_host_path() -> None:
    # workflow-spec.md §7.4: "Becomes a hostPath volume".
    mounts = (Mount(source="/data/{{x}}", destination="/in"), Mount(source="/scratch", destination="/scratch"))
    pod = pods(translate(plan(single("a", mounts=mounts)), ArgoTarget()))["a"]
    assert pod.volume(pod.mount("/in")["name"])["hostPath"] == {"path": "/data/{{x}}"}
    assert pod.volume(pod.mount("/scratch")["name"])["hostPath"] == {"path": "/scratch"}


@pytest.mark.parametrize("path", ["/osmo", "/osmo/bin", "/", "/var/run/argo/x", "/osmo-run", "/a/../osmo-storage"])
def test_nothing_is_mounted_over_the_runtime(path: str) -> None:
    with pytest.raises(TranslationError, match="runtime"):
        translate(plan(single("a", mounts=(Mount(source="/x", destination=path),))), ArgoTarget())


@pytest.mark.parametrize("path", ["/osmo-run/run.json", "/osmo/bin/wrapper", "/osmo/data/output/../../bin/wrapper"])
def test_no_file_takes_the_runtimes_place(path: str) -> None:
    with pytest.raises(TranslationError, match="runtime"):
        translate(plan(single("a", files=(FilePlan(path=path, contents="x"),))), ArgoTarget())


@pytest.mark.parametrize("image", ["", "{{workflow.name}}", "a\ue000b"])
def test_an_image_that_is_none_is_refused(image: str) -> None:
    with pytest.raises(TranslationError, match="image reference"):
        translate(plan(single("a", image=image)), ArgoTarget())


def test_odd_characters_in_an_image_survive() -> None:
    assert pods(translate(plan(single("a", image='x"\\y')), ArgoTarget()))["a"].container()["image"] == 'x"\\y'
