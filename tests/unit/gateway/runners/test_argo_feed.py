"""Objects from lists and watches: each is told once, and what cannot be read never stops the others."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import pytest

from gateway.runners.argo import feed as feed_module
from gateway.runners.argo.faults import Expired, TryAgain
from gateway.runners.argo.feed import Feed
from tests.fakes.heard_logs import heard_logs
from translator.argo.observe_objects import Pod

DEEP = b"[" * 5000 + b"]" * 5000


class Ear:
    """Notes what it is told; refuses pods of one name."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def seen(self, one: Pod) -> None:
        if one.metadata.name == "cursed":
            raise ZeroDivisionError
        self.told.append(one.metadata.name)

    def deleted(self, one: Pod) -> None:
        self.told.append(f"-{one.metadata.name}")

    def listing(self) -> None:
        self.told.append("(")

    def listed(self, names: Collection[str], version: str) -> None:
        self.told.append(f"){version}")


def pod(name: str, version: int = 1, *, uid: str = "", **more: Any) -> bytes:
    return json.dumps({"metadata": {"name": name, "resourceVersion": str(version), "uid": uid}, **more}).encode()


def event(type_: str, data: bytes) -> bytes:
    return b'{"type":"%s","object":%s}' % (type_.encode(), data)


def page(*items: bytes) -> bytes:
    return b'{"kind":"PodList","metadata":{"resourceVersion":"9","continue":"on"},"items":[%s]}' % b",".join(items)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def feed(ear: Ear) -> Feed[Pod]:
    return Feed("/pods", Pod, ear, lambda: None, lambda: None)


def test_events_are_told_and_say_how_far_they_reach(feed: Feed[Pod], ear: Ear) -> None:
    reached = [
        feed.event(event("ADDED", pod("a", 1))),
        feed.event(event("MODIFIED", pod("b", 2))),
        feed.event(event("DELETED", pod("a", 3))),
        feed.event(event("BOOKMARK", pod("", 4, spec={"containers": None}, status={}))),
        feed.event(event("NEWS", pod("c", 5))),
    ]
    assert reached == ["1", "2", "3", "4", ""]
    assert ear.told == ["a", "b", "-a"]
    assert (feed.counts["events"], feed.counts["bookmarks"]) == (3, 1)


def test_events_wait_and_the_last_of_an_object_counts(ear: Ear) -> None:
    woken: list[int] = []
    feed = Feed("/pods", Pod, ear, lambda: woken.append(len(ear.told)), lambda: None)
    reached = [feed.event(event("MODIFIED", pod(name, number, uid=name))) for number, name in enumerate("abab", 1)]
    assert (reached, ear.told, woken) == (["1", "2", "3", "4"], [], [0])
    feed.event(event("DELETED", pod("a", 5, uid="a")))
    feed.flush()
    assert ear.told == ["a", "b", "-a"]
    assert (feed.counts["events"], feed.counts["superseded"]) == (5, 2)
    feed.flush()
    assert len(ear.told) == 3


def test_what_waits_is_told_before_a_list_begins_and_before_what_cannot_wait(feed: Feed[Pod], ear: Ear) -> None:
    feed.event(event("ADDED", pod("a", 1, uid="a")))
    feed.event(event("ADDED", pod("nameless", 2)))
    feed.event(event("ADDED", pod("b", 3, uid="b")))
    feed.listing()
    feed.listed([], "9")
    assert ear.told == ["a", "nameless", "b", "(", ")9"]


def test_what_cannot_be_read_of_what_waited_is_left_out(feed: Feed[Pod], ear: Ear) -> None:
    with heard_logs(feed_module) as logs:
        for number, name in enumerate(("a", "odd", "cursed", "b"), 1):
            phase = [] if name == "odd" else "Running"
            one = pod(name, number, uid=name, status={"phase": phase})
            assert feed.event(event("ADDED", one)) == str(number)
        feed.flush()
    assert ear.told == ["a", "b"]
    assert feed.counts["unreadable"] == len(logs) == 2


@pytest.mark.parametrize(
    "odd",
    [
        pod("odd", 7, status={"phase": []}),
        pod("odd", 7, spec=7),
        pod("cursed", 7),
        pod("odd", 7, status=None),
        b'{"metadata":{"name":"odd","resourceVersion":"7"},"status":{"phase":"\xff"}}',
    ],
)
def test_an_unreadable_object_is_counted_and_logged_once(feed: Feed[Pod], ear: Ear, odd: bytes) -> None:
    with heard_logs(feed_module) as logs:
        assert feed.event(event("MODIFIED", odd)) == "7"
        feed.event(event("MODIFIED", odd))
        told = feed.page(page(pod("a"), odd, pod("b")))
    assert [name for name in told.names if name not in ("odd", "cursed")] == ["a", "b"]
    assert len(told.names) == 3
    assert ear.told == ["a", "b"]
    assert feed.counts["unreadable"] == len(logs) == 1


def test_what_is_nested_without_end_hides_nothing_else(feed: Feed[Pod], ear: Ear) -> None:
    bottomless = pod("deep")[:-1] + b',"junk":' + DEEP + b"}"
    with heard_logs(feed_module) as logs:
        assert feed.event(event("MODIFIED", bottomless)) == ""
        told = feed.page(page(pod("a", note='}]"{['), bottomless, pod("b")))
    assert (told.version, told.more) == ("9", "on")
    assert ear.told == ["a", "b"]
    assert {"a", "b"} <= set(told.names)
    assert len(logs) == 2


@pytest.mark.parametrize("line", [b"this is no event", b"{}", b'{"type":"ADDED"}', b'{"type":1,"object":{}}'])
def test_what_is_no_event_ends_the_stream(feed: Feed[Pod], line: bytes) -> None:
    with pytest.raises(Expired):
        feed.event(line)
    assert feed.counts["unreadable"] == 1


@pytest.mark.parametrize(("code", "fault"), [(410, Expired), (500, TryAgain)])
def test_an_error_is_raised_as_the_server_means_it(feed: Feed[Pod], code: int, fault: type[Exception]) -> None:
    status = {"kind": "Status", "metadata": {}, "status": "Failure", "code": code, "reason": "Expired"}
    with pytest.raises(fault):
        feed.event(event("ERROR", json.dumps(status).encode()))


@pytest.mark.parametrize("data", [b"", b"not json", b'{"metadata":{"resour', b"[]"])
def test_what_is_no_list_is_asked_for_again(feed: Feed[Pod], data: bytes) -> None:
    with pytest.raises(TryAgain):
        feed.page(data)
