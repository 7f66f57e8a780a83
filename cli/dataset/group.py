"""The verbs of `argosmo dataset`."""

from __future__ import annotations

import argparse

from cli.arguments import add_verbs
from cli.dataset import checks, joins, marks, moves, removal, shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo dataset`."""
    verbs = add_verbs(parser)
    marks.add_create(verbs)
    moves.add_verbs(verbs)
    shown.add_verbs(verbs)
    marks.add_verbs(verbs)
    joins.add_verbs(verbs)
    removal.add_verbs(verbs)
    checks.add_verbs(verbs)
