"""The log store: every workflow's lines in files of its own, live and sealed alike.

Lines are appended with plain writes, whole records at a time: when the process is killed, what is in the file is a
prefix of what was taken. (A power cut may take the last seconds, as nothing is flushed for each line.) Full pieces are
compressed in the background, see `log_index`.
"""

from __future__ import annotations

import os
import queue
import threading
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import structlog

from engine.crashpoints import crash_point
from engine.ports import LogLine
from gateway.ports.faults import StoreUnavailable
from gateway.ports.logs import LogEnd, LogQuery
from gateway.ports.store import Store
from gateway.store.log_archived import ArchivedLogs
from gateway.store.log_choice import Choice
from gateway.store.log_ends import Ends, ends_in
from gateway.store.log_follow import Follower
from gateway.store.log_index import settle
from gateway.store.log_pieces import Pieces
from gateway.store.log_records import encoded
from gateway.store.log_sources import AttemptLog, LogSource, WholeLog
from translator.plan.model import WorkflowUuid

ROLL_BYTES = 1024 * 1024
_OPEN_FILES = 256
_REMEMBERED_SEALS = 4096
_WATCH_SECONDS = 0.5

_log = structlog.get_logger(__name__)


class FileLogs:
    """Implements `gateway.ports.logs.Logs` in a local directory, with its index in the database.

    What `log_archiving` brought to the place of logs is read from there, through `archived`.
    """

    def __init__(
        self, root: Path, store: Store, *, roll_bytes: int = ROLL_BYTES, archived: ArchivedLogs | None = None
    ) -> None:
        self._root = root
        self._archived = archived
        self._store = store
        self._roll_bytes = roll_bytes
        self._lock = threading.Lock()
        self._growing: dict[WorkflowUuid, _Growing] = {}
        self._open: OrderedDict[WorkflowUuid, _Growing] = OrderedDict()
        self._sealed: OrderedDict[WorkflowUuid, None] = OrderedDict()
        self._left: set[WorkflowUuid] = set()
        self._followers: defaultdict[WorkflowUuid, set[Follower]] = defaultdict(set)
        self._settling = threading.Lock()
        self._full: queue.SimpleQueue[WorkflowUuid | None] = queue.SimpleQueue()
        self._compressor: threading.Thread | None = None
        self._watcher: threading.Thread | None = None
        self._stopping = threading.Event()

    def append(self, uuid: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        """Take lines; on return they are with the operating system. Errors: StoreUnavailable if the disk is full."""
        if not lines:
            return
        growing = self._growing_of(uuid)
        if growing is None:
            return
        try:
            rolled = self._written(uuid, growing, encoded(lines))
        except _TakenUp:
            _log.error("log taken up by another process", workflow=uuid, lines=len(lines))
            self.leave(uuid)
            return
        crash_point("logs.appended")
        if rolled:
            self._compress_later(uuid)
        self._wake(uuid)

    def _written(self, uuid: WorkflowUuid, growing: _Growing, data: bytes) -> bool:
        """Append records; whether the piece was full, and the next one is begun. Errors: StoreUnavailable; _TakenUp."""
        with growing.lock:
            if growing.sealed:
                return False
            self._keep_open(uuid, growing)
            growing.write(data)
            if growing.size < self._roll_bytes:
                return False
            growing.roll()
            crash_point("logs.rolled")
            return True

    def recover(self, uuid: WorkflowUuid, *, contested: bool = False) -> None:
        """Take up the log of an unsealed workflow that this process now owns: a torn last line is cut off.

        contested: all that is there is compressed, so that a writer who does not know it yet finds its piece gone, and
        this process begins a new one. Errors: StoreUnavailable, OSError.
        """
        if contested:
            self.leave(uuid)
        taken = self._contested(uuid) if contested else None
        with self._lock:
            self._left.discard(uuid)
            if uuid in self._growing:
                return
            growing = taken or _Growing(Pieces(self._root, uuid))
            self._growing[uuid] = growing
        if growing.number > 1 and not contested:
            self._compress_later(uuid)

    def leave(self, uuid: WorkflowUuid) -> None:
        """Write this log no more: another process does, or nobody. Safe to repeat."""
        with self._lock:
            growing = self._growing.pop(uuid, None)
            self._open.pop(uuid, None)
            self._left.add(uuid)
            followed = uuid in self._followers
        if growing is not None:
            with growing.lock:
                growing.sealed = True
                growing.let_go()
        if followed:
            self._watch_if_foreign(uuid)

    def end_of(self, uuid: WorkflowUuid, task: str, retry_id: int, *, system: bool) -> LogEnd | None:
        """Where the log of an attempt ended when this process took up the workflow's.

        Shape: as of the first question after that; ask before the attempt's first line is appended.
        """
        growing = self._growing_of(uuid)
        if growing is None:
            return None
        with growing.lock:
            if growing.ends is None:
                growing.ends = ends_in(self._store, uuid, Pieces(self._root, uuid))
            return growing.ends.get((task, retry_id, system))

    def seal(self, uuid: WorkflowUuid) -> None:
        """Compress and index what is left; follows end. Safe to repeat. Errors: StoreUnavailable, OSError."""
        growing = self._growing_of(uuid)
        if growing is None and uuid in self._left:
            return
        if self._archived is not None:
            self._archived.expect(uuid)
        if growing is not None:
            with growing.lock:
                growing.sealed = True
                growing.let_go()
            # Later ones are another process's, should it have taken the workflow over in the meantime.
            self._settle(uuid, growing=growing.number + 1)
        with self._lock:
            self._growing.pop(uuid, None)
            self._open.pop(uuid, None)
            self._sealed[uuid] = None
            if len(self._sealed) > _REMEMBERED_SEALS:
                self._sealed.popitem(last=False)
        self._wake(uuid)

    def remove(self, uuid: WorkflowUuid, *, documents: bool = False) -> None:
        """Delete the log of a workflow that ended, here and in the place of logs; with `documents` all that is there.

        Safe to repeat. Errors: StoreError, StoreUnavailable.
        """
        if self._archived is not None:
            self._archived.remove(uuid, documents=documents)
        Pieces(self._root, uuid).remove()

    def read(self, uuid: WorkflowUuid, query: LogQuery) -> Iterator[LogLine]:
        """The lines there are now, in the order in which they were taken."""
        choice = Choice(query)
        source = self._source(uuid, query)
        source.check()
        if query.last_n_lines is not None:
            return iter(self._tail(source, choice, query.last_n_lines, source.numbers()))
        return self._stream(source, choice)

    def follow(self, uuid: WorkflowUuid, query: LogQuery) -> Follower:
        """The lines there are now and those to come."""
        choice = Choice(query)
        source = self._source(uuid, query)
        source.check()
        backlog: Sequence[LogLine] = ()
        start = (1, 0)
        if query.last_n_lines is not None:
            numbers = source.numbers() or [1]
            newest = source.read(numbers[-1])
            start = (numbers[-1], len(newest))
            backlog = self._tail(source, choice, query.last_n_lines, numbers, newest)
        follower = Follower(source, choice, _Origin(self, uuid), backlog, start)
        with self._lock:
            self._followers[uuid].add(follower)
        self._watch_if_foreign(uuid)
        return follower

    def line_count(self, uuid: WorkflowUuid) -> int:
        """How many lines the log has."""
        source = self._source(uuid, LogQuery())
        with self._store.reading() as reads:
            indexed = {segment.number: segment.lines for segment in reads.segments(uuid)}
        return sum(
            indexed[number] if number in indexed else source.read(number).count(b"\n") for number in source.numbers()
        )

    def close(self) -> None:
        """Write and let go of everything; follows end."""
        self._stopping.set()
        self._full.put(None)
        for thread in (self._compressor, self._watcher):
            if thread is not None:
                thread.join()
        with self._lock:
            followers = [follower for group in self._followers.values() for follower in group]
            growing = list(self._growing.values())
        for follower in followers:
            follower.close()
        for one in growing:
            with one.lock:
                one.sealed = True
                one.let_go()

    def is_complete(self, uuid: WorkflowUuid) -> bool:
        """Whether the log gets no more lines."""
        with self._lock:
            if uuid in self._growing:
                return False
            if uuid in self._sealed:
                return True
        with self._store.reading() as reads:
            return reads.sealed(uuid)

    def unfollow(self, uuid: WorkflowUuid, follower: Follower) -> None:
        """Wake a follower no more."""
        with self._lock:
            followers = self._followers[uuid]
            followers.discard(follower)
            if not followers:
                del self._followers[uuid]

    def _growing_of(self, uuid: WorkflowUuid) -> _Growing | None:
        """The piece that grows, of a workflow that is not sealed."""
        with self._lock:
            found = self._growing.get(uuid)
            left = uuid in self._left
        if found is not None or left or self.is_complete(uuid):
            return found
        self.recover(uuid)
        with self._lock:
            return self._growing.get(uuid)

    def _contested(self, uuid: WorkflowUuid) -> _Growing:
        """A new piece, behind all that anybody else wrote or still may write."""
        pieces = Pieces(self._root, uuid)
        while True:
            last = max(pieces.numbers(), default=0)
            self._settle(uuid, growing=None)
            with self._store.reading() as reads:
                last = max([last, *(segment.number for segment in reads.segments(uuid))])
            growing = _Growing(pieces, number=last + 1)
            try:
                growing.open()
            except _TakenUp:
                # The other one began this very piece a moment ago.
                continue
            return growing

    def _keep_open(self, uuid: WorkflowUuid, growing: _Growing) -> None:
        """Open the file if need be, and close one that was not written to for longest if there are too many."""
        growing.open()
        with self._lock:
            self._open[uuid] = growing
            self._open.move_to_end(uuid)
            if len(self._open) <= _OPEN_FILES:
                return
            for oldest, other in self._open.items():
                # One that is being written to is not waited for: its writer may be waiting for us.
                if other is not growing and other.lock.acquire(blocking=False):
                    other.let_go()
                    other.lock.release()
                    del self._open[oldest]
                    return

    def _source(self, uuid: WorkflowUuid, query: LogQuery) -> WholeLog | AttemptLog:
        """What answers a question: the attempt's own log where only that is asked for and the whole one is not here."""
        with self._lock:
            grows = uuid in self._growing
        whole = WholeLog(self._store, Pieces(self._root, uuid), self._archived, uuid, grows=grows)
        if self._archived is None or grows or query.task is None or query.retry_id is None or whole.is_here:
            return whole
        attempt = self._archived.attempt(uuid, query.task, query.retry_id)
        return whole if attempt is None else AttemptLog(self._archived, uuid, attempt)

    def _stream(self, source: LogSource, choice: Choice) -> Iterator[LogLine]:
        passed_over = source.passed_over(choice)
        for number in source.numbers():
            if number not in passed_over:
                yield from choice.of(source.read(number))

    def _tail(
        self, source: LogSource, choice: Choice, count: int, numbers: Sequence[int], newest: bytes | None = None
    ) -> Sequence[LogLine]:
        """The last chosen lines of these pieces, the last of which may be given."""
        passed_over = source.passed_over(choice)
        found: deque[list[LogLine]] = deque()
        missing = count
        for number in reversed(numbers):
            if missing <= 0:
                break
            if number in passed_over:
                continue
            data = newest if newest is not None and number == numbers[-1] else source.read(number)
            last = choice.last_of(data, missing)
            missing -= len(last)
            found.appendleft(last)
        return tuple(chain.from_iterable(found))

    def _settle(self, uuid: WorkflowUuid, *, growing: int | None) -> None:
        with self._settling:
            settle(self._store, uuid, Pieces(self._root, uuid), growing=growing)

    def _compress_later(self, uuid: WorkflowUuid) -> None:
        with self._lock:
            if self._compressor is None and not self._stopping.is_set():
                self._compressor = threading.Thread(target=self._compress, name="log-compressor", daemon=True)
                self._compressor.start()
        self._full.put(uuid)

    def _compress(self) -> None:
        while (uuid := self._full.get()) is not None:
            with self._lock:
                growing = self._growing.get(uuid)
            if growing is None:
                continue
            try:
                self._settle(uuid, growing=growing.number)
            except Exception:  # noqa: BLE001
                # The raw pieces stay readable; sealing or the next full piece tries again.
                _log.exception("log not compressed", workflow=uuid)

    def _wake(self, uuid: WorkflowUuid) -> None:
        if uuid not in self._followers:
            return
        with self._lock:
            followers = tuple(self._followers.get(uuid, ()))
        for follower in followers:
            follower.wake()

    def _watch_if_foreign(self, uuid: WorkflowUuid) -> None:
        """See to it that somebody looks at a log that another process may write."""
        with self._lock:
            if uuid in self._growing or uuid in self._sealed or self._watcher is not None:
                return
            self._watcher = threading.Thread(target=self._watch, name="log-watcher", daemon=True)
            self._watcher.start()

    def _watch(self) -> None:
        seen: dict[WorkflowUuid, tuple[object, ...]] = {}
        while not self._stopping.wait(_WATCH_SECONDS):
            with self._lock:
                foreign = [uuid for uuid in self._followers if uuid not in self._growing]
            seen = {uuid: seen.get(uuid, ()) for uuid in foreign}
            for uuid in foreign:
                try:
                    state = self._state(uuid)
                except StoreUnavailable:
                    continue
                if state != seen[uuid]:
                    seen[uuid] = state
                    self._wake(uuid)

    def _state(self, uuid: WorkflowUuid) -> tuple[object, ...]:
        pieces = Pieces(self._root, uuid)
        numbers = pieces.numbers()
        return (numbers, pieces.size(numbers[-1]) if numbers else 0, self.is_complete(uuid))


class _Origin:
    """Implements `log_follow.Origin` for the followers of one workflow."""

    def __init__(self, logs: FileLogs, uuid: WorkflowUuid) -> None:
        self._logs = logs
        self._uuid = uuid

    def is_complete(self) -> bool:
        return self._logs.is_complete(self._uuid)

    def leave(self, follower: Follower) -> None:
        self._logs.unfollow(self._uuid, follower)


class _TakenUp(Exception):
    """Another process writes this log now."""


class _Growing:
    """The last piece of a log, which this process writes. Use under its lock.

    Shape: `number` where a new piece is to be begun; without it the last one is gone on with. `ends` once asked for.
    """

    def __init__(self, pieces: Pieces, *, number: int | None = None) -> None:
        self.lock = threading.Lock()
        self.sealed = False
        self.ends: Ends | None = None
        self._pieces = pieces
        self._file: int | None = None
        last = max(pieces.numbers(), default=0)
        # A piece that was compressed is never written to again, also if its raw form was not yet deleted.
        grows = number is None and last > 0 and not pieces.compressed(last).exists()
        self.number = number or (last if grows else last + 1)
        self._exists = grows
        if grows:
            cut = pieces.cut_torn_line(self.number)
            if cut:
                _log.warning("torn log line cut", directory=str(pieces.directory), bytes=cut)
        self.size = pieces.size(self.number)

    def open(self) -> None:
        """Have the file open for appending. Errors: StoreUnavailable; _TakenUp."""
        if self._file is not None:
            return
        path = self._pieces.raw(self.number)
        begin = 0 if self._exists else os.O_CREAT | os.O_EXCL
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if self._pieces.compressed(self.number).exists():
                raise _TakenUp
            self._file = os.open(path, os.O_WRONLY | begin | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._exists = True
        except (FileExistsError, FileNotFoundError) as error:
            raise _TakenUp from error
        except OSError as error:
            raise StoreUnavailable(f"The log {path} cannot be written: {error}") from error

    def write(self, data: bytes) -> None:
        """Append whole records, all or none. Errors: StoreUnavailable."""
        if self._file is None:
            raise RuntimeError("open() comes first")
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            os.ftruncate(self._file, self.size)
            raise StoreUnavailable(f"The log {self._pieces.raw(self.number)} cannot be written: {error}") from error
        self.size += len(data)

    def roll(self) -> None:
        """Begin the next piece."""
        self.let_go()
        self.number += 1
        self.size = 0
        self._exists = False
        self.open()

    def let_go(self) -> None:
        """Close the file. Safe to repeat."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
