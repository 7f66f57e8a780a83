"""What commands print: plain tables, JSON, and errors. Source: api.md §1.5, §5."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from cli.errors import CliError

_GAP = "   "
_INDENT = 4


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], totals: Sequence[str] | None = None) -> None:
    """Print columns of text with a line of `=` under the header, and one above the totals where there are any."""
    print("\n".join(table_lines(header, rows, totals)))


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]], totals: Sequence[str] | None = None) -> list[str]:
    """The lines of a table; line breaks inside a cell become blanks."""
    texts = (header, *rows, *([totals] if totals is not None else ()))
    cells = [[cell.replace("\n", " ") for cell in row] for row in texts]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    rule = "=" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    if totals is not None:
        lines.insert(-1, rule)
    lines.insert(1, rule)
    return lines


def save(path: Path, body: bytes) -> None:
    """Write a file that the user asked for. Errors: CliError."""
    try:
        path.write_bytes(body)
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}.") from error


def print_json(value: object) -> None:
    """Print a value of ours as indented JSON."""
    print_reply(msgspec.json.encode(value))


def print_reply(body: bytes) -> None:
    """Print a server's JSON, re-indented, keys in its order."""
    print(msgspec.json.format(body, indent=_INDENT).decode())


def print_error(error: CliError, *, as_json: bool) -> None:
    """Print an error where scripts of OSMO's client look for it: on standard output."""
    if as_json:
        print_json({"message": error.message, "code": error.code})
        return
    print(f"Error message: {error.message}")
    print(f"Error code: {error.code}")
    for line in error.details:
        print(line)


def note(text: str) -> None:
    """Tell the user something that is not the result, on standard error."""
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)
