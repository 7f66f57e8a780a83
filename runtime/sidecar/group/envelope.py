"""Proof that a line comes from the same group, on this connection, in this place of the conversation.

Each side gives a nonce; a key for each direction follows from the group's token and both nonces, and every line carries
an HMAC over its number and its text. A line that is changed, repeated, left out, sent back or taken from another
connection is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

MAX_LINE_BYTES = 8 * 1024
_NONCE = re.compile(rb"[0-9a-f]{32}\n")
_MAC_CHARACTERS = 64


class Forged(Exception):
    """A line was not written by a member of the group, or not here and now."""


def new_nonce() -> bytes:
    """A nonce as it is sent: a line."""
    return secrets.token_hex(16).encode() + b"\n"


def checked_nonce(line: bytes) -> bytes:
    """The other side's nonce. Errors: Forged where it is none."""
    if not _NONCE.fullmatch(line):
        raise Forged("expected a nonce")
    return line


class Envelope:
    """One end of one conversation."""

    def __init__(self, token: str, *, coordinator: bytes, member: bytes, speaks_as_coordinator: bool) -> None:
        nonces = coordinator + member
        keys = [_key(token, direction, nonces) for direction in (b"to member", b"to coordinator")]
        self._out, self._in = keys if speaks_as_coordinator else reversed(keys)
        self._sent = 0
        self._taken = 0

    def seal(self, text: bytes) -> bytes:
        """A line with its proof."""
        line = _mac(self._out, self._sent, text) + b" " + text + b"\n"
        self._sent += 1
        return line

    def open(self, line: bytes) -> bytes:
        """The text of a line. Errors: Forged; nothing of this connection may be believed any more then."""
        text = line[_MAC_CHARACTERS + 1 : -1]
        if not hmac.compare_digest(line, _mac(self._in, self._taken, text) + b" " + text + b"\n"):
            raise Forged("a line does not belong here")
        self._taken += 1
        return text


def _key(token: str, direction: bytes, nonces: bytes) -> bytes:
    return hmac.digest(token.encode(), b"argosmo group 1 " + direction + b"\n" + nonces, hashlib.sha256)


def _mac(key: bytes, number: int, text: bytes) -> bytes:
    return hmac.new(key, number.to_bytes(8, "big") + text, hashlib.sha256).hexdigest().encode()
