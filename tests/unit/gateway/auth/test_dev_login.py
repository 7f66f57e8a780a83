"""OSMO's dev login: api.md §3.1."""

from __future__ import annotations

import pytest

from gateway.auth.dev import DevLogin, default_user
from gateway.services.errors import Refusal
from gateway.services.identity import ADMIN_ROLE, Caller

LOGIN = DevLogin("me")


def test_nobody_in_particular_is_the_default_user_and_administrator() -> None:
    assert LOGIN.caller({}) == Caller(user="me", roles=(ADMIN_ROLE,))
    assert LOGIN.caller({}).is_admin


def test_whoever_names_himself_is_that_user() -> None:
    headers = {"x-osmo-user": " bob@x.org ", "x-osmo-roles": "a, b,", "x-osmo-allowed-pools": "p"}
    assert LOGIN.caller(headers) == Caller(user="bob@x.org", roles=("a", "b"), allowed_pools=("p",))


@pytest.mark.parametrize("name", ["a b", "-", "@x", "x" * 300, "ü", "a\n"])
def test_names_that_nobody_has(name: str) -> None:
    if name.strip() != name:
        assert LOGIN.caller({"x-osmo-user": name}).user == name.strip()
        return
    with pytest.raises(Refusal, match="is not valid"):
        LOGIN.caller({"x-osmo-user": name})


@pytest.mark.parametrize(
    ("configured", "os_user", "user"),
    [("eve", "root", "eve"), ("", "root", "root"), ("", "", "admin"), ("", "a b", "admin")],
)
def test_the_default_user(configured: str, os_user: str, user: str) -> None:
    assert default_user(configured, os_user) == user
