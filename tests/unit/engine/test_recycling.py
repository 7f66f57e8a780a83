"""Boxes that are used again are exactly those in which nothing was changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

import pytest

import engine.directories
from engine.cells.cell import make_osmo
from engine.directories import Directories
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


def test_untouched_boxes_come_back_when_the_kernel_has_let_go_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.directories, "_LET_GO_SECONDS", 3600.0)
    looked_at: SimpleQueue[str] = SimpleQueue()
    directories = Directories(tmp_path)
    directories.open(0.0)

    def check(path: Path) -> bool:
        looked_at.put(path.name)
        return not (path / "file").exists()

    directories.keep_untouched(check)
    for name in ("touched", "untouched", "last"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    (tmp_path / "untouched/file").unlink()
    for name in ("touched", "untouched", "last"):
        directories.remove(tmp_path / name)
    # One after the other: when the last one is looked at, those before it are where they belong.
    for _ in range(3):
        looked_at.get(timeout=20)
    assert directories.untouched_spare() is None
    monkeypatch.setattr(engine.directories, "_LET_GO_SECONDS", 0.0)
    spare = directories.untouched_spare()
    assert spare is not None
    assert spare.parent.name == "spare"
    assert directories.untouched_spare() is None
    directories.close()
    assert not spare.exists()
