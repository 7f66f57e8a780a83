"""Label selectors of workflow lists: api.md §2.8."""

from __future__ import annotations

import pytest

from translator.problems import ErrorCode, SpecError
from translator.spec.selectors import absent_label, label_selector


@pytest.mark.parametrize(
    ("text", "value", "matches"),
    [
        ("k=v", "v", True),
        ("k=v", "vv", False),
        ("k=v*", "v", True),
        ("k=v*", "vx", True),
        ("k=v*", "xv", False),
        ("k=*v", "xv", True),
        ("k=a*b*c", "a-b-c", True),
        ("k=a*b*c", "abc", True),
        ("k=a*b*c", "acb", False),
        ("k=a*a", "a", False),
        ("k=(a|b)", "b", True),
        ("k=(a|b)", "c", False),
        ("k=x(a|b)*", "xb9", True),
        ("k=(a|b)(c|d)", "ad", True),
        ("k=(a|b)(c|d)", "ab", False),
        ("k=*", "anything", True),
        ("example.com/k=v", None, False),
    ],
)
def test_matching(text: str, value: str | None, matches: bool) -> None:
    labels = {} if value is None else {"k": value}
    assert label_selector(text).matches(labels) is matches


def test_star_alone_means_that_the_label_is_there() -> None:
    assert label_selector("k=*").patterns == ()
    assert not label_selector("k=*").matches({})


@pytest.mark.parametrize(
    "text",
    [
        "k",
        "=v",
        "k=",
        "-k=v",
        "k=(a)",
        "k=(a|)",
        "k=(|b)",
        "k=((a|b)|c)",
        "k=(a|b",
        "k=a|b",
        "k=a)",
        "k=a b",
        "k=" + "v" * 64,
        "k=" + "(a|b)" * 6,
        "k=v" + "*" * 5000,
        "a/b/c=v",
    ],
)
def test_other_selectors_are_refused(text: str) -> None:
    with pytest.raises(SpecError) as error:
        label_selector(text)
    assert error.value.error_code is ErrorCode.USAGE


def test_thirty_two_patterns_are_the_most() -> None:
    assert len(label_selector("k=" + "(a|b)" * 5).patterns) == 32


def test_many_stars_cost_little() -> None:
    assert not label_selector("k=" + "a*" * 31 + "b").matches({"k": "a" * 63})


def test_absent_label() -> None:
    assert absent_label("example.com/team") == "example.com/team"
    with pytest.raises(SpecError):
        absent_label("a b")
