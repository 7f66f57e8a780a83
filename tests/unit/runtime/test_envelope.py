"""Who belongs to the group, and that nothing is repeated."""

from __future__ import annotations

import pytest

from runtime.sidecar.group.envelope import Envelope, Forged, checked_nonce, new_nonce


def both(token: str = "t", other: str = "t") -> tuple[Envelope, Envelope]:
    """The coordinator's and the member's end of a new conversation."""
    mine, theirs = new_nonce(), new_nonce()
    return (
        Envelope(token, coordinator=mine, member=theirs, speaks_as_coordinator=True),
        Envelope(other, coordinator=mine, member=theirs, speaks_as_coordinator=False),
    )


def test_both_sides_understand_each_other() -> None:
    coordinator, member = both()
    for text in (b"{}", b"", b'{"a": 1}'):
        assert coordinator.open(member.seal(text)) == text
        assert member.open(coordinator.seal(text)) == text


def test_another_token_is_refused() -> None:
    coordinator, member = both("t", "u")
    with pytest.raises(Forged):
        coordinator.open(member.seal(b"{}"))


def test_a_line_counts_once() -> None:
    """Each message authenticated; replay refused."""
    coordinator, member = both()
    line = member.seal(b"x")
    coordinator.open(line)
    with pytest.raises(Forged):
        coordinator.open(line)


def test_a_line_that_was_left_out_is_noticed() -> None:
    coordinator, member = both()
    member.seal(b"lost")
    with pytest.raises(Forged):
        coordinator.open(member.seal(b"x"))


def test_a_line_of_another_conversation_is_refused() -> None:
    _, member = both()
    coordinator, _ = both()
    with pytest.raises(Forged):
        coordinator.open(member.seal(b"x"))


def test_ones_own_line_sent_back_is_refused() -> None:
    _, member = both()
    with pytest.raises(Forged):
        member.open(member.seal(b"x"))


@pytest.mark.parametrize("line", [b"", b"\n", b"x\n", b"0" * 64 + b" {}\n", b"0" * 64, b"\xff" * 70 + b"\n"])
def test_anything_else_is_refused(line: bytes) -> None:
    with pytest.raises(Forged):
        both()[0].open(line)


def test_every_changed_byte_is_noticed() -> None:
    line = both()[1].seal(b'{"task": "a"}')
    for place in range(len(line)):
        coordinator, member = both()
        good = bytearray(member.seal(b'{"task": "a"}'))
        good[place] ^= 1
        with pytest.raises(Forged):
            coordinator.open(bytes(good))


@pytest.mark.parametrize("line", [b"", b"abc\n", b"g" * 32 + b"\n", b"a" * 33 + b"\n", b"a" * 32])
def test_a_nonce_is_a_nonce(line: bytes) -> None:
    assert checked_nonce(new_nonce())
    with pytest.raises(Forged):
        checked_nonce(line)
