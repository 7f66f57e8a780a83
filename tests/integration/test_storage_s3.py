"""Transfers to a real S3 server that refuses, fails and breaks off."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.credentials import DataCredential, OneKey, UserKeys
from storage.faults import StoreError, TransferStopped
from storage.remote import Patience, RemoteStore
from storage.select import EVERYTHING
from storage.stores import Stores
from storage.transfer import Moved, Transfer, Upload
from storage.trees import Tree
from storage.urls import parse_location
from tests.fakes.faulty_store import Asked, Fault, FaultyStore, faulty_store
from tests.object_store import S3Server

pytestmark = pytest.mark.xdist_group("s3")

QUICK = Patience(tries=4, first_pause_seconds=0.01, longest_pause_seconds=0.05)


@pytest.fixture(scope="module")
def proxy(s3: S3Server) -> Iterator[FaultyStore]:
    """The server, reached through something that can be told to fail."""
    with faulty_store(s3.url) as running:
        yield running


def transfer(credential: DataCredential, stopped: threading.Event | None = None) -> Transfer:
    return Transfer(Stores({"s3": RemoteStore(OneKey(credential), QUICK)}), stopped or threading.Event())


def upload(moving: Transfer, directory: Path, url: str) -> Moved:
    with Tree.open(directory) as tree:
        return moving.upload(tree, Upload(start=()), parse_location(url), "w")


def download(moving: Transfer, directory: Path, url: str) -> Moved:
    with Tree.open(directory, create=True) as tree:
        return moving.download(parse_location(url), tree, (), EVERYTHING)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory with a small file and one that is sent in parts."""
    directory = tmp_path / "source"
    directory.mkdir()
    (directory / "small").write_bytes(b"s" * 1000)
    (directory / "large").write_bytes(os.urandom(30_000_000))
    return directory


@pytest.fixture
def prefix() -> str:
    """A prefix that nobody else uses."""
    return uuid.uuid4().hex


@pytest.mark.parametrize(
    ("identity", "secret"), [("nobody", "x"), ("writer", "wrong")], ids=["unknown key", "wrong secret"]
)
def test_wrong_credentials_are_refused_with_what_to_do(
    s3: S3Server, source: Path, prefix: str, identity: str, secret: str
) -> None:
    moving = transfer(s3.credential(identity, secret))
    with pytest.raises(StoreError, match=r"was refused.*check the credential"):
        upload(moving, source, f"s3://{s3.bucket}/{prefix}")
    with pytest.raises(StoreError, match=r"was refused.*check the credential"):
        download(moving, source.parent / "into", f"s3://{s3.bucket}/{prefix}")


def test_a_credential_that_may_only_read_reads(s3: S3Server, source: Path, prefix: str) -> None:
    url = f"s3://{s3.bucket}/{prefix}"
    upload(transfer(s3.credential()), source, url)
    moving = transfer(s3.credential("reader"))
    assert download(moving, source.parent / "into", url).files == 2
    with pytest.raises(StoreError, match=r"Access to .* was refused \(AccessDenied"):
        upload(moving, source, url)
    assert s3.unfinished() == []


def test_the_identity_of_the_environment_serves_who_has_no_key(
    s3: S3Server, source: Path, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """§6.5 ambient auth for s3: the pod's own identity, given by its template."""
    key = s3.credential()
    for name, value in (
        ("AWS_ENDPOINT_URL", s3.url),
        ("AWS_ACCESS_KEY_ID", str(key.access_key_id)),
        ("AWS_SECRET_ACCESS_KEY", str(key.access_key)),
        ("AWS_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    moving = Transfer(Stores({"s3": RemoteStore(UserKeys({}), QUICK)}), threading.Event())
    upload(moving, source, f"s3://{s3.bucket}/{prefix}")
    assert s3.keys(prefix) == [f"{prefix}/large", f"{prefix}/small"]


def test_no_secret_is_in_an_error(s3: S3Server, source: Path) -> None:
    credential = s3.credential("writer", "a-secret-that-nobody-may-read")
    with pytest.raises(StoreError) as refused:
        upload(transfer(credential), source, f"s3://{s3.bucket}/x")
    assert "a-secret-that" not in f"{refused.value!r}{credential!r}{OneKey(credential)!r}"


def test_a_server_that_is_away_is_named(source: Path) -> None:
    credential = DataCredential(override_url="http://127.0.0.1:9", access_key_id="a", access_key="b")
    with pytest.raises(StoreError, match=r"s3://bucket/x.*127\.0\.0\.1:9"):
        upload(transfer(credential), source, "s3://bucket/x")


@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.INTERNAL_ERROR, Fault.RESET, Fault.LOST_ANSWER])
def test_uploads_outlast_faults_that_pass(
    s3: S3Server, proxy: FaultyStore, source: Path, prefix: str, fault: Fault
) -> None:
    """Retries with backoff on 500, 503 and broken connections; nothing corrupt, lost or left over."""
    proxy.reset(lambda asked: fault if asked.method == "PUT" and asked.repeat <= 2 else Fault.NONE)
    upload(transfer(s3.behind(proxy.url).credential()), source, f"s3://{s3.bucket}/{prefix}")
    assert proxy.faults
    assert s3.keys(prefix) == [f"{prefix}/large", f"{prefix}/small"]
    assert s3.get(f"{prefix}/large") == (source / "large").read_bytes()
    assert s3.unfinished() == []


@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.INTERNAL_ERROR, Fault.RESET, Fault.RESET_HALF])
def test_downloads_outlast_faults_that_pass(
    s3: S3Server, proxy: FaultyStore, source: Path, prefix: str, fault: Fault
) -> None:
    upload(transfer(s3.credential()), source, f"s3://{s3.bucket}/{prefix}")

    def passing(asked: Asked) -> Fault:
        # Of each object: counted over all, one request could meet them until its patience ends.
        return fault if asked.method == "GET" and asked.repeat <= 2 and "list-type" not in asked.path else Fault.NONE

    proxy.reset(passing)
    into = source.parent / "into"
    moved = download(transfer(s3.behind(proxy.url).credential()), into, f"s3://{s3.bucket}/{prefix}")
    assert proxy.faults
    assert (moved.files, moved.bytes) == (2, 30_001_000)
    assert (into / "large").read_bytes() == (source / "large").read_bytes()


def test_a_download_that_broke_off_goes_on_where_it_was(
    s3: S3Server, proxy: FaultyStore, source: Path, prefix: str
) -> None:
    (source / "small").unlink()
    upload(transfer(s3.credential()), source, f"s3://{s3.bucket}/{prefix}")
    proxy.reset(lambda asked: Fault.RESET_HALF if asked.method == "GET" and asked.number == 1 else Fault.NONE)
    url = f"s3://{s3.bucket}/{prefix}/large"
    download(transfer(s3.behind(proxy.url).credential()), source.parent / "into", url)
    assert (source.parent / "into/large").read_bytes() == (source / "large").read_bytes()
    assert len(proxy.faults) == 1
    assert proxy.sent_bytes < 1.1 * 30_000_000


def test_an_object_that_changes_while_it_is_read_is_read_anew(
    s3: S3Server, proxy: FaultyStore, source: Path, prefix: str
) -> None:
    key = f"{prefix}/changing"
    s3.put(key, b"a" * 8_000_000)

    def rule(asked: Asked) -> Fault:
        if asked.method == "GET" and asked.number == 2:
            s3.put(key, b"b" * 6_000_000)
        return Fault.RESET_HALF if asked.method == "GET" and asked.number == 1 else Fault.NONE

    proxy.reset(rule)
    download(transfer(s3.behind(proxy.url).credential()), source.parent / "into", f"s3://{s3.bucket}/{key}")
    assert (source.parent / "into/changing").read_bytes() == b"b" * 6_000_000


def test_an_upload_that_fails_for_good_leaves_no_parts(
    s3: S3Server, proxy: FaultyStore, source: Path, prefix: str
) -> None:
    proxy.reset(lambda asked: Fault.SLOW_DOWN if asked.method == "PUT" and "partNumber=3" in asked.path else Fault.NONE)
    with pytest.raises(StoreError, match="SlowDown"):
        upload(transfer(s3.behind(proxy.url).credential()), source, f"s3://{s3.bucket}/{prefix}")
    assert len(proxy.faults) == 1 + QUICK.tries
    assert s3.unfinished() == []
    assert f"{prefix}/large" not in s3.keys(prefix)


def test_a_stopped_upload_leaves_no_parts(s3: S3Server, proxy: FaultyStore, source: Path, prefix: str) -> None:
    stopped = threading.Event()

    def rule(asked: Asked) -> Fault:
        if "partNumber=" in asked.path:
            stopped.set()
            time.sleep(0.05)
        return Fault.NONE

    proxy.reset(rule)
    (source / "large").write_bytes(b"x" * 120_000_000)
    with pytest.raises(TransferStopped):
        upload(transfer(s3.behind(proxy.url).credential(), stopped), source, f"s3://{s3.bucket}/{prefix}")
    assert s3.unfinished() == []
    assert f"{prefix}/large" not in s3.keys(prefix)


def test_one_failure_ends_the_whole_transfer(s3: S3Server, proxy: FaultyStore, tmp_path: Path, prefix: str) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(300):
        (many / f"{number:03}").write_bytes(b".")
    proxy.reset(lambda asked: Fault.SLOW_DOWN if asked.path.endswith("/020") else Fault.NONE)
    with pytest.raises(StoreError, match="020: the store answered SlowDown"):
        upload(transfer(s3.behind(proxy.url).credential()), many, f"s3://{s3.bucket}/{prefix}")
    assert len(s3.keys(prefix)) < 300


def test_marks_of_directories_are_no_files(s3: S3Server, tmp_path: Path, prefix: str) -> None:
    """Tools that show buckets as folders make empty objects whose key ends with a slash."""
    for key, body in (("", b""), ("d/", b""), ("d/x", b"1"), ("empty", b"")):
        s3.put(f"{prefix}/{key}", body)
    download(transfer(s3.credential()), tmp_path / "into", f"s3://{s3.bucket}/{prefix}/")
    found = sorted(
        str(path.relative_to(tmp_path / "into")) for path in (tmp_path / "into").rglob("*") if path.is_file()
    )
    assert found == ["d/x", "empty"]


def test_memory_does_not_grow_with_the_file(s3: S3Server, tmp_path: Path, prefix: str) -> None:
    """Bounded memory: the part of the process that a transfer adds does not follow the size."""
    with (tmp_path / "huge").open("wb") as huge:
        for _ in range(4):
            huge.write(os.urandom(32 * 1024 * 1024))
    before = _peak_bytes()
    with Tree.open(tmp_path) as tree:
        location = parse_location(f"s3://{s3.bucket}/{prefix}/huge")
        transfer(s3.credential()).upload(
            tree, Upload(start=("huge",)), parse_location(f"s3://{s3.bucket}/{prefix}"), "w"
        )
        transfer(s3.credential()).download(location, tree, ("again",), EVERYTHING)
    assert _peak_bytes() - before < 100 * 1024 * 1024
    assert (tmp_path / "again/huge").stat().st_size == 128 * 1024 * 1024


def _peak_bytes() -> int:
    """The most memory that this process ever held."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
