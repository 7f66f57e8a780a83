"""The queue of gangs. Its laws are in tests/property/test_engine_laws.py."""

from __future__ import annotations

from engine.admission import Admission, Claim, Gang
from engine.machine import Machine
from translator.plan.model import ResourceRequest

MACHINE = Machine(name="m", cpu=4, memory_bytes=100, gpus=("0", "2"))


def gang(name: str, *cpus: float, gpu: int = 0, memory_bytes: int = 0) -> Gang:
    """A gang; the first of it asks for GPUs and memory too."""
    wants = {
        Claim(f"{name}/{index}"): ResourceRequest(
            cpu=cpu, gpu=0 if index else gpu, memory_bytes=0 if index else memory_bytes
        )
        for index, cpu in enumerate(cpus)
    }
    return Gang(name, wants)


def granted(book: Admission) -> list[str]:
    """Who may start now."""
    names = []
    while (grant := book.next_grant()) is not None:
        names.append(grant.gang.name)
    return names


def test_the_first_holds_up_those_behind() -> None:
    book = Admission(MACHINE)
    for one in (gang("a", 3), gang("b", 1, 1), gang("c", 1)):
        book.enqueue(one)
    assert granted(book) == ["a"]
    book.release(Claim("a/0"))
    assert granted(book) == ["b", "c"]


def test_a_new_attempt_goes_first() -> None:
    book = Admission(MACHINE)
    for one in (gang("a", 4), gang("b", 1)):
        book.enqueue(one)
    assert granted(book) == ["a"]
    book.enqueue(gang("again", 1), first=True)
    book.release(Claim("a/0"))
    assert granted(book) == ["again", "b"]


def test_gpus_are_told_apart_and_given_back() -> None:
    book = Admission(MACHINE)
    for name in ("a", "b", "c"):
        book.enqueue(gang(name, 0, gpu=1))
    first, second = book.next_grant(), book.next_grant()
    assert first is not None
    assert second is not None
    assert (first.gpus, second.gpus) == ({"a/0": ("0",)}, {"b/0": ("2",)})
    assert book.next_grant() is None
    book.release(Claim("b/0"))
    third = book.next_grant()
    assert third is not None
    assert third.gpus == {"c/0": ("2",)}


def test_who_asks_for_more_than_there_is_runs_alone() -> None:
    book = Admission(MACHINE)
    for one in (gang("small", 0), gang("huge", 3, 3), gang("other", 0)):
        book.enqueue(one)
    assert granted(book) == ["small"]
    book.release(Claim("small/0"))
    assert granted(book) == ["huge"]
    book.release(Claim("huge/0"))
    assert granted(book) == []
    book.release(Claim("huge/1"))
    assert granted(book) == ["other"]


def test_what_is_beyond_the_machine_is_told() -> None:
    book = Admission(MACHINE)
    assert book.excess(gang("fits", 2, 2, gpu=2, memory_bytes=100)) == ""
    assert book.excess(gang("huge", 5, gpu=3, memory_bytes=101)) == (
        "Asks for more than this machine has (5 CPUs of 4, 101 bytes of memory of 100, 3 GPUs of 2)"
    )


def test_an_attempt_hands_over_what_it_holds() -> None:
    book = Admission(MACHINE)
    book.enqueue(gang("huge", 9, gpu=1))
    assert granted(book) == ["huge"]
    assert book.hand_over(Claim("huge/0"), Claim("next")) == ("0",)
    book.enqueue(gang("b", 1))
    book.release(Claim("huge/0"))
    assert granted(book) == []
    book.release(Claim("next"))
    assert granted(book) == ["b"]
    assert book.hand_over(Claim("huge/0"), Claim("x")) is None


def test_who_is_withdrawn_does_not_start() -> None:
    book = Admission(MACHINE)
    for name in ("a", "b", "c"):
        book.enqueue(gang(name, 4))
    book.withdraw("b")
    assert granted(book) == ["a"]
    book.release(Claim("a/0"))
    assert granted(book) == ["c"]
