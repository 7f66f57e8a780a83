"""`argosmo dataset checksum`."""

from __future__ import annotations

import argparse

import msgspec

from cli.arguments import JSON, Verbs, add_verb
from cli.client import client_of
from cli.data.places import Interrupted
from cli.dataset.moving import files, moving
from cli.dataset.registry import Registry, Version
from cli.dataset.words import add_moving, add_reference
from cli.errors import EXIT_FAILED
from cli.output import print_json
from storage.datasets.checking import check_dataset


class Checked(msgspec.Struct, kw_only=True):
    """What was found. Shape: `status` is pass or fail; paths of the version. Units: bytes."""

    dataset: str
    version: int
    manifest: str
    status: str
    files: int
    bytes: int
    missing: list[str]
    damaged: list[str]


def add_verbs(verbs: Verbs) -> None:
    """Add the verb."""
    checksum = add_verb(verbs, "checksum", run_checksum, "compare what is stored of a version with its SHA-256 sums")
    add_reference(checksum)
    checksum.add_argument("--quick", action="store_true", help="only whether everything is there, by size")
    add_moving(checksum)


def run_checksum(args: argparse.Namespace) -> int:
    """Compare; 0 where everything is as it should be."""
    registry = Registry(client_of(args))
    version = registry.version(args.wanted).read(Version)
    try:
        with moving(args, registry, "Checking") as now:
            found = check_dataset(
                now.stores,
                registry.location(version.location),
                now.manifest(version),
                now.stopped,
                reads=not args.quick,
                watch=now.watch,
            )
    except Interrupted as interrupted:
        return interrupted.exit_code
    checked = Checked(
        dataset=version.dataset,
        version=version.version,
        manifest=version.manifest,
        status="pass" if found.is_whole else "fail",
        files=found.files,
        bytes=found.bytes,
        missing=found.missing,
        damaged=found.damaged,
    )
    if args.format_type == JSON:
        print_json(checked)
    else:
        for kind, paths in (("missing", checked.missing), ("damaged", checked.damaged)):
            for path in paths:
                print(f"{kind}: {path}")
        if not args.quiet:
            print(f"{version.name}: {checked.status} ({files(checked.files)}, {checked.bytes} bytes)")
    return 0 if found.is_whole else EXIT_FAILED
