"""Laws of the YAML loader: it agrees with `yaml.safe_load`, and every failure is a `YamlFault` with a place."""

from __future__ import annotations

from datetime import UTC, date, datetime

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from yaml.cyaml import CSafeLoader

from tests.fuzz.loader_oracle import check_places, shape
from translator.spec.loader import LoadedDocument, YamlFault, load

# Refusals that are ours: safe_load builds these, or builds something nobody means.
OUR_REFUSALS = {"yaml-recursive", "yaml-tag", "yaml-too-deep", "yaml-too-large"}
FAILURES_OF_SAFE_LOAD = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, OverflowError)

_words = st.sampled_from(
    ["a", "b c", "yes", "No", "null", "~", "1", "0x1F", "1_000", "1.5", "1e3", ".inf", "190:20:30", "2024-01-01", "<<",
     "=", "", " x ", "#", "- a", "a: b", "'", '"', "\\", "é", "😀", "\t", "x\ny", "x\n\n  y\n", "{{output}}", "|", "*a"]
)  # fmt: skip
_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False)
    | _words
    | st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff\ufeff"), max_size=20)
    | st.dates(date(1000, 1, 1))
    | st.datetimes(datetime(1000, 1, 1))
    | st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC))
    | st.binary(max_size=20)
)
_keys = _words | st.integers() | st.booleans() | st.none() | st.dates(date(1000, 1, 1))
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4) | st.sets(_keys, max_size=3),
    max_leaves=20,
)


@settings(deadline=None)
@given(
    value=_values,
    flow=st.sampled_from([None, True, False]),
    style=st.sampled_from([None, "'", '"', "|", ">"]),
    width=st.sampled_from([20, 80, 10**6]),
    unicode=st.booleans(),
)
def test_what_pyyaml_writes_is_read_as_safe_load_reads_it(
    value: object, flow: bool | None, style: str | None, width: int, unicode: bool
) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, default_style=style, width=width, allow_unicode=unicode)
    expected = yaml.safe_load(text)
    found = load(text)
    assert found.value == expected
    assert shape(found.value) == shape(expected)
    assert not found.repeated
    check_places(found, text)


_plain = st.text("0123456789_+-.:eExXoObBtTzZinfaNyYsSrRlLuUfF~=< ", min_size=1, max_size=14).map(str.strip)


@settings(deadline=None)
@given(_plain)
@example("1:1")
@example("0b")
@example("+.inf")
@example("2024-02-30")
@example("-_0")
def test_plain_scalars_mean_what_safe_load_says(text: str) -> None:
    _assert_agrees(text)
    _assert_agrees(f"[{text}]")
    _assert_agrees(f"k: {text}")


_tags = st.sampled_from(
    ["", "", "", "! ", "!!str ", "!!int ", "!!float ", "!!bool ", "!!null ", "!!binary ", "!!timestamp ", "!!set ",
     "!!omap ", "!!pairs ", "!!map ", "!!seq ", "!!merge ", "!!value ", "!mine ", "&a ", "&b ", "!!str &c "]
)  # fmt: skip
_leaves = st.builds(
    str.__add__, _tags, st.sampled_from(["x", "1", "'q'", '"d"', "yes", "2024-01-01", "''", "{}", "[]"])
) | st.sampled_from(["*a", "*b", "*c"])
_flow_keys = st.sampled_from(["k", "l", "<<", "'<<'", "=", "1", "yes", "? [k]", "*a", "&a k", "!!str 5", "!!merge m"])
_flow_texts = st.recursive(
    _leaves,
    lambda inner: (
        st.builds(lambda tag, items: f"{tag}[{', '.join(items)}]", _tags, st.lists(inner, max_size=3))
        | st.builds(
            lambda tag, pairs: f"{tag}{{{', '.join(f'{key} : {item}' for key, item in pairs)}}}",
            _tags,
            st.lists(st.tuples(_flow_keys, inner), max_size=4),
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(_flow_texts)
@example("{a: &a {k: 1}, b: {<<: *a, k: 2}}")
@example("[&a {k: 1}, {<<: [*a, {l: 2}], <<: {l: 3}}]")
@example("{k: &a 1, <<: {*a : 2}}")
def test_tags_anchors_and_merges_work_as_in_safe_load(text: str) -> None:
    _assert_agrees(text)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([*"abc019 \n\t:-?,[]{}#&*!|>'\"%@`\\.~=<é\x00\x85\ufeff", "\n  ", "- ", ": ", "<<: ", "---\n"])
    )
)
def test_any_text_gives_a_document_or_a_fault(tokens: list[str]) -> None:
    _assert_agrees("".join(tokens))


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_unicode_gives_a_document_or_a_fault(text: str) -> None:
    _assert_agrees(text)


def _assert_agrees(text: str) -> None:
    found = _loaded(text)
    if isinstance(found, YamlFault):
        assert 0 <= found.offset <= len(text)
        assert found.message
        assert found.code in OUR_REFUSALS or not _safe_load_succeeds(text)
        return
    # The same parser underneath, so that only what comes after it is compared.
    assert shape(found.value) == shape(yaml.load(text, CSafeLoader))
    check_places(found, text)


def _loaded(text: str) -> LoadedDocument | YamlFault:
    try:
        return load(text)
    except YamlFault as fault:
        return fault


def _safe_load_succeeds(text: str) -> bool:
    try:
        yaml.load(text, CSafeLoader)
    except FAILURES_OF_SAFE_LOAD:
        return False
    return True
