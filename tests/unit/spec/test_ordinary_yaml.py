"""The reader of ordinary documents: which it reads, and that it has the bounds of the other one."""

from __future__ import annotations

import pytest

from tests.fuzz.loader_oracle import shape
from translator.spec.ordinary_yaml import Unusual, ordinary_value
from translator.spec.placed_yaml import placed_document
from translator.spec.yaml_bounds import DEFAULT_LIMITS, LoaderLimits, YamlFault

WORKFLOW = """\
workflow:
  name: train    # the name
  resources: {default: {cpu: 1, memory: 1Gi}}
  tasks:
  - name: 'a'
    image: ubuntu:24.04
    command: ["bash", "-c", on, ~, 0x1F, 1.5, 2024-01-01]
    args:
    - |
      echo {{output}}
    environment: {}
    inputs: []
"""


def test_a_workflow_is_ordinary() -> None:
    found = ordinary_value(WORKFLOW, DEFAULT_LIMITS)
    assert shape(found) == shape(placed_document(WORKFLOW, DEFAULT_LIMITS).value)


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "'a'", "a: &x b", "&x a: b", "a: [&x b]", "a: &x {b: c}", "a: &x [b]", "- &x a", "- a\n- *x", "a: *x",
        "a: !!str 5", "!!str 5: a", "- !!int '5'", "a: !!set {b}", "- !!seq [a]", "! [a]", "<<: {a: b}", "a: =", "- <<",
        "a: 1\na: 2", "{1: a, true: b}", "{.nan: 1, .nan: 2}", "? [a]\n: b", "? {a: b}\n: c", "a: b\n---\nc: d",
        "a: b: c", "[a", "a: [b}", "a: 2024-13-45", "a: \x07", "a: \ud800",
    ],
)  # fmt: skip
def test_others_are_not(text: str) -> None:
    with pytest.raises(Unusual):
        ordinary_value(text, DEFAULT_LIMITS)


@pytest.mark.parametrize("text", ["[a, b]", "{a: b}", "[[a], {b: [c, {d: e}]}]", "{a: [b], c: {d: {}}, e: f}"])
def test_its_bounds_are_those_of_the_other_reader(text: str) -> None:
    for bound in range(1, 20):
        for limits in (LoaderLimits(nodes=bound), LoaderLimits(depth=bound)):
            try:
                expected = placed_document(text, limits).value
            except YamlFault:
                with pytest.raises(Unusual):
                    ordinary_value(text, limits)
            else:
                assert ordinary_value(text, limits) == expected
