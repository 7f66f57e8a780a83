"""`argosmo data check`."""

from __future__ import annotations

import argparse

import msgspec

from cli.arguments import JSON, Verbs, add_format, add_verb, one_of
from cli.data.passports import run_passport_check
from cli.data.places import Interrupted, add_uri, heeding_the_user, local_stores
from cli.errors import EXIT_FAILED, CliError
from cli.output import print_json
from storage.probe import Access, probe


class Checked(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Whether a location is open. Shape: `status` is pass or fail; `error` says why not."""

    status: str
    access_type: str
    remote_uri: str
    error: str = ""


def add_verbs(verbs: Verbs) -> None:
    """Add the verb."""
    check = add_verb(verbs, "check", run_check, "try whether your key opens a place of an object store")
    add_uri(check, optional=True)
    check.add_argument(
        "--passport",
        metavar="FILE",
        help="compare what is there with the passport of a task (`task passport -t json`), `-` for standard input; "
        "without URI all its places",
    )
    check.add_argument(
        "-a",
        "--access-type",
        metavar="ACCESS",
        type=one_of(tuple(Access)),
        default=Access.READ.value,
        help="READ (default), WRITE or DELETE",
    )
    add_format(check)


def run_check(args: argparse.Namespace) -> int:
    """Try it; 0 where the place is open."""
    if args.passport is not None:
        return run_passport_check(args)
    if args.remote_uri is None:
        raise CliError("Name a place such as s3://bucket/path, or a --passport.")
    access, url = Access(args.access_type), args.remote_uri.url
    try:
        with heeding_the_user() as stopped:
            probe(local_stores(), args.remote_uri, access, stopped)
    except Interrupted as interrupted:
        return interrupted.exit_code
    except CliError as error:
        return _tell(args, Checked(status="fail", access_type=access, remote_uri=url, error=error.message))
    return _tell(args, Checked(status="pass", access_type=access, remote_uri=url))


def _tell(args: argparse.Namespace, checked: Checked) -> int:
    if args.format_type == JSON:
        print_json(checked)
    else:
        print(f"{checked.access_type} {checked.remote_uri}: {checked.status}")
        if checked.error:
            print(checked.error)
    return EXIT_FAILED if checked.error else 0
