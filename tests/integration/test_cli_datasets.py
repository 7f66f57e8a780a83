"""`argosmo dataset` against a real gateway, with files in an S3 server and in the gateway's own directory."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.client import Client
from cli.config_file import keep_data_key
from cli.dataset.registry import Registry
from cli.errors import CliError
from cli.login_file import CONFIG_DIR_VARIABLE, DevLogin, Login
from cli.main import main
from tests.integration.serving import served
from tests.object_store import S3Server

pytestmark = pytest.mark.xdist_group("s3")

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a gateway that `argosmo serve` started."""
    directory = tmp_path_factory.mktemp("server")
    with served(directory) as url:
        yield url


@pytest.fixture
def home(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A user who is logged in."""
    monkeypatch.setenv(CONFIG_DIR_VARIABLE, str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main(["login", server, "--method", "dev", "--username", "alice"]) == 0
    capsys.readouterr()
    return tmp_path


@pytest.fixture(params=["here", "s3"])
def place(request: pytest.FixtureRequest, home: Path) -> list[str]:
    """Where a new dataset goes, as words of a command: the gateway's choice, or a bucket."""
    if request.param == "here":
        return []
    s3: S3Server = request.getfixturevalue("s3")
    return ["--location", bucket(s3)]


def bucket(s3: S3Server) -> str:
    """A fresh place of a bucket whose key is kept on this machine."""
    key = s3.credential()
    values = {"override_url": s3.url, "addressing_style": "path"}
    keys = {"access_key_id": str(key.access_key_id), "access_key": str(key.access_key)}
    keep_data_key(f"s3://{s3.bucket}", values | keys)
    return f"s3://{s3.bucket}/{uuid.uuid4().hex}"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a verb and gives its JSON."""

    def one(*words: str, code: int = 0) -> Any:
        found = main(["dataset", *words, "-t", "json"])
        output = capsys.readouterr()
        assert found == code, output
        return json.loads(output.out)

    return one


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"d-{uuid.uuid4().hex}"


def grow(directory: Path, files: dict[str, str]) -> Path:
    """A directory with files."""
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    return directory


def texts(directory: Path) -> dict[str, str]:
    """What is in a directory."""
    return {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()}


def test_there_and_back(home: Path, place: list[str], run: Run, name: str) -> None:
    """upload, info, download, checksum: versions by number, tag and as the latest."""
    files = {"a.txt": "a", "d/b.txt": "b", "d/ü +%.log": "c"}
    grow(home / "in", files)
    first = run(
        "upload", name, f"{home}/in/.", "--tag", "good", "-l", "k=v", "-m", 'n={"m": [1]}', "-m", "s=text", *place
    )
    assert (first["version"], first["files"], first["stored_before"], first["tags"]) == (1, 3, 0, ["good", "latest"])
    second = run("upload", name, f"{home}/in", "-x", r"d/.*\.txt")
    assert (second["version"], second["files"], second["stored_before"]) == (2, 1, 1)
    info = run("info", f"{name}:good", "--files")
    assert info["versions"][0]["metadata"] == {"n": {"m": [1]}, "s": "text"}
    assert info["versions"][0]["labels"] == {"k": "v"}
    assert [file["path"] for file in info["files"]] == ["a.txt", "d/b.txt", "d/ü +%.log"]
    whole = run("info", name)
    assert (whole["dataset"]["owner"], [each["version"] for each in whole["versions"]]) == ("alice", [1, 2])
    assert run("download", f"{name}:good", f"{home}/one")["files"] == 3
    assert texts(home / "one") == files
    assert run("download", f"{name}:1", f"{home}/one")["stored_before"] == 3
    run("download", name, f"{home}/two")
    assert texts(home / "two") == {"in/d/b.txt": "b"}
    run("download", f"{name}:1", f"{home}/three", "--path", "d", "-x", ".*txt", "--no-cache")
    assert texts(home / "three") == {"b.txt": "b"}
    checked = run("checksum", f"{name}:1")
    assert (checked["status"], checked["files"], checked["missing"], checked["damaged"]) == ("pass", 3, [], [])
    assert run("checksum", f"{name}:1", "--quick")["status"] == "pass"


def test_what_was_downloaded_is_kept(home: Path, s3: S3Server, run: Run, name: str) -> None:
    """'$XDG_CACHE_HOME/argosmo/blobs', unless nobody wants it."""
    grow(home / "in", {"a": "a", "b": "b"})
    run("upload", name, f"{home}/in/.", "--location", bucket(s3))
    run("download", name, f"{home}/one", "--no-cache")
    assert not (home / "cache").exists()
    run("download", name, f"{home}/two")
    assert len([path for path in (home / "cache/argosmo/blobs").rglob("[0-9a-f]*") if path.is_file()]) == 2


def test_a_version_with_files_more_and_less(home: Path, place: list[str], run: Run, name: str) -> None:
    """'update = new version with files added/removed'."""
    grow(home / "in", {"a": "1", "b": "2", "c/d": "3"})
    run("upload", name, f"{home}/in/.", *place)
    grow(home / "more", {"b": "new", "e": "5"})
    made = run("update", name, "--add", f"{home}/more/.", "--remove", "c/", "--tag", "t")
    assert (made["version"], made["files"], made["tags"]) == (2, 2, ["t", "latest"])
    run("download", name, f"{home}/out")
    assert texts(home / "out") == {"a": "1", "b": "new", "e": "5"}
    run("update", f"{name}:1", "--remove", "[ab]")
    run("download", name, f"{home}/third")
    assert texts(home / "third") == {"c/d": "3"}


def test_versions_together(home: Path, s3: S3Server, run: Run, name: str) -> None:
    """'collect = new dataset/version joined from several', from wherever they are."""
    grow(home / "one", {"same": "s", "a": "1"})
    grow(home / "two", {"same": "s", "b": "2"})
    grow(home / "clash", {"a": "other"})
    for each, more in (("one", []), ("two", ["--location", bucket(s3)]), ("clash", [])):
        run("upload", f"{name}-{each}", f"{home}/{each}/.", *more)
    goal = bucket(s3)
    made = run("collect", name, f"{name}-one", f"{name}-two:1", "--location", goal, "--tag", "both")
    assert (made["version"], made["location"]) == (1, goal)
    run("download", f"{name}:both", f"{home}/out")
    assert texts(home / "out") == {"same": "s", "a": "1", "b": "2"}
    refused = run("collect", name, f"{name}-one", f"{name}-clash", code=1)
    assert "different files called a" in refused["message"]
    run("collect", name, f"{name}-one", f"{name}-clash", "--by-name")
    run("download", name, f"{home}/apart")
    assert texts(home / "apart") == {f"{name}-one/same": "s", f"{name}-one/a": "1", f"{name}-clash/a": "other"}
    assert run("checksum", name)["status"] == "pass"


def test_elsewhere(home: Path, s3: S3Server, run: Run, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """'migrate = copy to another location'; with --purge nothing stays behind."""
    grow(home / "in", {"a": "1", "b": "2"})
    old = bucket(s3)
    run("upload", name, f"{home}/in/.", "--location", old)
    run("upload", name, f"{home}/in/a", "--location", old)
    new = f"file://{home}/kept"
    moved = run("migrate", name, new, "--purge")
    assert (moved["location"], moved["files"]) == (new, 3)
    assert {each["location"] for each in run("info", name)["versions"]} == {new}
    assert run("info", name)["dataset"]["location"] == new
    run("download", f"{name}:1", f"{home}/out")
    assert texts(home / "out") == {"a": "1", "b": "2"}
    assert main(["data", "list", old, "-r"]) == 0
    assert capsys.readouterr().out == ""
    assert run("migrate", f"{name}:1", f"file://{home}/again")["files"] == 2
    assert run("info", f"{name}:2")["versions"][0]["location"] == new


def test_only_what_nobody_needs_is_removed(home: Path, s3: S3Server, run: Run, name: str) -> None:
    """'--purge removes blobs that no other manifest in that location refers to', nor another dataset's same version."""
    place = bucket(s3)
    grow(home / "in", {"a": "1", "b": "2"})
    run("upload", name, f"{home}/in/.", "--location", place)
    run("upload", name, f"{home}/in/a")
    run("upload", f"{name}-twin", f"{home}/in/.", "--location", place)
    gone = run("delete", f"{name}:1", "--purge")
    assert (gone["versions"], gone["files"]) == ([f"{name}:1"], 0)
    assert run("checksum", f"{name}-twin")["status"] == "pass"
    assert run("delete", f"{name}-twin", "--all", "--purge")["files"] == 1
    assert run("checksum", name)["status"] == "pass"
    assert run("delete", name, "--all")["files"] == 0
    # What was deleted without its files can lose them later.
    assert run("delete", name, "--all", "--purge")["files"] == 1
    assert "not found" in run("info", name, code=2)["message"]


def test_damage_is_a_failure(home: Path, run: Run, name: str) -> None:
    """Exit code 1, and which files."""
    grow(home / "in", {"a": "1", "b": "2"})
    run("upload", name, f"{home}/in/.", "--location", f"file://{home}/store")
    digest = run("info", name, "--files")["files"][0]["sha256"]
    blob = home / "store/blobs/sha256" / digest[:2] / digest
    blob.write_text("x")
    found = run("checksum", name, code=1)
    assert (found["status"], found["damaged"], found["missing"]) == ("fail", ["a"], [])
    assert "damaged" in run("download", name, f"{home}/out", code=1)["message"]
    blob.unlink()
    assert run("checksum", name, "--quick", code=1)["missing"] == ["a"]


def test_marks(home: Path, run: Run, name: str) -> None:
    """create, tag, label, query."""
    made = run("create", name, "-l", "team=arm", "--location", f"file://{home}/store")
    assert (made["labels"], made["latest"]) == ({"team": "arm"}, None)
    grow(home / "in", {"a": "1"})
    (home / "notes.yaml").write_text("robot: {arm: left}\nday: 2026-01-02\n")
    for _ in range(2):
        run("upload", name, f"{home}/in/.", "-m", str(home / "notes.yaml"), "-m", "fps=30")
    assert run("tag", f"{name}:1", "-s", "good", "first")["tags"] == {"first": 1, "good": 1, "latest": 2}
    assert run("tag", name, "-s", "good", "-d", "first")["tags"] == {"good": 2, "latest": 2}
    assert run("label", name, "-s", "x=y", "-d", "team")["labels"] == {"x": "y"}
    changed = run("label", f"{name}:1", "-s", "of=one", "-m", "fps=60", "--delete-metadata", "day")
    assert (changed["labels"], changed["metadata"]) == ({"of": "one"}, {"robot": {"arm": "left"}, "fps": 60})

    def found(*words: str) -> list[int]:
        return [each["version"] for each in run("query", "-n", name, *words)["versions"]]

    assert found() == [1, 2]
    assert found("-m", "fps=30") == [2]
    assert found("-m", "robot.arm=left", "-l", "of=one") == [1]
    assert found("--tag", "good") == [2]
    assert found("-u", "nobody") == []
    assert found("-c", "1") == [1]
    assert [each["name"] for each in run("list", "-n", f"{name}*")["datasets"]] == [name]
    assert run("list", "-n", name, "-l", "team=arm")["datasets"] == []


def test_words_for_people(home: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Sentences and tables where JSON is not asked for."""

    def said(*words: str, code: int = 0) -> str:
        assert main(["dataset", *words]) == code
        return capsys.readouterr().out

    grow(home / "in", {"a": "1", "b/c": "22"})
    place = f"file://{home}/store"
    assert said("create", name, "--location", place) == f"Created dataset {name} at {place}.\n"
    assert said("upload", name, f"{home}/in/.").startswith(f"Uploaded {name}:1 (2 files): 2 files, 3 bytes, in ")
    assert said("download", name, f"{home}/out").startswith(f"Downloaded {name}:1: 2 files, 3 bytes, in ")
    assert said("tag", name, "-s", "t") == f"Tags of dataset {name}: t: 1, latest: 1.\n"
    assert said("label", name, "-s", "k=v") == f"Labels of {name}: k=v.\n"
    assert f"{name}   1        2       3       alice" in said("list", "-n", name)
    assert "Label k  : v" in said("info", name)
    shown = said("info", f"{name}:1", "--files")
    assert "Manifest   : " in shown
    assert shown.endswith("  b/c\n")
    assert name in said("query", "--tag", "t")
    assert said("checksum", name) == f"{name}:1: pass (2 files, 3 bytes)\n"
    assert said("delete", f"{name}:1", "--purge") == (f"Deleted {name}:1. 2 files, 3 bytes, removed from the store.\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["delete", "x"], "x --all"),
        (["delete", "x:1", "--all"], "x --all"),
        (["tag", "x"], "--set TAG"),
        (["label", "x"], "--set KEY=VALUE"),
        (["label", "x", "-m", "a=b"], "x:latest"),
        (["update", "x"], "--add PATH"),
        (["upload", "x", "/does/not/exist"], "There is no /does/not/exist"),
        (["upload", "x", "/etc/hostname", "-m", "/does/not/exist"], "cannot be read as metadata"),
        (["download", "none:3", "/tmp/none"], "Dataset none not found"),
        (["info", "none"], "Dataset none not found"),
        (["upload", "x", "/etc/hostname", "--location", "ftp://x/y"], "ftp://"),
    ],
)
@pytest.mark.usefixtures("home")
def test_wrong_use(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Says what to do, and does nothing."""
    assert main(["dataset", *words]) in (1, 2)
    output = capsys.readouterr()
    assert said in output.out + output.err
    assert not os.path.exists("/tmp/none")


@pytest.mark.parametrize(
    ("url", "is_here"), [("http://127.0.0.1:80", True), ("http://[::1]", True), ("https://x.example.com", False)]
)
def test_a_directory_of_a_server_elsewhere_is_not_ours(url: str, is_here: bool) -> None:
    """'file:///…' of a server on another machine would be another directory here."""
    registry = Registry(Client(Login(url=url, name="a", identity=DevLogin(username="a"))))
    assert registry.location("s3://b/x").url == "s3://b/x"
    if is_here:
        assert registry.location("file:///x/").url == "file:///x"
        return
    with pytest.raises(CliError, match="the server's machine"):
        registry.location("file:///x")
