"""`argosmo data check --passport`: whether outputs are still what a task uploaded."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from cli.arguments import JSON
from cli.data.bars import watch_for
from cli.data.places import Interrupted, heeding_the_user, local_stores
from cli.errors import EXIT_FAILED, CliError
from cli.output import note, print_json
from runtime.passport import Passport, PassportPlace, read_passport
from runtime.passport_check import PlaceChecked, check_place
from storage.faults import StoreError
from storage.urls import Location, parse_location

_STDIN = "-"


class PlaceReport(msgspec.Struct, kw_only=True):
    """One place. Shape: paths of files that are gone, and of those with other contents."""

    remote_uri: str
    files: int
    missing: list[str]
    damaged: list[str]


class PassportReport(msgspec.Struct, kw_only=True):
    """All places. Shape: `status` is pass or fail."""

    status: str
    workflow_id: str
    task: str
    retry_id: int
    places: list[PlaceReport]


def run_passport_check(args: argparse.Namespace) -> int:
    """Read what the passport lists and compare; 0 where everything is as it was uploaded."""
    passport = _passport(args.passport)
    stores, as_json = local_stores(), args.format_type == JSON
    found: list[PlaceChecked] = []
    try:
        with heeding_the_user() as stopped, watch_for("Comparing", quiet=as_json, wants_sums=False) as watch:
            for place, location in _places(passport, args.remote_uri):
                found.append(check_place(stores, location, place, stopped, watch=watch))
                if place.left_out:
                    note(f"Warning: {place.left_out} more files at {place.url} are not in the passport.")
    except Interrupted as interrupted:
        return interrupted.exit_code
    whole = all(each.is_whole for each in found)
    if as_json:
        _print_json(passport, found, whole=whole)
    else:
        for each in found:
            _print(each)
    return 0 if whole else EXIT_FAILED


def _passport(name: str) -> Passport:
    try:
        return read_passport(sys.stdin.buffer.read() if name == _STDIN else Path(name).read_bytes())
    except OSError as error:
        raise CliError(f"{name} cannot be read: {error.strerror}.") from error
    except StoreError as error:
        raise CliError(f"{name}: {error}. `argosmo task passport WORKFLOW TASK -t json` prints one.") from error


def _places(passport: Passport, chosen: Location | None) -> list[tuple[PassportPlace, Location]]:
    """The places of a passport; with a location only the one of that URL, or the only one, wherever it is now."""
    try:
        places = [(place, parse_location(place.url)) for place in passport.places]
    except StoreError as error:
        raise CliError(f"The passport names a place that is none: {error}.") from error
    if chosen is None:
        return places
    same = [(place, location) for place, location in places if location.path.rstrip("/") == chosen.path.rstrip("/")]
    if not same and len(places) != 1:
        known = ", ".join(place.url for place, _ in places) or "none"
        raise CliError(f"Nothing was uploaded to {chosen.url}. The passport has: {known}.")
    return same or [(places[0][0], chosen)]


def _print(found: PlaceChecked) -> None:
    print(f"{found.url}: {found.files} files, {'pass' if found.is_whole else 'fail'}")
    for path in found.missing:
        print(f"missing  {path}")
    for path in found.damaged:
        print(f"damaged  {path}")


def _print_json(passport: Passport, found: list[PlaceChecked], *, whole: bool) -> None:
    print_json(
        PassportReport(
            status="pass" if whole else "fail",
            workflow_id=passport.workflow_id,
            task=passport.task,
            retry_id=passport.retry_id,
            places=[
                PlaceReport(remote_uri=each.url, files=each.files, missing=each.missing, damaged=each.damaged)
                for each in found
            ],
        )
    )
