"""The envelope: AES-256-GCM under master keys that have ids.

Shape of everything sealed: a version byte, the length of a key's id and the id, a nonce of 12 bytes, the ciphertext
with its tag. The additional data are all before the nonce, the kind, the owner and the name, each with its length
before it.
Source: NIST SP 800-38D; api.md §7.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.ports.vault import SealBroken
from gateway.vault.master_keys import KEY_BYTES, MasterKeys

_VERSION = 1
_NONCE_BYTES = 12
_USER_KEY = "user-key"
_SECRET = "secret"
# A user has one key, so its id says nothing more.
_OWN_KEY_ID = "user"


class Envelope:
    """Implements `gateway.ports.vault.Vault`. Shape: `master_keys` gives the keys as they are now."""

    def __init__(self, master_keys: Callable[[], MasterKeys]) -> None:
        self._master_keys = master_keys

    def new_user_key(self, user: str) -> bytes:
        """A new key for a user, sealed with the current master key."""
        return self._wrapped(user, secrets.token_bytes(KEY_BYTES))

    def seal(self, user_key: bytes, user: str, name: str, secret: bytes) -> bytes:
        """A secret of a user, sealed with the user's key."""
        return _sealed(_OWN_KEY_ID, self._unwrapped(user, user_key), secret, _SECRET, user, name)

    def open(self, user_key: bytes, user: str, name: str, sealed: bytes) -> bytes:
        """What was sealed under the same user and name."""
        return _opened(lambda _id: self._unwrapped(user, user_key), sealed, _SECRET, user, name)

    def resealed(self, user_key: bytes, user: str) -> bytes | None:
        """The user's key under the current master key; None where it is already."""
        if _key_id(user_key) == self._master_keys().current:
            return None
        return self._wrapped(user, self._unwrapped(user, user_key))

    def _wrapped(self, user: str, key: bytes) -> bytes:
        keys = self._master_keys()
        return _sealed(keys.current, keys.key(keys.current), key, _USER_KEY, user, "")

    def _unwrapped(self, user: str, user_key: bytes) -> bytes:
        return _opened(self._master_keys().key, user_key, _USER_KEY, user, "")


def _sealed(key_id: str, key: bytes, plain: bytes, kind: str, owner: str, name: str) -> bytes:
    identity = key_id.encode()
    nonce = secrets.token_bytes(_NONCE_BYTES)
    header = bytes([_VERSION, len(identity)]) + identity
    return header + nonce + AESGCM(key).encrypt(nonce, plain, _bound_to(header, kind, owner, name))


def _opened(key_of: Callable[[str], bytes], sealed: bytes, kind: str, owner: str, name: str) -> bytes:
    key = key_of(_key_id(sealed))
    begin = 2 + sealed[1]
    nonce, body = sealed[begin : begin + _NONCE_BYTES], sealed[begin + _NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, body, _bound_to(sealed[:begin], kind, owner, name))
    except (InvalidTag, ValueError) as error:
        raise SealBroken(
            f"A stored secret of {owner} cannot be opened: it was changed, moved, or sealed with another key. Restore "
            "the file of master keys that was in use, or store the credential again."
        ) from error


def _key_id(sealed: bytes) -> str:
    if len(sealed) < 2 or sealed[0] != _VERSION or len(sealed) < 2 + sealed[1]:
        raise SealBroken("A stored secret has a form that this version does not know. Store the credential again.")
    return sealed[2 : 2 + sealed[1]].decode(errors="replace")


def _bound_to(header: bytes, kind: str, owner: str, name: str) -> bytes:
    parts = [header, *(part.encode("utf-8", "surrogatepass") for part in (kind, owner, name))]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
