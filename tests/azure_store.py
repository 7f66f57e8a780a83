"""A server that speaks as Azure Blob Storage does, for tests, thrown away afterwards.

Azurite comes from npm: `tests/azurite` pins it, the user's cache keeps it once it is installed.
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
import hmac
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.credentials import DataCredential
from tests.object_store import NoObjectStore
from tests.ports import claimed_ports

_TESTS = Path(__file__).parent
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "argosmo-tests"
_FILES = ("package.json", "package-lock.json")
_ACCOUNT = "devstoreaccount1"
# Azurite's, known to everybody.
_ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_INSTALL_SECONDS = 400
_START_SECONDS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureServer:
    """A running server with one container."""

    url: str
    account: str = _ACCOUNT
    container: str = "container"

    def credential(self, key: str = _ACCOUNT_KEY) -> DataCredential:
        """A credential with an account's key."""
        return DataCredential(endpoint=f"azure://{self.account}", override_url=self.url, access_key=key)

    def connection_string(self) -> DataCredential:
        """A credential as the portal shows it."""
        text = f"DefaultEndpointsProtocol=http;AccountName={self.account};AccountKey={_ACCOUNT_KEY};"
        return DataCredential(endpoint=f"azure://{self.account}", access_key=f"{text}BlobEndpoint={self.url};")


@pytest.fixture(scope="session")
def azurite() -> Iterator[AzureServer]:
    """Azurite; skips where npm is missing."""
    try:
        with azure_server() as server:
            yield server
    except NoObjectStore as reason:
        pytest.skip(f"no Azure server: {reason}")


@contextmanager
def azure_server() -> Iterator[AzureServer]:
    """Azurite on an address of this machine, with one container. Errors: NoObjectStore."""
    program, [port] = _installed_azurite(), claimed_ports("127.0.0.1", 1)
    with tempfile.TemporaryDirectory(prefix="argosmo-azure-") as home:
        flags = ("--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", home)
        quiet = ("--silent", "--skipApiVersionCheck", "--disableTelemetry")
        with _running(["node", str(program), *flags, *quiet], Path(home), f"http://127.0.0.1:{port}/"):
            server = AzureServer(url=f"http://127.0.0.1:{port}/{_ACCOUNT}")
            _make_container(server)
            yield server


def _installed_azurite() -> Path:
    locked = hashlib.sha256(b"".join((_TESTS / "azurite" / name).read_bytes() for name in _FILES)).hexdigest()[:16]
    home = _CACHE / f"azurite-{locked}"
    program = home / "node_modules/azurite/dist/src/blob/main.js"
    if program.exists():
        return program
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise NoObjectStore("npm is not installed")
    # Put in place whole: who comes in the middle installs his own.
    _CACHE.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="azurite-", dir=_CACHE))
    for name in _FILES:
        shutil.copy(_TESTS / "azurite" / name, place)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
        if done.returncode:
            raise NoObjectStore(f"npm cannot install it: {done.stderr.strip()[-300:]}")
        if not home.exists():
            place.rename(home)
    except subprocess.TimeoutExpired as error:
        raise NoObjectStore(f"npm did not install it within {_INSTALL_SECONDS} s") from error
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return program


@contextmanager
def _running(command: Sequence[str], home: Path, url: str) -> Iterator[None]:
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HOME": str(home)},
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start: {(home / 'log').read_text(errors='replace')[-500:]}")
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _make_container(server: AzureServer) -> None:
    """Source: Azure, "Create Container" and "Authorize with Shared Key"."""
    date, version = email.utils.formatdate(usegmt=True), "2021-08-06"
    resource = f"/{server.account}/{server.account}/{server.container}\nrestype:container"
    text = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{version}\n{resource}"
    digest = hmac.new(base64.b64decode(_ACCOUNT_KEY), text.encode(), hashlib.sha256).digest()
    headers = {
        "x-ms-date": date,
        "x-ms-version": version,
        "Authorization": f"SharedKey {server.account}:{base64.b64encode(digest).decode()}",
    }
    url = f"{server.url}/{server.container}?restype=container"
    urllib.request.urlopen(urllib.request.Request(url, method="PUT", headers=headers)).close()
