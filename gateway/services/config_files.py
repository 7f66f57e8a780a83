"""The configuration in use: read from a directory, read again when it changes, the last good one kept.

Where no directory is given, the shipped default for this machine. Reading is done by whoever asks first after a change;
there is no thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from pools.config import parse_config
from pools.model import Config, ConfigError, ConfigProblem
from pools.shipped import MachineResources, shipped_config

CHECK_SECONDS = 1.0
SUFFIXES = frozenset({".yaml", ".yml"})
_MAX_FILE_BYTES = 16 * 1024 * 1024
_LOG = structlog.stdlib.get_logger(__name__)

# What tells whether the directory changed. Shape: (name, modification time in ns, size in bytes) of each file.
_Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigState:
    """The configuration in use and what is wrong with the files as they are now.

    Shape: `problems` is empty where `config` is what the files say; `config.warnings` are its remarks.
    """

    config: Config
    problems: tuple[ConfigProblem, ...] = ()


class ConfigFiles:
    """Knows the configuration. Safe to use from several threads; `clock` is monotonic seconds."""

    def __init__(
        self, directory: Path | None, machine: MachineResources, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the directory. Errors: ConfigError where it cannot be used, for there is no good one to keep."""
        self._directory = directory
        self._shipped = shipped_config(machine)
        self._clock = clock
        self._lock = threading.Lock()
        self._checked_at = clock()
        self._stamp: _Stamp = ()
        self._state = ConfigState(config=self._shipped)
        if directory is not None:
            self._stamp = _stamp(directory)
            self._state = ConfigState(config=self._read(directory))

    def current(self) -> Config:
        """The configuration to use now; looks at the files if that was not done in the last second."""
        return self.state().config

    def state(self) -> ConfigState:
        """The same with what is wrong."""
        directory = self._directory
        if directory is None or self._clock() - self._checked_at < CHECK_SECONDS:
            return self._state
        # One thread looks; the others go on with what is there.
        if self._lock.acquire(blocking=False):
            try:
                self._look(directory)
            finally:
                self._lock.release()
        return self._state

    def look_now(self) -> ConfigState:
        """The same after looking at the files, however long ago that was done."""
        if self._directory is not None:
            with self._lock:
                self._look(self._directory)
        return self._state

    @property
    def loaded(self) -> Config:
        """The configuration as last read; never touches the disk, for callers that must not block."""
        return self._state.config

    def _look(self, directory: Path) -> None:
        self._checked_at = self._clock()
        try:
            stamp = _stamp(directory)
            if stamp == self._stamp:
                return
            config = self._read(directory)
        except ConfigError as error:
            # The stamp is kept back where files could not be listed, so that the next look tries again.
            self._state = ConfigState(config=self._state.config, problems=error.problems)
            _LOG.error("configuration refused, the last good one stays in use", problems=_texts(error.problems))
            self._stamp = _stamp_or_none(directory)
            return
        self._stamp = stamp
        self._state = ConfigState(config=config)
        _LOG.info("configuration read", warnings=_texts(config.warnings))

    def _read(self, directory: Path) -> Config:
        files = {path.name: _contents(path) for path in _files(directory)}
        return parse_config(files, base=self._shipped)


def _files(directory: Path) -> list[Path]:
    # A mounted ConfigMap has hidden directories beside the links to its files.
    try:
        return sorted(
            path
            for path in directory.iterdir()
            if path.suffix in SUFFIXES and not path.name.startswith(".") and path.is_file()
        )
    except OSError as error:
        raise _unreadable(directory, error) from error


def _stamp(directory: Path) -> _Stamp:
    entries = []
    for path in _files(directory):
        try:
            found = path.stat()
        except OSError as error:
            raise _unreadable(path, error) from error
        entries.append((path.name, found.st_mtime_ns, found.st_size))
    return tuple(entries)


def _stamp_or_none(directory: Path) -> _Stamp:
    try:
        return _stamp(directory)
    except ConfigError:
        return ()


def _contents(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) > _MAX_FILE_BYTES:
        raise ConfigError((ConfigProblem(message=f"larger than {_MAX_FILE_BYTES} bytes", file=path.name),))
    return data


def _unreadable(path: Path, error: OSError) -> ConfigError:
    return ConfigError((ConfigProblem(message=f"cannot be read: {error.strerror or error}", file=str(path)),))


def _texts(problems: tuple[ConfigProblem, ...]) -> list[str]:
    return [str(problem) for problem in problems]
