"""What a YAML 1.1 scalar means, exactly as `yaml.safe_load` has it.

PyYAML's own tables decide which tag a plain scalar gets, and its own constructors make the value, so that both
agree by construction; only bounds are added.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yaml import YAMLError
from yaml.constructor import SafeConstructor
from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

TAG_PREFIX = "tag:yaml.org,2002:"
STR_TAG = f"{TAG_PREFIX}str"
MERGE_TAG = f"{TAG_PREFIX}merge"
VALUE_TAG = f"{TAG_PREFIX}value"

# Longer than any number or date that means something; sexagesimal integers take quadratic time.
MAX_SPECIAL_LENGTH = 256

# `false`; the only special values that begin with a letter are booleans and null.
_LONGEST_WORD = 5
# A number that begins with 0 is octal.
_FIRST_DIGITS = frozenset("123456789")
_CONSTRUCTORS: dict[str, Callable[[SafeConstructor, ScalarNode], object]] = {
    f"{TAG_PREFIX}null": SafeConstructor.construct_yaml_null,
    f"{TAG_PREFIX}bool": SafeConstructor.construct_yaml_bool,
    f"{TAG_PREFIX}int": SafeConstructor.construct_yaml_int,
    f"{TAG_PREFIX}float": SafeConstructor.construct_yaml_float,
    f"{TAG_PREFIX}binary": SafeConstructor.construct_yaml_binary,
    f"{TAG_PREFIX}timestamp": SafeConstructor.construct_yaml_timestamp,
}
_RESOLVERS: dict[str, list[tuple[str, Any]]] = {
    first: list(resolvers) for first, resolvers in Resolver.yaml_implicit_resolvers.items()
}
_CONSTRUCTOR = SafeConstructor()


class ScalarFault(ValueError):
    """A scalar that has no meaning; the text says why."""


def plain_tag(text: str) -> str:
    """The tag of an untagged plain scalar."""
    for tag, pattern in _RESOLVERS.get(text[:1], ()):
        if pattern.match(text):
            return str(tag)
    return STR_TAG


def plain_value(text: str) -> object:
    """The value of an untagged plain scalar. Errors: ScalarFault, also for `<<` and `=`, which are no values."""
    first = text[:1]
    # What most plain scalars are is seen without a pattern: words, and whole numbers.
    if first not in _RESOLVERS or (first.isalpha() and len(text) > _LONGEST_WORD):
        return text
    if first in _FIRST_DIGITS and text.isdecimal() and text.isascii() and len(text) <= MAX_SPECIAL_LENGTH:
        return int(text)
    tag = plain_tag(text)
    return text if tag == STR_TAG else tagged_value(tag, text)


def tagged_value(tag: str, text: str) -> object:
    """The value of a scalar with a full tag. Errors: ScalarFault."""
    if tag == STR_TAG:
        return text
    construct = _CONSTRUCTORS.get(tag)
    if construct is None:
        raise ScalarFault(f"the tag {shown_tag(tag)} is not supported for the value {text[:MAX_SPECIAL_LENGTH]!r}")
    if len(text) > MAX_SPECIAL_LENGTH and tag != f"{TAG_PREFIX}binary":
        raise ScalarFault(f"a value of type {shown_tag(tag)} has more than {MAX_SPECIAL_LENGTH} characters")
    try:
        return construct(_CONSTRUCTOR, ScalarNode(tag, text))
    except (YAMLError, ValueError, LookupError, AttributeError, OverflowError) as error:
        # PyYAML's constructors trust their resolver: what does not fit fails in all these ways.
        raise ScalarFault(
            f"{text[:MAX_SPECIAL_LENGTH]!r} is not a valid {shown_tag(tag)}: quote it to mean text"
        ) from error


def shown_tag(tag: str) -> str:
    """A tag as users write it: `!!int`."""
    return f"!!{tag.removeprefix(TAG_PREFIX)}" if tag.startswith(TAG_PREFIX) else tag
