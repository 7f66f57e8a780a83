"""What is looked at in the places of logs."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.services.doctor_findings import Finding, ok, problem, warning
from gateway.services.log_place import LogPlaces
from pools.model import Config
from storage.faults import StoreError
from storage.probe import Access, probe
from storage.urls import parse_location


def log_place_findings(config: Config) -> Iterator[Finding]:
    """Whether logs can be put where they are to go, and read where they went before; an object is put and removed."""
    settings = config.workflow.workflow_log
    places = LogPlaces(lambda: config)
    current = places.current()
    if current is None:
        yield ok("log-place", "Logs stay in the data directory (`workflow.workflow_log.credential` is not set).")
    else:
        yield _place(places, current, (Access.WRITE, Access.READ), "Logs go to")
    for former in settings.former:
        yield _place(places, former.endpoint.rstrip("/"), (Access.READ,), "Earlier logs are read from")


def _place(places: LogPlaces, place: str, wanted: tuple[Access, ...], said: str) -> Finding:
    try:
        location = parse_location(place)
        for access in wanted:
            probe(places.stores(place), location, access)
    except (StoreError, OSError) as error:
        found = f"{place} cannot be used: {error}"
        if Access.WRITE in wanted:
            return problem("log-place", found, "Correct `workflow.workflow_log.credential`; until then logs stay here.")
        return warning("log-place", found, "Correct `workflow.workflow_log.former`; until then these logs are lost.")
    return ok("log-place", f"{said} {place}.")
