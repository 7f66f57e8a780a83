"""`argosmo version`. Source: api.md §5."""

from __future__ import annotations

import argparse

from cli import __version__
from cli.arguments import JSON, add_format
from cli.client import client_of
from cli.errors import CliError, Unreachable
from cli.output import print_json
from cli.replies import VersionInfo


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo version`."""
    parser.set_defaults(handler=run)
    add_format(parser)


def run(args: argparse.Namespace) -> int:
    """Show both versions; that of the server only if one answers."""
    service = _service_version(args)
    if args.format_type == JSON:
        print_json({"client": _parts(__version__), "service": service})
        return 0
    print(f"argosmo: {__version__}")
    print(f"service: {service or 'no answer'}")
    return 0


def _service_version(args: argparse.Namespace) -> VersionInfo | None:
    try:
        return client_of(args).get("/api/version", versioned=False).read(VersionInfo)
    except Unreachable as error:
        if error.code >= 500:
            raise
        return None
    except CliError:
        return None


def _parts(version: str) -> dict[str, str]:
    major, minor, revision = version.split(".", 2)
    return {"major": major, "minor": minor, "revision": revision, "hash": ""}
