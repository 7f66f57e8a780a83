"""`argosmo dataset create`, `tag` and `label`: what is noted, without any file."""

from __future__ import annotations

import argparse

from cli.arguments import JSON, Verbs, add_format, add_labels, add_verb, assignment
from cli.client import client_of
from cli.dataset.registry import Dataset, Registry, Version
from cli.dataset.words import add_name, add_reference, dataset_or_version, metadata, pairs
from cli.errors import CliError
from cli.output import print_reply


def add_create(verbs: Verbs) -> None:
    """Add `create`."""
    create = add_verb(verbs, "create", run_create, "make a dataset without versions")
    add_name(create)
    create.add_argument("--location", metavar="URL", help="where its versions go (default: the server's choice)")
    add_labels(create, "-l", what="a label of the dataset")
    add_format(create)


def add_verbs(verbs: Verbs) -> None:
    """Add `tag` and `label`."""
    tag = add_verb(verbs, "tag", run_tag, "put tags on a version, or take them away")
    add_reference(tag)
    tag.add_argument("-s", "--set", dest="put", metavar="TAG", nargs="+", default=[], help="tags that the version gets")
    tag.add_argument("-d", "--delete", dest="gone", metavar="TAG", nargs="+", default=[], help="tags that go")
    add_format(tag)
    label = add_verb(verbs, "label", run_label, "change the labels of a dataset, or labels and metadata of a version")
    label.add_argument(
        "name", metavar="NAME[:VERSION|:TAG]", type=dataset_or_version, help="the dataset, or one of its versions"
    )
    label.add_argument(
        "-s",
        "--set",
        dest="put",
        metavar="KEY=VALUE",
        nargs="+",
        default=[],
        type=assignment,
        help="labels it gets",
    )
    label.add_argument("-d", "--delete", dest="gone", metavar="KEY", nargs="+", default=[], help="labels that go")
    label.add_argument(
        "-m", "--metadata", metavar="KEY=VALUE|FILE", nargs="+", default=[], help="metadata that the version gets"
    )
    label.add_argument("--delete-metadata", metavar="KEY", nargs="+", default=[], help="metadata that goes")
    add_format(label)


def run_create(args: argparse.Namespace) -> int:
    """Make one."""
    reply = Registry(client_of(args)).create(args.name, args.location, pairs(args.labels))
    if args.format_type == JSON:
        print_reply(reply.body)
    else:
        print(f"Created dataset {args.name} at {reply.read(Dataset).location}.")
    return 0


def run_tag(args: argparse.Namespace) -> int:
    """Change tags."""
    if not args.put and not args.gone:
        raise CliError("Say which tags: --set TAG, or --delete TAG.")
    registry, name = Registry(client_of(args)), args.wanted.name
    reply = registry.version(args.wanted)
    version = reply.read(Version).version
    for tag in args.gone:
        reply = registry.untag(name, tag)
    for tag in args.put:
        reply = registry.tag(name, tag, version)
    if args.format_type == JSON:
        print_reply(reply.body)
    else:
        tags = ", ".join(f"{tag}: {number}" for tag, number in reply.read(Dataset).tags.items())
        print(f"Tags of dataset {name}: {tags or 'none'}.")
    return 0


def run_label(args: argparse.Namespace) -> int:
    """Change labels and metadata."""
    name, wanted = args.name
    labels = {**dict.fromkeys(args.gone), **pairs(args.put)}
    noted = {**dict.fromkeys(args.delete_metadata), **metadata(args.metadata)}
    if not labels and not noted:
        raise CliError("Say what changes: --set KEY=VALUE, --delete KEY, or of a version --metadata.")
    registry = Registry(client_of(args))
    if wanted is None:
        if noted:
            raise CliError(f"Metadata belongs to versions. Name one, such as {name}:latest.")
        reply = registry.change(name, {"labels": labels})
        shown = reply.read(Dataset).labels
    else:
        reply = registry.change_version(wanted, {"labels": labels, "metadata": noted})
        shown = reply.read(Version).labels
    if args.format_type == JSON:
        print_reply(reply.body)
    else:
        listed = ", ".join(f"{key}={value}" for key, value in shown.items())
        print(f"Labels of {name if wanted is None else wanted}: {listed or 'none'}.")
    return 0
