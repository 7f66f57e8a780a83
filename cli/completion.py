"""`argosmo completion`: scripts for the tab key."""

from __future__ import annotations

import argparse

import shtab

from cli.commands import complete_parser

# What a value is named in the help decides what the shell offers for it.
_OFFERS = {"FILE": shtab.FILE, "FILE_OR_ID": shtab.FILE, "DIR": shtab.DIRECTORY}

_EPILOG = """\
bash:  argosmo completion bash > ~/.local/share/bash-completion/completions/argosmo
zsh:   argosmo completion zsh  > a file _argosmo in a directory of $fpath
tcsh:  argosmo completion tcsh > a file that ~/.tcshrc sources
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo completion`."""
    parser.set_defaults(handler=run)
    parser.add_argument("shell", choices=shtab.SUPPORTED_SHELLS, help="the shell to complete for")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    parser = complete_parser()
    _offer_files(parser)
    print(shtab.complete(parser, args.shell))
    return 0


def _offer_files(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                _offer_files(child)
        elif action.metavar in _OFFERS:
            # shtab reads this attribute; argparse has no word for it.
            setattr(action, "complete", _OFFERS[action.metavar])  # noqa: B010
