"""Which members' pods are gone, told from their names."""

from __future__ import annotations

import asyncio

import pytest

from runtime.sidecar.group.names import NameWatch, looked_up
from translator.argo.payload import GroupPayload, Member

A, B = Member(task="a", task_uuid="aa"), Member(task="b", task_uuid="bb")


def group(coordinator: str) -> GroupPayload:
    return GroupPayload(coordinator=coordinator, token="t", barrier=True, ignore_nonlead_status=True, members=(A, B))


def test_a_name_that_lost_its_address_is_gone_once() -> None:
    answers: dict[str, bool | None] = {"aa.svc.ns": False, "bb.svc.ns": True}

    async def lookup(name: str) -> bool | None:
        return answers[name]

    async def scene() -> None:
        names = NameWatch(group("ll.svc.ns:1"), lookup)
        assert await names.gone([A, B]) == [], "one without an address may still come"
        answers["bb.svc.ns"] = None
        assert await names.gone([A, B]) == [], "a name service that does not answer says nothing"
        answers["bb.svc.ns"] = False
        assert await names.gone([A, B]) == ["b"]
        assert await names.gone([A, B]) == []

    asyncio.run(scene())


def test_who_reported_had_an_address() -> None:
    async def lookup(name: str) -> bool | None:
        return False

    names = NameWatch(group("ll.svc.ns:1"), lookup)
    names.met("a")
    assert asyncio.run(names.gone([A, B])) == ["a"]


@pytest.mark.parametrize(("name", "found"), [("localhost", True), ("no-such-name.invalid", False)])
def test_the_machine_is_asked(name: str, found: bool) -> None:
    # A machine without any name service cannot tell.
    assert asyncio.run(looked_up(name)) in (found, None)
