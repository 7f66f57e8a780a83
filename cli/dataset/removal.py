"""`argosmo dataset delete`."""

from __future__ import annotations

import argparse

import msgspec

from cli.arguments import JSON, Verbs, add_verb
from cli.client import client_of
from cli.data.places import Interrupted
from cli.dataset.moving import files, moving
from cli.dataset.purges import purge_unused
from cli.dataset.registry import Registry, Version
from cli.dataset.words import add_moving, dataset_or_version
from cli.errors import CliError
from cli.output import note, print_json
from storage.transfer import Moved
from translator.spec.dataset_names import DatasetReference


class Removal(msgspec.Struct, kw_only=True):
    """What was removed. Shape: `versions` as `NAME:VERSION`; files and bytes those gone from stores. Units: bytes."""

    dataset: str
    versions: list[str]
    files: int
    bytes: int


def add_verbs(verbs: Verbs) -> None:
    """Add the verb."""
    delete = add_verb(verbs, "delete", run_delete, "mark a version of a dataset deleted, or all with the dataset")
    delete.add_argument("wanted", metavar="NAME[:VERSION|:TAG]", type=dataset_or_version, help="the version")
    delete.add_argument("-a", "--all", action="store_true", help="the dataset with all its versions")
    delete.add_argument("--purge", action="store_true", help="remove the files too that nothing else refers to")
    delete.add_argument("-f", "--force", action="store_true", help="with --purge: although an upload may go on")
    add_moving(delete)


def run_delete(args: argparse.Namespace) -> int:
    """Delete."""
    name, wanted = args.wanted
    if args.all == (wanted is not None):
        raise CliError(f"Name a version to delete, such as {name}:1, or all of them with {name} --all.")
    registry = Registry(client_of(args))
    gone = _all_gone(registry, name, purge=args.purge) if wanted is None else [_one_gone(registry, wanted)]
    moved = Moved()
    if args.purge:
        try:
            with moving(args, registry, "Removing") as now:
                moved = purge_unused(now, registry, gone, force=args.force)
        except Interrupted as interrupted:
            note("Interrupted; some files are still there. The same command goes on.")
            return interrupted.exit_code
    names = [version.name for version in gone]
    if args.format_type == JSON:
        print_json(Removal(dataset=name, versions=names, files=moved.files, bytes=moved.bytes))
    elif not args.quiet:
        what = names[0] if wanted is not None else f"dataset {name} with {len(names)} version{_s(len(names))}"
        purged = f" {files(moved.files)}, {moved.bytes} bytes, removed from the store." if args.purge else ""
        print(f"Deleted {what}.{purged}")
    return 0


def _one_gone(registry: Registry, wanted: DatasetReference) -> Version:
    found = registry.version(wanted, deleted=True).read(Version)
    if found.state == "READY":
        registry.delete_version(DatasetReference(name=found.dataset, version=found.version, tag=""))
    return found


def _all_gone(registry: Registry, name: str, *, purge: bool) -> list[Version]:
    """All versions; where files are to go, also those that were deleted before without them."""
    found = registry.versions_of(name, deleted=purge)
    try:
        registry.delete(name)
    except CliError as error:
        # It was deleted before, and its files are to go now.
        if error.code != 404 or not found:
            raise
    return found


def _s(number: int) -> str:
    return "" if number == 1 else "s"
