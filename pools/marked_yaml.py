"""YAML of administrators with the place of every key, so that a problem can name its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A place in a text. Units: counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlProblem:
    """What keeps a text from being read, or a key that stands twice."""

    message: str
    mark: Mark | None = None
    path: Path = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedYaml:
    """A loaded document. Shape: `marks` has the place of each key and list entry; `value` is None for an empty text."""

    value: object
    marks: Mapping[Path, Mark]
    problems: tuple[YamlProblem, ...] = ()

    def mark(self, path: Path) -> Mark | None:
        """The place of `path`, or of the nearest thing around it that has one."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path)


def marked_yaml(data: bytes) -> MarkedYaml:
    """`data` as one YAML document, read by the safe loader. Errors are `problems`, never raised."""
    loader = yaml.CSafeLoader(data)
    try:
        node = loader.get_single_node()
        if node is None:
            return MarkedYaml(value=None, marks={})
        walk = _Walk()
        repeated = tuple(_walk(node, (), walk))
        value: object = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        return MarkedYaml(value=None, marks={}, problems=(_syntax_problem(error),))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return MarkedYaml(value=None, marks={}, problems=(YamlProblem(message=f"Not readable as YAML: {error}"),))
    finally:
        loader.dispose()
    return MarkedYaml(value=value, marks=walk.marks, problems=repeated)


@dataclass(slots=True)
class _Walk:
    """What has been met: `open_ids` are the nodes around the present one, `seen_ids` all containers so far."""

    marks: dict[Path, Mark] = field(default_factory=dict)
    open_ids: set[int] = field(default_factory=set)
    seen_ids: set[int] = field(default_factory=set)


def _walk(node: yaml.Node, path: Path, walk: _Walk) -> Iterator[YamlProblem]:
    walk.marks.setdefault(path, _mark(node))
    if id(node) in walk.open_ids:
        yield YamlProblem(message="An alias contains itself.", mark=_mark(node), path=path)
    # What an alias repeats was walked where it was anchored; doing so again could take exponential time.
    if isinstance(node, yaml.ScalarNode) or id(node) in walk.seen_ids:
        return
    walk.seen_ids.add(id(node))
    walk.open_ids.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, (*path, index), walk)
    elif isinstance(node, yaml.MappingNode):
        yield from _walk_mapping(node, path, walk)
    walk.open_ids.discard(id(node))


def _walk_mapping(node: yaml.MappingNode, path: Path, walk: _Walk) -> Iterator[YamlProblem]:
    seen: set[str] = set()
    for key, item in node.value:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
        if name in seen and name != "<<":
            message = f'Key "{name}" stands twice in one mapping. Keep one of them.'
            yield YamlProblem(message=message, mark=_mark(key), path=(*path, name))
        seen.add(name)
        walk.marks.setdefault((*path, name), _mark(key))
        yield from _walk(item, (*path, name), walk)


def _mark(node: yaml.Node) -> Mark:
    return Mark(line=node.start_mark.line + 1, column=node.start_mark.column + 1)


def _syntax_problem(error: yaml.MarkedYAMLError) -> YamlProblem:
    found = error.problem_mark or error.context_mark
    mark = None if found is None else Mark(line=found.line + 1, column=found.column + 1)
    return YamlProblem(message=f"Not readable as YAML: {error.problem or error.context or error}", mark=mark)
