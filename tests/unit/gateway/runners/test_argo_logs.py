"""Lines of a container's log: stamps, resuming, Argo's own lines, secrets. Source: argo-verified.md §8."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from urllib.parse import quote

import pytest

from engine.log_lines import Masker
from gateway.runners.argo.log_lines import LogReader, Position

NOBODYS = Masker([])


def stamped(*texts: str, at: str = "2026-11-22T05:00:00.123456789Z") -> bytes:
    return "".join(f"{at} {text}\n" for text in texts).encode()


def texts_of(reader: LogReader, *chunks: bytes) -> list[str]:
    return [text for chunk in chunks for _, text in reader.feed(chunk)] + [text for _, text in reader.finish()]


def test_lines_carry_the_time_at_which_they_were_written() -> None:
    (line,) = LogReader(NOBODYS).feed(stamped("hello"))
    assert line == (datetime(2026, 11, 22, 5, 0, 0, 123456), "hello")


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_chunks_may_be_cut_anywhere(size: int) -> None:
    data = stamped("one", "zwei ü", "", "four")
    chunks = [data[place : place + size] for place in range(0, len(data), size)]
    assert texts_of(LogReader(NOBODYS), *chunks) == ["one", "zwei ü", "", "four"]


def test_a_line_without_an_end_is_told_at_the_end() -> None:
    assert texts_of(LogReader(NOBODYS), stamped("one") + stamped("two")[:-1]) == ["one", "two"]


def test_argos_lines_are_left_out() -> None:
    own = 'time=2026-11-22T04:47:39.346Z level=INFO msg="sub-process exited" error="exit status 3" argo=true'
    other = 'time=2026-11-22T04:47:39.346Z level=INFO msg="mine"'
    data = stamped(own, "a", "Error: exit status 3", other, "Error: exit status 3")
    assert texts_of(LogReader(NOBODYS), data) == ["a", "Error: exit status 3", other]


def test_lines_of_the_same_second_that_come_again_are_known() -> None:
    """Servers cut `sinceTime` to whole seconds: asked from .2 on, they begin with the line of .1."""
    before, at, after = (f"2026-11-22T05:00:00.{part}Z" for part in ("1", "2", "21"))
    reader = LogReader(NOBODYS)
    assert [text for _, text in reader.feed(stamped("a", at=before) + stamped("b", "c", at=at))] == ["a", "b", "c"]
    reader.reopened()
    again = (
        stamped("a", at=before) + stamped("b", "c", "d", at=at) + stamped("e", at=after) + stamped("late", at=before)
    )
    assert texts_of(reader, again) == ["d", "e", "late"]


def test_reading_on_gives_each_line_once() -> None:
    """`sinceTime` is inclusive: the line with that very timestamp comes again, drop it."""
    first, second = "2026-11-22T05:00:00.000000001Z", "2026-11-22T05:00:00.000000002Z"
    reader = LogReader(NOBODYS)
    begun = stamped("a", at=first) + stamped("b", "c", at=second) + stamped("d", at=second)[:-3]
    assert [text for _, text in reader.feed(begun)] == ["a", "b", "c"]
    assert reader.position == Position(at=datetime(2026, 11, 22, 5), lines=3)
    reader.reopened()
    assert texts_of(reader, stamped("a", at=first), stamped("b", "c", "d", at=second)) == ["d"]
    later = LogReader(NOBODYS, reader.position)
    assert texts_of(later, stamped("a", at=first), stamped("b", "c", "d", "e", at=second)) == ["e"]


def test_a_position_is_what_the_kept_lines_say() -> None:
    """Lines are counted as they are given out: Argo's own are not, and one above 32 KiB comes in pieces."""
    own = 'time=2026-11-22T04:47:39.346Z level=INFO msg="waiting" argo=true'
    data = stamped(own, "x" * 70_000, "Error: exit status 3", "b", "Error: exit status 3")
    whole = list(LogReader(NOBODYS).feed(data))
    assert [len(text) for _, text in whole] == [32768, 32768, 4464, 20, 1]
    for kept in range(1, len(whole) + 1):
        reader = LogReader(NOBODYS, Position(at=whole[0][0], lines=kept))
        assert [text for _, text in reader.feed(data)] == [text for _, text in whole[kept:]]


def test_the_server_is_asked_from_the_second_on() -> None:
    assert Position().since == ""
    assert Position(at=datetime(2026, 11, 22, 5, 0, 0, 999999), lines=1).since == "2026-11-22T05:00:00Z"


def test_what_the_server_says_itself_is_no_line() -> None:
    assert texts_of(LogReader(NOBODYS), b"unable to retrieve container logs\n", stamped("a")) == ["a"]


SECRET = 'päss"w/rd+1\\x'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"user:" + SECRET.encode()).decode(),
        base64.b64encode(b"some:" + SECRET.encode() + b":more").decode(),
        base64.urlsafe_b64encode(b"xx" + SECRET.encode()).decode(),
    ],
)
def test_secrets_are_masked_in_every_form(form: str) -> None:
    (text,) = texts_of(LogReader(Masker([SECRET])), stamped(f"it is {form}!"))
    assert "[MASKED]" in text
    assert form not in text
    assert text.startswith("it is ")


def test_a_secret_of_several_lines_is_masked_line_by_line() -> None:
    key = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQ\n-----END KEY-----"
    assert texts_of(LogReader(Masker([key])), stamped(*key.split("\n"))) == ["[MASKED]"] * 3
