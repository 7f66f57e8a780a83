"""A login is tried at the registry's door, as Docker does. Source: Docker Registry HTTP API V2."""

from __future__ import annotations

import base64

import httpx
import pytest

from engine.ports import RegistryLogin, Secret
from gateway.access.probe import NetworkProbe
from gateway.ports.credentials import AccessRefused

GOOD = "Basic " + base64.b64encode(b"ann:hush").decode()


class Registry:
    """A registry that sends to a token service, or asks for the password itself."""

    def __init__(self, challenge: str) -> None:
        self._challenge = challenge

    def __call__(self, request: httpx.Request) -> httpx.Response:
        given = request.headers.get("authorization", "")
        if request.url.host == "auth.example":
            assert dict(request.url.params) == {"service": "registry.example"}
            return httpx.Response(200, json={"token": "t"}) if given == GOOD else httpx.Response(401)
        assert str(request.url) == "https://registry.example/v2/"
        if given in ("Bearer t", GOOD) or not self._challenge:
            return httpx.Response(200)
        return httpx.Response(401, headers={"www-authenticate": self._challenge})


BEARER = 'Bearer realm="https://auth.example/token",service="registry.example"'


def login(password: str = "hush") -> RegistryLogin:
    return RegistryLogin(scope="registry.example/team", username="ann", password=Secret(password))


@pytest.mark.parametrize("challenge", [BEARER, 'Basic realm="r"', ""])
def test_a_good_login_passes(challenge: str) -> None:
    NetworkProbe(httpx.MockTransport(Registry(challenge))).registry(login())


@pytest.mark.parametrize("challenge", [BEARER, 'Basic realm="r"'])
def test_a_wrong_one_is_refused_and_not_shown(challenge: str) -> None:
    with pytest.raises(AccessRefused, match=r"refuses the login of ann \(HTTP 401\)") as caught:
        NetworkProbe(httpx.MockTransport(Registry(challenge))).registry(login("other-hush"))
    assert "hush" not in str(caught.value)


def test_nobody_there() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    with pytest.raises(AccessRefused, match="does not answer"):
        NetworkProbe(httpx.MockTransport(silent)).registry(login())


@pytest.mark.parametrize("challenge", ["Bearer", 'Bearer realm="nonsense"', 'Bearer realm=""', "Digest x"])
def test_a_door_that_makes_no_sense_is_a_refusal(challenge: str) -> None:
    with pytest.raises(AccessRefused):
        NetworkProbe(httpx.MockTransport(Registry(challenge))).registry(login("x"))
