"""Access tokens: trade them for a JWT, and read what a JWT says of itself. Source: api.md §2.2, §4.

The signature is the server's business; this side only needs the expiry and a name to greet.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from cli.errors import CliError, Unreachable
from cli.wire import exchange, read_body

EXCHANGE_PATH = "/api/auth/jwt/access_token"


class Claims(msgspec.Struct, frozen=True):
    """What this side reads of a JWT. Units: `exp` in seconds since 1970."""

    exp: float
    name: str | None = None
    preferred_username: str | None = None
    sub: str | None = None


class _Exchanged(msgspec.Struct, frozen=True):
    token: str


def claims_of(token: str) -> Claims:
    """The claims of a JWT, unverified. Errors: CliError where it is none."""
    try:
        payload = token.split(".")[1]
        return msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=Claims)
    except (IndexError, binascii.Error, ValueError) as error:
        raise CliError("The server sent a token that is no JWT. Is the address that of an OSMO gateway?") from error


def fresh_jwt(exchange_url: str, access_token: str, headers: dict[str, str]) -> str:
    """A new JWT for an access token. Errors: CliError where the server refuses it; Unreachable."""
    response = exchange("POST", exchange_url, headers, msgspec.json.encode({"token": access_token}))
    body = read_body(response)
    if not 200 <= response.status < 300:
        raise Unreachable(f"The server refused the access token ({_message(body)}). Log in again with 'argosmo login'.")
    try:
        return msgspec.json.decode(body, type=_Exchanged).token
    except msgspec.MsgspecError as error:
        raise Unreachable(f"{exchange_url} did not answer as an OSMO gateway does. Is the address right?") from error


def _message(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body, type=dict[str, object])["message"])
    except (msgspec.MsgspecError, KeyError):
        return body.decode(errors="replace").strip() or "no reason given"
