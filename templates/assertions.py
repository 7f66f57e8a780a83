"""Rules that a pool sets on what a task asks for, alone and against its nodes.

Source: workflow-spec.md §7.2, api.md §8.6.
"""

from __future__ import annotations

import operator as comparison
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from templates.quantities import byte_quantity
from templates.render import RenderError, Variables, render_text
from templates.variables import NodeCapacity, node_variables


class Operator(StrEnum):
    """How two operands are compared."""

    GT = "GT"
    GE = "GE"
    LT = "LT"
    LE = "LE"
    EQ = "EQ"
    NE = "NE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """One rule. Shape: operands and message are templates over USER_*, K8_* and the pool's own variables."""

    operator: Operator
    left_operand: str
    right_operand: str
    assert_message: str

    @property
    def is_about_nodes(self) -> bool:
        """Whether an operand names a fact of a node (`K8_…`)."""
        return "K8_" in self.left_operand or "K8_" in self.right_operand


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRefusal:
    """Why one node cannot take a task."""

    node: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedCapacity:
    """A node to judge a task against."""

    node: str
    capacity: NodeCapacity


Operand = int | float | str | None
"""Units: amounts with a unit are whole Ki, plain numbers as they are. None: the operand rendered to nothing."""


def static_failures(assertions: Iterable[Assertion], variables: Variables) -> list[str]:
    """The messages of the rules without node facts that do not hold, in order."""
    found = (failure(rule, variables) for rule in assertions if not rule.is_about_nodes)
    return [message for message in found if message is not None]


def node_refusals(
    assertions: Iterable[Assertion], variables: Variables, nodes: Sequence[NamedCapacity]
) -> list[NodeRefusal]:
    """Why no node satisfies all rules with node facts; empty where one does, or where there is no such rule.

    Shape: one refusal a node, in the order of `nodes`, its reason the first rule that fails on it. No node at all gives
    an empty list too: ask for that before.
    """
    rules = [rule for rule in assertions if rule.is_about_nodes]
    if not rules:
        return []
    refusals = []
    for named in nodes:
        facts = {**variables, **node_variables(named.capacity)}
        reason = next((found for rule in rules if (found := failure(rule, facts)) is not None), None)
        if reason is None:
            return []
        refusals.append(NodeRefusal(node=named.node, reason=reason))
    return refusals


def refusal_table(refusals: Sequence[NodeRefusal], *, limit: int = 20) -> str:
    """The refusals as text, one line a node below a heading; what is beyond `limit` is only counted."""
    shown = refusals[:limit]
    width = max([len("Node"), *(len(refusal.node) for refusal in shown)])
    lines = [f"{'Node':<{width}}  Reason", f"{'-' * width}  {'-' * len('Reason')}"]
    lines += [f"{refusal.node:<{width}}  {refusal.reason}" for refusal in shown]
    if len(refusals) > limit:
        lines.append(f"... and {len(refusals) - limit} more nodes")
    return "\n".join(lines)


def failure(rule: Assertion, variables: Variables) -> str | None:
    """The rule's message where it does not hold, or what is wrong with the rule; None where it holds.

    An operand that renders to nothing holds. Comparing a number with a text does not hold, and says so.
    """
    try:
        left = operand(render_text(rule.left_operand, variables))
        right = operand(render_text(rule.right_operand, variables))
        if left is None or right is None:
            return None
        if isinstance(left, str) != isinstance(right, str):
            return _mismatch(rule, left, right)
        return None if _holds(rule.operator, left, right) else render_text(rule.assert_message, variables)
    except RenderError as error:
        return f"{error} Ask the administrator of the pool to correct the rule."


def operand(text: str) -> Operand:
    """What a rendered operand stands for in a comparison."""
    text = text.strip()
    if not text:
        return None
    if _NUMBER.fullmatch(text):
        return float(text)
    quantity = byte_quantity(text)
    return text if quantity is None else int(quantity.bytes / 1024)


def _holds(operator: Operator, left: int | float | str, right: int | float | str) -> bool:
    return bool(_COMPARISONS[operator](left, right))


def _mismatch(rule: Assertion, left: int | float | str, right: int | float | str) -> str:
    return (
        f"Rule {rule.left_operand} {rule.operator} {rule.right_operand} cannot compare {_described(left)} with "
        f"{_described(right)}. Ask for an amount, or have the administrator give the variable a default; arithmetic "
        "must stand inside {{ }}."
    )


def _described(value: int | float | str) -> str:
    return f'the text "{value}"' if isinstance(value, str) else f"the number {value:g}"


_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_COMPARISONS = {
    Operator.GT: comparison.gt,
    Operator.GE: comparison.ge,
    Operator.LT: comparison.lt,
    Operator.LE: comparison.le,
    Operator.EQ: comparison.eq,
    Operator.NE: comparison.ne,
}
