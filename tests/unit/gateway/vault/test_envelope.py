"""What is sealed opens for its owner under its name, and for nobody else. Source: api.md §7."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ports.vault import SealBroken
from gateway.vault.envelope import Envelope
from gateway.vault.master_keys import MasterKeys

KEYS = MasterKeys(current="one", keys={"one": b"1" * 32})
TEXTS = st.text(max_size=40)


def test_the_same_secret_is_sealed_differently_each_time_and_opens() -> None:
    vault = Envelope(lambda: KEYS)
    key = vault.new_user_key("ann")
    sealed = [vault.seal(key, "ann", "GENERIC/wandb", b"hush") for _ in range(2)]
    assert sealed[0] != sealed[1]
    assert {vault.open(key, "ann", "GENERIC/wandb", one) for one in sealed} == {b"hush"}
    assert b"hush" not in sealed[0] + key


@given(user=TEXTS, name=TEXTS, other=TEXTS, secret=st.binary(max_size=200))
def test_owner_and_name_are_bound_to_what_is_sealed(user: str, name: str, other: str, secret: bytes) -> None:
    vault = Envelope(lambda: KEYS)
    key = vault.new_user_key(user)
    sealed = vault.seal(key, user, name, secret)
    assert vault.open(key, user, name, sealed) == secret
    if other != name:
        with pytest.raises(SealBroken):
            vault.open(key, user, other, sealed)
    if other != user:
        with pytest.raises(SealBroken):
            vault.open(vault.new_user_key(other), other, name, sealed)
        # Nor can the key itself be given to somebody else.
        with pytest.raises(SealBroken):
            vault.open(key, other, name, sealed)


@given(place=st.integers(min_value=0, max_value=400), bit=st.integers(min_value=0, max_value=7))
def test_one_changed_bit_is_seen(place: int, bit: int) -> None:
    vault = Envelope(lambda: KEYS)
    key = vault.new_user_key("ann")
    sealed = bytearray(vault.seal(key, "ann", "n", b"a secret"))
    sealed[place % len(sealed)] ^= 1 << bit
    with pytest.raises(SealBroken):
        vault.open(key, "ann", "n", bytes(sealed))


@given(junk=st.binary(max_size=80))
def test_junk_does_not_open(junk: bytes) -> None:
    vault = Envelope(lambda: KEYS)
    with pytest.raises(SealBroken):
        vault.open(vault.new_user_key("ann"), "ann", "n", junk)
    with pytest.raises(SealBroken):
        vault.resealed(junk, "ann")


def test_a_rotation_changes_the_keys_of_users_and_no_secret() -> None:
    keys = KEYS
    vault = Envelope(lambda: keys)
    key = vault.new_user_key("ann")
    sealed = vault.seal(key, "ann", "n", b"hush")
    assert vault.resealed(key, "ann") is None
    keys = KEYS.rotated()
    changed = vault.resealed(key, "ann")
    assert changed is not None
    assert vault.resealed(changed, "ann") is None
    assert vault.open(changed, "ann", "n", sealed) == vault.open(key, "ann", "n", sealed) == b"hush"
    keys = keys.rotated()
    assert vault.open(changed, "ann", "n", sealed) == b"hush"
    # Two rotations later the first master key is gone.
    with pytest.raises(SealBroken, match="'one', which is not in the file"):
        vault.open(key, "ann", "n", sealed)
