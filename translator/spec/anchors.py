"""Anchors and aliases of a YAML document, with bounds on what aliases make of it.

An alias costs nothing to load and everything to whoever walks the result, so sizes are counted as if written out.
"""

from __future__ import annotations

from collections.abc import Collection

from translator.spec.yaml_bounds import LoaderLimits, YamlFault

_TEXT_PER_NODE = 64


class Anchors:
    """The anchors met so far and their values."""

    def __init__(self, limits: LoaderLimits) -> None:
        self._limits = limits
        self._values: dict[str, object] = {}
        self.open_ids: set[int] = set()
        """The containers that have an anchor and are open."""
        self._extents: dict[int, tuple[int, int]] = {}
        self._expanded = 0

    def add(self, anchor: str, value: object, offset: int) -> None:
        """Remember what `&anchor` at `offset` names. Errors: YamlFault where the name is taken."""
        if anchor in self._values:
            raise YamlFault("yaml-anchor", f"The anchor &{anchor} is used twice.", offset)
        self._values[anchor] = value

    def begin(self, container: object) -> None:
        """A container that has an anchor is open: an alias to it would stand inside of what it stands for."""
        self.open_ids.add(id(container))

    def end(self, container: object) -> None:
        """A container is complete, anchored or not."""
        self.open_ids.discard(id(container))

    def value(self, anchor: str, *, depth: int, offset: int) -> object:
        """What the alias `*anchor` at `offset` stands for, inside of `depth` containers. Errors: YamlFault."""
        if anchor not in self._values:
            raise YamlFault("yaml-alias", f"The alias *{anchor} has no anchor &{anchor} before it.", offset)
        value = self._values[anchor]
        if id(value) in self.open_ids:
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
            # Long texts count by their length: they too are written out where an alias stands.
            return 1 + (len(value) // _TEXT_PER_NODE if isinstance(value, str | bytes) else 0), 0
        extent = self._extents.get(id(value))
        if extent is None:
            size, height = 1 + len(children), 1
            for child in children:
                child_size, child_height = self._extent(child)
                size += child_size
                height = max(height, child_height + 1)
            extent = self._extents[id(value)] = size, height
        return extent
