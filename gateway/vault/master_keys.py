"""The master keys: a file outside of the database that all gateways of one database share.

Shape of the file: JSON, `{"current": "<id>", "keys": {"<id>": "<32 bytes in base64>"}}`, readable by its owner only. A
rotation adds a key and makes it the current one; older ones stay until nothing is sealed with them.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from gateway.ports.vault import SealBroken

KEY_BYTES = 32
_Put = Callable[[str, Path], None]
_ID_BYTES = 6
_MAX_ID = 200


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    current: str
    keys: dict[str, str]


class MasterKeys(msgspec.Struct, frozen=True):
    """Some keys by id, one of which is the current one."""

    current: str
    keys: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"MasterKeys(current={self.current!r}, ids={sorted(self.keys)!r})"

    def key(self, key_id: str) -> bytes:
        """The key with an id. Errors: SealBroken where there is none."""
        found = self.keys.get(key_id)
        if found is None:
            raise SealBroken(
                f"Something stored is sealed with master key {key_id!r}, which is not in the file of master keys. "
                "Restore the file that was in use."
            )
        return found

    def rotated(self) -> MasterKeys:
        """A new key, which is the current one, and the one that was it: others may be sealing with that right now."""
        new = _new_id()
        keys = {self.current: self.key(self.current), new: secrets.token_bytes(KEY_BYTES)}
        return MasterKeys(current=new, keys=keys)


class MasterKeyFile:
    """The file, made when it is first needed and read again when it changes. Any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[tuple[int, int, int], MasterKeys] | None = None

    def keys(self) -> MasterKeys:
        """The keys as they are now. Errors: SealBroken where the file cannot be read or used."""
        try:
            self._make()
            status = os.stat(self._path)
            version = (status.st_ino, status.st_mtime_ns, status.st_size)
            if self._seen is None or self._seen[0] != version:
                self._check_mode(status)
                self._seen = version, parsed_keys(self._path.read_bytes())
            return self._seen[1]
        except OSError as error:
            raise SealBroken(f"The file of master keys {self._path} cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise SealBroken(f"The file of master keys {self._path} cannot be used: {error}") from error

    def replace(self, keys: MasterKeys) -> None:
        """Put other keys into the file, at once and whole. Errors: OSError."""
        self._write(keys, lambda name, path: os.replace(name, path))

    def _make(self) -> None:
        if not self._path.exists():
            new = _new_id()
            try:
                # Two gateways may start at the same time: the first file stays.
                self._write(MasterKeys(current=new, keys={new: secrets.token_bytes(KEY_BYTES)}), _link_new)
            except FileExistsError:
                return

    def _write(self, keys: MasterKeys, put: _Put) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}-")
        try:
            with open(descriptor, "wb") as file:
                file.write(document(keys))
                file.flush()
                os.fsync(file.fileno())
            put(name, self._path)
        finally:
            Path(name).unlink(missing_ok=True)

    def _check_mode(self, status: os.stat_result) -> None:
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ValueError(f"others may read it. Run `chmod 600 {self._path}`.")


def parsed_keys(text: bytes) -> MasterKeys:
    """The keys in a file's text. Errors: ValueError saying what is wrong."""
    try:
        found = msgspec.json.decode(text, type=_Document)
        keys = {key_id: base64.b64decode(value, validate=True) for key_id, value in found.keys.items()}
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        raise ValueError(f'expected {{"current": "id", "keys": {{"id": "base64"}}}}: {error}.') from error
    if wrong := [key_id for key_id, key in keys.items() if len(key) != KEY_BYTES]:
        raise ValueError(f"expected keys of {KEY_BYTES} bytes; {', '.join(wrong)} are not.")
    if found.current not in keys:
        raise ValueError(f"the current key {found.current!r} is not among the keys.")
    if any(not 0 < len(key_id.encode()) <= _MAX_ID for key_id in keys):
        raise ValueError(f"expected ids of 1 to {_MAX_ID} bytes.")
    return MasterKeys(current=found.current, keys=keys)


def document(keys: MasterKeys) -> bytes:
    """The text of a file with some keys."""
    texts = {key_id: base64.b64encode(key).decode() for key_id, key in keys.keys.items()}
    return msgspec.json.format(msgspec.json.encode(_Document(current=keys.current, keys=texts))) + b"\n"


def _new_id() -> str:
    return secrets.token_hex(_ID_BYTES)


def _link_new(name: str, path: Path) -> None:
    os.link(name, path)
