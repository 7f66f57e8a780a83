"""The files that are injected into a task. Source: workflow-spec.md §2.11, §2.13, §8.3."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator
from dataclasses import dataclass

from engine.environment import Credentials, MissingCredential
from translator.plan.model import FilePlan, TaskPlan


class BadFile(Exception):
    """A file cannot be injected; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to inject, mode 0644. Shape: `path` as the user wrote it; a relative one counts from `/`."""

    path: str
    contents: bytes

    @property
    def absolute(self) -> str:
        """The path from `/`, without `.` and `..`."""
        return os.path.normpath("/" + self.path.lstrip("/"))


def injected_files(task: TaskPlan, credentials: Credentials) -> Iterator[File]:
    """The task's files, then those of its credentials. Errors: BadFile; MissingCredential."""
    for file in task.files:
        yield File(file.path, _contents(file))
    for entry in task.credential_files:
        if entry.credential not in credentials:
            raise MissingCredential(f'No values of credential "{entry.credential}" were handed to the engine')
        for key, value in credentials[entry.credential].items():
            yield File(f"{entry.directory.rstrip('/')}/{key}", value.reveal().encode("utf-8", "surrogateescape"))


def _contents(file: FilePlan) -> bytes:
    if not file.base64:
        return file.contents.encode("utf-8", "surrogateescape")
    try:
        # Line breaks and blanks may stand anywhere in it.
        return base64.b64decode("".join(file.contents.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadFile(f'The contents of file "{file.path}" are not base64: {error}') from error
