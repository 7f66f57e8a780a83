"""Pieces of files on their way into a connection."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from storage.faults import StoreError, TransferStopped
from storage.file_piece import FilePiece

DATA = os.urandom(3 * 1024 * 1024 + 5)
START, SIZE = 4097, 2 * 1024 * 1024 + 1
WANTED = DATA[START : START + SIZE]


@contextmanager
def piece(directory: Path, size: int = SIZE) -> Iterator[FilePiece]:
    path = directory / "file"
    path.write_bytes(DATA)
    with path.open("rb") as file:
        yield FilePiece(name="k", source=file.fileno(), start=START, size=size)
        assert file.tell() == 0


def all_of(connection: socket.socket) -> bytes:
    pieces = []
    while data := connection.recv(65536):
        pieces.append(data)
    return b"".join(pieces)


def sent(what: FilePiece) -> bytes:
    """What arrives at the other end of a connection with a time limit, as those of requests have one."""
    ours, theirs = socket.socketpair()
    with theirs, ThreadPoolExecutor(1) as thread:
        coming = thread.submit(all_of, theirs)
        with ours:
            ours.settimeout(30)
            what.send(ours)
        return coming.result()


def test_what_is_sent_is_what_is_in_the_file(tmp_path: Path) -> None:
    with piece(tmp_path) as what:
        assert len(what) == SIZE
        assert sent(what) == WANTED
        assert what.add_to(hashlib.sha256()) == hashlib.sha256(WANTED).hexdigest()


def test_where_the_system_cannot_send_from_a_file_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> NoReturn:
        raise OSError(errno.EINVAL, "not this file system")

    monkeypatch.setattr(os, "sendfile", refuses, raising=False)
    with piece(tmp_path) as what:
        assert sent(what) == WANTED


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate")
def test_what_is_sent_by_tls_is_what_is_in_the_file(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=store"]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    asking = ssl.create_default_context(cafile=str(certificate))
    ours, theirs = socket.socketpair()

    def serve() -> bytes:
        with serving.wrap_socket(theirs, server_side=True) as connection:
            return all_of(connection)

    with ThreadPoolExecutor(1) as thread, piece(tmp_path) as what:
        coming = thread.submit(serve)
        with asking.wrap_socket(ours, server_hostname="store") as connection:
            what.send(connection)
        assert coming.result() == WANTED


def test_a_file_that_became_shorter_is_no_whole_piece(tmp_path: Path) -> None:
    with piece(tmp_path, size=len(DATA)) as what:
        with pytest.raises(StoreError, match="k: the file was changed"):
            sent(what)
        with pytest.raises(StoreError, match="k: the file was changed"):
            what.add_to(hashlib.sha256())


def test_a_sum_can_be_stopped(tmp_path: Path) -> None:
    stopped = threading.Event()
    stopped.set()
    with piece(tmp_path) as what, pytest.raises(TransferStopped):
        what.add_to(hashlib.sha256(), stopped)


def test_sending_can_be_stopped(tmp_path: Path) -> None:
    stopped = threading.Event()
    stopped.set()
    ours, theirs = socket.socketpair()
    with ours, theirs, piece(tmp_path) as what, pytest.raises(TransferStopped):
        what.send(ours, stopped)


def test_a_connection_that_takes_nothing_is_given_up(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, piece(tmp_path) as what:
        ours.settimeout(0.01)
        with pytest.raises(TimeoutError):
            what.send(ours)
