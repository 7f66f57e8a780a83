"""How far the logs of pods were read, kept in small files so that a new process goes on where the last one was."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import msgspec

from gateway.runners.argo.log_lines import Position
from translator.plan.model import WorkflowUuid


class _Kept(msgspec.Struct, frozen=True):
    stamp: str
    lines: int


class Positions:
    """Reads and writes positions; with no `directory` nothing is kept. Safe from any thread, one key at a time."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def read(self, workflow: WorkflowUuid, key: str) -> Position:
        """The position of one container's log; the beginning where none is kept or it cannot be read."""
        if self._directory is None:
            return Position()
        try:
            kept = msgspec.json.decode((self._directory / workflow / key).read_bytes(), type=_Kept)
        except (OSError, msgspec.MsgspecError):
            return Position()
        return Position(stamp=kept.stamp, lines=kept.lines)

    def write(self, workflow: WorkflowUuid, key: str, position: Position) -> None:
        """Keep a position. Lost writes only mean that lines are read again after a crash."""
        if self._directory is None:
            return
        path = self._directory / workflow / key
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.new")
        draft.write_bytes(msgspec.json.encode(_Kept(stamp=position.stamp, lines=position.lines)))
        os.replace(draft, path)

    def forget(self, workflow: WorkflowUuid) -> None:
        """Drop what is kept of a run."""
        if self._directory is not None:
            with contextlib.suppress(OSError):
                shutil.rmtree(self._directory / workflow)
