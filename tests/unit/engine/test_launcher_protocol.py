"""Messages between engine and launcher."""

from __future__ import annotations

import os
import socket

from engine.launcher.protocol import Channel, Message


def test_messages_and_descriptors_come_in_order() -> None:
    ours, theirs = map(Channel, socket.socketpair())
    readable, writable = os.pipe()
    ours.send({"op": "a", "id": 1})
    ours.send({"op": "b", "argv": ["x\udcff", "é"]}, [readable, writable])
    ours.send({"op": "c"})
    assert [message["op"] for message in theirs.receive()] == ["a", "b", "c"]
    first, second = theirs.taken_descriptor(), theirs.taken_descriptor()
    assert not os.get_inheritable(first)
    assert not os.get_inheritable(second)
    os.write(second, b"through")
    assert os.read(first, 10) == b"through"
    for descriptor in (readable, writable, first, second):
        os.close(descriptor)
    ours.close()
    assert theirs.receive() == []
    assert not theirs.open
    theirs.close()


def test_what_does_not_fit_waits() -> None:
    ours, theirs = map(Channel, socket.socketpair())
    large: Message = {"op": "x", "argv": ["y" * 1_000_000]}
    ours.send(large)
    ours.send({"op": "last"})
    assert ours.unsent
    received: list[Message] = []
    while len(received) < 2:
        received += theirs.receive()
        ours.flush()
    assert received == [large, {"op": "last"}]
    assert not ours.unsent
    ours.close()
    theirs.close()


def test_a_closed_connection_is_no_error() -> None:
    ours, theirs = map(Channel, socket.socketpair())
    theirs.close()
    ours.send({"op": "x"})
    assert not ours.open
    ours.close()
