"""Locations, stores and keys of one command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from cli.config_file import data_keys
from cli.errors import EXIT_FAILED, CliError
from cli.interrupts import Interrupts
from storage.credentials import DataCredential, UserKeys
from storage.faults import StoreError, TransferStopped
from storage.local import LocalStore
from storage.remote import remote_stores
from storage.select import Selection, selection
from storage.stores import Stores
from storage.urls import FILE_SCHEME, Location, parse_location
from translator.plan.urls import LocationError
from translator.plan.urls import location as understood


class Stopped:
    """The user's wish to stop, as a sign for transfers."""

    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts

    def is_set(self) -> bool:
        """Whether he pressed Ctrl-C."""
        return self._interrupts.count > 0


class Interrupted(Exception):
    """A transfer was stopped by the user. Shape: `exit_code` is the process's."""

    def __init__(self, exit_code: int) -> None:
        super().__init__()
        self.exit_code = exit_code


def add_uri(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add the location of a store."""
    parser.add_argument(
        "remote_uri",
        metavar="URI",
        type=_location,
        nargs="?" if optional else None,
        help="where, such as s3://bucket/path",
    )


def add_regex(parser: argparse.ArgumentParser) -> None:
    """Add `-x/--regex`."""
    parser.add_argument(
        "-x", "--regex", default="", help="only files whose path below the place matches, from its beginning on"
    )


def chosen(args: argparse.Namespace) -> Selection:
    """The selection of `--regex`. Errors: CliError."""
    try:
        return selection(args.regex)
    except StoreError as error:
        raise CliError(f"{error}.") from error


def local_stores() -> Stores:
    """All stores, opened with the keys kept on this machine, else with its identity. Errors: CliError."""
    keys: dict[str, DataCredential] = {}
    for endpoint, values in data_keys().items():
        try:
            keys[_profile(endpoint)] = msgspec.convert({"endpoint": endpoint, **values}, DataCredential)
        except msgspec.ValidationError as error:
            raise CliError(f"The key for {endpoint} cannot be used: {error}. Store it again.") from error
    return Stores({FILE_SCHEME: LocalStore(), **remote_stores(UserKeys(keys))})


@contextmanager
def heeding_the_user() -> Iterator[Stopped]:
    """A sign that is given by Ctrl-C. Errors: CliError for what a store does not do; Interrupted."""
    with Interrupts() as interrupts:
        try:
            yield Stopped(interrupts)
        except TransferStopped as error:
            raise Interrupted(interrupts.exit_code) from error
        except StoreError as error:
            raise CliError(f"{error}.".replace("..", "."), exit_code=EXIT_FAILED) from error


def _location(text: str) -> Location:
    try:
        understood(text, local=True)
        return parse_location(text)
    except (LocationError, StoreError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _profile(endpoint: str) -> str:
    """What users' keys are found by; keys for places that are none do no harm."""
    try:
        return understood(endpoint, local=False).profile
    except LocationError:
        return endpoint
