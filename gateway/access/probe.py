"""Tries credentials out: on the store they are for, and at the registry's door.

Source: api.md §2.5; the registry's protocol: Docker Registry HTTP API V2, Bearer tokens.
"""

from __future__ import annotations

import re
from urllib.parse import urlencode

import httpx

from engine.ports import RegistryLogin
from gateway.ports.credentials import AccessRefused
from storage.credentials import DataCredential, OneKey
from storage.faults import StoreError
from storage.patience import Patience
from storage.probe import Access, probe
from storage.remote import remote_stores
from storage.stores import Stores
from storage.urls import parse_location

_PATIENCE = Patience(tries=2, request_seconds=20.0, silence_seconds=20.0, connect_seconds=5.0)
_REGISTRY_TIMEOUT = httpx.Timeout(20.0, connect=5.0)
_CHALLENGE = re.compile(r'(realm|service|scope)="([^"]*)"')


class NetworkProbe:
    """Implements `gateway.ports.credentials.AccessProbe`. Shape: `transport` stands in for the network in tests."""

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        self._transport = transport

    def data(self, credential: DataCredential) -> None:
        """Return if the credential may list its endpoint. Errors: AccessRefused."""
        try:
            # The slash says that all below it is meant.
            self.location(f"{credential.endpoint}/", Access.READ, credential)
        except AccessRefused as error:
            raise AccessRefused(
                f"The data credential does not open {credential.endpoint}: {error}. Correct the keys, or "
                "`override_url`, `region` and `addressing_style` for a store that is not the scheme's usual one."
            ) from error

    def location(self, url: str, access: Access, credential: DataCredential) -> None:
        """Return if a location is open for something. Errors: AccessRefused."""
        try:
            probe(Stores(remote_stores(OneKey(credential), _PATIENCE)), parse_location(url), access)
        except (StoreError, OSError) as error:
            raise AccessRefused(str(error)) from error

    def registry(self, login: RegistryLogin) -> None:
        """Return if the registry takes the login. Errors: AccessRefused."""
        host = login.scope.partition("/")[0]
        try:
            with httpx.Client(timeout=_REGISTRY_TIMEOUT, transport=self._transport, follow_redirects=True) as client:
                status = _asked(client, f"https://{host}/v2/", login)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise AccessRefused(f"Registry {host} does not answer: {error}.") from error
        if status != httpx.codes.OK:
            raise AccessRefused(f"Registry {host} refuses the login of {login.username or 'nobody'} (HTTP {status}).")


def _asked(client: httpx.Client, url: str, login: RegistryLogin) -> int:
    """The status of the door, with a Bearer token from where it sends us for one."""
    account = (login.username, login.password.reveal())
    answer = client.get(url)
    if answer.status_code != httpx.codes.UNAUTHORIZED:
        return answer.status_code
    kind, _, rest = answer.headers.get("www-authenticate", "").partition(" ")
    if kind.lower() != "bearer":
        return client.get(url, auth=account).status_code
    challenge = dict(_CHALLENGE.findall(rest))
    if not challenge.get("realm", "").startswith("https://"):
        raise AccessRefused(f"The registry at {url} asks for a token and does not say at which https address.")
    query = urlencode({key: challenge[key] for key in ("service", "scope") if key in challenge})
    token = client.get(f"{challenge['realm']}?{query}", auth=account)
    if token.status_code != httpx.codes.OK:
        return token.status_code
    given = token.json()
    bearer = given.get("token") or given.get("access_token") or ""
    return client.get(url, headers={"Authorization": f"Bearer {bearer}"}).status_code
