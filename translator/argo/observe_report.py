"""What the wrapper of a pod said at its end, read from the termination message of `main`.

Source: runtime/wrapper/report.go; argo-verified.md §2.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from translator.argo.observe_objects import Code

_KILLED_BY_ORDER = frozenset({"terminated", "killed"})


class Report(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The wrapper's report.

    Shape: `code` is the program's own, before exit actions; `action` the one that applied; `made` as `made_datasets`
    reads it.
    """

    code: Code
    phase: str
    action: str = ""
    signal: str = ""
    stopped: bool = False
    started: datetime | None = None
    ended: datetime | None = None
    message: str = ""
    made: tuple[str, ...] = ()

    @property
    def by_itself(self) -> bool:
        """Whether the run ended on its own account, so that nothing that happened to the pod explains it better."""
        return not self.stopped and self.signal not in _KILLED_BY_ORDER


def report_of(message: str) -> Report | None:
    """The report in a termination message; None where it is none, or was cut."""
    try:
        return _DECODER.decode(message.strip())
    except _NO_REPORT:
        return None


class _SidecarMessage(msgspec.Struct, frozen=True, kw_only=True):
    code: Code


def sidecar_code(message: str, exit_code: int) -> int:
    """The code that a sidecar means: the one in its message, else the one it ended with."""
    try:
        return _SIDECAR.decode(message.strip()).code
    except _NO_REPORT:
        return exit_code


# A program may write there what it likes, thousands of brackets too.
_NO_REPORT = (msgspec.DecodeError, UnicodeEncodeError, RecursionError)
_DECODER = msgspec.json.Decoder(Report)
_SIDECAR = msgspec.json.Decoder(_SidecarMessage)
