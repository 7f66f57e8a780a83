"""The file of master keys: made once, for its owner only, read again when it changes."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ports.vault import SealBroken
from gateway.vault.master_keys import MasterKeyFile, document, parsed_keys


def test_the_file_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "keys/master.json"
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: MasterKeyFile(path).keys(), range(8)))
    assert len({keys.current for keys in found}) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["master.json"]


def test_another_process_changes_it(tmp_path: Path) -> None:
    here, there = MasterKeyFile(tmp_path / "keys"), MasterKeyFile(tmp_path / "keys")
    first = here.keys()
    there.replace(first.rotated())
    assert here.keys().current != first.current
    assert first.current in here.keys().keys


def test_keys_are_not_shown(tmp_path: Path) -> None:
    keys = MasterKeyFile(tmp_path / "keys").keys()
    assert repr(keys) == f"MasterKeys(current={keys.current!r}, ids=[{keys.current!r}])"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected"),
        ("[]", "expected"),
        ('{"current": "a", "keys": {}}', "the current key 'a' is not among the keys"),
        ('{"current": "a", "keys": {"a": "AAAA"}}', "expected keys of 32 bytes; a are not"),
        ('{"current": "a", "keys": {"a": "!"}}', "expected"),
        ('{"current": "a", "keys": {"a": 1}}', "expected"),
        ('{"current": "a", "keys": {}, "more": 1}', "expected"),
    ],
)
def test_a_file_that_is_none_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "keys"
    path.touch(mode=0o600)
    path.write_text(text)
    with pytest.raises(SealBroken, match=said):
        MasterKeyFile(path).keys()


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    MasterKeyFile(path).keys()
    path.chmod(0o640)
    with pytest.raises(SealBroken, match="others may read it"):
        MasterKeyFile(path).keys()


@given(st.binary(max_size=200))
def test_junk_is_refused(junk: bytes) -> None:
    try:
        keys = parsed_keys(junk)
    except ValueError:
        return
    assert parsed_keys(document(keys)) == keys
