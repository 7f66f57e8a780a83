"""An ordinary YAML document as plain Python values, in half of the time that `placed_yaml` takes beside libyaml's.

Ordinary are maps and lists of scalars. Anchors, tags, merge keys, repeated keys, other keys than scalars, values at the
root and everything that is wrong is unusual: `placed_yaml` reads that, and says where it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from yaml._yaml import CParser
from yaml.error import YAMLError
from yaml.events import (
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from translator.spec.scalars import ScalarFault, plain_value
from translator.spec.yaml_bounds import LoaderLimits


class Unusual(Exception):
    """The document is not an ordinary one, or none at all."""


def ordinary_value(text: str, limits: LoaderLimits) -> object:
    """The value of the one document in `text`, of at most `limits.scalar_length` characters. Errors: Unusual."""
    try:
        get_event = CParser(text).get_event
        get_event()
        get_event()
        events: Iterator[Event] = islice(iter(get_event, None), limits.nodes + 1)
        first = next(events)
        if type(first) is MappingStartEvent:
            value: object = _mapping(first, events, _PlainValues(), limits.depth - 1)
        elif type(first) is SequenceStartEvent:
            value = _sequence(first, events, _PlainValues(), limits.depth - 1)
        else:
            raise Unusual
        get_event()
        if type(get_event()) is StreamEndEvent:
            return value
    except (YAMLError, UnicodeError, ScalarFault, StopIteration) as fault:
        raise Unusual from fault
    raise Unusual


class _PlainValues(dict[str, object]):
    """What plain scalars mean; most of them, keys above all, come again and again."""

    def __missing__(self, text: str) -> object:
        if text in ("<<", "="):
            raise Unusual
        value = self[text] = plain_value(text)
        return value


# Hot: no call for a scalar, and one iterator that counts the events and is advanced by whoever is reading.


def _mapping(
    start: MappingStartEvent, events: Iterator[Event], plain: _PlainValues, levels: int
) -> dict[object, object]:
    if start.anchor is not None or start.tag is not None or levels < 0:
        raise Unusual
    found: dict[object, object] = {}
    for event in events:
        if type(event) is not ScalarEvent:
            if type(event) is MappingEndEvent:
                return found
            raise Unusual
        key = plain[event.value] if event.implicit[0] else _quoted(event)
        if event.anchor is not None or key in found:
            raise Unusual
        child = next(events)
        if type(child) is ScalarEvent:
            if child.anchor is not None:
                raise Unusual
            found[key] = plain[child.value] if child.implicit[0] else _quoted(child)
        elif type(child) is MappingStartEvent:
            found[key] = _mapping(child, events, plain, levels - 1)
        elif type(child) is SequenceStartEvent:
            found[key] = _sequence(child, events, plain, levels - 1)
        else:
            raise Unusual
    raise Unusual


def _sequence(start: SequenceStartEvent, events: Iterator[Event], plain: _PlainValues, levels: int) -> list[object]:
    if start.anchor is not None or start.tag is not None or levels < 0:
        raise Unusual
    found: list[object] = []
    for event in events:
        if type(event) is ScalarEvent:
            if event.anchor is not None:
                raise Unusual
            found.append(plain[event.value] if event.implicit[0] else _quoted(event))
        elif type(event) is MappingStartEvent:
            found.append(_mapping(event, events, plain, levels - 1))
        elif type(event) is SequenceEndEvent:
            return found
        elif type(event) is SequenceStartEvent:
            found.append(_sequence(event, events, plain, levels - 1))
        else:
            raise Unusual
    raise Unusual


def _quoted(event: ScalarEvent) -> str:
    if not event.implicit[1]:
        raise Unusual
    text: str = event.value
    return text
