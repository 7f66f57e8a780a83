"""How far the logs of attempts go: told by the lines themselves, so that it can never differ from what was kept.

A process that takes up a workflow reads on behind that; nothing comes twice and nothing is left out, wherever the one
before was killed. Of compressed pieces it stands in their index.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.ports import LogLine
from gateway.ports.logs import LogEnd
from gateway.ports.store import Store
from gateway.store.log_pieces import Pieces
from gateway.store.log_records import decoded, records_of
from translator.plan.model import WorkflowUuid

Whose = tuple[str, int, bool]
"""Task, number of the attempt, and whether the lines are the system's."""

Ends = dict[Whose, LogEnd]


def go_on(ends: Ends, line: LogLine) -> None:
    """Take one more line."""
    whose = (line.task, line.retry_id, line.system)
    known = ends.get(whose)
    if known is None or line.at > known.at:
        ends[whose] = LogEnd(at=line.at, lines=1)
    elif line.at == known.at:
        ends[whose] = LogEnd(at=line.at, lines=known.lines + 1)


def ends_in(store: Store, uuid: WorkflowUuid, pieces: Pieces) -> Ends:
    """How far all logs of a workflow go in the pieces that are here. Errors: StoreUnavailable, OSError.

    A piece that is indexed and is not here (it is on another machine) counts for nothing: its lines are missed here.
    """
    found: Ends = {}
    numbers = pieces.numbers()
    if not numbers:
        return found
    with store.reading() as reads:
        indexed = {segment.number: segment.ends for segment in reads.segments(uuid)}
    for number in numbers:
        ends = indexed.get(number)
        _join(found, _ends_of(pieces.read(number)) if ends is None else ends)
    return found


def _ends_of(data: bytes) -> Ends:
    ends: Ends = {}
    for line in filter(None, map(decoded, records_of(data))):
        go_on(ends, line)
    return ends


def _join(found: Ends, later: Mapping[Whose, LogEnd]) -> None:
    for whose, end in later.items():
        known = found.get(whose)
        if known is None or end.at > known.at:
            found[whose] = end
        elif end.at == known.at:
            found[whose] = LogEnd(at=end.at, lines=known.lines + end.lines)
