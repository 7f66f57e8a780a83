"""From bytes to log lines."""

from __future__ import annotations

import pytest

from engine.log_lines import MAX_LINE_BYTES, PROGRESS_SECONDS, LineSplitter, Masker


def lines(*pieces: bytes, secrets: tuple[str, ...] = ()) -> list[str]:
    """The lines of a stream that comes in pieces."""
    splitter = LineSplitter(Masker(secrets))
    return [line for piece in pieces for line in splitter.feed(piece, 0.0)] + splitter.finish()


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ((b"a\nb\n",), ["a", "b"]),
        ((b"a", b"b\n", b"c"), ["ab", "c"]),
        ((b"\n\n",), ["", ""]),
        ((b"",), []),
        ((b"a\r\nb\r\n",), ["a", "b"]),
        ((b"a\r", b"\nb"), ["a", "b"]),
        ((b"10%\r20%\r30%\n",), ["30%"]),
        ((b"10%\r", b"20%\r", b"done"), ["done"]),
        ((b"bar\r",), ["bar"]),
        ((b"\xc3", b"\xa4\n"), ["ä"]),
        ((b"\xff\xfe\n",), ["\ufffd\ufffd"]),
        ((b"a\0b\n",), ["a\ufffdb"]),
    ],
)
def test_lines(pieces: tuple[bytes, ...], found: list[str]) -> None:
    """§8.4 line by line; invalid UTF-8 is replaced; carriage returns overwrite."""
    assert lines(*pieces) == found


def test_long_lines_come_in_pieces() -> None:
    """§8.4 lines above 32 KiB are cut in pieces."""
    assert [len(line) for line in lines(b"x" * 100_000 + b"\n")] == [32768, 32768, 32768, 100_000 - 3 * 32768]
    assert [len(line) for line in lines(*[b"x" * 999] * 100)] == [32768, 32768, 32768, 99_900 - 3 * 32768]


def test_a_character_is_not_cut_in_two() -> None:
    text = "x" + "é" * MAX_LINE_BYTES
    found = lines(text.encode())
    assert "".join(found) == text
    assert all(len(line.encode()) <= MAX_LINE_BYTES for line in found)


@pytest.mark.parametrize(
    ("text", "secrets", "found"),
    [
        ("the 12345678 here", ("12345678",), "the [MASKED] here"),
        ("short 1234567", ("1234567",), "short 1234567"),
        ("abcdefgh-long", ("abcdefgh", "abcdefgh-long"), "[MASKED]"),
        ("first part1 second", ("-----\nfirst part1\n-----",), "[MASKED] second"),
        ("(a+b)*c.?", ("(a+b)*c.?",), "[MASKED]"),
        ("schlüssel", ("schlüssel",), "[MASKED]"),
    ],
)
def test_secrets_are_masked(text: str, secrets: tuple[str, ...], found: str) -> None:
    """§8.4 values of credentials (8 characters and more) are replaced with [MASKED]."""
    assert lines(text.encode(), secrets=secrets) == [found]


def test_a_progress_bar_is_shown_while_it_goes_on() -> None:
    splitter = LineSplitter(Masker([]))
    assert splitter.feed(b"start\n", 0.0) == ["start"]
    assert splitter.feed(b"1%\r", 1.0) == []
    assert splitter.feed(b"2%\r", PROGRESS_SECONDS) == ["1%"]
    assert splitter.feed(b"3%\r", PROGRESS_SECONDS + 1) == []
    assert splitter.feed(b"4%\r5%\n", PROGRESS_SECONDS + 2) == ["5%"]
