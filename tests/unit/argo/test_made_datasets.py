"""Datasets in the last words of a pod."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.argo.made_datasets import made_datasets, made_text
from translator.argo.observe_report import report_of
from translator.lifecycle.facts import DatasetMade

MADE = st.builds(
    DatasetMade,
    output=st.integers(0, 7),
    manifest=st.binary(min_size=32, max_size=32).map(bytes.hex),
    files=st.integers(0, 10**9),
    size=st.integers(0, 10**18 - 1),
)


@given(st.lists(MADE, max_size=8))
def test_what_is_said_is_understood(made: list[DatasetMade]) -> None:
    """'Names … are written and read by the same package.'"""
    assert made_datasets(map(made_text, made)) == tuple(made)


@given(MADE)
def test_it_is_short(made: DatasetMade) -> None:
    """Eight of them fit into a kilobyte with the rest of a report."""
    assert len(made_text(made)) <= 80


@pytest.mark.parametrize(
    "text",
    ["", "0", "x " + "a" * 43 + " 1 2", "0 " + "a" * 42 + " 1 2", "0 " + "a" * 43 + " -1 2", "0 " + "é" * 43 + " 1 2"],
)
def test_what_programs_write_is_left_out(text: str) -> None:
    """A program may write there what it likes."""
    good = "0 " + "A" * 43 + " 1 2"
    assert len(made_datasets([text, good])) == 1


@given(st.text(max_size=60))
def test_nothing_breaks_it(text: str) -> None:
    """Whatever it is: one dataset or none."""
    assert len(made_datasets([text])) <= 1


def test_a_report_without_them() -> None:
    """Reports of tasks without datasets say nothing of them."""
    report = report_of('{"v":1,"code":0,"phase":"upload"}')
    assert report is not None
    assert report.made == ()
