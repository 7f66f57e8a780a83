"""USER_*, K8_* and WF_* variables. Source: workflow-spec.md §7.3."""

from __future__ import annotations

import pytest

from templates.variables import (
    DEFAULT_VARIABLES,
    NodeCapacity,
    UserRequest,
    VariableError,
    cache_size,
    kubernetes_variables,
    label_variables,
    node_variables,
    user_variables,
)


def test_defaults_stand_for_what_was_not_asked() -> None:
    variables = user_variables(UserRequest(), DEFAULT_VARIABLES)
    assert [variables[f"USER_{name}"] for name in ("CPU", "GPU", "MEMORY", "STORAGE")] == [1, 0, "1Gi", "1Gi"]


def test_a_requested_zero_counts_as_not_requested() -> None:
    variables = user_variables(UserRequest(cpu=0, gpu=0), {"USER_CPU": 2, "USER_GPU": 1})
    assert (variables["USER_CPU"], variables["USER_GPU"]) == (2, 1)


def test_what_was_asked_wins_and_prints_as_written() -> None:
    request = UserRequest(cpu=1000000, gpu=2, memory="10G", storage="0.5Ti", nodes_excluded=("n1", "n2"))
    variables = user_variables(request, DEFAULT_VARIABLES)
    assert str(variables["USER_CPU"]) == "1000000"
    assert (variables["USER_GPU"], variables["USER_MEMORY"], variables["USER_STORAGE"]) == (2, "10G", "0.5Ti")
    assert variables["USER_EXCLUDED_NODES"] == "ARRAY:[n1,n2]"


def test_derived_variables_come_from_the_request_only() -> None:
    """'None when not requested and no such default is declared; they are not derived from defaults'."""
    asked = user_variables(UserRequest(memory="16Gi"), DEFAULT_VARIABLES)
    assert (asked["USER_MEMORY_VAL"], asked["USER_MEMORY_UNIT"], asked["USER_MEMORY_Mi"]) == (16, "Gi", 16384)
    assert (asked["USER_MEMORY_B"], asked["USER_MEMORY_m"]) == (1 << 34, 1 << 44)
    assert asked["USER_STORAGE_Gi"] is None
    declared = user_variables(UserRequest(), {"USER_MEMORY": "8Gi", "USER_MEMORY_Gi": 8})
    assert (declared["USER_MEMORY_Gi"], declared["USER_MEMORY_Mi"]) == (8, None)


def test_unset_variables_are_known() -> None:
    assert user_variables(UserRequest(), {})["USER_CPU"] is None


def test_variables_of_the_pool_are_there_whatever_their_names() -> None:
    assert user_variables(UserRequest(), {"TEAM": "arms"})["TEAM"] == "arms"


@pytest.mark.parametrize(
    ("text", "storage", "size"),
    [
        ("10Gi", "", "10Gi"),
        ("50%", "10Gi", "5Gi"),
        ("33%", "10Gi", "3Gi"),
        ("0%", "10Gi", "0Gi"),
        ("100%", "1.5Ti", "1Ti"),
        ("", "10Gi", "9Gi"),
        ("", "1Gi", "0Gi"),
        ("", "", "0MiB"),
        ("50%", "", "0MiB"),
        ("12.5 %", "80Mi", "10Mi"),
        ("7", "", "7"),
    ],
)
def test_cache(text: str, storage: str, size: str) -> None:
    """'N% -> floor(N% of the storage number) + its unit; unset -> floor(90 % of storage number) + unit'."""
    assert cache_size(text, storage) == size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("150%", "Cache size must be between 0-100 percent: 150%"),
        ("-1%", "Cache size must be between 0-100 percent: -1%"),
        ("x%", "Improperly formatted cache size: x%"),
        ("%", "Improperly formatted cache size: %"),
        ("1/0%", "Improperly formatted cache size: 1/0%"),
        ("big", "Resource cache field has invalid value big"),
        ("-1Gi", "Resource cache field has invalid value -1Gi"),
        ("10GB", "Resource cache field has invalid unit: GB"),
    ],
)
def test_bad_cache(text: str, message: str) -> None:
    with pytest.raises(VariableError, match=message.replace("+", r"\+")):
        cache_size(text, "10Gi")


def test_node_variables() -> None:
    variables = node_variables(NodeCapacity(cpu=8, gpu=1, memory_bytes=32 << 30, storage_bytes=1 << 40))
    assert (variables["K8_CPU"], variables["K8_GPU"]) == (8, 1)
    assert (variables["K8_MEMORY"], variables["K8_STORAGE"]) == ("33554432Ki", "1073741824Ki")
    assert variables["K8_MEMORY_Gi"] == 32


def test_label_variables() -> None:
    """'label osmo.x -> upper-case, leading WORKFLOW_ becomes WF_, else prefixed WF_'."""
    labels = {"osmo.workflow_id": "a-1", "osmo.workflow_uuid": "u", "osmo.task_name": "t", "osmo.pool": "p", "app": "x"}
    assert label_variables(labels) == {"WF_ID": "a-1", "WF_UUID": "u", "WF_TASK_NAME": "t", "WF_POOL": "p"}


def test_kubernetes_gets_binary_units() -> None:
    variables = user_variables(UserRequest(memory="10G", storage="1TiB", cache_size="5GiB"), {})
    rewritten = kubernetes_variables(variables)
    assert [rewritten[f"USER_{name}"] for name in ("MEMORY", "STORAGE", "CACHE")] == ["10Gi", "1Ti", "5Gi"]
