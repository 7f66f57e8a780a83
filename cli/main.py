"""Entry point of the `argosmo` command: parse, run one handler, turn what went wrong into a line and an exit code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.commands import command_parser

if TYPE_CHECKING:
    import argparse

    from cli.errors import CliError

_ISSUES = "the project's issue tracker"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and give back the exit code. Source: api.md §1.5 for the codes."""
    words = list(sys.argv[1:] if argv is None else argv)
    _show_every_character()
    parser = command_parser(words)
    try:
        args = parser.parse_args(words)
    except SystemExit as ended:
        # argparse ends the process itself after --help (0) and wrong use (2).
        return ended.code if isinstance(ended.code, int) else 2
    if args.command is None:
        parser.print_help()
        return 0
    return _outcome(args)


def _show_every_character() -> None:
    """A terminal that cannot show a character of a log gets its code instead; no command fails of it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _outcome(args: argparse.Namespace) -> int:
    from cli.errors import EXIT_BROKEN_PIPE, EXIT_FAILED, EXIT_INTERRUPTED, CliError

    try:
        code = int(args.handler(args))
        sys.stdout.flush()
    except CliError as error:
        return _report(args, error)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of standard output is gone; without this Python complains once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the last edge: a user never sees a traceback unasked
        return _unexpected(args, error, EXIT_FAILED)
    return code


def _report(args: argparse.Namespace, error: CliError) -> int:
    from cli.output import print_error

    if getattr(args, "local", False):
        # No client of OSMO's has these commands: errors go where errors belong.
        print(f"argosmo {args.command}: {error.message}", file=sys.stderr)
    else:
        print_error(error, as_json=getattr(args, "format_type", None) == "json")
    return error.exit_code


def _unexpected(args: argparse.Namespace, error: Exception, exit_code: int) -> int:
    if args.debug:
        import traceback

        traceback.print_exception(error)
    hint = "" if args.debug else " Run it again with 'argosmo --debug ...' for details."
    print(f"Unexpected error: {type(error).__name__}: {error}.{hint} Please report it at {_ISSUES}.", file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
