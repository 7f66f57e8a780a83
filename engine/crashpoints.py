"""Places at which a test may kill the process, as a power switch would: to prove that nothing is lost or doubled.

`ARGOSMO_CRASH_AT=<name>` kills at the first passage, `<name>:<n>` at the n-th. Without the variable nothing happens.
"""

from __future__ import annotations

import itertools
import os
import signal

VARIABLE = "ARGOSMO_CRASH_AT"

CRASH_POINTS: dict[str, str] = {
    "effect.begins": "An effect is known; nothing of it is done.",
    "group.created": "A group is to be created; none of its attempts is queued.",
    "attempt.admitted": "An attempt has what it needs of the machine; it has no directory.",
    "sandbox.stands": "A sandbox is set up; it has not become an attempt's own.",
    "inputs.fetched": "All inputs of an attempt are there; it does not stand in the barrier.",
    "record.written": "A line is added to an attempt's record; nobody acted on it.",
    "start.recorded": "It is on record that the command may have been started; it was not.",
    "command.pipes-made": "The pipes of a command are open; the launcher knows nothing of it.",
    "command.start-asked": "The launcher is told to start a command; it has not answered.",
    "command.started": "A command runs; its process is not on record.",
    "command.exit-seen": "The launcher told how a command ended; nobody has acted on it.",
    "exit.recorded": "It is on record how a command ended; nothing is uploaded.",
    "upload.begins": "The output directory is about to be uploaded to one of its destinations.",
    "upload.one-done": "One destination has the outputs, others may be missing.",
    "upload.done": "All outputs are uploaded; that is not on record.",
    "end.recorded": "The end of an attempt is on record; it is not told.",
    "facts.before": "Facts are gathered; the sink has not got them.",
    "facts.after": "The sink has facts; the engine has not gone on.",
    "cell.closed": "Nothing of an attempt runs any more; its directory is still there.",
    "directory.in-trash": "A directory is out of its place; it is not removed.",
    "workflow.recovered": "A workflow is taken up; nothing of that is told.",
}
"""Name -> what is true there, of the engine; those of the gateway are in `gateway.ports.crashpoints`."""


def crash_point(name: str) -> None:
    """Kill the process (SIGKILL) if it was started to die at this passage of this point."""
    if name == _armed_point and next(_passages) == _armed_passage:
        os.kill(os.getpid(), signal.SIGKILL)


def arm(wanted: str) -> None:
    """Let the process die at a point. Shape: `name`, or `name:2` for its second passage; empty: nowhere."""
    global _armed_point, _armed_passage
    _armed_point, _, passage = wanted.partition(":")
    _armed_passage = int(passage or 1)


# Only one point can be asked for, so one counter is enough; `next` on it is atomic.
_passages = itertools.count(1)
_armed_point = ""
_armed_passage = 1
arm(os.environ.get(VARIABLE, ""))
