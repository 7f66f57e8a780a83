"""The verbs of `argosmo data`. Source: api.md §5; platform.md §3.5."""

from __future__ import annotations

import argparse

from cli.arguments import add_verbs
from cli.data import access, contents, moves


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo data`."""
    parser.set_defaults(local=True)
    verbs = add_verbs(parser)
    moves.add_verbs(verbs)
    contents.add_verbs(verbs)
    access.add_verbs(verbs)
