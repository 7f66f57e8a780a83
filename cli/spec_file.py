"""Reads the workflow file a command was given."""

from __future__ import annotations

import sys
from pathlib import Path

from cli.errors import CliError

STANDARD_INPUT = "-"
_BYTE_ORDER_MARK = "\ufeff"


def read_spec(path: Path) -> str:
    """The text of a workflow file. Errors: CliError saying why it cannot be read."""
    try:
        return read_spec_bytes(path).decode().removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        raise CliError(f"The file {path} is not UTF-8 text ({error}). Expected a workflow file in YAML.") from error


def read_spec_bytes(path: Path) -> bytes:
    """The bytes of a workflow file; `-` is standard input. Errors: CliError saying why it cannot be read."""
    try:
        return sys.stdin.buffer.read() if str(path) == STANDARD_INPUT else path.read_bytes()
    except FileNotFoundError as error:
        raise CliError(f"The file {path} does not exist. Expected a workflow file in YAML.") from error
    except OSError as error:
        raise CliError(f"The file {path} cannot be read: {error.strerror}.") from error
