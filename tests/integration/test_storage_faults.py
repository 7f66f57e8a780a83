"""Transfers while their store fails in every way that is known of it: nothing corrupt, nothing lost, nothing left over.

`ARGOSMO_FAULT_TRANSFERS` (default 16) says how many transfers the long run makes.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from storage.credentials import DataCredential, OneKey
from storage.faults import StoreError
from storage.patience import Patience
from storage.remote import RemoteStore
from storage.select import EVERYTHING
from storage.stores import Stores
from storage.transfer import Moved, Transfer, Upload
from storage.trees import Tree
from storage.urls import Location, parse_location
from tests.fakes.faulty_store import Asked, Fault, FaultyStore, faulty_store
from tests.object_store import NoObjectStore, S3Process, S3Server, s3_process

TRANSFERS = int(os.environ.get("ARGOSMO_FAULT_TRANSFERS", "16"))
pytestmark = [pytest.mark.xdist_group("s3-faults"), pytest.mark.timeout(120 + 6 * TRANSFERS)]

QUICK = Patience(tries=3, first_pause_seconds=0.01, longest_pause_seconds=0.05)
# Long enough for a store to be started again.
LASTING = Patience(tries=2000, first_pause_seconds=0.01, longest_pause_seconds=0.5)
SIZES = (0, 1, 1000, 1000, 100_000, 100_000, 1_000_000, 6_000_000, 17_000_000)
MIB = 1024 * 1024
Act = Callable[[Transfer, Path, str], Moved]


@pytest.fixture(scope="module")
def process() -> Iterator[S3Process]:
    """A store of this file's own: it is killed now and then."""
    try:
        with s3_process() as running:
            yield running
    except NoObjectStore as reason:
        pytest.skip(f"no S3 server: {reason}")


@pytest.fixture
def proxy(process: S3Process) -> Iterator[FaultyStore]:
    """The store, reached through something that can be told to fail."""
    with faulty_store(process.server.url) as running:
        yield running


@pytest.fixture
def prefix() -> str:
    """A prefix that nobody else uses."""
    return uuid.uuid4().hex


@dataclass(slots=True)
class Rotating:
    """A keyring whose credential is replaced while it is in use."""

    before: DataCredential
    after: DataCredential
    expired: threading.Event = field(default_factory=threading.Event)

    def credential(self, location: Location) -> DataCredential | None:
        """The one that holds now."""
        return self.after if self.expired.is_set() else self.before


def transfer(server: S3Server, *, resumes: bool = False, patience: Patience = QUICK) -> Transfer:
    stores = Stores({"s3": RemoteStore(OneKey(server.credential()), patience)})
    return Transfer(stores, threading.Event(), resumes=resumes)


def upload(moving: Transfer, directory: Path, url: str) -> Moved:
    with Tree.open(directory) as tree:
        return moving.upload(tree, Upload(start=()), parse_location(url), "w")


def download(moving: Transfer, directory: Path, url: str) -> Moved:
    with Tree.open(directory, create=True) as tree:
        return moving.download(parse_location(url), tree, (), EVERYTHING)


def sums(directory: Path) -> dict[str, str]:
    """The SHA-256 of every file of a directory."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in directory.rglob("*")
        if path.is_file()
    }


def stored(server: S3Server, prefix: str) -> dict[str, str]:
    """The SHA-256 of every object below a prefix, read past our own code."""
    return {key.removeprefix(f"{prefix}/"): hashlib.sha256(server.get(key)).hexdigest() for key in server.keys(prefix)}


@dataclass(slots=True)
class Weather:
    """What requests meet: one in so many meets a fault, never the same request too often."""

    chance: random.Random
    rotating: Rotating
    one_in: int = 6
    expires_at: int = 0
    _asked: int = 0

    def rule(self, asked: Asked) -> Fault:
        self._asked += 1
        if self.expires_at and self._asked >= self.expires_at and asked.key_id == "writer":
            self.rotating.expired.set()
            return Fault.EXPIRED
        if asked.repeat > 4 or self.chance.randrange(self.one_in):
            return Fault.NONE
        faults = [Fault.SLOW_DOWN, Fault.INTERNAL_ERROR, Fault.RESET, Fault.WRONG_ETAG]
        if asked.method == "GET":
            faults += [Fault.RESET_HALF]
            if "list-type" not in asked.path and "uploads" not in asked.path and "uploadId" not in asked.path:
                faults += [Fault.NOT_FOUND, Fault.CORRUPT]
        if asked.method in ("PUT", "POST"):
            faults += [Fault.LOST_ANSWER]
        return self.chance.choice(faults)


def test_many_transfers_in_bad_weather(process: S3Process, proxy: FaultyStore, tmp_path: Path) -> None:
    """500 and 503, resets before, in and after an answer, wrong tags, objects that appear late, corrupt bytes, keys
    that expire in the middle, a store that is killed and started again: corrupt 0, lost 0, orphans 0."""
    seed = int(os.environ.get("ARGOSMO_FAULT_SEED", "1"))
    chance, server = random.Random(seed), process.server
    met: Counter[str] = Counter()
    made, wrong = 0, []
    restarts = {1, *range(17, TRANSFERS, max(TRANSFERS // 6, 17))}
    while made < TRANSFERS:
        prefix = uuid.uuid4().hex
        source, into = tmp_path / "source" / prefix, tmp_path / "into" / prefix
        for number in range(chance.randint(1, 4)):
            path = source / ("d" * chance.randint(0, 1)) / f"ü {number}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(chance.randbytes(chance.choice(SIZES)))
        behind = server.behind(proxy.url)
        rotating = Rotating(behind.credential("writer"), behind.credential("successor"))
        moving = Transfer(Stores({"s3": RemoteStore(rotating, LASTING)}), threading.Event())
        weather = Weather(chance, rotating, expires_at=chance.choice((0, 0, 3, 6)))
        for act in (upload, download):
            proxy.reset(weather.rule)
            killer = _restarting(process) if made in restarts else None
            act(moving, source if act is upload else into, f"s3://{server.bucket}/{prefix}")
            made += 1
            met.update(fault.name for _, fault in proxy.faults)
            if killer is not None:
                killer.join()
                met["KILLED"] += 1
            expected = sums(source)
            found = stored(server, prefix) if act is upload else sums(into)
            if found != expected:
                wrong.append((act.__name__, expected, found))
    print(f"\n{made} transfers, seed {seed}, faults: {dict(sorted(met.items()))}, wrong: {len(wrong)}")
    assert wrong == []
    assert server.unfinished() == []
    assert TRANSFERS < 100 or set(met) >= {
        "SLOW_DOWN",
        "RESET",
        "LOST_ANSWER",
        "WRONG_ETAG",
        "NOT_FOUND",
        "EXPIRED",
        "CORRUPT",
        "KILLED",
    }


def _restarting(process: S3Process) -> threading.Thread:
    """Kills the store in a moment, and starts it again."""

    def restart() -> None:
        time.sleep(0.05)
        process.kill()
        process.start()

    thread = threading.Thread(target=restart)
    thread.start()
    return thread


def cut_after(proxy: FaultyStore, half: int, counted: Callable[[], int]) -> None:
    """Break off every connection as soon as half of the bytes went through."""
    proxy.reset(lambda asked: Fault.RESET if counted() >= half else Fault.NONE)


def _both_ways(proxy: FaultyStore, source: Path, into: Path) -> list[tuple[Act, Path, Callable[[], int]]]:
    """Upload and download, where to or from, and the bytes that went through the proxy that way."""
    return [(upload, source, lambda: proxy.received_bytes), (download, into, lambda: proxy.sent_bytes)]


@pytest.mark.parametrize("size", [32 * MIB])
def test_an_upload_cut_at_half_resumes_with_the_other_half(
    process: S3Process, proxy: FaultyStore, tmp_path: Path, prefix: str, size: int
) -> None:
    server, source = process.server, tmp_path / "source"
    source.mkdir()
    (source / "large").write_bytes(os.urandom(size))
    url = f"s3://{server.bucket}/{prefix}"
    cut_after(proxy, size // 2, lambda: proxy.received_bytes)
    with pytest.raises(StoreError, match="did not answer"):
        upload(transfer(server.behind(proxy.url), resumes=True), source, url)
    assert server.unfinished() == [f"{prefix}/large"]
    proxy.reset(lambda _asked: Fault.NONE)
    upload(transfer(server.behind(proxy.url), resumes=True), source, url)
    assert proxy.received_bytes <= 0.55 * size
    assert stored(server, prefix) == sums(source)
    assert server.unfinished() == []


def test_a_download_cut_at_half_resumes_with_the_other_half(
    process: S3Process, proxy: FaultyStore, tmp_path: Path, prefix: str
) -> None:
    server, size = process.server, 32 * MIB
    source, into = tmp_path / "source", tmp_path / "into"
    source.mkdir()
    (source / "large").write_bytes(os.urandom(size))
    url = f"s3://{server.bucket}/{prefix}"
    upload(transfer(server), source, url)
    cut_after(proxy, size // 2, lambda: proxy.sent_bytes)
    with pytest.raises(StoreError):
        download(transfer(server.behind(proxy.url), resumes=True), into, url)
    assert [path.name for path in into.iterdir() if not path.name.startswith(".argosmo-part-")] == []
    proxy.reset(lambda _asked: Fault.NONE)
    download(transfer(server.behind(proxy.url), resumes=True), into, url)
    assert proxy.sent_bytes <= 0.55 * size
    assert [path.name for path in into.iterdir()] == ["large"]
    assert sums(into) == sums(source)


def test_a_directory_cut_at_half_resumes_with_the_other_half(
    process: S3Process, proxy: FaultyStore, tmp_path: Path, prefix: str
) -> None:
    server, each, count = process.server, 100_000, 100
    source, into = tmp_path / "source", tmp_path / "into"
    source.mkdir()
    for number in range(count):
        (source / f"{number:03}").write_bytes(os.urandom(each))
    url = f"s3://{server.bucket}/{prefix}"
    for act, place, counted in _both_ways(proxy, source, into):
        cut_after(proxy, each * count // 2, counted)
        with pytest.raises(StoreError):
            act(transfer(server.behind(proxy.url), resumes=True), place, url)
        proxy.reset(lambda _asked: Fault.NONE)
        moved = act(transfer(server.behind(proxy.url), resumes=True), place, url)
        assert moved.files == count
        assert moved.there >= 0.45 * count
        # A listing of all, and an answer without contents for each, are not what is moved.
        assert counted() <= 0.55 * each * count
    assert stored(server, prefix) == sums(source) == sums(into)


def test_what_is_resumed_is_not_another_version(
    process: S3Process, proxy: FaultyStore, tmp_path: Path, prefix: str
) -> None:
    """Parts and beginnings of other contents are not used."""
    server, source, into = process.server, tmp_path / "source", tmp_path / "into"
    source.mkdir()
    url, size = f"s3://{server.bucket}/{prefix}", 17 * MIB
    for act, place, counted in _both_ways(proxy, source, into):
        (source / "large").write_bytes(os.urandom(size))
        if act is download:
            upload(transfer(server), source, url)
        cut_after(proxy, size // 2, counted)
        with pytest.raises(StoreError):
            act(transfer(server.behind(proxy.url), resumes=True), place, url)
        (source / "large").write_bytes(os.urandom(size))
        if act is download:
            upload(transfer(server), source, url)
        act(transfer(server, resumes=True), place, url)
        assert (stored(server, prefix) if act is upload else sums(into)) == sums(source)
    for key in server.unfinished():
        # Nobody can know that the cut one is not another writer's: it is taken back when it has been dead for long.
        assert key == f"{prefix}/large"
    _abort_all(server)


def _abort_all(server: S3Server) -> None:
    for entry in server.client().list_multipart_uploads(Bucket=server.bucket).get("Uploads", []):
        server.client().abort_multipart_upload(Bucket=server.bucket, Key=entry["Key"], UploadId=entry["UploadId"])


def test_a_killed_command_resumes_and_leaves_no_parts(
    process: S3Process, proxy: FaultyStore, tmp_path: Path, prefix: str
) -> None:
    server, size = process.server, 32 * MIB
    file = tmp_path / "large"
    file.write_bytes(os.urandom(size))
    key = server.behind(proxy.url).credential()
    environ = {
        **os.environ,
        "ARGOSMO_CONFIG_DIR": str(tmp_path / "config"),
        "AWS_ENDPOINT_URL": str(key.override_url),
        "AWS_ACCESS_KEY_ID": str(key.access_key_id),
        "AWS_SECRET_ACCESS_KEY": str(key.access_key),
    }
    command = [sys.executable, "-m", "cli", "data", "upload", f"s3://{server.bucket}/{prefix}", str(file), "--resume"]
    proxy.reset(lambda _asked: Fault.NONE)
    running = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL)
    while proxy.received_bytes < size // 2 and running.poll() is None:
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    before = proxy.received_bytes
    assert before < size
    assert server.unfinished() == [f"{prefix}/large"]
    proxy.reset(lambda _asked: Fault.NONE)
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    assert proxy.received_bytes <= 0.55 * size
    assert stored(server, prefix) == {"large": hashlib.sha256(file.read_bytes()).hexdigest()}
    assert server.unfinished() == []


def test_keys_that_run_out_for_good_are_told(
    process: S3Process, proxy: FaultyStore, tmp_path: Path, prefix: str
) -> None:
    server, source = process.server, tmp_path / "source"
    source.mkdir()
    (source / "large").write_bytes(os.urandom(16 * MIB))
    proxy.reset(lambda asked: Fault.EXPIRED if "partNumber=2" in asked.path or asked.repeat > 1 else Fault.NONE)
    with pytest.raises(StoreError, match=r"was refused \(ExpiredToken: .*renew the credential"):
        upload(transfer(server.behind(proxy.url)), source, f"s3://{server.bucket}/{prefix}")
    assert server.unfinished() == []


def test_contents_that_never_are_what_was_put_fail(
    process: S3Process, proxy: FaultyStore, tmp_path: Path, prefix: str
) -> None:
    """SHA-256 end to end: what arrives is compared with the sum that was noted at the upload."""
    server, source = process.server, tmp_path / "source"
    source.mkdir()
    (source / "f").write_bytes(os.urandom(100_000))
    url = f"s3://{server.bucket}/{prefix}"
    upload(transfer(server), source, url)
    proxy.reset(lambda asked: Fault.CORRUPT if asked.path.endswith("/f") else Fault.NONE)
    with pytest.raises(StoreError, match="do not have the SHA-256"):
        download(transfer(server.behind(proxy.url)), tmp_path / "into", url)
    assert sums(tmp_path / "into") == {}
