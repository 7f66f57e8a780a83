"""The list of commands and the parser made of it.

Only the module of the command in use is imported; the others appear with their name and one line of help.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module

from cli import __version__

# command: (module whose `add_arguments` fills its parser, one line of help), in the order of `argosmo --help`.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("cli.run", "run one workflow on this machine, without a server"),
    "validate": ("cli.validate", "check a workflow file, without a server"),
    "translate": ("cli.translate", "show what a workflow file turns into, without a server"),
    "serve": ("cli.serve", "start the gateway"),
    "master-keys": ("cli.master_keys", "change the key that seals stored credentials"),
    "doctor": ("cli.doctor", "look for what is wrong here and in each backend, and say what to do"),
    "workflow": ("cli.workflow.group", "submit workflows and look after them"),
    "task": ("cli.task", "list tasks, and what they uploaded"),
    "pool": ("cli.pool", "list pools and their use"),
    "resource": ("cli.resource", "list nodes and what they offer"),
    "backend": ("cli.backend", "list, add and test the places where work runs"),
    "credential": ("cli.credential", "keep what your tasks need and nobody may read"),
    "data": ("cli.data.group", "move files to and from object stores, without a server"),
    "dataset": ("cli.dataset.group", "keep data by name, version and tag"),
    "retention": ("cli.retention", "show and remove what is no longer to be kept"),
    "profile": ("cli.profile", "show and change your settings on the server"),
    "login": ("cli.login", "choose a server and say who you are"),
    "logout": ("cli.logout", "forget the server and who you are"),
    "version": ("cli.version", "show the version of this command and of the server"),
    "completion": ("cli.completion", "print a completion script for your shell"),
}
LOG_LEVELS = ("debug", "info", "warning", "error")

_EPILOG = """\
first steps:
  argosmo run examples/hello.yaml        one workflow, here and now
  argosmo serve                          a server on http://127.0.0.1:8000
  argosmo workflow submit hello.yaml     a workflow on that server
"""


def command_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for one command line: complete for the command it names, one line for each other command."""
    named = next((word for word in argv if word in COMMANDS), None)
    return _parser({named} if named is not None else set())


def complete_parser() -> argparse.ArgumentParser:
    """The parser with every command filled in, for completion and for checks of the documentation."""
    return _parser(set(COMMANDS))


def _parser(filled: set[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="argosmo",
        description="OSMO workflows for robotics and physical AI, on one machine or on Argo Workflows.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--log-level", choices=LOG_LEVELS, help="debug: show each request on standard error")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an unexpected error")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, (module, help_text) in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=sentence(help_text), allow_abbrev=False)
        if name in filled:
            import_module(module).add_arguments(command)
    return parser


def sentence(text: str) -> str:
    """A line of help as a sentence."""
    return f"{text[:1].upper()}{text[1:]}."
