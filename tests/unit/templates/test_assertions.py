"""Rules on requests. Source: workflow-spec.md §7.2, api.md §8.6."""

from __future__ import annotations

import pytest

from templates.assertions import (
    Assertion,
    NamedCapacity,
    NodeRefusal,
    Operator,
    failure,
    node_refusals,
    operand,
    refusal_table,
    static_failures,
)
from templates.variables import NodeCapacity, UserRequest, user_variables


def rule(left: str, operator: str, right: str, message: str = "no: {{USER_CPU}}") -> Assertion:
    return Assertion(operator=Operator(operator), left_operand=left, right_operand=right, assert_message=message)


VARIABLES = user_variables(UserRequest(cpu=4, memory="8Gi"), {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", 4.0),
        ("4.5", 4.5),
        ("-1", -1.0),
        ("1e3", 1000.0),
        ("1Ki", 1),
        ("1Gi", 1 << 20),
        ("1G", 1 << 20),
        ("1GiB", 1 << 20),
        ("1023B", 0),
        ("2048m", 0),
        ("1.5Ki", 1),
        ("abc", "abc"),
        ("None", "None"),
        ("5GB", "5GB"),
        (" 7 ", 7.0),
        ("", None),
        ("  ", None),
    ],
)
def test_operands(text: str, value: object) -> None:
    """'quantity with a known unit -> integer Ki; plain number -> float; else string'; nothing passes."""
    assert operand(text) == value


@pytest.mark.parametrize(
    ("left", "operator", "right", "holds"),
    [
        ("{{USER_CPU}}", "LE", "4", True),
        ("{{USER_CPU}}", "LT", "4", False),
        ("{{USER_CPU}}", "GE", "4", True),
        ("{{USER_CPU}}", "GT", "4", False),
        ("{{USER_CPU}}", "EQ", "4.0", True),
        ("{{USER_CPU}}", "NE", "5", True),
        ("{{USER_CPU}}", "NE", "4", False),
        ("{{USER_MEMORY}}", "LE", "8192Mi", True),
        ("{{USER_MEMORY}}", "GT", "8191Mi", True),
        ("{{USER_MEMORY}}", "GT", "0", True),
        ("a", "EQ", "a", True),
        ("a", "NE", "b", True),
        ("a", "LT", "b", True),
        ("", "GT", "100", True),
        ("{{USER_CPU}}", "LE", "{{ '' }}", True),
        ("{{ USER_CPU * 2 }}", "EQ", "8", True),
    ],
)
def test_comparisons(left: str, operator: str, right: str, holds: bool) -> None:
    assert (failure(rule(left, operator, right), VARIABLES) is None) is holds


def test_the_message_is_a_template() -> None:
    assert failure(rule("{{USER_CPU}}", "GT", "9", "Value {{USER_CPU}} too low"), VARIABLES) == "Value 4 too low"


@pytest.mark.parametrize(
    ("left", "right"),
    [("{{USER_GPU}}", "0"), ("{{USER_MEMORY}}", "{{USER_MEMORY}} * 0.8"), ("4", "four")],
)
def test_a_number_and_a_text_cannot_be_compared(left: str, right: str) -> None:
    """'comparing string with number -> TypeError; also what an unset variable without default gives': a clear 400."""
    assert "cannot compare" in (failure(rule(left, "GT", right), VARIABLES) or "")


def test_a_broken_rule_is_the_administrators() -> None:
    assert "Ask the administrator" in (failure(rule("{{ NOPE }}", "GT", "0"), VARIABLES) or "")


def test_static_rules_leave_node_rules_alone() -> None:
    rules = [rule("{{USER_CPU}}", "LE", "{{K8_CPU}}"), rule("{{USER_CPU}}", "GT", "4", "a"), rule("1", "GT", "2", "b")]
    assert static_failures(rules, VARIABLES) == ["a", "b"]


def node(name: str, cpu: int, memory_bytes: int = 1 << 40) -> NamedCapacity:
    return NamedCapacity(node=name, capacity=NodeCapacity(cpu=cpu, memory_bytes=memory_bytes))


NODE_RULES = [
    rule("{{USER_CPU}}", "LE", "{{K8_CPU}}", "cpu {{USER_CPU}} over {{K8_CPU}}"),
    rule("{{USER_MEMORY}}", "LE", "{{K8_MEMORY}}", "memory"),
]


def test_one_node_must_satisfy_all_rules() -> None:
    """'at least one node of that pool+platform must satisfy all of them'."""
    assert node_refusals(NODE_RULES, VARIABLES, [node("a", 2), node("b", 8)]) == []
    refusals = node_refusals(NODE_RULES, VARIABLES, [node("a", 2), node("b", 8, memory_bytes=1 << 30)])
    assert refusals == [NodeRefusal(node="a", reason="cpu 4 over 2"), NodeRefusal(node="b", reason="memory")]


def test_no_node_rule_no_refusal() -> None:
    assert node_refusals([rule("1", "GT", "2")], VARIABLES, [node("a", 0)]) == []


def test_the_table_is_cut() -> None:
    table = refusal_table([NodeRefusal(node=f"n{index}", reason="r") for index in range(30)], limit=2)
    assert table.splitlines() == ["Node  Reason", "----  ------", "n0    r", "n1    r", "... and 28 more nodes"]
