"""Lines of a stream are the same however the server cuts it (gateway/runners/argo/reflector.py)."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.runners.argo.reflector import lines_of


@given(st.lists(st.sampled_from([b"", b"{}", b'{"a": 1}', b"x" * 50])), st.lists(st.integers(0, 200)), st.booleans())
def test_cuts_change_no_line(lines: list[bytes], cuts: list[int], is_cut_off: bool) -> None:
    text = b"".join(line + b"\n" for line in lines) + (b"rest" if is_cut_off else b"")
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    chunks = [text[begin:end] for begin, end in pairwise(places)]
    assert [line.rstrip(b"\n") for line in lines_of(iter(chunks))] == [line for line in lines if line]


@given(st.lists(st.sampled_from([b"{}", b'{"a": 1}'])))
def test_a_line_a_chunk(lines: list[bytes]) -> None:
    chunks = [line + b"\n" for line in lines]
    assert [line.rstrip(b"\n") for line in lines_of(iter(chunks))] == lines
