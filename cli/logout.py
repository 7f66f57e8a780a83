"""`argosmo logout`. Source: api.md §4: nothing is asked of the server."""

from __future__ import annotations

import argparse

from cli.login_file import remove_login


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo logout`."""
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    """Forget the login."""
    print("Successfully logged out." if remove_login() else "Nobody was logged in.")
    return 0
