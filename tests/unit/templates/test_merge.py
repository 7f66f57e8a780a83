"""Merging of partial manifests. Source: workflow-spec.md §7.5."""

from __future__ import annotations

from copy import deepcopy

import pytest

from templates.merge import Json, JsonObject, merge, merge_all


@pytest.mark.parametrize(
    ("base", "overlay", "merged"),
    [
        pytest.param({"a": 1}, {"b": 2}, {"a": 1, "b": 2}, id="both keys stay"),
        pytest.param({"a": 1}, {"a": 2}, {"a": 2}, id="scalars replaced"),
        pytest.param({"a": {"x": 1, "y": 1}}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}}, id="recursive on mappings"),
        pytest.param({"a": None}, {"a": {"x": 1}}, {"a": {"x": 1}}, id="null replaced"),
        pytest.param({"a": {"x": 1}}, {"a": [1]}, {"a": [1]}, id="a change of kind replaces"),
        pytest.param(
            {"l": [{"name": "a", "v": 1}, {"name": "b"}]},
            {"l": [{"name": "a", "w": 2}]},
            {"l": [{"name": "a", "v": 1, "w": 2}, {"name": "b"}]},
            id="lists merged by element name",
        ),
        pytest.param(
            {"l": [{"name": "a"}]}, {"l": [{"name": "b"}]}, {"l": [{"name": "a"}, {"name": "b"}]}, id="unknown appended"
        ),
        pytest.param({"l": [{"key": 1}]}, {"l": [{"key": 1}]}, {"l": [{"key": 1}, {"key": 1}]}, id="no name appended"),
        pytest.param({"l": ["a"]}, {"l": ["a"]}, {"l": ["a", "a"]}, id="scalars in lists appended"),
        pytest.param(
            {"l": []},
            {"l": [{"name": "a", "v": 1}, {"name": "a", "w": 1}]},
            {"l": [{"name": "a", "v": 1, "w": 1}]},
            id="names repeated in the overlay merge too",
        ),
        pytest.param(
            {"spec": {"containers": [{"name": "{{USER_CONTAINER_NAME}}", "image": "a"}]}},
            {"spec": {"containers": [{"name": "{{USER_CONTAINER_NAME}}", "tty": True}]}},
            {"spec": {"containers": [{"name": "{{USER_CONTAINER_NAME}}", "image": "a", "tty": True}]}},
            id="template names are compared as written",
        ),
    ],
)
def test_merge(base: JsonObject, overlay: JsonObject, merged: JsonObject) -> None:
    assert merge(base, overlay) == merged


def test_the_result_shares_nothing_with_its_sources() -> None:
    base: JsonObject = {"a": {"b": [{"name": "x"}]}}
    overlay: JsonObject = {"c": {"d": [1]}}
    before = deepcopy((base, overlay))
    merged = merge(base, overlay)
    for part in (merged["a"], merged["c"]):
        assert isinstance(part, dict)
        part["new"] = 1
    assert (base, overlay) == before


def test_layers_are_merged_in_order() -> None:
    """'merge of common_pod_template in order, then platform override_pod_template in order'."""
    layers: list[dict[str, Json]] = [{"a": 1, "b": 1}, {"a": 2}, {"a": 3, "c": 3}]
    assert merge_all(layers) == {"a": 3, "b": 1, "c": 3}
    assert merge_all([]) == {}
