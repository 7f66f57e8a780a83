"""Arguments that several commands share, and the types of argument values."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from cli.commands import sentence
from cli.times import naive_utc

TEXT = "text"
JSON = "json"
PRIORITIES = ("HIGH", "NORMAL", "LOW")

Handler = Callable[[argparse.Namespace], int]
Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
# A workflow id is its name and a number (api.md §7).
_WORKFLOW_ID = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]*-\d+")


def add_verb(verbs: Verbs, name: str, handler: Handler, help_text: str) -> argparse.ArgumentParser:
    """Add one verb of a command group and give back its parser."""
    parser = verbs.add_parser(name, help=help_text, description=sentence(help_text), allow_abbrev=False)
    parser.set_defaults(handler=handler)
    return parser


def add_verbs(parser: argparse.ArgumentParser) -> Verbs:
    """Make `parser` a command group that needs a verb."""
    return parser.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add `-t/--format-type`."""
    parser.add_argument(
        "-t", "--format-type", choices=(TEXT, JSON), default=TEXT, help="how to print the result (default: text)"
    )


def add_template_values(parser: argparse.ArgumentParser) -> None:
    """Add `--set` and `--set-string`."""
    parser.add_argument(
        "--set",
        dest="set_variables",
        metavar="KEY=VALUE",
        nargs="+",
        action="extend",
        default=[],
        type=assignment,
        help="template variables; a value that looks like a number is one",
    )
    parser.add_argument(
        "--set-string",
        dest="set_string_variables",
        metavar="KEY=VALUE",
        nargs="+",
        action="extend",
        default=[],
        type=assignment,
        help="template variables whose values stay text",
    )


def add_set_env(parser: argparse.ArgumentParser) -> None:
    """Add `--set-env`."""
    parser.add_argument(
        "--set-env",
        dest="env_vars",
        metavar="KEY=VALUE",
        nargs="+",
        action="extend",
        default=[],
        type=assignment,
        help="environment variables for every task",
    )


def add_labels(parser: argparse.ArgumentParser, *short: str, what: str = "a label of the workflow") -> None:
    """Add `--label`, which may be repeated; `short` are other names of it, `what` says what it is for."""
    parser.add_argument(
        *short,
        "--label",
        dest="labels",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        type=assignment,
        help=f"{what}; may be given several times",
    )


def add_users(parser: argparse.ArgumentParser) -> None:
    """Add `-u/--user` and `-a/--all-users`, of which one may be given."""
    who = parser.add_mutually_exclusive_group()
    who.add_argument("-u", "--user", dest="users", metavar="USER", nargs="+", help="of these users (default: yours)")
    who.add_argument("-a", "--all-users", action="store_true", help="of all users")


def assignment(text: str) -> str:
    """`text`, if it is `key=value`."""
    key, equals, _ = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"expected KEY=VALUE, got {text!r}")
    return text


def count(text: str) -> int:
    """A whole number above zero."""
    return _whole_number(text, 1)


def offset(text: str) -> int:
    """A whole number, zero or above."""
    return _whole_number(text, 0)


def date(text: str) -> str:
    """A local date or time as the server wants it: naive UTC, `2025-01-01T00:00:00`."""
    try:
        return naive_utc(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"expected a date (2025-01-31) or a time (2025-01-31T14:30), got {text!r}"
        ) from error


def one_of(known: Sequence[str]) -> Callable[[str], str]:
    """An argument type: one of the words in `known`, in any case of letters."""

    def word(text: str) -> str:
        if text.upper() not in known:
            raise argparse.ArgumentTypeError(f"expected one of {', '.join(known)}, got {text!r}")
        return text.upper()

    return word


def is_workflow_id(text: str) -> bool:
    """Whether `text` has the form of a workflow id."""
    return _WORKFLOW_ID.fullmatch(text) is not None


def _whole_number(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"expected a whole number of {least} or more, got {text!r}")
    return number
