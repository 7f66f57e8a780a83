"""Files of datasets on their way: the stores of this machine, the user's wish to stop, what is shown."""

from __future__ import annotations

import argparse
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from cli.arguments import JSON
from cli.data.bars import Quiet, watch_for
from cli.data.places import heeding_the_user, local_stores
from cli.dataset.registry import Registry, Version
from cli.output import note, print_json
from storage.datasets.cache import DEFAULT_BYTES, BlobCache
from storage.datasets.documents import fetch_manifest
from storage.datasets.manifest import Manifest
from storage.lanes import StopSign
from storage.stores import Stores
from storage.transfer import Moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """What one command moves files with."""

    registry: Registry
    stores: Stores
    stopped: StopSign
    watch: Quiet
    writer: str = field(default_factory=lambda: uuid.uuid4().hex)

    def manifest(self, version: Version) -> Manifest:
        """The files of a version. Errors: StoreError; CliError."""
        return fetch_manifest(self.stores, self.registry.location(version.location), version.manifest, self.stopped)


class Report(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What was moved. Shape: `stored_before` of the files needed not to be sent. Units: bytes, seconds."""

    dataset: str
    version: int
    location: str
    files: int
    bytes: int
    stored_before: int
    seconds: float
    tags: list[str] = []
    warnings: list[str] = []


@contextmanager
def moving(args: argparse.Namespace, registry: Registry, title: str) -> Iterator[Moving]:
    """Move files, heeding Ctrl-C. Errors: CliError for what a store does not do; Interrupted."""
    stores = local_stores()
    with heeding_the_user() as stopped, watch_for(title, quiet=is_quiet(args), wants_sums=False) as watch:
        yield Moving(registry=registry, stores=stores, stopped=stopped, watch=watch)


def is_quiet(args: argparse.Namespace) -> bool:
    """Whether nothing but the result is to be seen."""
    return bool(args.quiet) or args.format_type == JSON


def tell(args: argparse.Namespace, report: Report, sentence: Callable[[str], str]) -> None:
    """Say what was done; `sentence` is given how much it was."""
    if args.format_type == JSON:
        print_json(report)
        return
    for warning in report.warnings:
        note(f"Warning: {warning}")
    if not args.quiet:
        there = f", {report.stored_before} of them there already" if report.stored_before else ""
        amount = f"{files(report.files)}, {report.bytes} bytes, in {report.seconds:.1f} s{there}"
        print(sentence(amount))


def report_of(version: Version, moved: Moved, begun: float, warnings: list[str] | None = None) -> Report:
    """The report of something that began at a `time.monotonic()`."""
    return Report(
        dataset=version.dataset,
        version=version.version,
        location=version.location,
        files=moved.files,
        bytes=moved.bytes,
        stored_before=moved.there,
        seconds=round(time.monotonic() - begun, 3),
        tags=version.tags,
        warnings=[*(warnings or ()), *moved.notes],
    )


def files(number: int) -> str:
    """A number of files, in words."""
    return f"{number} file{'' if number == 1 else 's'}"


def add_cache(parser: argparse.ArgumentParser) -> None:
    """Add whether contents are kept on this machine."""
    parser.add_argument("--no-cache", action="store_true", help="keep nothing of it on this machine for the next time")
    parser.add_argument(
        "--cache-bytes", metavar="N", type=_size, default=DEFAULT_BYTES, help="how much is kept (default: 20 GiB)"
    )


def cache_of(args: argparse.Namespace) -> BlobCache | None:
    """Where contents are kept on this machine."""
    if args.no_cache:
        return None
    base = os.environ.get("XDG_CACHE_HOME", "")
    directory = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return BlobCache(directory=directory / "argosmo" / "blobs", most_bytes=args.cache_bytes)


def _size(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number of bytes, got {text!r}")
    return int(text)
