"""`argosmo data list` and `delete`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cli.arguments import JSON, Verbs, add_format, add_verb
from cli.data.bars import watch_for
from cli.data.places import Interrupted, add_regex, add_uri, chosen, heeding_the_user, local_stores
from cli.errors import CliError
from cli.output import note, print_json, save
from storage.addresses import bucket_parts
from storage.stores import Entry, Folder, Note, StoredObject
from storage.transfer import Transfer
from storage.urls import FILE_SCHEME


class ListedObject(msgspec.Struct, kw_only=True):
    """An object. Units: size in bytes."""

    path: str
    size: int


class Listing(msgspec.Struct, kw_only=True):
    """What is at a location."""

    objects: list[ListedObject] = []
    folders: list[str] = []
    warnings: list[str] = []


class Removal(msgspec.Struct, kw_only=True):
    """What was removed. Units: bytes."""

    remote_uri: str
    files: int
    bytes: int
    warnings: list[str]


def add_verbs(verbs: Verbs) -> None:
    """Add both verbs."""
    listing = add_verb(verbs, "list", run_list, "list what is at a place of an object store")
    add_uri(listing)
    listing.add_argument("path", metavar="FILE", nargs="?", help="write the list to this file instead")
    add_regex(listing)
    listing.add_argument("--prefix", default="", help="only what begins like this below the place")
    listing.add_argument("-r", "--recursive", action="store_true", help="also what is in folders, however deep")
    listing.add_argument("--no-pager", action="store_true", help="accepted for scripts: lists are never paged")
    add_format(listing)
    removal = add_verb(verbs, "delete", run_delete, "remove an object, or all below a path, from an object store")
    add_uri(removal)
    add_regex(removal)
    removal.add_argument("-f", "--force", action="store_true", help="also where the place is a whole bucket")
    removal.add_argument("-q", "--quiet", action="store_true", help="no bars and no sentence at the end")
    add_format(removal)


def run_list(args: argparse.Namespace) -> int:
    """List."""
    selected, stores, found = chosen(args), local_stores(), Listing()
    # A regular expression is about whole paths, so folders have to be looked into.
    recursive = args.recursive or bool(args.regex)
    try:
        with heeding_the_user() as stopped:
            for entry in Transfer(stores, stopped).listed(args.remote_uri, selected, recursive=recursive):
                _add(found, entry, args.prefix)
    except Interrupted as interrupted:
        return interrupted.exit_code
    for warning in found.warnings:
        note(f"Warning: {warning}")
    if args.format_type == JSON and args.path is None:
        print_json(found)
        return 0
    if args.path is not None:
        body = msgspec.json.encode(found) if args.format_type == JSON else "".join(_lines(found, "\n")).encode()
        save(Path(args.path), body)
        return 0
    for line in _lines(found):
        print(line)
    if not found.objects and not found.folders:
        note(f"There is nothing at {args.remote_uri.url}.")
    return 0


def run_delete(args: argparse.Namespace) -> int:
    """Remove."""
    selected = chosen(args)
    if _is_whole_bucket(args.remote_uri.url) and not args.regex and not args.force:
        raise CliError(f"{args.remote_uri.url} is a whole bucket. Name a path in it, a --regex, or add --force.")
    stores, as_json = local_stores(), args.format_type == JSON
    try:
        with (
            heeding_the_user() as stopped,
            watch_for("Deleting", quiet=args.quiet or as_json, wants_sums=False) as watch,
        ):
            moved = Transfer(stores, stopped, watch=watch).delete(args.remote_uri, selected)
    except Interrupted as interrupted:
        note("Interrupted; some objects are removed.")
        return interrupted.exit_code
    done = Removal(
        remote_uri=args.remote_uri.url,
        files=moved.files,
        bytes=moved.bytes,
        warnings=[*([] if moved.files else ["nothing was found"]), *moved.notes],
    )
    if as_json:
        print_json(done)
        return 0
    for warning in done.warnings:
        note(f"Warning: {warning}")
    if not args.quiet:
        print(f"Deleted {done.files} file{'' if done.files == 1 else 's'}, {done.bytes} bytes.")
    return 0


def _add(found: Listing, entry: Entry, prefix: str) -> None:
    match entry:
        case StoredObject():
            path = "/".join(entry.parts)
            if path.startswith(prefix):
                found.objects.append(ListedObject(path=path, size=entry.size))
        case Folder():
            path = "/".join(entry.parts)
            if path.startswith(prefix):
                found.folders.append(f"{path}/")
        case Note():
            found.warnings.append(entry.text)


def _lines(found: Listing, end: str = "") -> Iterator[str]:
    width = max((len(str(each.size)) for each in found.objects), default=1)
    for folder in found.folders:
        yield f"{'-':>{width}}  {folder}{end}"
    for each in found.objects:
        yield f"{each.size:>{width}}  {each.path}{end}"


def _is_whole_bucket(url: str) -> bool:
    scheme, _, rest = url.partition("://")
    parts = 0 if scheme == FILE_SCHEME else bucket_parts(scheme)
    return len([part for part in rest.split("/") if part]) <= parts
