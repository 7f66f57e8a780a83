"""Transfers between trees and directories of this machine as a store."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.faults import StoreError, TransferStopped, UnsupportedLocation
from storage.local import LocalStore
from storage.select import EVERYTHING, selection
from storage.stores import Stores
from storage.transfer import Transfer, Upload
from storage.trees import Tree
from storage.urls import directory_location, parse_location


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    """A tree with `output/{a.txt,b.log,d/c.txt}`."""
    output = tmp_path / "tree/output"
    (output / "d").mkdir(parents=True)
    for name in ("a.txt", "b.log", "d/c.txt"):
        (output / name).write_text(name)
    with Tree.open(tmp_path / "tree") as opened:
        yield opened


def transfer(store: LocalStore | None = None, stopped: threading.Event | None = None) -> Transfer:
    """Transfers with a store for `file://`."""
    return Transfer(Stores({"file": store or LocalStore()}), stopped or threading.Event())


def files(directory: Path) -> list[str]:
    """The files of a directory."""
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("regex", "taken"),
    [
        ("", ["a.txt", "b.log", "d/c.txt"]),
        (r".*\.txt$", ["a.txt", "d/c.txt"]),
        ("a", ["a.txt"]),
        ("d/", ["d/c.txt"]),
        ("txt", []),
    ],
)
def test_upload_takes_what_the_regex_matches_at_the_start(
    tmp_path: Path, tree: Tree, regex: str, taken: list[str]
) -> None:
    """§6.4 path relative to the uploaded directory, re.match."""
    what = Upload(start=("output",), selection=selection(regex))
    moved = transfer().upload(tree, what, directory_location(tmp_path / "store"), "w")
    assert moved.files == len(taken)
    assert files(tmp_path / "store") == taken
    assert (tmp_path / "store").exists() is bool(taken)


def test_upload_with_a_prefix_shows_the_regex_what_it_should_see(tmp_path: Path, tree: Tree) -> None:
    what = Upload(start=("output", "d"), selection=selection("seen/c"), prefix=("p", "q"), shown_below=("seen",))
    transfer().upload(tree, what, directory_location(tmp_path / "store"), "w")
    assert files(tmp_path / "store") == ["p/q/c.txt"]


def test_download_of_a_directory_and_of_one_object(tmp_path: Path, tree: Tree) -> None:
    """§6.4 URI of one object -> saved under its base name, regex ignored."""
    source = tmp_path / "tree/output"
    with Tree.open(tmp_path / "in", create=True) as into:
        transfer().download(directory_location(source), into, ("0",), selection(r".*\.txt"))
        transfer().download(directory_location(source / "d/c.txt"), into, ("1",), selection("nothing"))
    assert files(tmp_path / "in") == ["0/a.txt", "0/d/c.txt", "1/c.txt"]


def test_download_of_what_is_not_there_is_empty(tmp_path: Path, tree: Tree) -> None:
    """§6.3 empty download result = warning only."""
    assert transfer().download(directory_location(tmp_path / "none"), tree, ("x",), EVERYTHING).files == 0


def test_links_of_a_source_stay_inside(tmp_path: Path, tree: Tree) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "out").symlink_to("/etc/passwd")
    moved = transfer().download(directory_location(source), tree, ("in",), EVERYTHING)
    assert moved.files == 0
    assert moved.notes == ["out is left out: it leads out of its directory"]


def test_an_unknown_scheme_names_what_is_missing(tree: Tree) -> None:
    with pytest.raises(UnsupportedLocation, match=r"No store for s3:// is set up .*set up: file://.*s3://b/x"):
        transfer().download(parse_location("s3://b/x"), tree, ("x",), EVERYTHING)


def test_roots_and_forbidden_directories(tmp_path: Path, tree: Tree) -> None:
    (tmp_path / "allowed/held").mkdir(parents=True)
    (tmp_path / "way-out").symlink_to(tmp_path)
    store = LocalStore(roots=[tmp_path / "allowed"], forbidden=[tmp_path / "allowed/held"])
    what = Upload(start=("output",))
    transfer(store).upload(tree, what, directory_location(tmp_path / "allowed/new"), "w")
    for refused in ("allowed/held", "allowed/held/x", "allowed", "elsewhere", "way-out/elsewhere"):
        with pytest.raises(StoreError):
            transfer(store).upload(tree, what, directory_location(tmp_path / refused), "w")
    assert files(tmp_path / "allowed") == ["new/a.txt", "new/b.log", "new/d/c.txt"]


def test_a_stopped_transfer_leaves_nothing_half(tmp_path: Path, tree: Tree) -> None:
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(TransferStopped):
        transfer(stopped=stopped).upload(tree, Upload(start=("output",)), directory_location(tmp_path / "s"), "w")
    assert files(tmp_path / "s") == []


def test_a_repeated_upload_replaces(tmp_path: Path, tree: Tree) -> None:
    location = directory_location(tmp_path / "store")
    transfer().upload(tree, Upload(start=("output",)), location, "w")
    (tmp_path / "tree/output/a.txt").write_text("changed")
    transfer().upload(tree, Upload(start=("output",)), location, "w")
    assert (tmp_path / "store/a.txt").read_text() == "changed"


def test_errors_of_the_disk_are_errors_of_the_store(tmp_path: Path, tree: Tree) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="file/below"):
        transfer().upload(tree, Upload(start=("output",)), directory_location(tmp_path / "file/below"), "w")


def test_large_files_and_pipes_of_the_kernel(tmp_path: Path, tree: Tree) -> None:
    (tmp_path / "tree/output/big").write_bytes(os.urandom(20_000_001))
    transfer().upload(tree, Upload(start=("output", "big")), directory_location(tmp_path / "store"), "w")
    assert (tmp_path / "store/big").read_bytes() == (tmp_path / "tree/output/big").read_bytes()
    # Files of /proc have no size and cannot be copied by the kernel.
    transfer().download(parse_location("file:///proc/version"), tree, ("in",), EVERYTHING)
    assert (tmp_path / "tree/in/version").read_text() == Path("/proc/version").read_text()


def test_a_bad_regex_is_explained() -> None:
    with pytest.raises(StoreError, match="Invalid regex"):
        selection("(")
