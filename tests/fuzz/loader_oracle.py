"""What must hold for every input of the loader's fuzz target, and random inputs for where there is no libFuzzer.

Each input goes through everything that reads a spec file: the loader, the scanner of templates, the schema, findings,
places.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import yaml
from yaml.cyaml import CSafeLoader

from templates.sandbox_failure import TemplateFailure
from translator.problems import Problem, SpecError
from translator.spec.loader import LoadedDocument, LoaderLimits, YamlFault, load
from translator.spec.parse import parse
from translator.spec.placed_yaml import placed_document
from translator.spec.places import FieldPath, PathStep
from translator.spec.yaml_bounds import DEFAULT_LIMITS

CORPUS = Path(__file__).resolve().parent / "corpus"

_LIMITS = LoaderLimits(nodes=20_000)
_TOKENS = (
    *(
        b"workflow:",
        b"default-values:",
        b"version:",
        b"tasks:",
        b"groups:",
        b"- name: a",
        b"\n  ",
        b"\n- ",
        b"{{",
        b"}}",
    ),
    *(b"{%", b"%}", b"{{output}}", b"{% raw %}", b"&a ", b"*a", b"<<: ", b"!!set ", b"!!int ", b"? ", b": ", b"|\n"),
    *(b"[", b"]", b"{", b"}", b"\xff", b"\x00", b"\t", b"---\n", b"'", b'"', b"~", b"1e9", b"2024-01-01", b"\xc2\x85"),
)


class EchoRenderer:
    """Stands for the sandbox: gives the template back, or fails if it says so."""

    def render(self, template: str, variables: Mapping[str, object]) -> str:
        """The template as it is."""
        del variables
        if "fail" in template:
            raise TemplateFailure("<class 'ValueError'>", "told to fail", line=template.count("\n") + 1)
        return template


def check(data: bytes) -> None:
    """Fail with an AssertionError, or any error that is not the contract's, if `data` shows a bug."""
    _check_parse(data)
    _check_load(data.decode(errors="replace"))


def kept_inputs() -> list[Path]:
    """The files of the corpus."""
    return sorted(path for path in CORPUS.iterdir() if path.is_file())


def _check_parse(data: bytes) -> None:
    lines = data.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in _problems(data):
        assert problem.code
        assert problem.message
        assert problem.line is None or 1 <= problem.line <= len(lines)
        assert problem.column is None or 1 <= problem.column <= len(lines[(problem.line or 1) - 1]) + 2


def _problems(data: bytes) -> Sequence[Problem]:
    """Errors, or warnings where `data` is a spec."""
    try:
        return parse(data, renderer=EchoRenderer()).warnings
    except SpecError as error:
        return error.problems


def _check_load(text: str) -> None:
    found = _loaded(text)
    if isinstance(found, YamlFault):
        assert 0 <= found.offset <= len(text)
        return
    # What the loader accepts is within its depth, which PyYAML's recursion survives.
    assert shape(found.value) == shape(yaml.load(text, CSafeLoader))
    check_places(found, text)


def check_places(document: LoadedDocument, text: str) -> None:
    """Fail if some part of a document, or its key, has no place inside the text."""
    # Two readers have read an ordinary one.
    assert shape(document.value) == shape(placed_document(text, DEFAULT_LIMITS).value)
    for path in islice(_paths(document.value, ()), 300):
        for at_key in (False, True):
            assert 0 <= document.offset(path, at_key=at_key) <= len(text)


def _paths(value: object, path: FieldPath) -> Iterator[FieldPath]:
    yield path
    children: Iterable[tuple[PathStep, object]] = ()
    if isinstance(value, dict):
        children = ((str(key), item) for key, item in value.items())
    elif isinstance(value, list):
        children = enumerate(value)
    for step, item in children:
        yield from _paths(item, (*path, step))


def _loaded(text: str) -> LoadedDocument | YamlFault:
    try:
        return load(text, _LIMITS)
    except YamlFault as fault:
        return fault


def shape(value: object) -> str:
    """A text that is the same for equal values of equal types and order."""
    if isinstance(value, set):
        return f"set({sorted(map(repr, value))})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{shape(key)}: {shape(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(shape, value))}]"
    return repr(value)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """`data` with a few random edits."""
    edited = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        position = chance.randint(0, len(edited))
        match chance.randint(0, 4):
            case 0:
                edited[position:position] = chance.choice(_TOKENS)
            case 1:
                del edited[position : position + chance.randint(1, 20)]
            case 2:
                edited[position : position + 1] = bytes([chance.randint(0, 255)])
            case 3:
                start = chance.randint(0, len(edited))
                edited[position:position] = edited[start : start + chance.randint(1, 60)]
            case _:
                edited[position:position] = b"\n"
    return bytes(edited[:20_000])
