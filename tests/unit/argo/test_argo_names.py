"""Names of objects and nodes."""

from __future__ import annotations

import pytest

from translator.argo.names import NameBook, argo_name, dns_label, fnv, node_id, pod_name, service_name, workflow_name

UUID = "1f0cabcd" + "0" * 24


@pytest.mark.parametrize(
    ("node_name", "hashed"),
    # argo.md §2.3: "Check values".
    [("lovely-bear.hooks.failed", 2163413524), ("lovely-bear(3)", 74551197)],
)
def test_node_hash_is_argos(node_name: str, hashed: int) -> None:
    assert fnv(node_name) == hashed
    assert node_id("lovely-bear", node_name) == f"lovely-bear-{hashed}"


def test_node_hash_can_be_continued() -> None:
    assert fnv(".a", fnv("wf")) == fnv("wf.a")


def test_root_node_is_called_like_the_workflow() -> None:
    assert node_id("wf", "wf") == "wf"
    assert pod_name("wf", "task", "wf") == "wf"
    assert pod_name("wf", "task", "wf.a") == f"wf-task-{fnv('wf.a')}"


@pytest.mark.parametrize(
    ("workflow_id", "part", "name"),
    [
        ("Train_A-12", 0, "train-a-12-1f0cabcd"),
        ("train-12", 1, "train-12-1f0cabcd-2"),
        ("x" * 80, 0, "x" * 54 + "-1f0cabcd"),
        ("a" * 53 + "_b", 0, "a" * 53 + "-1f0cabcd"),
        ("a" * 70, 11, "a" * 51 + "-1f0cabcd-12"),
    ],
)
def test_workflow_name_fits_into_a_label(workflow_id: str, part: int, name: str) -> None:
    # design §5: "<id made DNS-safe>-<8 hex of uuid> (≤ 63)".
    assert workflow_name(workflow_id, UUID, part) == name
    assert len(name) <= 63


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("train", "train"),
        ("train_a", "train-a"),
        ("a.b c", "a-b-c"),
        ("7up", "n-7up"),
        ("_x_", "x"),
        ("é", "n"),
        ("a" * 200, "a" * 128),
    ],
)
def test_argo_names_have_letters_digits_and_dashes(text: str, name: str) -> None:
    assert argo_name(text) == name


def test_what_needs_no_change_keeps_its_name() -> None:
    # design §5: "`_` becomes `-`, a clash gets a suffix".
    assert NameBook().take_all(["a_b", "a-b", "a_b", "c"]) == ["a-b-2", "a-b", "a-b-3", "c"]


def test_long_names_stay_within_the_limit_when_they_clash() -> None:
    names = NameBook().take_all(["a" * 128, "a" * 130, "a" * 128])
    assert len(set(names)) == 3
    assert all(len(name) <= 128 for name in names)


def test_service_is_the_subdomain_of_osmo() -> None:
    # workflow-spec.md §3.5: "<task_uuid>.osmo-<group_uuid>.<namespace>.svc.cluster.local".
    assert service_name("ab12") == "osmo-ab12"


def test_dns_label_is_never_empty() -> None:
    assert dns_label("___") == "x"
