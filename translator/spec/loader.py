"""A YAML 1.1 document as plain Python values, with the place of every key and value.

Reads libyaml's parser events in one pass without recursion: the C composer, which overflows the stack on deeply
nested input, is never used. Values equal those of `yaml.safe_load`. Hostile input meets bounds, and everything that
is wrong comes back as `YamlFault` with an offset.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

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

from translator.spec.places import PlaceTable
from translator.spec.scalars import MERGE_TAG, TAG_PREFIX, ScalarFault, plain_value, shown_tag, tagged_value


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderLimits:
    """Bounds on one document.

    Units: `text_length` and `scalar_length` in characters; `nodes` bounds the keys, values, and begins and ends of
    containers, and again what all aliases stand for; `depth` counts nested containers, through aliases too.
    """

    text_length: int = 8 * 1024 * 1024
    scalar_length: int = 4 * 1024 * 1024
    nodes: int = 500_000
    depth: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedKey:
    """A key that stands in its mapping more than once; the last one counts. Units: `offset` of the later one."""

    key: str
    offset: int


@dataclass(slots=True)
class LoadedDocument:
    """What a text holds: `value` as `yaml.safe_load` gives it, and the marks of its parts."""

    value: object
    places: PlaceTable
    repeated: list[RepeatedKey] = field(default_factory=list)


class YamlFault(ValueError):
    """A text that is no usable YAML document.

    Shape: `code` is a Problem's code; `offset` counts characters from the start of the text.
    """

    def __init__(self, code: str, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.offset = offset


DEFAULT_LIMITS: Final = LoaderLimits()


def load(text: str, limits: LoaderLimits = DEFAULT_LIMITS) -> LoadedDocument:
    """The one document in `text`; None as its value where the text is empty.

    Errors: YamlFault.
    Source: YAML 1.1 as PyYAML's safe loader implements it.
    """
    if len(text) > limits.text_length:
        raise YamlFault("yaml-too-large", f"The document has more than {limits.text_length} characters.")
    try:
        parser = CParser(text)
    except UnicodeError as error:
        raise YamlFault("yaml-encoding", f"The text cannot be encoded as UTF-8: {error}.") from error
    try:
        return _Loader(parser, limits, check_length=len(text) > limits.scalar_length).document()
    except ReaderError as error:
        raise YamlFault("yaml-character", f"{error.reason}: expected printable characters only.") from error
    except MarkedYAMLError as error:
        raise _syntax_fault(error, text) from error
    except YAMLError as error:
        raise YamlFault("yaml-syntax", str(error)) from error


@dataclass(slots=True)
class _Frame:
    """An open container. Shape: `items` are its children so far, for a mapping keys and values in turn."""

    container: list[object] | dict[object, object] | set[object]
    items: list[object]
    marks: list[int]
    start: int
    tag: str | None


class _SpecialKey(Enum):
    """Plain scalars that mean something only as the key of a mapping."""

    MERGE = "<<"
    VALUE = "="


_UNKNOWN = object()
_SET_TAG = f"{TAG_PREFIX}set"
_PAIR_TAGS = (f"{TAG_PREFIX}omap", f"{TAG_PREFIX}pairs")
_MAPPING_TAGS = ("!", f"{TAG_PREFIX}map", _SET_TAG)
_SEQUENCE_TAGS = ("!", f"{TAG_PREFIX}seq", *_PAIR_TAGS)


class _Loader:
    def __init__(self, parser: CParser, limits: LoaderLimits, *, check_length: bool) -> None:
        self._parser = parser
        self._limits = limits
        self._check_length = check_length
        self._places = PlaceTable()
        self._repeated: list[RepeatedKey] = []
        self._anchors: dict[str, object] = {}
        self._open_ids: set[int] = set()
        self._extents: dict[int, tuple[int, int]] = {}
        self._expanded = 0
        self._special_met = False

    def document(self) -> LoadedDocument:
        get_event = self._parser.get_event
        get_event()
        event = get_event()
        if type(event) is StreamEndEvent:
            return LoadedDocument(None, self._places)
        value = self._root(get_event())
        get_event()
        event = get_event()
        if event is not None and type(event) is not StreamEndEvent:
            raise YamlFault("yaml-documents", "Expected a single document, but found another one.", _offset(event))
        return LoadedDocument(value, self._places, self._repeated)

    def _root(self, event: Event | None) -> object:
        if type(event) is ScalarEvent:
            self._places.root = _offset(event)
            value = self._scalar(event)
            if isinstance(value, _SpecialKey):
                raise _special_fault(value, _offset(event))
            return value
        if type(event) is MappingStartEvent or type(event) is SequenceStartEvent:
            self._places.root = _offset(event)
            return self._container(event)
        raise YamlFault("yaml-alias", "Found an alias before any anchor.")

    def _container(self, first: MappingStartEvent | SequenceStartEvent) -> object:
        # The one hot loop of parsing: locals instead of attributes, and no call for an ordinary scalar.
        get_event = self._parser.get_event
        check_each = self._check_length
        max_depth = self._limits.depth
        known: dict[str, object] = {}
        stack: list[_Frame] = []
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
                value = self._closed(frame)
                if not stack:
                    return value
                mark = frame.start
                frame = stack.pop()
                items, marks = frame.items, frame.marks
            elif type(event) is AliasEvent:
                value = self._alias(event, len(stack) + 1)
                mark = _offset(event)
            elif type(event) is MappingStartEvent or type(event) is SequenceStartEvent:
                stack.append(frame)
                if len(stack) >= max_depth:
                    raise YamlFault("yaml-too-deep", f"More than {max_depth} nested levels.", _offset(event))
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
            self._special_met = True
            return _SpecialKey(text)
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
        self._remember(event, value)
        return value

    def _tagged(self, event: ScalarEvent, tag: str) -> object:
        if tag == MERGE_TAG:
            self._special_met = True
            return _SpecialKey.MERGE
        try:
            return tagged_value(tag, event.value)
        except ScalarFault as fault:
            raise _scalar_fault(fault, event) from fault

    def _opened(self, event: MappingStartEvent | SequenceStartEvent) -> _Frame:
        start = _offset(event)
        tag = event.tag
        container: list[object] | dict[object, object] | set[object] = []
        if type(event) is MappingStartEvent:
            container = set() if tag == _SET_TAG else {}
        if tag is not None and tag not in (_SEQUENCE_TAGS if isinstance(container, list) else _MAPPING_TAGS):
            raise YamlFault("yaml-tag", f"The tag {shown_tag(tag)} is not supported here.", start)
        if event.anchor is not None:
            self._remember(event, container)
            self._open_ids.add(id(container))
        items = container if tag is None and isinstance(container, list) else []
        return _Frame(container, items, [], start, tag)

    def _closed(self, frame: _Frame) -> object:
        container, items = frame.container, frame.items
        if self._open_ids:
            self._open_ids.discard(id(container))
        if container is items:
            if self._special_met:
                self._refuse_special(frame, 1)
        elif type(container) is dict:
            self._fill_mapping(container, frame)
        elif type(container) is set:
            self._fill_set(container, frame)
        elif type(container) is list:
            self._fill_tagged_list(container, frame)
        self._places.marks[id(container)] = frame.marks
        return container

    def _fill_mapping(self, mapping: dict[object, object], frame: _Frame) -> None:
        items = frame.items
        if not self._special_met:
            pairs = iter(items)
            try:
                mapping.update(zip(pairs, pairs, strict=True))
            except TypeError:
                mapping.clear()
            if len(mapping) * 2 == len(items):
                return
        self._fill_unusual_mapping(mapping, frame)

    def _fill_unusual_mapping(self, mapping: dict[object, object], frame: _Frame) -> None:
        """Fill a mapping with merge keys, repeated keys, or keys that cannot be."""
        self._refuse_special(frame, 2, first=1)
        own: dict[object, object] = {}
        own_marks: dict[object, tuple[int, int]] = {}
        merged: dict[object, object] = {}
        merged_marks: dict[object, tuple[int, int]] = {}
        for index in range(0, len(frame.items), 2):
            key, value = frame.items[index : index + 2]
            key_mark, value_mark = frame.marks[index : index + 2]
            if key is _SpecialKey.MERGE:
                for source in _merge_sources(value, value_mark):
                    merged.update(source)
                    merged_marks.update((name, self._places.entry(source, name)) for name in source)
                continue
            if key is _SpecialKey.VALUE:
                key = "="
            if isinstance(key, list | dict | set):
                raise YamlFault("yaml-key", "A list or a map cannot be a key.", key_mark)
            if key in own:
                self._repeated.append(RepeatedKey(key=str(key), offset=key_mark))
            own[key] = value
            own_marks[key] = key_mark, value_mark
        mapping.clear()
        mapping.update({**merged, **own})
        self._places.entries[id(mapping)] = {**merged_marks, **own_marks}
        # Ids stay unique only while what they belong to lives; values that lost to a later key would go.
        self._places.replaced.append(frame.items)

    def _fill_set(self, members: set[object], frame: _Frame) -> None:
        mapping: dict[object, object] = {}
        self._fill_mapping(mapping, frame)
        members.update(mapping)

    def _fill_tagged_list(self, container: list[object], frame: _Frame) -> None:
        self._refuse_special(frame, 1)
        if frame.tag not in _PAIR_TAGS:
            container.extend(frame.items)
            return
        for item, mark in zip(frame.items, frame.marks, strict=True):
            if not isinstance(item, dict) or len(self._places.marks[id(item)]) != 2:
                raise YamlFault("yaml-tag", f"{shown_tag(frame.tag)} needs maps of one entry each.", mark)
            container.extend(item.items())
        self._places.replaced.append(frame.items)

    def _refuse_special(self, frame: _Frame, step: int, *, first: int = 0) -> None:
        for index in range(first, len(frame.items), step):
            item = frame.items[index]
            if isinstance(item, _SpecialKey):
                raise _special_fault(item, frame.marks[index])

    def _remember(self, event: ScalarEvent | MappingStartEvent | SequenceStartEvent, value: object) -> None:
        anchor = event.anchor
        if anchor is None:
            return
        if anchor in self._anchors:
            raise YamlFault("yaml-anchor", f"The anchor &{anchor} is used twice.", _offset(event))
        self._anchors[anchor] = value

    def _alias(self, event: AliasEvent, depth: int) -> object:
        offset = _offset(event)
        anchor = event.anchor or ""
        if anchor not in self._anchors:
            raise YamlFault("yaml-alias", f"The alias *{anchor} has no anchor &{anchor} before it.", offset)
        value = self._anchors[anchor]
        if id(value) in self._open_ids:
            raise YamlFault("yaml-recursive", f"The alias *{anchor} stands inside of what it stands for.", offset)
        size, height = self._extent(value)
        self._expanded += size
        if self._expanded > self._limits.nodes:
            raise YamlFault("yaml-too-large", f"Aliases stand for more than {self._limits.nodes} elements.", offset)
        if depth + height > self._limits.depth:
            raise YamlFault("yaml-too-deep", f"More than {self._limits.depth} nested levels.", offset)
        return value

    def _extent(self, value: object) -> tuple[int, int]:
        """The number of nodes and of nested levels a value has with its aliases written out."""
        children: Collection[object]
        if isinstance(value, dict):
            children = value.values()
        elif isinstance(value, list | tuple | set):
            children = value
        else:
            return 1, 0
        extent = self._extents.get(id(value))
        if extent is None:
            size, height = 1 + len(children), 1
            for child in children:
                child_size, child_height = self._extent(child)
                size += child_size
                height = max(height, child_height + 1)
            extent = self._extents[id(value)] = size, height
        return extent


def _offset(event: Event) -> int:
    return event.start_mark.index if event.start_mark is not None else 0


def _merge_sources(value: object, mark: int) -> list[dict[object, object]]:
    """The mappings a merge key brings in, those that win last."""
    candidates = list(reversed(value)) if isinstance(value, list) else [value]
    sources = [candidate for candidate in candidates if isinstance(candidate, dict)]
    if len(sources) != len(candidates):
        raise YamlFault("yaml-merge", "`<<` needs a map, or a list of maps, to merge.", mark)
    return sources


def _special_fault(key: _SpecialKey, offset: int) -> YamlFault:
    message = f"`{key.value}` has a meaning of its own in YAML: quote it to mean text."
    return YamlFault("yaml-value", message, offset)


def _scalar_fault(fault: ScalarFault, event: ScalarEvent) -> YamlFault:
    return YamlFault("yaml-value", f"{fault}.", _offset(event))


def _syntax_fault(error: MarkedYAMLError, text: str) -> YamlFault:
    mark = error.problem_mark or error.context_mark
    offset = mark.index if mark is not None else 0
    message = ", ".join(part for part in (error.context, error.problem) if part)
    if text[offset : offset + 1] == "\t":
        message += " (YAML does not allow tabs for indentation: use spaces)"
    return YamlFault("yaml-syntax", message, offset)
