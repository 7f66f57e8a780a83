"""Laws of trees and transfers: nothing outside is ever read or written, and what goes through comes out the same."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from storage.faults import StoreError
from storage.keys import UnsafeName, checked_parts, safe_parts
from storage.local import LocalStore
from storage.select import EVERYTHING
from storage.stores import Stores
from storage.transfer import Transfer, Upload
from storage.trees import FoundFile, Tree
from storage.urls import directory_location

NAMES = st.sampled_from(["a", "b", "c", "..", ".", "", "x y", "é", "link"])
PLAIN = st.sampled_from(["a", "b", "c", "x y", "é", "link"])
TARGETS = st.one_of(
    st.lists(NAMES, min_size=1, max_size=4).map("/".join),
    st.sampled_from(["/", "/etc/passwd", "..", "../..", "OUTSIDE", "OUTSIDE/secret", "INSIDE", "INSIDE/a", "/task/a"]),
)
ENTRIES = st.dictionaries(
    st.lists(PLAIN, min_size=1, max_size=3).map(tuple),
    st.one_of(st.just(("file", "")), st.just(("directory", "")), TARGETS.map(lambda target: ("link", target))),
    max_size=8,
)


@contextmanager
def grown(entries: dict[tuple[str, ...], tuple[str, str]]) -> Iterator[tuple[Path, Path]]:
    """A tree with these entries (those that fit), and a directory beside it with a secret."""
    with tempfile.TemporaryDirectory() as top:
        inside, outside = Path(top) / "inside", Path(top) / "outside"
        inside.mkdir()
        outside.mkdir()
        (outside / "secret").write_text("outside")
        for parts, (kind, target) in sorted(entries.items()):
            path = inside.joinpath(*parts)
            try:
                # Not through links: the tree is what the entries say.
                if os.path.realpath(path.parent) != str(path.parent):
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                if kind == "link":
                    path.symlink_to(target.replace("OUTSIDE", str(outside)).replace("INSIDE", str(inside)))
                elif kind == "directory":
                    path.mkdir(exist_ok=True)
                else:
                    path.write_text("inside")
            except (OSError, ValueError):
                continue
        yield inside, outside


@given(st.lists(st.one_of(NAMES, st.text(max_size=5)), max_size=5))
def test_a_checked_name_stays_below_its_directory(parts: list[str]) -> None:
    try:
        checked = checked_parts(parts)
    except UnsafeName:
        return
    path = os.path.normpath("/".join(["/base", *checked]))
    assert path.startswith("/base/")
    assert safe_parts("/".join(checked)) == checked


@settings(max_examples=300, deadline=None)
@given(ENTRIES)
def test_whatever_links_there_are_only_files_inside_are_found_and_read(
    entries: dict[tuple[str, ...], tuple[str, str]],
) -> None:
    """Never follow symlinks out of the root."""
    with grown(entries) as (inside, _), Tree.open(inside, known_as=("/task",)) as tree:
        for found in tree.files():
            if isinstance(found, FoundFile):
                descriptor = tree.reach(found.at)
                assert os.read(descriptor, 100) == b"inside"
                os.close(descriptor)


@settings(max_examples=300, deadline=None)
@given(ENTRIES, st.lists(NAMES, max_size=4).map(tuple))
def test_any_path_leads_inside_or_nowhere(
    entries: dict[tuple[str, ...], tuple[str, str]], path: tuple[str, ...]
) -> None:
    with grown(entries) as (inside, _), Tree.open(inside) as tree:
        try:
            descriptor = tree.reach("/".join(path))
        except (OSError, StoreError):
            return
        reached = os.readlink(f"/proc/self/fd/{descriptor}") if os.path.isdir("/proc/self/fd") else str(inside)
        os.close(descriptor)
        assert reached == str(inside) or reached.startswith(f"{inside}/")


@settings(max_examples=300, deadline=None)
@given(ENTRIES, st.lists(NAMES, max_size=4).map(tuple))
def test_a_new_file_never_lands_outside(entries: dict[tuple[str, ...], tuple[str, str]], path: tuple[str, ...]) -> None:
    """Never write outside the destination root: hostile names, '../', absolute symlinks."""
    with grown(entries) as (inside, outside), Tree.open(inside, known_as=("/task",)) as tree:
        before = sorted(os.listdir(outside.parent))
        try:
            with tree.new_file(path) as descriptor:
                os.write(descriptor, b"new")
        except (OSError, UnsafeName):
            pass
        else:
            assert inside.joinpath(*path).read_text() == "new"
        assert [(entry.name, entry.read_text()) for entry in outside.iterdir()] == [("secret", "outside")]
        assert sorted(os.listdir(outside.parent)) == before
        assert not list(inside.rglob(".argosmo-part-*"))


FILES = st.dictionaries(
    st.lists(
        st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8),
        min_size=1,
        max_size=3,
    )
    .map(tuple)
    .filter(lambda parts: not set(parts) & {".", ".."}),
    st.binary(max_size=200),
    max_size=6,
)


@settings(max_examples=100, deadline=None)
@given(FILES)
def test_what_is_uploaded_is_downloaded_again(files: dict[tuple[str, ...], bytes]) -> None:
    """§6.4 the sub-tree keeps its relative layout."""
    with tempfile.TemporaryDirectory() as top:
        here, store, there = (Path(top) / name for name in ("here", "store", "there"))
        for parts, contents in files.items():
            path = here.joinpath(*parts)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(contents)
            except OSError:
                continue
        here.mkdir(exist_ok=True)
        there.mkdir()
        transfer = Transfer(Stores({"file": LocalStore()}), threading.Event())
        location = directory_location(store)
        with Tree.open(here) as source, Tree.open(there) as target:
            up = transfer.upload(source, Upload(start=()), location, "writer")
            down = transfer.download(location, target, (), EVERYTHING)
        assert (up.files, up.bytes) == (down.files, down.bytes)
        assert contents_of(there) == contents_of(here)


def contents_of(directory: Path) -> dict[str, bytes]:
    """The files of a directory."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
