"""`argosmo dataset upload`, `update` and `download`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from cli.arguments import Verbs, add_verb
from cli.client import client_of
from cli.data.places import Interrupted, add_regex, chosen
from cli.data.sources import opened_tree, uploads_of
from cli.dataset.moving import Moving, add_cache, cache_of, files, moving, report_of, tell
from cli.dataset.registry import Registry, Version
from cli.dataset.words import add_moving, add_name, add_notes, add_reference, notes_of
from cli.errors import CliError
from cli.output import note
from storage.datasets.downloading import Download, download_dataset
from storage.datasets.manifest import ManifestFile
from storage.datasets.uploading import Chosen, Uploaded, upload_dataset
from storage.faults import StoreError
from storage.select import Selection, selection
from storage.transfer import Upload
from storage.urls import Location

# The files that a version begins with.
BaseOf = Callable[[Moving], Iterable[ManifestFile]]
_PATHS = "a file; a directory, which goes by its name; or DIR/* for what is in it"


def add_verbs(verbs: Verbs) -> None:
    """Add the verbs."""
    upload = add_verb(verbs, "upload", run_upload, "upload files as a new version of a dataset")
    add_name(upload)
    upload.add_argument("paths", metavar="PATH", nargs="+", help=_PATHS)
    upload.add_argument("--location", metavar="URL", help="where a new dataset goes (default: the server's choice)")
    add_regex(upload)
    add_notes(upload)
    add_moving(upload)
    update = add_verb(verbs, "update", run_update, "make a new version of a version, with files more or less")
    add_reference(update, "the version to begin with; the latest by default")
    update.add_argument("--add", dest="paths", metavar="PATH", nargs="+", default=[], help=_PATHS)
    update.add_argument(
        "--remove",
        metavar="REGEX",
        action="append",
        default=[],
        help="leave out files whose path matches",
    )
    add_regex(update)
    add_notes(update)
    add_moving(update)
    download = add_verb(verbs, "download", run_download, "download a version of a dataset to a directory")
    add_reference(download)
    download.add_argument("path", metavar="DIRECTORY", help="where to, made where it is not there")
    download.add_argument("--path", dest="inside", metavar="PATH", default="", help="only what is at or below it")
    add_regex(download)
    add_cache(download)
    add_moving(download)


def run_upload(args: argparse.Namespace) -> int:
    """Upload."""
    selected, registry = chosen(args), Registry(client_of(args))
    location = registry.location(args.location or registry.place(args.name))
    return _upload(args, registry, args.name, location, selected, _nothing)


def run_update(args: argparse.Namespace) -> int:
    """Make a version on top of another."""
    if not args.paths and not args.remove:
        raise CliError("Say what changes: --add PATH, or --remove REGEX.")
    selected, registry = chosen(args), Registry(client_of(args))
    removed = [_pattern(regex) for regex in args.remove]
    before = registry.version(args.wanted).read(Version)

    def kept(moving_now: Moving) -> Iterable[ManifestFile]:
        found = moving_now.manifest(before).files
        return [file for file in found if not any(regex.takes(file.parts) for regex in removed)]

    return _upload(args, registry, before.dataset, registry.location(before.location), selected, kept)


def run_download(args: argparse.Namespace) -> int:
    """Download."""
    what = Download(path=args.inside, selection=chosen(args), cache=cache_of(args), resumes=True)
    registry = Registry(client_of(args))
    version = registry.version(args.wanted).read(Version)
    begun = time.monotonic()
    try:
        with moving(args, registry, "Downloading") as now:
            manifest = now.manifest(version)
            with opened_tree(Path(args.path), create=True) as tree:
                moved = download_dataset(
                    now.stores,
                    registry.location(version.location),
                    manifest,
                    tree,
                    what,
                    writer=now.writer,
                    stopped=now.stopped,
                    watch=now.watch,
                )
    except Interrupted as interrupted:
        note("Interrupted. The same command goes on where it was.")
        return interrupted.exit_code
    warnings = [] if moved.files else ["no file of the version was asked for"]
    report = report_of(version, moved, begun, warnings)
    tell(args, report, lambda amount: f"Downloaded {version.name}: {amount}.")
    return 0


def _upload(
    args: argparse.Namespace,
    registry: Registry,
    name: str,
    location: Location,
    selected: Selection,
    base: BaseOf,
) -> int:
    sources, notes, begun = list(uploads_of(args.paths)), notes_of(args), time.monotonic()
    try:
        with ExitStack() as stack:
            trees = [
                Chosen(
                    tree=stack.enter_context(opened_tree(directory)),
                    what=Upload(start=(file,) if file else (), selection=selected, prefix=prefix),
                )
                for directory, file, prefix in sources
            ]
            done = _stored(args, registry, trees, location, base)
    except Interrupted as interrupted:
        note("Interrupted. What was sent is not sent again the next time.")
        return interrupted.exit_code
    body = {
        "manifest": done.manifest.id,
        "location": location.url,
        "files": len(done.manifest.files),
        "bytes": done.manifest.size,
        **notes,
    }
    version = registry.register(name, body).read(Version)
    warnings = [] if done.manifest.files else ["the version has no files"]
    report = report_of(version, done.moved, begun, warnings)
    tell(args, report, lambda amount: f"Uploaded {version.name} ({files(version.files)}): {amount}.")
    return 0


def _stored(
    args: argparse.Namespace, registry: Registry, trees: Sequence[Chosen], location: Location, base: BaseOf
) -> Uploaded:
    with moving(args, registry, "Uploading") as now:
        return upload_dataset(
            now.stores,
            location,
            trees,
            writer=now.writer,
            stopped=now.stopped,
            watch=now.watch,
            base=partial(base, now),
        )


def _nothing(_now: Moving) -> Iterable[ManifestFile]:
    return ()


def _pattern(regex: str) -> Selection:
    try:
        return selection(regex)
    except StoreError as error:
        raise CliError(f"{error}.") from error
