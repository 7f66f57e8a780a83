"""Who we are to an API server: a bearer token that may change, found in a file, given as text, or made by a program."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from gateway.runners.argo.faults import AccessError

_FILE_SECONDS = 60.0
_PROGRAM_SECONDS = 60.0
_EARLY_SECONDS = 60.0


class Token(Protocol):
    """Gives the bearer token of the moment."""

    def current(self) -> str:
        """The token, "" for none. Errors: AccessError."""

    def renew(self) -> None:
        """The server refused the token: do not give it again."""


@dataclass(slots=True)
class FixedToken:
    """A token that never changes."""

    value: str = field(repr=False, default="")

    def current(self) -> str:
        """The token."""
        return self.value

    def renew(self) -> None:
        """There is no other one."""


@dataclass(slots=True, kw_only=True)
class FileToken:
    """A token that somebody else writes anew from time to time, as the kubelet does for pods."""

    path: Path
    clock: Callable[[], float] = time.monotonic
    _value: str = field(default="", repr=False)
    _read_at: float = float("-inf")

    def current(self) -> str:
        """The token, read again every minute."""
        now = self.clock()
        if now - self._read_at >= _FILE_SECONDS:
            try:
                self._value = self.path.read_text().strip()
            except OSError as error:
                raise AccessError(f"The token file {self.path} cannot be read: {error.strerror}.") from error
            self._read_at = now
        return self._value

    def renew(self) -> None:
        """Read the file again next time."""
        self._read_at = float("-inf")


@dataclass(slots=True, kw_only=True)
class ProgramToken:
    """A token from a credential plugin (`exec` of a kubeconfig), kept until shortly before it expires."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    _value: str = field(default="", repr=False)
    _until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def current(self) -> str:
        """The token; runs the program where there is none that is still good."""
        with self._lock:
            if time.time() >= self._until:
                self._ask()
            return self._value

    def renew(self) -> None:
        """Run the program again next time."""
        self._until = 0.0

    def _ask(self) -> None:
        name = self.command[0]
        try:
            done = subprocess.run(
                self.command,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PROGRAM_SECONDS,
                check=True,
            )
            status = json.loads(done.stdout)["status"]
            self._value = str(status["token"])
        except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
            raise AccessError(
                f"The credential plugin {name!r} gave no token ({type(error).__name__}). Run it by hand to see why."
            ) from error
        self._until = _expiry(status.get("expirationTimestamp"))


def _expiry(text: object) -> float:
    if not isinstance(text, str):
        return float("inf")
    try:
        until = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return time.time()
    return until.replace(tzinfo=until.tzinfo or UTC).timestamp() - _EARLY_SECONDS
