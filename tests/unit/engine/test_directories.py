"""The engine's directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.directories import Directories, RootBusy, remove_tree
from storage.keys import UnsafeName
from translator.plan.model import TaskName, WorkflowUuid

W = WorkflowUuid("w")


def test_only_one_engine_works_in_a_directory(tmp_path: Path) -> None:
    first, second = Directories(tmp_path), Directories(tmp_path)
    first.open(0.0)
    with pytest.raises(RootBusy, match="Another engine works in"):
        second.open(0.0)
    first.close()
    second.open(0.0)
    second.close()


def test_what_an_engine_left_half_removed_is_removed(tmp_path: Path) -> None:
    for left in ("trash/1/deep", "spare/2/upper"):
        (tmp_path / left).mkdir(parents=True)
    directories = Directories(tmp_path)
    directories.open(0.0)
    directories.close()
    assert not list((tmp_path / "trash").iterdir())
    assert not list((tmp_path / "spare").iterdir())


def test_removed_things_are_gone_from_their_place_at_once(tmp_path: Path) -> None:
    directories = Directories(tmp_path)
    directories.open(0.0)
    attempt = directories.attempt(W, TaskName("t"), 0)
    attempt.mkdir(parents=True)
    (attempt / "file").touch()
    directories.remove_run(W)
    assert not attempt.exists()
    directories.remove_run(W)
    directories.close()
    assert not list((tmp_path / "trash").iterdir())


@pytest.mark.parametrize("name", ["..", "", "a/b", "/etc"])
def test_names_stay_inside(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafeName):
        Directories(tmp_path).attempt(W, TaskName(name), 0)


def test_permissions_do_not_keep_a_tree(tmp_path: Path) -> None:
    """Files of a task go whatever it did to its directories; links are not followed."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    top = tmp_path / "top"
    (top / "closed/deep").mkdir(parents=True)
    (top / "closed/deep/file").touch()
    (top / "closed/link").symlink_to(outside)
    (top / "closed/deep").chmod(0)
    (top / "closed").chmod(0)
    remove_tree(top)
    assert not top.exists()
    assert (outside / "kept").exists()
    remove_tree(tmp_path / "never-there")
