"""Events that wait together: what a later one says again is dropped, and nothing else."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest

from gateway.runners.argo.waiting_events import WaitingEvents, all_alike, pod_stage
from tests.fakes.recordings import SCENARIOS, Event, Kind, lines
from tests.unit.argo.test_observe_recordings import ENDS, WITH_TASKS, Replay

KINDS: tuple[Kind, ...] = ("pods", "workflows")


def event_of(kind: Kind, line: bytes) -> Event:
    event = json.loads(line)
    meta = event["object"]["metadata"]
    raw = json.dumps(event["object"]).encode()
    return Event(kind=kind, type=event["type"], version=int(meta["resourceVersion"]), name=meta["name"], object=raw)


def in_order(scenario: str) -> list[tuple[Kind, bytes]]:
    both = [(kind, line) for kind in KINDS for line in lines(scenario, kind) if b'"type":"BOOKMARK"' not in line[:40]]
    return sorted(both, key=lambda pair: event_of(*pair).version)


def drawn(scenario: str, chance: random.Random) -> Iterator[Event]:
    """The events of a recording as they come out where some of them wait together."""
    waiting = {"pods": WaitingEvents(pod_stage), "workflows": WaitingEvents(all_alike)}
    for kind, line in in_order(scenario):
        assert waiting[kind].put(line) is not None
        if chance.random() < 0.1:
            for which in KINDS:
                yield from (event_of(which, one) for one in waiting[which].take()[0])
    for which in KINDS:
        yield from (event_of(which, one) for one in waiting[which].take()[0])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scenario", WITH_TASKS)
def test_what_waited_together_ends_the_same(scenario: str, seed: int) -> None:
    replay = Replay(scenario)
    replay.play(drawn(scenario, random.Random(seed)))
    assert replay.ends() == ENDS[scenario]


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_glance_finds_what_reading_finds(kind: Kind, scenario: str) -> None:
    waiting = WaitingEvents(pod_stage)
    for line in lines(scenario, kind):
        event = json.loads(line)
        other_order = json.dumps({"object": event["object"], "type": event["type"]}).encode()
        found = [waiting.put(one) for one in (line, other_order)]
        if event["type"] == "BOOKMARK":
            assert found == [None, None]
        else:
            versions = {one.version for one in found if one is not None}
            assert versions == {event["object"]["metadata"]["resourceVersion"]}
            # The second takes the place of the first: both were known as the same object, in the same stage.
            assert kind == "pods" or len(waiting.take()[0]) == 1


@pytest.mark.parametrize("scenario", WITH_TASKS)
def test_a_pod_has_ended_where_its_program_has(scenario: str) -> None:
    for line in lines(scenario, "pods"):
        status = json.loads(line)["object"].get("status", {})
        states = [one["state"] for one in status.get("containerStatuses", ()) if one["name"] == "main"]
        ended = status.get("phase") in ("Succeeded", "Failed") or any("terminated" in state for state in states)
        assert (pod_stage(line) == b"ended") == ended


def test_why_a_pod_does_not_begin_and_that_it_is_to_go_are_stages_of_their_own() -> None:
    stages = [pod_stage(line).decode().strip() for line in lines("image-pull-backoff", "pods")]
    assert list(dict.fromkeys(stages)) == [
        "",
        "ErrImagePull",
        "ImagePullBackOff",
        "deleting ImagePullBackOff",
        "deleting",
        "ended",
    ]


def pod_line(uid: str, version: int, *, type_: str = "MODIFIED", ended: bool = False) -> bytes:
    phase = "Failed" if ended else "Running"
    meta = f'"metadata":{{"name":"{uid}","uid":"{uid}","resourceVersion":"{version}"}}'
    return (
        f'{{"type":"{type_}","object":{{"kind":"Pod","apiVersion":"v1",{meta},"spec":{{}},'
        f'"status":{{"phase":"{phase}"}}}}}}'
    ).encode()


def test_ends_keep_the_order_in_which_they_came() -> None:
    """What a group makes of the ends of its lead and of another member depends on which was first."""
    waiting = WaitingEvents(pod_stage)
    came = [
        pod_line("lead", 1),
        pod_line("other", 2),
        pod_line("lead", 3, ended=True),
        pod_line("other", 4, ended=True),
        pod_line("lead", 5, ended=True),
        pod_line("lead", 6, type_="DELETED", ended=True),
    ]
    for line in came:
        waiting.put(line)
    lead, other, lead_end, other_end, gone = waiting.take()[0]
    assert (lead, other, lead_end, other_end, gone) == (came[0], came[1], came[4], came[3], came[5])


def test_it_says_when_it_is_first_and_when_there_is_too_much() -> None:
    waiting = WaitingEvents(pod_stage)
    taken = [waiting.put(pod_line(f"p{number}", number)) for number in range(4_002)]
    assert [one.first for one in taken if one is not None] == [True, *[False] * 4_001]
    assert [one.crowded for one in taken if one is not None] == [*[False] * 4_000, True, True]
    found, superseded = waiting.take()
    assert (len(found), superseded) == (4_002, 0)
    assert waiting.take() == ((), 0)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no event",
        b'{"type":"ADDED"}',
        b'{"type":"ERROR","object":{"metadata":{"uid":"u","resourceVersion":"1"}}}',
        b'{"type":"ADDED","object":{"metadata":{"uid":"u"}}}',
        b'{"type":"ADDED","object":{"metadata":{"resourceVersion":"1"}}}',
        b'{"type":"ADDED","object":[[[[[[',
        b'{"type":"ADDED","object":{"metadata":{"uid":"\xff","resourceVersion":"1"}}}',
    ],
)
def test_what_is_odd_does_not_wait(line: bytes) -> None:
    waiting = WaitingEvents(pod_stage)
    assert waiting.put(line) is None
    assert waiting.take() == ((), 0)
