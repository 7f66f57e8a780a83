"""Checkpoints as the wrapper sends them."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import msgspec
import pytest

from runtime.move_voice import MoveVoice
from runtime.sidecar.checkpoints import CheckpointStorer
from storage.faults import TransferStopped
from storage.local import LocalStore
from storage.stores import Stores
from translator.plan.model import CheckpointPlan


class Sent:
    """Bytes as a stream that gives little at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def line(self) -> bytes:
        return self._data.readline()

    def read(self, limit: int) -> bytes:
        return self._data.read(min(limit, 70_000))


def frames(files: dict[str, bytes], *, end: bool = True) -> bytes:
    """What the wrapper sends for these files."""
    parts = [msgspec.json.encode({"name": name, "size": len(body)}) + b"\n" + body for name, body in files.items()]
    return b"".join(parts) + (b'{"end": true}\n' if end else b"")


class Stored:
    """A storer into a directory, and what it said."""

    def __init__(self, home: Path, path: str, regex: str = "") -> None:
        self.home = home / "store"
        self.said: list[str] = []
        self.stopped = threading.Event()
        plan = CheckpointPlan(path=path, url=f"file://{self.home}", frequency_seconds=1, regex=regex)
        self._storer = CheckpointStorer(
            checkpoints=(plan,),
            stores=Stores({"file": LocalStore()}),
            writer="w",
            stopped=self.stopped,
            voice=MoveVoice(self.said.append),
        )

    def store(self, data: bytes, index: int = 0) -> str:
        fault = self._storer.store(index, Sent(data))
        return fault.message if fault is not None else ""

    def files(self) -> dict[str, bytes]:
        found = [path for path in self.home.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.home)): path.read_bytes() for path in found}


FILES = {"b/one.txt": b"1", "b/sub/two": b"22", "b/large": bytes(9_000_000), "b/empty": b""}


def test_files_keep_their_names_below_the_directorys_own(tmp_path: Path) -> None:
    """§6.6 `path: /a/b` uploads the directory under its base name."""
    stored = Stored(tmp_path, "/a/b")
    assert stored.store(frames(FILES)) == ""
    assert stored.files() == FILES
    assert stored.said == [f"Checkpoint /a/b uploaded to file://{stored.home}: 4 files, 9000003 bytes"]


@pytest.mark.parametrize(
    ("path", "regex", "taken"),
    [
        ("/a/b", "one", ["b/one.txt"]),
        ("/a/b", "b/", []),
        ("/a/b", "sub/", ["b/sub/two"]),
        ("/a/*", "b/one", ["b/one.txt"]),
        ("/a/*", "sub", []),
        ("/a/b", ".*l", ["b/large"]),
    ],
)
def test_regex_sees_the_path_below_the_directory_or_the_matchs_name(
    tmp_path: Path, path: str, regex: str, taken: list[str]
) -> None:
    """§6.4 output/checkpoint: path relative to the uploaded directory."""
    stored = Stored(tmp_path, path, regex)
    assert stored.store(frames(FILES)) == ""
    assert sorted(stored.files()) == taken


def test_matches_of_a_glob_are_told_one_by_one(tmp_path: Path) -> None:
    stored = Stored(tmp_path, "/a/*")
    stored.store(frames({"x": b"1", "y/1": b"22", "y/2": b"3"}))
    assert [line.partition(" uploaded")[0] for line in stored.said] == ["Checkpoint x", "Checkpoint y"]


@pytest.mark.parametrize("size", [10, 9_000_000])
def test_what_breaks_off_is_a_fault_and_no_half_file(tmp_path: Path, size: int) -> None:
    stored = Stored(tmp_path, "/a/b")
    data = frames({"b/whole": b"w", "b/half": bytes(size)}, end=False)
    assert "broke off" in stored.store(data[: -size // 2])
    assert "b/half" not in stored.files()
    assert "could not be read" in stored.store(data), "without its end it is not complete"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\n",
        b"[]\n",
        b'{"name": "../x", "size": 1}\nx{"end": true}\n',
        b'{"name": "/etc/x", "size": 1}\nx{"end": true}\n',
        b'{"name": "", "size": 1}\nx{"end": true}\n',
        b'{"name": "a", "size": "1"}\n',
        b'{"name": "a", "size": 99999999999999999999}\n',
        b'{"name": "a", "size": 999999999999}\nx',
    ],
)
def test_what_is_none_of_the_wrappers_is_refused(tmp_path: Path, data: bytes) -> None:
    stored = Stored(tmp_path, "/a/b")
    assert stored.store(data).startswith("Checkpoint upload failed: /a/b")
    assert stored.files() == {}


def test_a_checkpoint_that_is_not_planned(tmp_path: Path) -> None:
    for index in (1, -1):
        assert "no checkpoint" in Stored(tmp_path, "/a/b").store(frames({}), index)


def test_it_stops_when_it_is_told_to(tmp_path: Path) -> None:
    stored = Stored(tmp_path, "/a/b")
    stored.stopped.set()
    with pytest.raises(TransferStopped):
        stored.store(frames(FILES))


def test_a_store_that_gives_up_is_named(tmp_path: Path) -> None:
    """The cause, not that the pipe to it broke."""
    stored = Stored(tmp_path, "/a/b")
    stored.home.mkdir()
    (stored.home / "b").write_text("in the way")
    fault = stored.store(frames({"b/large": bytes(9_000_000)}))
    assert "Not a directory" in fault
