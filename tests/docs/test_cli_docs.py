"""docs/cli.md names every command, verb and flag."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.commands import COMMANDS, complete_parser

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
HELP = frozenset({"-h", "--help"})


def leaves(parser: argparse.ArgumentParser, words: tuple[str, ...]) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every parser that ends a command line, under its words."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield " ".join(words), parser
    for group in groups:
        for name, child in group.choices.items():
            yield from leaves(child, (*words, name))


LEAVES = dict(leaves(complete_parser(), ()))


def section(title: str) -> str:
    """The text below the heading of a command, up to the next heading of the same or a higher level."""
    match = re.search(rf"^(#+) `{re.escape(title)}`$", TEXT, re.MULTILINE)
    assert match is not None, f"docs/cli.md has no heading for `{title}`"
    rest = TEXT[match.end() :]
    end = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


@pytest.mark.parametrize("title", LEAVES)
def test_flags_are_described(title: str) -> None:
    """Each flag stands in the section of its command."""
    flags = {flag for action in LEAVES[title]._actions for flag in action.option_strings} - HELP
    described = set(re.findall(r"`(-{1,2}[A-Za-z][\w-]*)", section(title)))
    assert flags - described == set()


@pytest.mark.parametrize("title", LEAVES)
def test_no_flag_is_invented(title: str) -> None:
    """What a section of a verb names, its parser knows."""
    flags = {flag for action in LEAVES[title]._actions for flag in action.option_strings}
    described = set(re.findall(r"`(-{1,2}[A-Za-z][\w-]*)`", section(title)))
    assert described - flags == set()


def test_commands_are_described() -> None:
    """Each command has a heading."""
    for command in COMMANDS:
        section(command)


def test_global_flags_are_described() -> None:
    """What stands before the command is described at the top."""
    top = TEXT.partition("\n## ")[0]
    for action in complete_parser()._actions:
        assert not action.option_strings or any(flag in top for flag in action.option_strings)
