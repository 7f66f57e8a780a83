"""`NAME[:VERSION|:TAG]`."""

from __future__ import annotations

import pytest

from translator.spec.dataset_names import BadDatasetName, DatasetReference, check_tag, dataset_reference


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("d", DatasetReference(name="d")),
        ("d:latest", DatasetReference(name="d")),
        ("Robot.runs_2-x:12", DatasetReference(name="Robot.runs_2-x", version=12, tag="")),
        ("d:v1.2", DatasetReference(name="d", tag="v1.2")),
        ("1:1", DatasetReference(name="1", version=1, tag="")),
    ],
)
def test_references(text: str, expected: DatasetReference) -> None:
    """'Names as `name[:version|:tag]`.'"""
    assert dataset_reference(text) == expected
    assert dataset_reference(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "d:", ":1", "d:0", "d:00", "d:2147483648", "d:" + "9" * 5000, "d:a:b", "d:-", "d:x ", "d:{{x}}"),
        *("a/b", "../a", "-a", "a-", "a b", "é", "a\n", "a" * 129, "{{x}}"),
    ],
)
def test_what_is_none(text: str) -> None:
    """Says what was expected."""
    with pytest.raises(BadDatasetName, match="Expected"):
        dataset_reference(text)


@pytest.mark.parametrize("tag", ["latest", "1", "", "a:b", "a/b"])
def test_tags_nobody_sets(tag: str) -> None:
    """A number is a version, and `latest` is always on the newest."""
    with pytest.raises(BadDatasetName):
        check_tag(tag)
