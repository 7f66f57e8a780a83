"""The Secrets of one Workflow: what every task is told, and the files it gets.

A Secret holds up to 1 MiB, so what belongs to one task stays together and tasks are packed one after the other. A file
that several tasks share, or a large one, is stored once, under a name that follows from its content.
Source: argo-verified.md §5.1; workflow-spec.md §8.3.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from translator.argo.faults import refusal
from translator.argo.slots import Slot
from translator.plan.model import FilePlan, TaskPlan

_LARGE_FILE_BYTES = 64 * 1024


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where one entry lies: a Secret (with a mark for the Workflow's name) and a key in it."""

    secret: str
    key: str


class TaskPlaces(msgspec.Struct, frozen=True, kw_only=True):
    """Where a task's entries lie.

    Shape: `key` begins all keys of the task's own in Secret `<workflow>-run-<number>`; `files` in the order of the
    task's files, None for one of the task's own, whose key is `<key>.<place in the list>`.
    """

    number: int
    key: str
    files: tuple[Place | None, ...]


class SecretBook:
    """Fills Secrets in the order in which things are put in; same order, same Secrets."""

    def __init__(self, workflow: str, limit_bytes: int) -> None:
        self._workflow = workflow
        self._limit_bytes = limit_bytes
        self._shelves: dict[str, list[dict[str, bytes]]] = {"files": [], "run": []}
        self._room = {"files": 0, "run": 0}
        # By what is compared when files are shared: all but the path.
        self._shared: dict[tuple[str, bool], Place] = {}

    def share_files(self, tasks: Iterable[TaskPlan]) -> None:
        """Store what several tasks share, and what is large, before any task is put in."""
        uses = Counter([(file.contents, file.base64) for task in tasks for file in task.files])
        for body, count in uses.items():
            if count > 1 or len(body[0]) > _LARGE_FILE_BYTES:
                content = file_bytes(FilePlan(path="", contents=body[0], base64=body[1]))
                key = f"f-{hashlib.sha256(content).hexdigest()[:32]}"
                number = self._store("files", {key: content})
                self._shared[body] = Place(secret=f"{Slot.WORKFLOW.mark}-files-{number}", key=key)

    def put(self, task: TaskPlan, key: str, documents: Mapping[str, bytes], extra_files: Iterable[bytes]) -> TaskPlaces:
        """Store what one task is told and the files that are its own.

        Shape: `documents` maps an ending (`run`) to its content, stored as `<key>.<ending>`; `extra_files` come after
        the task's own in the numbering of files.
        """
        entries = {f"{key}.{ending}": content for ending, content in documents.items()}
        files: list[Place | None] = []
        for file in task.files:
            place = self._shared.get((file.contents, file.base64))
            if place is None:
                entries[f"{key}.{len(files)}"] = file_bytes(file)
            files.append(place)
        for content in extra_files:
            entries[f"{key}.{len(files)}"] = content
            files.append(None)
        return TaskPlaces(number=self._store("run", entries), key=key, files=tuple(files))

    def secrets(self) -> dict[str, dict[str, bytes]]:
        """All Secrets: name to entries, in the order in which they were begun."""
        return {
            f"{self._workflow}-{kind}-{number}": entries
            for kind, shelf in self._shelves.items()
            for number, entries in enumerate(shelf)
        }

    def _store(self, kind: str, entries: Mapping[str, bytes]) -> int:
        size = sum(map(len, entries)) + sum(map(len, entries.values()))
        if size > self._limit_bytes:
            raise refusal(
                "secret-too-large",
                f"Expected at most {self._limit_bytes} bytes of command, environment and files together in one task, "
                f"and in one file; got {size}. Put large content into an image or an input.",
            )
        shelf = self._shelves[kind]
        if not shelf or size > self._room[kind]:
            shelf.append({})
            self._room[kind] = self._limit_bytes
        shelf[-1].update(entries)
        self._room[kind] -= size
        return len(shelf) - 1


def file_bytes(file: FilePlan) -> bytes:
    """The content of a file. Errors: TranslationError for a base64 body that is none."""
    if not file.base64:
        return file.contents.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode("".join(file.contents.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise refusal("bad-base64", f'Expected base64 in file "{file.path}": {error}. Correct the contents.') from error
