"""`argosmo dataset list`, `info` and `query`."""

from __future__ import annotations

import argparse

import msgspec

from cli.arguments import JSON, Verbs, add_format, add_labels, add_verb, assignment, count
from cli.client import client_of
from cli.data.places import Interrupted
from cli.dataset.moving import moving
from cli.dataset.registry import Dataset, Registry, Version, decoded
from cli.dataset.words import dataset_or_version
from cli.output import note, print_json, print_table
from cli.times import ABSENT, local_time
from storage.datasets.manifest import ManifestFile

_DATASETS = ("Name", "Latest", "Files", "Bytes", "Owner", "Tags", "Location")
_VERSIONS = ("Version", "Tags", "State", "Files", "Bytes", "Created By", "Created")


class Info(msgspec.Struct, kw_only=True, omit_defaults=True):
    """All that is shown of a dataset. Shape: `versions` the oldest first; `files` where they were asked for."""

    dataset: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    versions: list[msgspec.Raw] = []
    files: list[ManifestFile] | msgspec.UnsetType = msgspec.UNSET


def add_verbs(verbs: Verbs) -> None:
    """Add the verbs."""
    listing = add_verb(verbs, "list", run_list, "list datasets")
    listing.add_argument("-n", "--name", metavar="NAME", help="only those of this name; * stands for anything")
    add_labels(listing, "-l", what="only with this label")
    listing.add_argument("-c", "--count", metavar="N", type=count, help="the first N of them (default: all)")
    add_format(listing)
    info = add_verb(verbs, "info", run_info, "show a dataset with its versions, or one version")
    info.add_argument("name", metavar="NAME[:VERSION|:TAG]", type=dataset_or_version, help="the dataset, or a version")
    info.add_argument("--files", action="store_true", help="also the files of the version, or of the latest")
    info.add_argument("-d", "--deleted", action="store_true", help="also versions that are deleted")
    info.add_argument("-q", "--quiet", action="store_true", help="no bars while the list of files is read")
    add_format(info)
    query = add_verb(verbs, "query", run_query, "find versions of all datasets")
    query.add_argument("-n", "--name", metavar="NAME", help="only of this dataset; * stands for anything")
    add_labels(query, "-l", what="only with this label")
    query.add_argument(
        "-m",
        "--metadata",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        type=assignment,
        help="only with this in the metadata; dots in the key lead into maps",
    )
    query.add_argument("--tag", metavar="TAG", help="only with this tag; latest is one")
    query.add_argument("-u", "--user", metavar="USER", help="only made by this user")
    query.add_argument("-w", "--workflow", metavar="ID", help="only made by this workflow")
    query.add_argument("-d", "--deleted", action="store_true", help="also versions that are deleted")
    query.add_argument("-c", "--count", metavar="N", type=count, help="the first N of them (default: all)")
    add_format(query)


def run_list(args: argparse.Namespace) -> int:
    """List datasets."""
    found = list(Registry(client_of(args)).datasets({"name": args.name, "label": args.labels}, args.count))
    if args.format_type == JSON:
        print_json({"datasets": found})
        return 0
    print_table(_DATASETS, [_row(msgspec.json.decode(each, type=Dataset)) for each in found])
    return 0


def run_info(args: argparse.Namespace) -> int:
    """Show one."""
    name, wanted = args.name
    registry = Registry(client_of(args))
    if wanted is None:
        dataset = registry.dataset(name)
        rows = list(registry.versions({"name": name, "deleted": args.deleted}))
        info, shown = Info(dataset=msgspec.Raw(dataset.body), versions=rows), dataset.read(Dataset).latest
    else:
        reply = registry.version(wanted, deleted=args.deleted)
        info, shown = Info(versions=[msgspec.Raw(reply.body)]), reply.read(Version)
    if args.files and shown is not None:
        try:
            with moving(args, registry, "Reading") as now:
                info.files = list(now.manifest(shown).files)
        except Interrupted as interrupted:
            return interrupted.exit_code
    if args.format_type == JSON:
        print_json(info)
    else:
        _show(info)
    return 0


def run_query(args: argparse.Namespace) -> int:
    """Find versions."""
    query = {
        "name": args.name,
        "label": args.labels,
        "metadata": args.metadata,
        "tag": args.tag,
        "created_by": args.user,
        "workflow": args.workflow,
        "deleted": args.deleted,
    }
    found = list(Registry(client_of(args)).versions(query, args.count))
    if args.format_type == JSON:
        print_json({"versions": found})
        return 0
    print_table(("Dataset", *_VERSIONS), [(each.dataset, *_version_row(each)) for each in decoded(found)])
    return 0


def _row(found: Dataset) -> tuple[str, ...]:
    latest = found.latest
    amount = (
        (ABSENT, ABSENT, ABSENT) if latest is None else tuple(map(str, (latest.version, latest.files, latest.bytes)))
    )
    return (found.name, *amount, found.owner, _listed(found.tags), found.location)


def _version_row(found: Version) -> tuple[str, ...]:
    made = local_time(found.created_at)
    return (
        *(str(found.version), ", ".join(found.tags) or ABSENT, found.state, str(found.files), str(found.bytes)),
        *(found.created_by, made),
    )


def _show(info: Info) -> None:
    versions = decoded(info.versions)
    if isinstance(info.dataset, msgspec.Raw):
        found = msgspec.json.decode(info.dataset, type=Dataset)
        _show_fields(
            ("Name", found.name),
            ("Location", found.location),
            ("Owner", found.owner),
            ("Created", local_time(found.created_at)),
            ("Tags", _listed(found.tags)),
            *((f"Label {key}", value) for key, value in found.labels.items()),
        )
        print()
        print_table(_VERSIONS, [_version_row(each) for each in versions])
    else:
        _show_version(versions[0])
    if isinstance(info.files, list):
        print()
        width = max((len(str(file.size)) for file in info.files), default=1)
        for file in info.files:
            print(f"{file.sha256}  {file.size:>{width}}  {file.path}")
        if not info.files:
            note("The version has no files.")


def _show_version(found: Version) -> None:
    made_by = found.made_by or {}
    origin = f"{made_by.get('workflow')}, task {made_by.get('task')}, attempt {made_by.get('retry_id')}"
    _show_fields(
        ("Version", found.name),
        ("Tags", ", ".join(found.tags) or ABSENT),
        ("State", found.state),
        ("Files", str(found.files)),
        ("Bytes", str(found.bytes)),
        ("Manifest", found.manifest),
        ("Location", found.location),
        ("Created By", found.created_by),
        ("Created", local_time(found.created_at)),
        *([("Made By", origin)] if made_by else []),
        *((f"Label {key}", value) for key, value in found.labels.items()),
        *((f"Metadata {key}", msgspec.json.encode(value).decode()) for key, value in found.metadata.items()),
    )


def _show_fields(*fields: tuple[str, str]) -> None:
    width = max(len(name) for name, _ in fields)
    for name, value in fields:
        print(f"{name:<{width}} : {value}")


def _listed(tags: dict[str, int]) -> str:
    return ", ".join(f"{tag}: {version}" for tag, version in tags.items()) or ABSENT
