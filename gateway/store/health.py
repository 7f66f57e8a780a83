"""Whether a database can be used, without changing it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from gateway.ports.faults import StoreUnavailable
from gateway.services.doctor_findings import Finding, ok, problem, warning
from gateway.store.engines import faults_translated, open_engines
from gateway.store.schema import HEAD, REVISIONS, revision

_CHECK = "database"


def database_findings(url: str) -> Iterator[Finding]:
    """What is to be said of the database behind a URL; a password in it is not shown."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        yield _wrong(f"{url!r} is no database URL.")
        return
    shown = parsed.render_as_string(hide_password=True)
    if is_new_file(parsed):
        yield ok(_CHECK, f"{shown} does not exist yet; the gateway creates it.")
        return
    try:
        engines = open_engines(url)
    except (ValueError, OSError) as error:
        yield _wrong(f"{shown}: {error}")
        return
    try:
        with faults_translated(), engines.reader.connect() as connection:
            yield _revision(shown, revision(connection))
    except (StoreUnavailable, SQLAlchemyError) as error:
        advice = "Start it or mend the address, user and password in --database (ARGOSMO_DATABASE)."
        yield problem(_CHECK, f"{shown} cannot be used: {error}".replace("\n", " "), advice)
    finally:
        engines.dispose()


def _revision(shown: str, found: str | None) -> Finding:
    if found is None:
        return ok(_CHECK, f"{shown} is reached and empty; the gateway creates its tables.")
    if found == HEAD:
        return ok(_CHECK, f"{shown} is reached and has the newest schema ({found}).")
    if found in REVISIONS:
        advice = "Make a backup; the next start of `argosmo serve` migrates it."
        return warning(_CHECK, f"{shown} has an older schema ({found}).", advice)
    advice = "Install the version of argosmo that wrote it, or choose another --database."
    return problem(_CHECK, f"{shown} was written by a newer argosmo (schema {found}).", advice)


def is_new_file(parsed: URL) -> bool:
    """Whether it is a database in a file that does not exist yet."""
    return parsed.get_backend_name() == "sqlite" and bool(parsed.database) and not Path(parsed.database or "").exists()


def _wrong(text: str) -> Finding:
    return problem(_CHECK, text, "Set --database to sqlite:///<path> or postgresql://<user>:<password>@<host>/<name>.")
