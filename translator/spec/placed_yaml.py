"""A YAML 1.1 document as plain Python values, with the place of every key and value.

Reads libyaml's parser events in one pass without recursion: the C composer, which overflows the stack on deeply
nested input, is never used. Everything that is wrong comes back as `YamlFault` with an offset.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from yaml._yaml import CParser
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from yaml.reader import ReaderError

from translator.spec.anchors import Anchors
from translator.spec.containers import Containers, Frame, RepeatedKey, SpecialKey, special_fault
from translator.spec.places import PlaceTable
from translator.spec.scalars import MERGE_TAG, ScalarFault, plain_value, tagged_value
from translator.spec.yaml_bounds import LoaderLimits, YamlFault

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_UNKNOWN = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedDocument:
    """A document of which each part has its place.

    Shape: `repeated` in the order in which their mappings end.
    """

    value: object
    places: PlaceTable
    repeated: Sequence[RepeatedKey]


def placed_document(text: str, limits: LoaderLimits) -> PlacedDocument:
    """The one document in `text`; None as its value where the text is empty. Errors: YamlFault."""
    try:
        parser = CParser(text)
    except UnicodeError as error:
        raise YamlFault("yaml-encoding", f"The text cannot be encoded as UTF-8: {error}.") from error
    loader = _Loader(parser, limits, check_length=len(text) > limits.scalar_length)
    try:
        return PlacedDocument(value=loader.document(), places=loader.places, repeated=loader.repeated)
    except ReaderError as error:
        found = _UNPRINTABLE.search(text)
        offset = found.start() if found is not None else 0
        raise YamlFault("yaml-character", f"{error.reason}: expected printable text.", offset) from error
    except MarkedYAMLError as error:
        raise _syntax_fault(error, text) from error
    except YAMLError as error:
        raise YamlFault("yaml-syntax", str(error)) from error


class _Loader:
    def __init__(self, parser: CParser, limits: LoaderLimits, *, check_length: bool) -> None:
        self._parser = parser
        self._limits = limits
        self._check_length = check_length
        self.places = PlaceTable()
        self._containers = Containers(self.places)
        self._anchors = Anchors(limits)

    @property
    def repeated(self) -> Sequence[RepeatedKey]:
        return self._containers.repeated

    def document(self) -> object:
        get_event = self._parser.get_event
        get_event()
        event = get_event()
        if type(event) is StreamEndEvent:
            return None
        value = self._root(get_event())
        get_event()
        event = get_event()
        if event is not None and type(event) is not StreamEndEvent:
            raise YamlFault("yaml-documents", "Expected a single document, but found another one.", _offset(event))
        return value

    def _root(self, event: Event | None) -> object:
        if type(event) is ScalarEvent:
            self.places.root = _offset(event)
            value = self._scalar(event)
            if isinstance(value, SpecialKey):
                raise special_fault(value, _offset(event))
            return value
        if type(event) is MappingStartEvent or type(event) is SequenceStartEvent:
            self.places.root = _offset(event)
            return self._container(event)
        raise YamlFault("yaml-alias", "Found an alias before any anchor.")

    def _container(self, first: MappingStartEvent | SequenceStartEvent) -> object:
        # Hot where a document is unusual: locals instead of attributes, and no call for an ordinary scalar.
        get_event = self._parser.get_event
        check_each = self._check_length
        max_depth = self._limits.depth
        known: dict[str, object] = {}
        stack: list[Frame] = []
        containers, anchors = self._containers, self._anchors
        all_marks, open_ids = self.places.marks, anchors.open_ids
        frame = self._opened(first)
        items, marks = frame.items, frame.marks
        for _ in range(self._limits.nodes):
            event = get_event()
            if type(event) is ScalarEvent:
                if event.anchor is None and not check_each:
                    plain, quoted = event.implicit
                    value: object = event.value
                    if plain:
                        value = known.get(event.value, _UNKNOWN)
                        if value is _UNKNOWN:
                            value = known[event.value] = self._plain(event)
                    elif not quoted:
                        value = self._scalar(event)
                else:
                    value = self._scalar(event)
                # libyaml always sets the mark; the stubs think of events made by hand.
                mark = event.start_mark.index  # type: ignore[union-attr]
            elif type(event) is MappingEndEvent or type(event) is SequenceEndEvent:
                value = frame.container
                if value is items and not containers.special_met:
                    # An ordinary list is what was collected.
                    all_marks[id(value)] = marks
                else:
                    containers.close(frame)
                if open_ids:
                    anchors.end(value)
                if not stack:
                    return value
                mark = frame.start
                frame = stack.pop()
                items, marks = frame.items, frame.marks
            elif type(event) is AliasEvent:
                value = anchors.value(event.anchor or "", depth=len(stack) + 1, offset=_offset(event))
                mark = _offset(event)
            elif type(event) is MappingStartEvent or type(event) is SequenceStartEvent:
                stack.append(frame)
                if len(stack) >= max_depth:
                    raise YamlFault("yaml-too-deep", f"More than {max_depth} nested levels.", _offset(event))
                if event.anchor is None and event.tag is None:
                    items, marks = [], []
                    is_mapping = type(event) is MappingStartEvent
                    start = event.start_mark.index  # type: ignore[union-attr]
                    frame = Frame({} if is_mapping else items, items, marks, start, None)
                else:
                    frame = self._opened(event)
                    items, marks = frame.items, frame.marks
                continue
            else:
                break
            items.append(value)
            marks.append(mark)
        raise YamlFault("yaml-too-large", f"The document has more than {self._limits.nodes} elements.")

    def _plain(self, event: ScalarEvent) -> object:
        text: str = event.value
        if text in ("<<", "="):
            self._containers.special_met = True
            return SpecialKey(text)
        try:
            return plain_value(text)
        except ScalarFault as fault:
            raise _scalar_fault(fault, event) from fault

    def _scalar(self, event: ScalarEvent) -> object:
        """The value of a scalar with a tag, an anchor or an unusual length."""
        text: str = event.value
        if len(text) > self._limits.scalar_length:
            raise YamlFault(
                "yaml-too-large",
                f"A value has more than {self._limits.scalar_length} characters.",
                _offset(event),
            )
        value = self._plain(event) if event.implicit[0] else text
        if event.tag not in (None, "!"):
            value = self._tagged(event, event.tag)
        if event.anchor is not None:
            self._anchors.add(event.anchor, value, _offset(event))
        return value

    def _tagged(self, event: ScalarEvent, tag: str) -> object:
        if tag == MERGE_TAG:
            self._containers.special_met = True
            return SpecialKey.MERGE
        try:
            return tagged_value(tag, event.value)
        except ScalarFault as fault:
            raise _scalar_fault(fault, event) from fault

    def _opened(self, event: MappingStartEvent | SequenceStartEvent) -> Frame:
        start = _offset(event)
        frame = self._containers.opened(is_mapping=type(event) is MappingStartEvent, tag=event.tag, start=start)
        if event.anchor is not None:
            self._anchors.add(event.anchor, frame.container, start)
            self._anchors.begin(frame.container)
        return frame


def _offset(event: Event) -> int:
    return event.start_mark.index if event.start_mark is not None else 0


def _scalar_fault(fault: ScalarFault, event: ScalarEvent) -> YamlFault:
    return YamlFault("yaml-value", f"{fault}.", _offset(event))


def _syntax_fault(error: MarkedYAMLError, text: str) -> YamlFault:
    mark = error.problem_mark or error.context_mark
    offset = mark.index if mark is not None else 0
    message = ", ".join(part for part in (error.context, error.problem) if part)
    if text[offset : offset + 1] == "\t":
        message += " (YAML does not allow tabs for indentation: use spaces)"
    return YamlFault("yaml-syntax", message, offset)
