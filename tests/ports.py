"""Ports for servers of tests that must be told theirs before they start."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

_LOWEST = 15_000
_EPHEMERAL_LOWEST = 32_768
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")

# A claim lasts as long as its file is locked: as long as this process lives.
_claims: list[int] = []


def claimed_ports(host: str, count: int) -> list[int]:
    """Ports of an address that nothing takes before this process ends, but who asks for them by number.

    The kernel gives none of them to a listener on port 0 or to a connection that goes out, of which a test run makes
    many thousands; another process of the tests that asks here gets others.

    Errors: RuntimeError where there are not so many.
    """
    found: list[int] = []
    for port in _shuffled():
        if claim(host, port):
            found.append(port)
            if len(found) == count:
                return found
    raise RuntimeError(f"no {count} free ports on {host}")


def claim(host: str, port: int) -> bool:
    """Whether this port is ours from now on: nobody listens on it, and no other process of the tests has it."""
    home = Path(tempfile.gettempdir()) / f"argosmo-ports-{os.getuid()}"
    home.mkdir(exist_ok=True)
    lock = os.open(home / str(port), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    if not _is_free(host, port):
        os.close(lock)
        return False
    _claims.append(lock)
    return True


def _shuffled() -> Iterator[int]:
    try:
        highest = int(_RANGE.read_text().split()[0])
    except OSError:
        highest = _EPHEMERAL_LOWEST
    ports = list(range(min(_LOWEST, highest // 2), highest))
    random.SystemRandom().shuffle(ports)
    yield from ports


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
