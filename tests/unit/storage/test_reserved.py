"""What is ours in a store is nobody's input."""

from __future__ import annotations

from pathlib import Path

from storage.lanes import NEVER
from storage.local import LocalStore
from storage.reserved import PROBE_PREFIX
from storage.select import EVERYTHING
from storage.stores import Stores
from storage.transfer import Transfer
from storage.trees import Tree
from storage.urls import directory_location


def test_a_probe_that_is_under_way_is_not_fetched(tmp_path: Path) -> None:
    """§6.3 the right to write is found out by writing, while others may read the same place."""
    (tmp_path / "from/d").mkdir(parents=True)
    (tmp_path / "from/f").touch()
    for probe in (tmp_path / "from" / f"{PROBE_PREFIX}1", tmp_path / "from/d" / f"{PROBE_PREFIX}2"):
        probe.touch()
    with Tree.open(tmp_path / "into", create=True) as tree:
        Transfer(Stores({"file": LocalStore()}), NEVER).download(
            directory_location(tmp_path / "from"), tree, (), EVERYTHING
        )
    assert [path.name for path in (tmp_path / "into").rglob("*")] == ["f"]
