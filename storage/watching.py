"""Who looks on while data is moved."""

from __future__ import annotations

from typing import Protocol

from storage.sums import MovedFile


class Watch(Protocol):
    """Is told how far a transfer is, by any of its threads."""

    @property
    def wants_sums(self) -> bool:
        """Whether `done` has to say each file's SHA-256, also where nothing else needs it."""

    def found(self, files: int, size: int) -> None:
        """There is more to be moved. Units: size in bytes."""

    def moved(self, size: int) -> None:
        """Some bytes are where they should be; fewer than none where some have to be moved again."""

    def done(self, file: MovedFile) -> None:
        """A file is where it should be."""


class Unwatched:
    """Looks at nothing."""

    wants_sums = False

    def found(self, files: int, size: int) -> None:
        """See Watch."""

    def moved(self, size: int) -> None:
        """See Watch."""

    def done(self, file: MovedFile) -> None:
        """See Watch."""


UNWATCHED: Watch = Unwatched()
