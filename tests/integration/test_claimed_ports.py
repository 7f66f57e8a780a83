"""The ports that servers of tests are given: a server once could not start, since a connection had taken its port."""

from __future__ import annotations

import socket
import subprocess
import sys

from tests.ports import claim, claimed_ports

HOST = "127.0.0.1"


def test_the_kernel_gives_none_of_them_to_others() -> None:
    with socket.create_server((HOST, 0)) as server, socket.create_connection(server.getsockname()) as connection:
        taken = (server.getsockname()[1], connection.getsockname()[1])
    assert max(claimed_ports(HOST, 20)) < min(taken)


def test_a_process_claims_none_that_another_has() -> None:
    ours = claimed_ports(HOST, 10)
    assert len(set(ours)) == 10
    script = f"from tests.ports import claim; print(*(claim({HOST!r}, port) for port in {ours}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"] * 10


def test_one_that_is_listened_on_is_not_claimed() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        assert not claim(HOST, port)
    assert claim(HOST, port)
