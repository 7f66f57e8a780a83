"""The verbs of `argosmo workflow`."""

from __future__ import annotations

import argparse

from cli.arguments import add_verbs
from cli.workflow import actions, explain, listing, query, submit, text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo workflow`."""
    verbs = add_verbs(parser)
    submit.add_verbs(verbs)
    listing.add_verbs(verbs)
    query.add_verbs(verbs)
    explain.add_verbs(verbs)
    text.add_verbs(verbs)
    actions.add_verbs(verbs)
