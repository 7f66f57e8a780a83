"""`$(NAME)` in commands, arguments and values of variables, as Kubernetes expands it.

`$(NAME)` of a known variable becomes its value; of an unknown one it stays. `$$(NAME)` is how one writes a literal
`$(NAME)`. A `$` anywhere else means nothing here: it belongs to the shell that may read the text.
Source: Kubernetes API, Container.args; workflow-spec.md §3.1 E, §8.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"(\$+)\(([^)]*)\)|(\$+)\(")


def expanded(text: str, known: Mapping[str, str]) -> str:
    """`text` with references replaced, in one pass: what comes from a value is not looked at again."""
    if "$(" not in text:
        return text
    return _REFERENCE.sub(lambda match: _replacement(match, known), text)


def _replacement(match: re.Match[str], known: Mapping[str, str]) -> str:
    dollars, name = (match[1], match[2]) if match[1] is not None else (match[3], None)
    escaped, refers = divmod(len(dollars), 2)
    if name is None:
        # The reference is not closed: it is none.
        return "$" * (escaped + refers) + "("
    if not refers:
        return "$" * escaped + f"({name})"
    return "$" * escaped + known.get(name, f"$({name})")
