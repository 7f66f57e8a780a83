"""The loader: the values of `yaml.safe_load`, the places of everything, bounds against hostile input."""

from __future__ import annotations

import math

import pytest
import yaml

from translator.spec.loader import LoadedDocument, LoaderLimits, YamlFault, load
from translator.spec.places import FieldPath, LineIndex, Place

SAME_AS_SAFE_LOAD = [
    "", "# only a comment", "---\n...", "a", "a: b", "- a\n- b", "[a, {b: c}]", "{a, b: }", "? a\n: b",
    "~", "null", "Null", "NULL", "nUll", "yes", "No", "ON", "off", "y", "n", "true", "TRUE", "tRue",
    "0", "-0", "+1", "007", "0o7", "0x1F", "0b101", "1_000", "_1", "190:20:30", "1:1", "08", "1e3", "1.0e+3", "1.5",
    ".5", "-.5", "1_0.5", ".inf", "-.INF", "190:20:30.15", "1e400", "685.230_15e+03", ".", "..", "+", "-", "--1",
    "2024-01-01", "2024-1-1", "2024-01-01 10:00:00", "2024-01-01T10:00:00Z", "2024-01-01t10:00:00.25-05:30",
    "'yes'", '"1"', "'2024-01-01'", "!!str 5", "!!int '5'", "!!float 5", "!!bool 'yes'", "!!null 'x'",
    "!!str yes", "! 5", "!!binary aGVsbG8=", "!!timestamp '2024-01-01'", "!!set {a, b}", "!!omap [{a: 1}, {b: 2}]",
    "!!pairs [{a: 1}, {a: 2}]", "!!map {a: b}", "!!seq [a]", "! [a]", "! {a: b}",
    "&x a", "[&x a, *x]", "{a: &x {b: c}, d: *x}", "&x [a]", "a: &x\n  - 1\nb: *x",
    "a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}", "<<: {a: 1}\na: 2", "a: 2\n<<: {a: 1}",
    "x: &x {a: 1}\ny: &y {a: 2, b: 3}\nz: {<<: [*x, *y], c: 4}", "<<: {a: 1}\n<<: {a: 2}", "'<<': a", "=: a",
    "a: 1\na: 2", "{1: a, true: b}", "{a: 1, b: 2, a: 3}", "? a\n? b",
    "a: |\n  x\n  y\n", "a: |-\n  x\n\n", "a: |+\n  x\n\n", "a: >\n  x\n  y\n\n  z\n", "a: |2\n   x\n",
    'a: "\\x41\\n\\u263A"',
    "a: 'it''s'", "a: x\n  y\n  z", "- - - a", "é: ü", "a: 😀", "{a: 'b', c: \"d\"}", "a: b # c", "{}", "[]", "''",
    "1: a\n2.5: b\nnull: c\n2024-01-01: d", "a:\n- b\n-\n- c", "%YAML 1.1\n---\na: 1",
]  # fmt: skip


@pytest.mark.parametrize("text", SAME_AS_SAFE_LOAD)
def test_values_are_those_of_safe_load(text: str) -> None:
    expected = yaml.safe_load(text)
    found = load(text).value
    assert found == expected
    assert repr(found) == repr(expected) or isinstance(found, set)


def test_not_a_number() -> None:
    value = load(".nan").value
    assert isinstance(value, float)
    assert math.isnan(value)


def test_order_of_merged_keys_is_that_of_safe_load() -> None:
    text = "x: &x {b: 1, a: 2}\ny: {c: 3, <<: *x, b: 4}"
    value = load(text).value
    assert isinstance(value, dict)
    assert list(value["y"]) == list(yaml.safe_load(text)["y"]) == ["b", "a", "c"]


REFUSED = [
    ("a: b: c", "yaml-syntax"),
    ("[a", "yaml-syntax"),
    ("]", "yaml-syntax"),
    ("\ta: b", "yaml-syntax"),
    ("a: 'b", "yaml-syntax"),
    ("a: |x\n", "yaml-syntax"),
    ("@a", "yaml-syntax"),
    ("`a", "yaml-syntax"),
    ("a\n---\nb", "yaml-documents"),
    ("a: \x00", "yaml-character"),
    ("a: \x07", "yaml-character"),
    ("\ud800", "yaml-encoding"),
    ("*a", "yaml-alias"),
    ("[*a]", "yaml-alias"),
    ("[&a b, &a c]", "yaml-anchor"),
    ("&a [*a]", "yaml-recursive"),
    ("&a {b: *a}", "yaml-recursive"),
    ("&a {b: {c: [*a]}}", "yaml-recursive"),
    ("? [a]\n: b", "yaml-key"),
    ("{{a: b}: c}", "yaml-key"),
    ("<<: a", "yaml-merge"),
    ("<<: [a]", "yaml-merge"),
    ("a: <<", "yaml-value"),
    ("- =", "yaml-value"),
    ("=", "yaml-value"),
    ("!!int a", "yaml-value"),
    ("!!int ''", "yaml-value"),
    ("!!float ''", "yaml-value"),
    ("!!bool a", "yaml-value"),
    ("!!timestamp a", "yaml-value"),
    ("!!binary é", "yaml-value"),
    ("2024-13-45", "yaml-value"),
    ("!!python/object:os.system a", "yaml-value"),
    ("!!python/object/apply:os.system [a]", "yaml-tag"),
    ("!mine a", "yaml-value"),
    ("!mine {a: b}", "yaml-tag"),
    ("!!str [a]", "yaml-tag"),
    ("!!map [a]", "yaml-tag"),
    ("!!seq {a: b}", "yaml-tag"),
    ("!!omap [a]", "yaml-tag"),
    ("!!pairs [{a: b, c: d}]", "yaml-tag"),
    ("9" * 5000, "yaml-value"),
    ("1:" * 200 + "1", "yaml-value"),
]


@pytest.mark.parametrize(("text", "code"), REFUSED)
def test_what_is_no_document_is_refused_at_its_place(text: str, code: str) -> None:
    with pytest.raises(YamlFault) as fault:
        load(text)
    assert fault.value.code == code
    assert 0 <= fault.value.offset <= len(text)
    assert fault.value.message


def test_tabs_are_explained() -> None:
    with pytest.raises(YamlFault, match="use spaces"):
        load("a:\n\tb: c")


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000, "a: &a " * 1000])
def test_deep_nesting_does_not_crash(text: str) -> None:
    with pytest.raises(YamlFault):
        load(text)


def test_depth_is_bounded_exactly() -> None:
    limits = LoaderLimits(depth=3)
    assert load("[[[a]]]", limits).value == [[["a"]]]
    with pytest.raises(YamlFault, match="More than 3 nested levels"):
        load("[[[[a]]]]", limits)


def test_depth_is_bounded_through_aliases() -> None:
    limits = LoaderLimits(depth=3)
    assert load("[&a [x], [*a]]", limits).value == [["x"], [["x"]]]
    with pytest.raises(YamlFault, match="nested levels"):
        load("[&a [x], &b [*a], [*b]]", limits)


def test_a_billion_laughs_are_not_written_out() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(YamlFault, match="Aliases stand for more than"):
        load("\n".join(lines))


def test_size_is_bounded() -> None:
    with pytest.raises(YamlFault, match="more than 10 characters"):
        load("a" * 11, LoaderLimits(text_length=10))
    with pytest.raises(YamlFault, match="A value has more than 5 characters"):
        load("[a, bbbbbb]", LoaderLimits(scalar_length=5))
    with pytest.raises(YamlFault, match="more than 100 elements"):
        load("[" + "a," * 200 + "]", LoaderLimits(nodes=100))


DOCUMENT = """\
workflow:
  name: x   # c
  tasks:
  - name: a
    args: [b,  {c: d}]
  - image: "q"
    'name': e
x: &anchor
  k: 1
y: {<<: *anchor, l: 2, l: 3}
"""


@pytest.mark.parametrize(
    ("path", "value_place", "key_place"),
    [
        ((), (1, 1), (1, 1)),
        (("workflow",), (2, 3), (1, 1)),
        (("workflow", "name"), (2, 9), (2, 3)),
        (("workflow", "tasks"), (4, 3), (3, 3)),
        (("workflow", "tasks", 0), (4, 5), (4, 5)),
        (("workflow", "tasks", 0, "args", 1, "c"), (5, 20), (5, 17)),
        (("workflow", "tasks", 1, "name"), (7, 13), (7, 5)),
        (("workflow", "tasks", 1, "missing"), (6, 5), (6, 5)),
        (("workflow", "tasks", 7, "name"), (4, 3), (3, 3)),
        (("workflow", "name", "deeper"), (2, 9), (2, 3)),
        (("y", "k"), (9, 6), (9, 3)),
        (("y", "l"), (10, 27), (10, 24)),
    ],
)
def test_places(path: FieldPath, value_place: tuple[int, int], key_place: tuple[int, int]) -> None:
    document = load(DOCUMENT)
    assert _place(document, path) == value_place
    assert _place(document, path, at_key=True) == key_place


def test_repeated_keys_are_noted_and_the_last_one_counts() -> None:
    document = load(DOCUMENT)
    assert [(one.key, LineIndex(DOCUMENT).place(one.offset)) for one in document.repeated] == [("l", (10, 24))]


def test_places_after_values_were_dropped() -> None:
    # Containers that lost to a later key may not lend their places to those that come after.
    text = "\n".join(f"- a: [x{n}]\n  a: {{b: {n}}}" for n in range(200))
    document = load(text)
    for index in range(200):
        offset = document.offset((index, "a", "b"))
        assert LineIndex(text).place(offset) == (2 * index + 2, 10)


def test_places_after_sets_with_repeated_members() -> None:
    text = "".join(f"- !!set {{x, x}}\n- {{a{n}: {n}}}\n" for n in range(200))
    document = load(text)
    for index in range(200):
        offset = document.offset((2 * index + 1, f"a{index}"))
        assert text[offset:].startswith(f"{index}}}")


def _place(document: LoadedDocument, path: FieldPath, *, at_key: bool = False) -> Place:
    return LineIndex(DOCUMENT).place(document.offset(path, at_key=at_key))
