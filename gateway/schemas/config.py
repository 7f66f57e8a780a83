"""The state of the configuration files. Ours, not OSMO's."""

from __future__ import annotations

from gateway.schemas.wire import Reply


class ConfigProblemEntry(Reply):
    """One thing wrong with the configuration. Shape: line and column count from 1, null where there is no place."""

    message: str
    path: str
    file: str
    line: int | None
    column: int | None
    severity: str


class ConfigStatus(Reply):
    """`in_use`: the files are in use as they are; otherwise the last good state of them is, and `problems` says why."""

    in_use: bool
    problems: list[ConfigProblemEntry]
