"""Label selectors of workflow lists: `key=value`, the value with `*` and `(a|b)`.

Source: workflow-spec.md §2.4; api.md §2.8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from translator.problems import Problem, SpecError
from translator.spec.labels import is_label_value, label_key_message

MAX_PATTERNS = 32
MAX_SELECTOR_BYTES = 4096

_ANY = "*"
_GROUP = re.compile(r"\(([^()]*)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSelector:
    """A condition on one label.

    Shape: `patterns` are alternatives, anchored at both ends, in which `*` stands for any text; empty where every
    value will do, as long as the label is there.
    """

    key: str
    patterns: tuple[str, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether a workflow with `labels` is selected."""
        value = labels.get(self.key)
        if value is None:
            return False
        return not self.patterns or any(_matches(pattern, value) for pattern in self.patterns)


def label_selector(text: str) -> LabelSelector:
    """The condition that `key=value` stands for.

    Errors: SpecError (USAGE).
    """
    if len(text.encode(errors="surrogatepass")) > MAX_SELECTOR_BYTES:
        raise _refused(f"Label selectors can have at most {MAX_SELECTOR_BYTES} bytes.")
    key, equals, value = text.partition("=")
    if not equals:
        raise _refused("Workflow labels must use key=value format.")
    absent_label(key)
    if value == _ANY:
        return LabelSelector(key=key, patterns=())
    return LabelSelector(key=key, patterns=_patterns(value))


def absent_label(key: str) -> str:
    """The key of a label that must be absent. Errors: SpecError (USAGE) where it is no label key."""
    if (message := label_key_message(key)) is not None:
        raise _refused(message)
    return key


def _patterns(value: str) -> tuple[str, ...]:
    expanded = [""]
    position = 0
    for group in _GROUP.finditer(value):
        expanded = _joined(expanded, [_literal(value[position : group.start()], value)])
        expanded = _joined(expanded, _alternatives(group[1], value))
        position = group.end()
    expanded = _joined(expanded, [_literal(value[position:], value)])
    for pattern in expanded:
        if not is_label_value(pattern.replace(_ANY, "x")):
            raise _refused(f'Label selector value "{value}" cannot match: "{pattern}" is no label value.')
    return tuple(dict.fromkeys(expanded))


def _alternatives(body: str, value: str) -> list[str]:
    alternatives = body.split("|")
    if len(alternatives) < 2 or not all(alternatives):
        raise _refused(f'Label selector value "{value}" needs at least two non-empty alternatives in (a|b).')
    return alternatives


def _literal(text: str, value: str) -> str:
    if any(sign in text for sign in "()|"):
        raise _refused(f'Label selector value "{value}" is malformed. Expected text, * and (a|b), not nested.')
    return text


def _joined(heads: list[str], tails: list[str]) -> list[str]:
    if len(heads) * len(tails) > MAX_PATTERNS:
        raise _refused(f"Label selectors can stand for at most {MAX_PATTERNS} patterns.")
    return [head + tail for head in heads for tail in tails]


def _matches(pattern: str, value: str) -> bool:
    """Whether `value` is the pattern with texts for its stars; in linear time, unlike a regular expression."""
    first, *rest = pattern.split(_ANY)
    if not rest:
        return value == pattern
    last = rest.pop()
    if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
        return False
    position, end = len(first), len(value) - len(last)
    for part in rest:
        found = value.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True


def _refused(message: str) -> SpecError:
    return SpecError([Problem(code="bad-label-selector", message=message)])
