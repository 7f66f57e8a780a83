"""Lists, maps and sets of a YAML document, made of the children that the loader collected.

Ordinary ones take one call of C code. Merge keys, repeated keys, sets and ordered maps are as in PyYAML's safe loader.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import msgspec

from translator.spec.places import PlaceTable
from translator.spec.scalars import TAG_PREFIX, shown_tag
from translator.spec.yaml_bounds import YamlFault


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedKey:
    """A key that stands in its mapping more than once; the last one counts. Units: `offset` of the later one."""

    key: str
    offset: int


class Frame(msgspec.Struct):
    """An open container. Shape: `items` are its children so far, for a mapping keys and values in turn."""

    container: list[object] | dict[object, object] | set[object]
    items: list[object]
    marks: list[int]
    start: int
    tag: str | None


class SpecialKey(Enum):
    """Plain scalars that mean something only as the key of a mapping."""

    MERGE = "<<"
    VALUE = "="


_SET_TAG = f"{TAG_PREFIX}set"
_PAIR_TAGS = (f"{TAG_PREFIX}omap", f"{TAG_PREFIX}pairs")
_MAPPING_TAGS = ("!", f"{TAG_PREFIX}map", _SET_TAG)
_SEQUENCE_TAGS = ("!", f"{TAG_PREFIX}seq", *_PAIR_TAGS)


class Containers:
    """Opens and closes the containers of one document.

    Shape: `special_met` is to be set once a SpecialKey is among any items; `repeated` fills up in order of closing.
    """

    def __init__(self, places: PlaceTable) -> None:
        self.repeated: list[RepeatedKey] = []
        self.special_met = False
        self._places = places

    def opened(self, *, is_mapping: bool, tag: str | None, start: int) -> Frame:
        """A new, empty container that begins at `start`. Errors: YamlFault where it cannot have its tag."""
        if tag is None:
            items: list[object] = []
            return Frame({} if is_mapping else items, items, [], start, None)
        container: list[object] | dict[object, object] | set[object] = []
        if is_mapping:
            container = set() if tag == _SET_TAG else {}
        if tag not in (_MAPPING_TAGS if is_mapping else _SEQUENCE_TAGS):
            raise YamlFault("yaml-tag", f"The tag {shown_tag(tag)} is not supported here.", start)
        return Frame(container, [], [], start, tag)

    def close(self, frame: Frame) -> None:
        """Fill the container with its items. Errors: YamlFault where they do not fit in."""
        container = frame.container
        if type(container) is dict:
            self._fill_mapping(container, frame)
        elif container is frame.items:
            if self.special_met:
                self._refuse_special(frame, 1)
        elif type(container) is set:
            self._fill_set(container, frame)
        elif type(container) is list:
            self._fill_tagged_list(container, frame)
        self._places.marks[id(container)] = frame.marks

    def _fill_mapping(self, mapping: dict[object, object], frame: Frame) -> None:
        items = frame.items
        if not self.special_met:
            pairs = iter(items)
            try:
                mapping.update(zip(pairs, pairs, strict=True))
            except TypeError:
                mapping.clear()
            if len(mapping) * 2 == len(items):
                return
        self._fill_unusual_mapping(mapping, frame)

    def _fill_unusual_mapping(self, mapping: dict[object, object], frame: Frame) -> None:
        """Fill a mapping with merge keys, repeated keys, or keys that cannot be."""
        self._refuse_special(frame, 2, first=1)
        own: dict[object, object] = {}
        own_marks: dict[object, tuple[int, int]] = {}
        merged: dict[object, object] = {}
        merged_marks: dict[object, tuple[int, int]] = {}
        for index in range(0, len(frame.items), 2):
            key, value = frame.items[index : index + 2]
            key_mark, value_mark = frame.marks[index : index + 2]
            if key is SpecialKey.MERGE:
                for source in _merge_sources(value, value_mark):
                    merged.update(source)
                    merged_marks.update((name, self._places.entry(source, name)) for name in source)
                continue
            if key is SpecialKey.VALUE:
                key = "="
            if isinstance(key, list | dict | set):
                raise YamlFault("yaml-key", "A list or a map cannot be a key.", key_mark)
            if key in own:
                self.repeated.append(RepeatedKey(key=str(key), offset=key_mark))
            own[key] = value
            own_marks[key] = key_mark, value_mark
        mapping.clear()
        mapping.update({**merged, **own})
        self._places.entries[id(mapping)] = {**merged_marks, **own_marks}
        # Ids stay unique only while what they belong to lives; values that lost to a later key would go.
        self._places.replaced.append(frame.items)

    def _fill_set(self, members: set[object], frame: Frame) -> None:
        mapping: dict[object, object] = {}
        self._fill_mapping(mapping, frame)
        members.update(mapping)
        self._places.replaced.append(mapping)

    def _fill_tagged_list(self, container: list[object], frame: Frame) -> None:
        self._refuse_special(frame, 1)
        if frame.tag not in _PAIR_TAGS:
            container.extend(frame.items)
            return
        for item, mark in zip(frame.items, frame.marks, strict=True):
            if not isinstance(item, dict) or len(self._places.marks[id(item)]) != 2:
                raise YamlFault("yaml-tag", f"{shown_tag(frame.tag)} needs maps of one entry each.", mark)
            container.extend(item.items())
        self._places.replaced.append(frame.items)

    def _refuse_special(self, frame: Frame, step: int, *, first: int = 0) -> None:
        for index in range(first, len(frame.items), step):
            item = frame.items[index]
            if isinstance(item, SpecialKey):
                raise special_fault(item, frame.marks[index])


def special_fault(key: SpecialKey, offset: int) -> YamlFault:
    """What to say about a special key that is no key."""
    message = f"`{key.value}` has a meaning of its own in YAML: quote it to mean text."
    return YamlFault("yaml-value", message, offset)


def _merge_sources(value: object, mark: int) -> list[dict[object, object]]:
    """The mappings a merge key brings in, those that win last."""
    candidates = list(reversed(value)) if isinstance(value, list) else [value]
    sources = [candidate for candidate in candidates if isinstance(candidate, dict)]
    if len(sources) != len(candidates):
        raise YamlFault("yaml-merge", "`<<` needs a map, or a list of maps, to merge.", mark)
    return sources
