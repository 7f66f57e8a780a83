"""Ranges of objects from stores that speak S3 without TLS, straight into memory that is used again.

The clients of other stores hand out fresh memory for each range and copy into it, which costs a fifth of a download.
"""

from __future__ import annotations

import hashlib
import http.client
from collections.abc import Mapping

from storage.connections import UNMETERED, Meter
from storage.faults import TransferStopped
from storage.lanes import StopSign
from storage.ranges import Range
from storage.s3_signature import target_of
from storage.s3_wire import TRY_AGAIN, PassingAnswer, Request, S3Unreachable, S3Wire, answer_of

_STEP_BYTES = 1024 * 1024
_NOTHING = hashlib.sha256().hexdigest()


def fetch_range(
    wire: S3Wire, key: str, wanted: Range, version: str, stopped: StopSign, meter: Meter = UNMETERED
) -> Mapping[str, str]:
    """Have all of a range of the object with this entity tag, and return the headers that came with it.

    What breaks off goes on where it did. Shape: names of headers in lower case.
    Errors: S3Refused; S3Unreachable; TransferStopped.
    """
    number = 0
    while True:
        before = len(wanted.came)
        try:
            return _fetch_once(wire, key, wanted, version, stopped, meter)
        except (OSError, http.client.HTTPException) as error:
            # Each piece that came is a reason to go on.
            number = 1 if len(wanted.came) > before else number + 1
            if number > wire.patience.tries:
                raise S3Unreachable(f"{wire.url} did not answer ({type(error).__name__}: {error})") from error
        wire.patience.wait(number, stopped)


def _fetch_once(
    wire: S3Wire, key: str, wanted: Range, version: str, stopped: StopSign, meter: Meter
) -> Mapping[str, str]:
    start, content = wanted.start + len(wanted.came), b""
    headers, target = {"range": f"bytes={start}-{wanted.end - 1}", "if-match": version}, f"{wire.prefix}/{key}"
    request = Request(method="GET", target=target_of(target, {}), headers=headers, payload=_NOTHING, meter=meter)
    with wire.reply_to(request) as reply:
        if reply.status == http.client.PARTIAL_CONTENT:
            if not reply.getheader("content-range", "").startswith(f"bytes {start}-"):
                raise S3Unreachable(f"expected bytes from {start} on, got {reply.getheader('content-range')}")
            _receive(reply, wanted, stopped)
        elif reply.status != http.client.OK:
            content = reply.read()
    if reply.status in TRY_AGAIN:
        raise PassingAnswer(f"the store answered {reply.status}")
    answer = answer_of(reply, content)
    if reply.status != http.client.PARTIAL_CONTENT:
        raise S3Unreachable(f"expected a part of the object, got an answer with status {reply.status}")
    return answer.headers


def _receive(reply: http.client.HTTPResponse, wanted: Range, stopped: StopSign) -> None:
    room = wanted.room()
    while (filled := len(wanted.came)) < len(wanted):
        if stopped.is_set():
            raise TransferStopped
        read = reply.readinto(room[filled : filled + _STEP_BYTES])
        if not read:
            raise http.client.IncompleteRead(b"", len(wanted) - filled)
        wanted.came = room[: filled + read]
