"""Things of which there may be thousands while few are used: all but those that were used last are kept packed.

A workflow of a hundred tasks takes half a megabyte while it is worked on; packed, a thirtieth of that.
"""

from __future__ import annotations

import pickle
import threading
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from itertools import islice
from typing import Any, Protocol

AWAKE_TASKS = 10_000
"""How many tasks the workflows may have together that are kept ready for use; more where a single one has more."""

# How many are asked at most when one more is awake: what one brings, a few make room for.
_TRIES = 4
_EFFORT = 4
# As far back as it is looked for what came before.
_DICTIONARY_BYTES = 32_000
_PLAIN, _LIKE_THE_FIRST = b"p", b"d"


class Sleeper(Protocol):
    """Something that can be kept packed."""

    @property
    def weight(self) -> int:
        """How much it takes while it is awake."""

    def sleep(self) -> bool:
        """Pack what it holds, if it is not being used and may be; whether it sleeps now. It wakes by itself."""


class Sleepers:
    """Those that are awake. Safe from any thread. Shape: `limit` in the unit of `Sleeper.weight`."""

    def __init__(self, limit: int | None = None) -> None:
        self._limit = AWAKE_TASKS if limit is None else limit
        self._lock = threading.Lock()
        self._awake: OrderedDict[int, tuple[Sleeper, int]] = OrderedDict()
        self._weight = 0
        self._dictionary = b""

    def used(self, one: Sleeper) -> None:
        """Note that one was used, and have others sleep that were not for longest."""
        with self._lock:
            key = id(one)
            if key in self._awake:
                self._awake.move_to_end(key)
                return
            self._awake[key] = (one, one.weight)
            self._weight += one.weight
            oldest = [sleeper for sleeper, _ in islice(self._awake.values(), _TRIES)] if self._is_crowded else []
        for other in oldest:
            if not self._is_crowded:
                return
            if other is one:
                continue
            if other.sleep():
                self._drop(other)
            else:
                # It is busy; others are asked first the next time.
                self._touch(other)

    def pack(self, values: Mapping[str, Any]) -> bytes:
        """Values that may refer to each other, as few bytes; only `unpack` of the same object reads them.

        What is packed here is much alike: the first that comes is the dictionary of all others.
        """
        data = pickle.dumps(dict(values), protocol=5)
        with self._lock:
            if not self._dictionary and len(data) >= _DICTIONARY_BYTES:
                self._dictionary = data[:_DICTIONARY_BYTES]
        dictionary = self._dictionary
        if not dictionary:
            return _PLAIN + zlib.compress(data, _EFFORT)
        compressor = zlib.compressobj(_EFFORT, zdict=dictionary)
        return _LIKE_THE_FIRST + compressor.compress(data) + compressor.flush()

    def unpack(self, data: bytes) -> dict[str, Any]:
        """The values again."""
        is_plain, body = data[:1] == _PLAIN, memoryview(data)[1:]
        reader = zlib.decompressobj() if is_plain else zlib.decompressobj(zdict=self._dictionary)
        found: dict[str, Any] = pickle.loads(reader.decompress(body) + reader.flush())
        return found

    def forget(self, one: Sleeper) -> None:
        """Count one no more."""
        self._drop(one)

    @property
    def _is_crowded(self) -> bool:
        return self._weight > self._limit

    def _touch(self, one: Sleeper) -> None:
        with self._lock:
            if id(one) in self._awake:
                self._awake.move_to_end(id(one))

    def _drop(self, one: Sleeper) -> None:
        with self._lock:
            _, weight = self._awake.pop(id(one), (one, 0))
            self._weight -= weight
