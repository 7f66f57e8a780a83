"""`argosmo credential`. Source: api.md §2.5, §5."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from cli.arguments import JSON, add_format, add_verb, add_verbs
from cli.client import client_of, segment
from cli.config_file import data_keys, forget_data_key, keep_data_key
from cli.errors import CliError
from cli.output import print_reply, print_table
from cli.replies import CredentialList
from cli.times import ABSENT

_PATH = "/api/credentials"
_GENERIC, _DATA, _REGISTRY = "GENERIC", "DATA", "REGISTRY"
_HEADER = ("Name", "Type", "Profile", "Local")
_KEYS = {
    _REGISTRY: ("registry", "username", "auth"),
    _DATA: ("endpoint", "access_key_id", "access_key", "region", "override_url", "addressing_style"),
}
_NEEDED = {_REGISTRY: ("auth",), _DATA: ("endpoint",)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of `argosmo credential`."""
    verbs = add_verbs(parser)
    change = add_verb(verbs, "set", run_set, "store a credential on the server, or replace one")
    change.add_argument("name", metavar="NAME", help="what workflows call it")
    change.add_argument(
        "--type",
        dest="kind",
        choices=(_GENERIC, _DATA, _REGISTRY),
        default=_GENERIC,
        help="anything for tasks (default), a key to an object store, or a login to an image registry",
    )
    given = change.add_mutually_exclusive_group(required=True)
    given.add_argument("--payload", metavar="KEY=VALUE", nargs="+", help="the values")
    given.add_argument("--payload-file", metavar="KEY=PATH", nargs="+", help="the values, each as it stands in a file")
    add_format(change)
    add_format(add_verb(verbs, "list", run_list, "list your credentials, without their values"))
    removal = add_verb(verbs, "delete", run_delete, "remove a credential from the server, and the key kept here")
    removal.add_argument("name", metavar="NAME", help="the credential")
    add_format(removal)


def run_set(args: argparse.Namespace) -> int:
    """Store one."""
    values = _values(args.payload, args.payload_file)
    reply = client_of(args).post(f"{_PATH}/{segment(args.name)}", body=_body(args.kind, values))
    if args.kind == _DATA:
        kept = {key: value for key, value in values.items() if key != "endpoint"}
        keep_data_key(values["endpoint"].rstrip("/"), kept)
    if args.format_type == JSON:
        print_reply(reply.body)
    else:
        print(f"Set {args.kind} credential {args.name}.")
    return 0


def run_list(args: argparse.Namespace) -> int:
    """List them."""
    reply = client_of(args).get(_PATH)
    if args.format_type == JSON:
        print_reply(reply.body)
        return 0
    local = data_keys()
    rows = [
        (entry.cred_name, entry.cred_type, entry.profile or ABSENT, "Yes" if entry.profile in local else "No")
        for entry in reply.read(CredentialList).credentials
    ]
    print_table(_HEADER, rows)
    return 0


def run_delete(args: argparse.Namespace) -> int:
    """Remove one."""
    reply = client_of(args).delete(f"{_PATH}/{segment(args.name)}")
    (gone,) = reply.read(CredentialList).credentials[:1]
    if gone.cred_type == _DATA and gone.profile is not None:
        forget_data_key(gone.profile)
    if args.format_type == JSON:
        print_reply(reply.body)
    else:
        print(f"Deleted {gone.cred_type} credential {args.name}.")
    return 0


def _values(pairs: Sequence[str] | None, files: Sequence[str] | None) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in (*(pairs or ()), *(files or ())):
        key, equals, value = pair.partition("=")
        if not equals or not key:
            # The text is not shown: it may be a secret.
            raise CliError("Expected KEY=VALUE after --payload, or KEY=PATH after --payload-file.")
        if key in values:
            raise CliError(f"Key {key} is given twice.")
        values[key] = value if files is None else _contents(Path(value))
    return values


def _contents(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{path} cannot be read: {error}.") from error


def _body(kind: str, values: dict[str, str]) -> dict[str, object]:
    if kind == _GENERIC:
        return {"generic_credential": {"credential": values}}
    known, needed = _KEYS[kind], _NEEDED[kind]
    unknown = [key for key in values if key not in known]
    missing = [key for key in needed if not values.get(key)]
    if unknown or missing:
        wrong = f"{unknown[0]} is none of them" if unknown else f"{missing[0]} is missing"
        raise CliError(f"A {kind} credential has the keys {', '.join(known)}; {wrong}.")
    return {f"{kind.lower()}_credential": values}
