"""`argosmo data` on directories of this machine. Source: api.md §5; platform.md §3.5."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.config_file import keep_data_key
from cli.data.bars import Bars
from cli.data.places import local_stores
from cli.main import main
from storage.faults import StoreError
from storage.sums import MovedFile


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A directory `tree` with three files."""
    for name in ("a.txt", "b.log", "d/c.txt"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def files(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("path", "more", "there"),
    [
        ("tree", [], ["tree/a.txt", "tree/b.log", "tree/d/c.txt"]),
        ("tree/*", [], ["a.txt", "b.log", "d/c.txt"]),
        ("tree/.", [], ["a.txt", "b.log", "d/c.txt"]),
        ("tree/a.txt", [], ["a.txt"]),
        ("tree/.", ["--regex", r".*\.txt$"], ["a.txt", "d/c.txt"]),
        ("tree/.", ["-x", "txt"], []),
    ],
)
def test_upload(here: Path, path: str, more: list[str], there: list[str]) -> None:
    """§6.6 a directory goes by its base name, `/a/b/*` is its content; §6.4 re.match on the relative path."""
    assert main(["data", "upload", f"file://{here}/store", f"{here}/{path}", *more]) == 0
    assert files(here / "store") == there


def test_download_list_delete(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"file://{here}/tree"
    assert main(["data", "download", url, str(here / "into"), "--regex", "d/"]) == 0
    assert files(here / "into") == ["d/c.txt"]
    assert "Downloaded 1 file, 7 bytes" in capsys.readouterr().out
    assert main(["data", "list", url]) == 0
    assert capsys.readouterr().out == "-  d/\n5  a.txt\n5  b.log\n"
    assert main(["data", "list", url, "-r", "--prefix", "d/"]) == 0
    assert capsys.readouterr().out == "7  d/c.txt\n"
    assert main(["data", "list", url, str(here / "list.json"), "-t", "json", "--regex", ".*txt"]) == 0
    assert json.loads((here / "list.json").read_text())["objects"] == [
        {"path": "a.txt", "size": 5},
        {"path": "d/c.txt", "size": 7},
    ]
    capsys.readouterr()
    assert main(["data", "delete", url, "-x", r".*\.txt", "-t", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"remote_uri": url, "files": 2, "bytes": 12, "warnings": []}
    assert files(here / "tree") == ["b.log"]
    assert not (here / "tree/d").exists()


def test_json_and_what_is_written_beside_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--sums", str(here / "sums"), "-b", str(here / "bench"), "--format-type", "json"]
    assert main(["data", "upload", f"file://{here}/store", f"{here}/tree/.", *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["files"], report["bytes"], report["unchanged"], report["warnings"]) == (3, 17, 0, [])
    assert json.loads(next((here / "bench").iterdir()).read_text()) == report
    expected = hashlib.sha256(b"a.txt").hexdigest()
    assert (here / "sums").read_text().splitlines()[0] == f"{expected}  a.txt"
    done = subprocess.run(["sha256sum", "--check", "--status", "../sums"], cwd=here / "store", check=False)
    assert done.returncode == 0


def test_resume_leaves_out_what_is_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    upload = ["data", "upload", f"file://{here}/store", f"{here}/tree/.", "--resume", "-t", "json"]
    assert main(upload) == 0
    capsys.readouterr()
    (here / "tree/a.txt").write_text("A.txt")
    assert main(upload) == 0
    assert json.loads(capsys.readouterr().out)["unchanged"] == 2
    assert (here / "store/a.txt").read_text() == "A.txt"
    download = ["data", "download", f"file://{here}/store", str(here / "into"), "-r", "-t", "json"]
    assert main(download) == 0
    (here / "into/b.log").write_text("B.log")
    capsys.readouterr()
    assert main(download) == 0
    assert json.loads(capsys.readouterr().out)["unchanged"] == 2
    assert (here / "into/b.log").read_text() == "b.log"


def test_an_empty_result_is_a_warning(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """§6.3 empty download result = warning only."""
    assert main(["data", "download", f"file://{here}/none", str(here / "into")]) == 0
    assert "Warning: nothing was found" in capsys.readouterr().err
    assert main(["data", "list", f"file://{here}/none"]) == 0
    assert "There is nothing at" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["list", "http://host/x"], 2, "Unknown URI scheme: http. Expected s3://bucket[/path]"),
        (["list", "azure://account"], 2, "azure://account/container[/path]"),
        (["download", "gs://bucket/x", "into"], 1, "No credential for gs://bucket"),
        (["upload", "file:///tmp/x", "/none-there"], 2, "There is no /none-there"),
        (["list", "s3://bucket", "--regex", "("], 2, "Invalid regex"),
        (["delete", "s3://bucket"], 2, "s3://bucket is a whole bucket"),
        (["check", "s3://bucket", "-a", "LOOK"], 2, "expected one of READ, WRITE, DELETE"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", *arguments]) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("access", ["READ", "WRITE", "delete"])
def test_check_leaves_nothing_behind(here: Path, capsys: pytest.CaptureFixture[str], access: str) -> None:
    before = files(here)
    assert main(["data", "check", f"file://{here}/tree", "--access-type", access, "-t", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "pass"
    assert files(here) == before


def test_check_says_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", "tos://host/bucket/x", "-t", "json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["status"] == "fail"
    assert "No credential for tos://host/bucket" in answer["error"]


def test_the_key_kept_for_a_place_is_used() -> None:
    """api.md §4 `config.yaml`: storage keys under `auth.data.<endpoint>`, used by `osmo data`."""
    with pytest.raises(StoreError, match="No credential for gs://bucket"):
        local_stores().check("gs://bucket/path")
    keep_data_key("gs://bucket", {"access_key_id": "id", "access_key": "secret", "region": "eu"})
    local_stores().check("gs://bucket/path")


def test_bars_add_up() -> None:
    with Bars("Uploading", wants_sums=True) as bars:
        bars.found(2, 100)
        bars.moved(40)
        bars.done(MovedFile(parts=("a", "b"), size=40, sha256="x"))
    assert bars.sums == [("a/b", "x")]
    assert bars.shown == "40/100 bytes, 1/2 files"


def test_an_interrupted_transfer_ends_with_130(here: Path) -> None:
    """The sign is given by Ctrl-C; nothing half is left at the place."""
    with (here / "tree/large").open("wb") as large:
        large.truncate(8_000_000_000)
    command = [sys.executable, "-m", "cli", "data", "upload", f"file://{here}/store", f"{here}/tree/."]
    code = "import os,signal,subprocess,sys,time,pathlib\n" + (
        f"child = subprocess.Popen({command!r})\n"
        f"store = pathlib.Path({str(here / 'store')!r})\n"
        "while not (store / 'd/c.txt').exists() and child.poll() is None: time.sleep(0.01)\n"
        "time.sleep(0.05)\nchild.send_signal(signal.SIGINT)\nsys.exit(child.wait())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 130, done.stderr
    assert "--resume" in done.stderr
    assert files(here / "store") == ["a.txt", "b.log", "d/c.txt"]
