"""`argosmo data upload` and `download`."""

from __future__ import annotations

import argparse
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec

from cli.arguments import JSON, Verbs, add_format, add_verb, count
from cli.data.bars import Quiet, watch_for
from cli.data.places import Interrupted, add_regex, add_uri, chosen, heeding_the_user, local_stores
from cli.data.sources import opened_tree, uploads_of
from cli.errors import CliError
from cli.output import note, print_json, save
from storage.lanes import StopSign
from storage.stores import Stores
from storage.transfer import Moved, Transfer, Upload


class Report(msgspec.Struct, kw_only=True):
    """What a transfer did. Shape: `unchanged` of the files were there already. Units: bytes, seconds."""

    remote_uri: str
    files: int
    bytes: int
    unchanged: int
    seconds: float
    warnings: list[str]


def add_verbs(verbs: Verbs) -> None:
    """Add both verbs."""
    upload = add_verb(verbs, "upload", run_upload, "upload files and directories to an object store")
    add_uri(upload)
    upload.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        help="a file; a directory, which goes by its name; or DIR/* for what is in it",
    )
    _add_shared(upload)
    download = add_verb(verbs, "download", run_download, "download an object, or all below a path, to a directory")
    add_uri(download)
    download.add_argument("path", metavar="DIRECTORY", help="where to, made where it is not there")
    _add_shared(download)


def run_upload(args: argparse.Namespace) -> int:
    """Upload."""
    selected, uploads = chosen(args), list(uploads_of(args.paths))

    def move(transfer: Transfer, moved: Moved) -> None:
        for directory, name, prefix in uploads:
            what = Upload(start=(name,) if name else (), selection=selected, prefix=prefix)
            with opened_tree(directory) as tree:
                _merge(moved, transfer.upload(tree, what, args.remote_uri, uuid.uuid4().hex))

    return _run(args, "Uploading", move)


def run_download(args: argparse.Namespace) -> int:
    """Download."""
    selected = chosen(args)

    def move(transfer: Transfer, moved: Moved) -> None:
        with opened_tree(Path(args.path), create=True) as tree:
            _merge(moved, transfer.download(args.remote_uri, tree, (), selected))

    return _run(args, "Downloading", move)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    add_regex(parser)
    parser.add_argument(
        "-r", "--resume", action="store_true", help="leave out what is there already, and go on in large files"
    )
    parser.add_argument("-p", "--processes", metavar="N", type=count, help="with --threads: files at the same time")
    parser.add_argument(
        "-T", "--threads", metavar="N", type=count, help="files at the same time, for each of --processes"
    )
    parser.add_argument("-b", "--benchmark-out", metavar="DIR", help="write a report of the transfer into a directory")
    parser.add_argument("--sums", metavar="FILE", help="write the files' SHA-256, as `sha256sum --check` reads them")
    parser.add_argument("-q", "--quiet", action="store_true", help="no bars and no sentence at the end")
    add_format(parser)


def _run(args: argparse.Namespace, title: str, move: Callable[[Transfer, Moved], None]) -> int:
    stores, as_json = local_stores(), args.format_type == JSON
    watch = watch_for(title, quiet=args.quiet or as_json, wants_sums=args.sums is not None)
    moved, begun = Moved(), time.monotonic()
    try:
        with heeding_the_user() as stopped, watch:
            # Before a directory is made for what cannot come.
            stores.check(args.remote_uri.url)
            move(_transfer(args, stores, stopped, watch), moved)
    except Interrupted as interrupted:
        advice = "" if args.resume else " Next time, --resume goes on where it was."
        note(f"Interrupted after {_files(moved.files)}.{advice}")
        return interrupted.exit_code
    report = _report(args, moved, time.monotonic() - begun)
    _write_sums(args.sums, watch)
    _write_benchmark(args.benchmark_out, report)
    _tell(args, title, report)
    return 0


def _transfer(args: argparse.Namespace, stores: Stores, stopped: StopSign, watch: Quiet) -> Transfer:
    lanes = (args.processes or 1) * (args.threads or 1) if args.processes or args.threads else 0
    return Transfer(stores, stopped, watch=watch, resumes=args.resume, lanes=lanes)


def _merge(moved: Moved, more: Moved) -> None:
    moved.files += more.files
    moved.bytes += more.bytes
    moved.there += more.there
    moved.notes += more.notes


def _report(args: argparse.Namespace, moved: Moved, seconds: float) -> Report:
    warnings = list(moved.notes)
    if not moved.files:
        warnings.insert(0, f"nothing was found{' that matches' if args.regex else ''}")
    return Report(
        remote_uri=args.remote_uri.url,
        files=moved.files,
        bytes=moved.bytes,
        unchanged=moved.there,
        seconds=round(seconds, 3),
        warnings=warnings,
    )


def _tell(args: argparse.Namespace, title: str, report: Report) -> None:
    if args.format_type == JSON:
        print_json(report)
        return
    for warning in report.warnings:
        note(f"Warning: {warning}")
    if not args.quiet:
        done = title.removesuffix("ing") + "ed"
        unchanged = f", {report.unchanged} of them there already" if report.unchanged else ""
        print(f"{done} {_files(report.files)}, {report.bytes} bytes, in {report.seconds:.1f} s{unchanged}.")


def _files(number: int) -> str:
    return f"{number} file{'' if number == 1 else 's'}"


def _write_sums(path: str | None, watch: Quiet) -> None:
    if path is None:
        return
    # As sha256sum does it: a name with a line break is written with an escape, and a mark before the line.
    lines = []
    for name, sha256 in sorted(watch.sums):
        escaped = name.replace("\\", "\\\\").replace("\n", "\\n")
        lines.append(f"{'' if escaped == name else chr(92)}{sha256}  {escaped}\n")
    save(Path(path), "".join(lines).encode("utf-8", "surrogateescape"))


def _write_benchmark(directory: str | None, report: Report) -> None:
    if directory is None:
        return
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CliError(f"{directory} cannot be made: {error.strerror}.") from error
    body = msgspec.json.format(msgspec.json.encode(report), indent=2)
    save(Path(directory, f"benchmark-{time.time_ns()}.json"), body)
