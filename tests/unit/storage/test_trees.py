"""Directories whose inside may be hostile."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from storage.faults import OutsideOfTree
from storage.keys import UnsafeName
from storage.trees import FoundFile, SkippedEntry, Tree


def read(tree: Tree, path: str) -> bytes:
    """What a file of a tree holds."""
    descriptor = tree.reach(path)
    try:
        return os.read(descriptor, 100)
    finally:
        os.close(descriptor)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A directory with a tree, and a secret beside it."""
    (tmp_path / "tree/sub").mkdir(parents=True)
    (tmp_path / "tree/sub/file").write_text("inside")
    (tmp_path / "secret").write_text("outside")
    return tmp_path / "tree"


def test_paths_lead_inside(top: Path) -> None:
    with Tree.open(top) as tree:
        assert read(tree, "sub/file") == read(tree, "/sub/./file") == read(tree, "sub/../sub//file") == b"inside"


@pytest.mark.parametrize("path", ["..", "../secret", "sub/../../secret", "/../tree/sub/file"])
def test_paths_do_not_lead_out(top: Path, path: str) -> None:
    with Tree.open(top) as tree, pytest.raises(OutsideOfTree):
        tree.reach(path)


@pytest.mark.parametrize("target", ["../secret", "/etc/passwd", "sub/../../secret", "/", "/task/../secret"])
def test_links_do_not_lead_out(top: Path, target: str) -> None:
    (top / "link").symlink_to(target)
    with Tree.open(top, known_as=("/task",)) as tree, pytest.raises((OutsideOfTree, FileNotFoundError)):
        tree.reach("link")


@pytest.mark.parametrize("target", ["sub/file", "./sub/../sub/file", "/task/sub/file", "HERE/sub/file"])
def test_links_lead_inside(top: Path, target: str) -> None:
    """Shape: absolute links below a path under which the tree is known stay inside."""
    (top / "link").symlink_to(target.replace("HERE", str(top)))
    with Tree.open(top, known_as=("/task",)) as tree:
        assert read(tree, "link") == b"inside"


def test_a_whole_file_system_has_no_outside(top: Path) -> None:
    (top / "up").symlink_to("../../../sub/file")
    (top / "absolute").symlink_to("/sub/file")
    descriptor = os.open(top, os.O_RDONLY)
    with Tree(descriptor, known_as=("/",)) as tree:
        assert read(tree, "up") == read(tree, "absolute") == b"inside"


def test_links_in_a_circle_end(top: Path) -> None:
    (top / "a").symlink_to("b")
    (top / "b").symlink_to("a")
    with Tree.open(top) as tree, pytest.raises(OSError, match="symbolic links") as caught:
        tree.reach("a")
    assert caught.value.errno == errno.ELOOP


def test_files_are_found_in_order_and_the_rest_is_explained(top: Path) -> None:
    (top / "b").write_text("12")
    (top / "dir").symlink_to("sub")
    (top / "loop").symlink_to(".")
    (top / "out").symlink_to("/etc/passwd")
    os.mkfifo(top / "pipe")
    with Tree.open(top) as tree:
        found = list(tree.files())
        below = list(tree.files("sub"))
        single = list(tree.files("sub/file"))
    assert [entry.parts for entry in found if isinstance(entry, FoundFile)] == [
        ("b",),
        ("dir", "file"),
        ("sub", "file"),
    ]
    assert {entry.parts: entry.reason for entry in found if isinstance(entry, SkippedEntry)} == {
        ("loop",): "it leads to a directory that it stands in",
        ("out",): "it leads out of its directory",
        ("pipe",): "it is neither a directory nor a regular file",
    }
    assert below == [FoundFile(parts=("file",), at=("sub", "file"), size=6)]
    assert single == [FoundFile(parts=("file",), at=("sub", "file"), size=6)]


def test_new_files_appear_whole_or_not_at_all(top: Path) -> None:
    with Tree.open(top) as tree:
        with tree.new_file(("new", "deep", "file"), writer="w") as descriptor:
            os.write(descriptor, b"half")
            assert not (top / "new/deep/file").exists()
        assert (top / "new/deep/file").read_text() == "half"
        with suppress(KeyError), tree.new_file(("new", "deep", "file"), writer="w") as descriptor:
            os.write(descriptor, b"other")
            raise KeyError
    assert (top / "new/deep/file").read_text() == "half"
    assert os.listdir(top / "new/deep") == ["file"]
    assert (top / "new/deep/file").stat().st_mode & 0o777 == 0o644


def test_what_a_killed_writer_left_is_taken_up_and_never_found(top: Path) -> None:
    with Tree.open(top) as tree:
        writing = tree.new_file(("file",), writer="w")
        writing.__enter__()
        (left,) = (name for name in os.listdir(top) if name != "sub")
        assert [entry.parts for entry in tree.files()] == [("sub", "file")]
        with tree.new_file(("file",), writer="w") as descriptor:
            os.write(descriptor, b"again")
        assert left not in os.listdir(top)


def test_nothing_is_written_through_links(top: Path) -> None:
    (top / "link").symlink_to(top.parent)
    (top / "file").symlink_to(top.parent / "secret")
    with Tree.open(top) as tree:
        with pytest.raises(OSError), tree.new_file(("link", "new")):  # noqa: PT011  the number differs by system
            pass
        with tree.new_file(("file",)) as descriptor:
            os.write(descriptor, b"mine")
    assert (top.parent / "secret").read_text() == "outside"
    assert not (top / "file").is_symlink()
    assert not (top.parent / "new").exists()


@pytest.mark.parametrize("parts", [(), ("..", "x"), ("a", "..", "x"), ("",), ("a/b",), ("/etc",), ("a\0",)])
def test_unsafe_names_are_refused(top: Path, parts: tuple[str, ...]) -> None:
    with Tree.open(top) as tree, pytest.raises(UnsafeName), tree.new_file(parts):
        pass
