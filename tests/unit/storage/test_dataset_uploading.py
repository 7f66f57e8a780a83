"""Uploads of files that do not hold still, and of what can be no file of a dataset."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.datasets.client import DatasetClient
from storage.datasets.notices import Pace, purging, uploading
from storage.faults import StoreError, TransferStopped
from storage.lanes import NEVER
from storage.local import LocalStore
from storage.stores import Stores
from storage.urls import directory_location

QUICK = Pace(beat_seconds=0.05, dead_seconds=20.0, wait_seconds=20.0, look_seconds=0.02)


@dataclass(slots=True)
class Meanwhile:
    """A sign to stop that is never given, and changes something each time it is looked at."""

    change: Callable[[int], None]
    looks: int = 0

    def is_set(self) -> bool:
        """False."""
        self.looks += 1
        self.change(self.looks)
        return False


def test_a_file_that_changes_once_is_stored_as_it_is_then(tmp_path: Path) -> None:
    """'a file that changed meanwhile must not stand under this name.'"""
    file = tmp_path / "in/a"
    file.parent.mkdir()
    file.write_bytes(b"before")

    def change(look: int) -> None:
        # The sum is taken by then, and the copy not made.
        if look == 6:
            file.write_bytes(b"after.")

    url = f"file://{tmp_path}/store"
    made = DatasetClient(url, stopped=Meanwhile(change)).upload([file.parent]).manifest
    assert file.read_bytes() == b"after."
    client = DatasetClient(url)
    assert client.check(made).is_whole
    client.download(made, tmp_path / "out")
    assert (tmp_path / "out/a").read_bytes() in (b"before", b"after.")


def test_a_file_that_never_holds_still_is_said(tmp_path: Path) -> None:
    """After some rounds; nothing wrong stays behind."""
    file = tmp_path / "in/a"
    file.parent.mkdir()
    file.write_bytes(b"0000")

    def change(look: int) -> None:
        file.write_bytes(f"{look:04}".encode())

    url = f"file://{tmp_path}/store"
    with pytest.raises(StoreError, match="a keeps changing while it is uploaded"):
        DatasetClient(url, stopped=Meanwhile(change)).upload([file.parent])
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []


def test_what_can_be_no_file_is_left_out_with_a_warning(tmp_path: Path) -> None:
    """Links that lead out, pipes, names that are no UTF-8."""
    directory = tmp_path / "in"
    directory.mkdir()
    (directory / "good").write_bytes(b"x")
    (directory / "out").symlink_to("/etc/passwd")
    os.mkfifo(directory / "pipe")
    Path(os.fsdecode(os.fsencode(directory) + b"/b\xff")).touch()
    done = DatasetClient(f"file://{tmp_path}/store").upload([directory])
    assert [file.path for file in done.manifest.files] == ["good"]
    assert len(done.moved.notes) == 3


def test_an_upload_waits_until_a_removal_has_ended(tmp_path: Path) -> None:
    """Then it goes on, with a note of its own."""
    location, stores, around = directory_location(tmp_path), Stores({"file": LocalStore()}), threading.Event()

    def purge() -> None:
        with purging(stores, location, "p", NEVER, force=False, pace=QUICK):
            around.set()
            time.sleep(0.3)

    thread = threading.Thread(target=purge)
    thread.start()
    assert around.wait(20)
    begun = time.monotonic()
    with uploading(stores, location, "w", NEVER, pace=QUICK):
        assert time.monotonic() - begun > 0.1
        assert (tmp_path / "writers/w").exists()
    thread.join()
    assert not (tmp_path / "writers/w").exists()


def test_waiting_ends_when_it_is_told_to(tmp_path: Path) -> None:
    """Ctrl-C is heard."""
    location, stores = directory_location(tmp_path), Stores({"file": LocalStore()})
    (tmp_path / "purges").mkdir()
    (tmp_path / "purges/x").touch()
    told = threading.Event()
    threading.Timer(0.1, told.set).start()
    with pytest.raises(TransferStopped), uploading(stores, location, "w", told):
        pytest.fail("it did not wait")
