"""`argosmo dataset collect` and `migrate`: versions together, and versions elsewhere."""

from __future__ import annotations

import argparse
import time

from cli.arguments import Verbs, add_verb
from cli.client import client_of
from cli.data.places import Interrupted
from cli.dataset.moving import Moving, files, moving, report_of, tell
from cli.dataset.purges import purge_unused
from cli.dataset.registry import Registry, Version
from cli.dataset.words import add_moving, add_name, add_notes, dataset_or_version, notes_of, reference
from cli.output import note
from storage.datasets.migrating import Part, copy_dataset, join_datasets
from storage.transfer import Moved
from storage.urls import Location
from translator.spec.dataset_names import DatasetReference


def add_verbs(verbs: Verbs) -> None:
    """Add the verbs."""
    collect = add_verb(verbs, "collect", run_collect, "make one version of several, also of other datasets")
    add_name(collect)
    collect.add_argument(
        "sources", metavar="NAME[:VERSION|:TAG]", nargs="+", type=reference, help="the versions that it is made of"
    )
    collect.add_argument("--by-name", action="store_true", help="put the files of each below the name of its dataset")
    collect.add_argument("--location", metavar="URL", help="where a new dataset goes (default: the server's choice)")
    add_notes(collect)
    add_moving(collect)
    migrate = add_verb(verbs, "migrate", run_migrate, "move a dataset, or one version, to another location")
    migrate.add_argument(
        "wanted", metavar="NAME[:VERSION|:TAG]", type=dataset_or_version, help="the dataset, or one of its versions"
    )
    migrate.add_argument("location", metavar="URL", help="where to, such as s3://bucket/datasets")
    migrate.add_argument("--purge", action="store_true", help="remove at the old location what nothing else refers to")
    migrate.add_argument("-f", "--force", action="store_true", help="with --purge: although an upload may go on")
    add_moving(migrate)


def run_collect(args: argparse.Namespace) -> int:
    """Join versions."""
    registry, notes, begun = Registry(client_of(args)), notes_of(args), time.monotonic()
    sources = [registry.version(source).read(Version) for source in args.sources]
    goal = registry.location(args.location or registry.place(args.name))
    parts = [
        Part(
            name=source.name,
            origin=registry.location(source.location),
            manifest_id=source.manifest,
            prefix=(source.dataset,) if args.by_name else (),
        )
        for source in sources
    ]
    try:
        with moving(args, registry, "Collecting") as now:
            manifest, moved = join_datasets(
                now.stores, goal, parts, writer=now.writer, stopped=now.stopped, watch=now.watch
            )
    except Interrupted as interrupted:
        return interrupted.exit_code
    body = {
        "manifest": manifest.id,
        "location": goal.url,
        "files": len(manifest.files),
        "bytes": manifest.size,
        **notes,
    }
    version = registry.register(args.name, body).read(Version)
    report = report_of(version, moved, begun)
    tell(args, report, lambda amount: f"Collected {version.name} ({files(version.files)}); copied: {amount}.")
    return 0


def run_migrate(args: argparse.Namespace) -> int:
    """Have versions elsewhere."""
    name, wanted = args.wanted
    registry, begun = Registry(client_of(args)), time.monotonic()
    goal = registry.location(args.location)
    versions = registry.versions_of(name) if wanted is None else [registry.version(wanted).read(Version)]
    leaving = [version for version in versions if version.location != goal.url]
    total = Moved()
    try:
        with moving(args, registry, "Migrating") as now:
            for version in leaving:
                _migrate(now, registry, version, goal, total)
            if wanted is None:
                # New versions go there too; this also says whether the dataset is the caller's.
                registry.change(name, {"location": goal.url})
            if args.purge:
                purge_unused(now, registry, leaving, force=args.force)
    except Interrupted as interrupted:
        note("Interrupted. The same command goes on where it was.")
        return interrupted.exit_code
    if not versions:
        note(f"Dataset {name} has no version; new ones will go to {goal.url}.")
        return 0
    shown = registry.version(DatasetReference(name=name, version=versions[-1].version, tag="")).read(Version)
    what = name if wanted is None else shown.name
    tell(args, report_of(shown, total, begun), lambda amount: f"Migrated {what} to {goal.url}: {amount}.")
    return 0


def _migrate(now: Moving, registry: Registry, version: Version, goal: Location, total: Moved) -> None:
    reference_to = DatasetReference(name=version.dataset, version=version.version, tag="")
    moved = copy_dataset(
        now.stores,
        registry.location(version.location),
        goal,
        now.manifest(version),
        writer=now.writer,
        stopped=now.stopped,
        watch=now.watch,
    )
    registry.change_version(reference_to, {"location": goal.url})
    total.files += moved.files
    total.bytes += moved.bytes
    total.there += moved.there
