"""Sandboxes that are used again are exactly those in which nothing was written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.cells.cell import make_osmo
from engine.sandbox.bubblewrap import BoxDirectory, make_directories
from engine.sandbox.layout import Layer, Layout, LayoutKind
from engine.sandbox.recycling import Imprint

LAYOUT = Layout(kind=LayoutKind.WHOLE, pieces=(Layer("/"),))


def box(path: Path) -> Path:
    """A box as the engine makes it."""
    made = BoxDirectory(str(path))
    make_directories(LAYOUT, made)
    make_osmo(made.osmo)
    return path


def test_an_untouched_box_fits_also_after_inputs_that_were_empty(tmp_path: Path) -> None:
    imprint = Imprint.of(box(tmp_path / "first"))
    other = box(tmp_path / "other")
    for index in range(2):
        (other / f"osmo/data/input/{index}").mkdir()
    assert imprint.fits(other)
    assert not list((other / "osmo/data/input").iterdir())
    assert imprint.fits(other)


def test_links_and_empty_files_on_which_something_is_mounted_belong_to_a_box(tmp_path: Path) -> None:
    first, second = (box(tmp_path / name) for name in ("first", "second"))
    for path in (first, second):
        (path / "osmo/bin").symlink_to("usr/bin")
        (path / "osmo/file").touch()
    imprint = Imprint.of(first)
    assert imprint.fits(second)
    (second / "osmo/bin").unlink()
    (second / "osmo/bin").symlink_to("usr/sbin")
    assert not imprint.fits(second)
    assert imprint.fits(first)
    (first / "osmo/file").write_text("x")
    assert not imprint.fits(first)


@pytest.mark.parametrize(
    "touch",
    [
        lambda path: (path / "osmo/data/output/result").touch(),
        lambda path: (path / "tmp/left").mkdir(),
        lambda path: (path / "upper0/etc").mkdir(),
        lambda path: (path / "tmp").chmod(0o700),
        lambda path: (path / "osmo/run/workspace").rmdir(),
        lambda path: (path / "osmo/data/input/0").symlink_to("/etc"),
        lambda path: ((path / "osmo/data/input/0").mkdir(), (path / "osmo/data/input/0/file").touch()),
        lambda path: os.setxattr(path / "osmo", "user.note", b"x"),
        lambda path: os.chown(path / "tmp", 12345, 12345),
    ],
)
def test_a_touched_box_does_not_fit(tmp_path: Path, touch: Callable[[Path], object]) -> None:
    imprint = Imprint.of(box(tmp_path / "first"))
    other = box(tmp_path / "other")
    try:
        touch(other)
    except OSError as error:
        pytest.skip(f"cannot be done here: {error}")
    assert not imprint.fits(other)


def test_a_box_that_is_gone_does_not_fit(tmp_path: Path) -> None:
    assert not Imprint.of(box(tmp_path / "first")).fits(tmp_path / "none")
