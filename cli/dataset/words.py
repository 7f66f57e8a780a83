"""Arguments that verbs of `argosmo dataset` share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec
import yaml

from cli.arguments import add_format, add_labels
from cli.errors import CliError
from translator.spec.dataset_names import BadDatasetName, DatasetReference, check_dataset_name, dataset_reference


def add_name(parser: argparse.ArgumentParser) -> None:
    """Add the name of a dataset."""
    parser.add_argument("name", metavar="NAME", type=_name, help="the dataset")


def add_reference(parser: argparse.ArgumentParser, help_text: str = "the version; the latest by default") -> None:
    """Add a dataset with perhaps a version."""
    parser.add_argument("wanted", metavar="NAME[:VERSION|:TAG]", type=reference, help=help_text)


def add_notes(parser: argparse.ArgumentParser) -> None:
    """Add what is noted about a new version."""
    parser.add_argument("--tag", dest="tags", metavar="TAG", action="append", default=[], help="a tag for the version")
    add_labels(parser, "-l", what="a label of the version")
    parser.add_argument(
        "-m",
        "--metadata",
        metavar="KEY=VALUE|FILE",
        action="append",
        default=[],
        help="what to note about the version: a value, JSON where it can be read so, or a file of JSON or YAML",
    )


def add_moving(parser: argparse.ArgumentParser) -> None:
    """Add how files are moved, and how that is shown."""
    parser.add_argument("-q", "--quiet", action="store_true", help="no bars and no sentence at the end")
    add_format(parser)


def notes_of(args: argparse.Namespace) -> dict[str, object]:
    """What is noted about a new version, as the server takes it. Errors: CliError."""
    return {"tags": args.tags, "labels": pairs(args.labels), "metadata": metadata(args.metadata)}


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """`KEY=VALUE` texts as a map."""
    return dict(text.split("=", 1) for text in texts)


def metadata(texts: Sequence[str]) -> dict[str, object]:
    """Values and files together, later ones before earlier ones. Errors: CliError."""
    found: dict[str, object] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if equals and key:
            found[key] = _value(value)
        else:
            found |= _document(Path(text))
    return found


def reference(text: str) -> DatasetReference:
    """An argument type: `NAME[:VERSION|:TAG]`."""
    try:
        return dataset_reference(text)
    except BadDatasetName as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def dataset_or_version(text: str) -> tuple[str, DatasetReference | None]:
    """An argument type: a dataset's name, and the version where one is named."""
    found = reference(text)
    return found.name, found if ":" in text else None


def _name(text: str) -> str:
    try:
        check_dataset_name(text)
    except BadDatasetName as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _value(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return text


def _document(path: Path) -> dict[str, object]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        plain = msgspec.to_builtins(found)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError) as error:
        raise CliError(
            f"{path} cannot be read as metadata: {error}. Give KEY=VALUE, or a JSON or YAML file."
        ) from error
    if not isinstance(plain, dict) or not all(isinstance(key, str) for key in plain):
        raise CliError(f"Expected a map of metadata in {path}.")
    return plain
