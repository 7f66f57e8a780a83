"""Laws of the engine's pure parts: expansion, log lines and masking, admission."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.admission import Admission, Claim, Gang
from engine.cells.process import PathRewriter
from engine.expansion import expanded
from engine.log_lines import MAX_LINE_BYTES, LineSplitter, Masker
from engine.machine import Machine
from translator.plan.model import ResourceRequest

TEXTS = st.text(st.sampled_from("$()AB x"), max_size=20)


@given(TEXTS)
def test_expansion_of_nothing_known_only_undoes_escapes(text: str) -> None:
    """Unresolved references stay literal."""
    result = expanded(text, {})
    if "$$(" not in text:
        assert result == text
    assert result.replace("$", "") == text.replace("$", "")


@given(TEXTS, TEXTS)
def test_values_are_not_expanded_again(text: str, value: str) -> None:
    assert expanded(f"$(A){text}".partition("$(")[0] + "$(A)", {"A": value, "B": "no"}) == value


@given(st.text(st.sampled_from("$ab{}'\""), max_size=20))
def test_what_is_no_reference_belongs_to_the_shell(text: str) -> None:
    assert expanded(text, {"a": "x"}) == text


def split(data: bytes, sizes: list[int], masker: Masker) -> list[str]:
    """The lines of data that comes in pieces."""
    splitter = LineSplitter(masker)
    lines, at = [], 0
    for size in [*sizes, len(data)]:
        lines += splitter.feed(data[at : at + size], 0.0)
        at += size
        if at >= len(data):
            break
    return lines + splitter.finish()


PIECES = st.lists(st.integers(1, 20), max_size=10)


@given(st.binary(max_size=100), PIECES)
def test_lines_do_not_depend_on_how_they_come(data: bytes, sizes: list[int]) -> None:
    data = data.replace(b"\r", b"")
    assert split(data, sizes, Masker([])) == split(data, [], Masker([]))


@given(st.lists(st.text(st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"]), max_size=30)), PIECES)
def test_text_comes_through(lines: list[str], sizes: list[int]) -> None:
    assert split("".join(f"{line}\n" for line in lines).encode(), sizes, Masker([])) == lines


SECRETS = st.lists(st.text("abcdefgh", min_size=8, max_size=12), min_size=1, max_size=3)


@given(SECRETS, st.lists(st.one_of(st.integers(0, 2), st.text("ab \n", max_size=5)), max_size=8), PIECES)
def test_no_secret_is_logged_however_it_comes(secrets: list[str], parts: list[int | str], sizes: list[int]) -> None:
    """§8.4 values of credentials (8 characters and more) are replaced with [MASKED]."""
    text = "".join(secrets[part % len(secrets)] if isinstance(part, int) else part for part in parts)
    for line in split(text.encode(), sizes, Masker(secrets)):
        assert not [secret for secret in secrets if secret in line]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 20), st.integers(1, 5000), st.sampled_from(["x", "é", "€", "😀"]))
def test_no_secret_is_cut_in_two_by_the_longest_line(shift: int, piece: int, letter: str) -> None:
    secret = "correct-horse-battery"
    padding = MAX_LINE_BYTES - 10 - shift
    text = letter * (padding // len(letter.encode())) + secret + letter * 100 + secret
    lines = split(text.encode() * 2, [piece] * 200, Masker([secret]))
    assert all(len(line.encode()) <= MAX_LINE_BYTES for line in lines)
    joined = "".join(lines)
    assert "horse" not in joined
    assert joined.count("[MASKED]") == 4
    assert "\ufffd" not in joined


@given(st.text(st.sampled_from("/osmtp.-x \"'=:"), max_size=30))
def test_rewritten_text_without_the_paths_is_as_it_was(text: str) -> None:
    rewriter = PathRewriter({"/osmo": "/R/osmo", "/tmp": "/R/tmp"})
    if "/osmo" not in text and "/tmp" not in text:
        assert rewriter.text(text) == text
    assert rewriter.text(text).replace("/R/", "/") == text


GANGS = st.lists(
    st.lists(
        st.builds(ResourceRequest, cpu=st.integers(0, 6), gpu=st.integers(0, 3), memory_bytes=st.integers(0, 12)),
        min_size=1,
        max_size=3,
    ),
    max_size=8,
)


@given(GANGS, st.randoms(use_true_random=False))
def test_admission_never_gives_more_than_there_is_and_starves_nobody(
    gangs: list[list[ResourceRequest]], random: object
) -> None:
    """Concurrency bounded by cpu, memory, GPU requests; first come, first served; all of a gang together."""
    machine = Machine(name="m", cpu=4, memory_bytes=8, gpus=("0", "1"))
    book = Admission(machine)
    for number, wants in enumerate(gangs):
        book.enqueue(Gang(str(number), {Claim(f"{number}/{index}"): want for index, want in enumerate(wants)}))
    granted: list[str] = []
    running: list[tuple[Claim, ResourceRequest, tuple[str, ...]]] = []
    while len(granted) < len(gangs) or running:
        while (grant := book.next_grant()) is not None:
            granted.append(grant.gang.name)
            running += [(claim, want, grant.gpus[claim]) for claim, want in grant.gang.wants.items()]
            gpus = [gpu for _, _, held in running for gpu in held]
            assert len(gpus) == len(set(gpus))
            whole = {claim.partition("/")[0] for claim, _, _ in running}
            if len(whole) > 1:
                assert sum(want.cpu for _, want, _ in running) <= machine.cpu
                assert sum(want.memory_bytes for _, want, _ in running) <= machine.memory_bytes
                assert sum(want.gpu for _, want, _ in running) <= len(machine.gpus)
        assert running, "somebody waits although nothing runs"
        claim, _, _ = running.pop(random.randrange(len(running)))  # type: ignore[attr-defined]
        book.release(claim)
    assert granted == [str(number) for number in range(len(gangs))]
