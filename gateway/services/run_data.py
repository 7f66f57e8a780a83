"""The intermediate data of one workflow: how much there is, and its removal.

Only what a task of the workflow may have written is touched: `W/<workflow>/<task>/` for each task of its Plan, and its
passports at last. Where a passport shows that the data is another workflow's of the same id, as when two gateways
share a place, all of it stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runtime.passport import OURS, fetch_passport, read_passport
from storage.faults import StoreError
from storage.keys import UnsafeName
from storage.lanes import StopSign
from storage.stores import StoredObject, Stores
from storage.transfer import Transfer
from storage.urls import Location
from translator.plan.model import Plan


class NotOurs(StoreError):
    """The data is another workflow's; the message says whose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much. Units: bytes."""

    objects: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """The data of one workflow. Errors of all methods: NotOurs; StoreError; TransferStopped."""

    stores: Stores
    location: Location
    plan: Plan
    stopped: StopSign

    def amount(self) -> Amount:
        """How much there is."""
        self._check_ours()
        objects = size = 0
        for place in self._places():
            for found in Transfer(self.stores, self.stopped).listed(place):
                if isinstance(found, StoredObject):
                    objects, size = objects + 1, size + found.size
        return Amount(objects=objects, bytes=size)

    def remove(self) -> Amount:
        """Remove it; what is gone already is no error, so that it may be done again after an interruption."""
        self._check_ours()
        objects = size = 0
        for place in self._places():
            moved = Transfer(self.stores, self.stopped).delete(place)
            objects, size = objects + moved.files, size + moved.bytes
        return Amount(objects=objects, bytes=size)

    def _places(self) -> Iterator[Location]:
        for group in self.plan.groups:
            for task in group.tasks:
                yield self._below(task.name)
        # As long as they are there, they say whose the rest is.
        yield self._below(OURS)

    def _below(self, *parts: str) -> Location:
        try:
            place = self.location.below(self.plan.workflow_id, *parts)
        except UnsafeName as error:
            raise StoreError(f"{self.plan.workflow_id} is no name of a directory: {error}") from error
        # The slash says that all below it is meant, and nothing whose name begins alike.
        return Location(scheme=place.scheme, path=f"{place.path}/")

    def _check_ours(self) -> None:
        for group in self.plan.groups:
            for task in group.tasks:
                document = fetch_passport(self.stores, self._below(OURS, "passports", task.name), None, self.stopped)
                if document is None:
                    continue
                owner = read_passport(document).workflow_uuid
                if owner != self.plan.workflow_uuid:
                    raise NotOurs(
                        f"The data at {self._below().url} is that of another workflow of this id ({owner}). Give each "
                        "gateway a place of its own (`workflow.workflow_data.credential.endpoint`)."
                    )
