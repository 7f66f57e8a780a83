"""The gateway's REST interface as commands see it: requests with OSMO's headers, replies as values, faults as errors.

Source: api.md §1.2, §1.5, §6.
"""

from __future__ import annotations

import base64
import http.client
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec

from cli import PROTOCOL_VERSION, __version__
from cli.errors import EXIT_FAILED, EXIT_RETRY_LATER, EXIT_WRONG_USE, CliError, Unreachable
from cli.login_file import DevLogin, Login, TokenLogin, current_login, with_id_token, write_login
from cli.output import note
from cli.tokens import claims_of, fresh_jwt
from cli.wire import CONNECT_RETRIES, READ_SECONDS, CutShort, exchange, read_body, read_lines

# One value, several values, or nothing to send.
QueryValue = str | int | bool | Sequence[str] | None
Query = Mapping[str, QueryValue]
T = TypeVar("T")

USER_AGENT = f"osmo-cli/{PROTOCOL_VERSION} argosmo/{__version__}"
_EXPIRY_MARGIN_SECONDS = 3
_SUBMISSION_CODES = frozenset({"USAGE", "RESOURCE"})


class Reply(msgspec.Struct, frozen=True):
    """A JSON reply as it came."""

    body: bytes

    def read(self, kind: type[T]) -> T:
        """The reply as a value. Errors: Unreachable where it is not of that shape."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except msgspec.MsgspecError as error:
            raise Unreachable(
                f"The server's reply is not what was expected ({error}). Is the address that of an OSMO gateway?"
            ) from error


class _ErrorBody(msgspec.Struct, frozen=True):
    error_code: str
    message: str
    workflow_id: str | None = None


class Client:
    """One server, one identity. Requests are made one after another; nothing is kept open between them."""

    def __init__(self, login: Login, *, trace: bool = False) -> None:
        self._login = login
        self._trace = trace

    @property
    def url(self) -> str:
        """The server's address."""
        return self._login.url

    def get(self, path: str, query: Query | None = None, *, versioned: bool = True) -> Reply:
        """GET. Errors: CliError for what the server refuses, Unreachable."""
        return self._json("GET", path, query, None, versioned=versioned)

    def post(self, path: str, query: Query | None = None, body: object = None) -> Reply:
        """POST, without a body where `body` is None. Errors: as `get`."""
        return self._json("POST", path, query, body)

    def patch(self, path: str, body: object) -> Reply:
        """PATCH. Errors: as `get`."""
        return self._json("PATCH", path, None, body)

    def put(self, path: str, body: object) -> Reply:
        """PUT. Errors: as `get`."""
        return self._json("PUT", path, None, body)

    def delete(self, path: str, query: Query | None = None, body: object = None) -> Reply:
        """DELETE. Errors: as `get`."""
        return self._json("DELETE", path, query, body)

    def lines(self, path: str, query: Query | None = None) -> Iterator[list[str]]:
        """The lines of a text reply as they come, some at a time, for as long as they come.

        Errors: as `get`; CutShort where the stream ends before its end.
        """
        return read_lines(self._response("GET", path, query, None, read_seconds=None))

    def _json(self, method: str, path: str, query: Query | None, body: object, *, versioned: bool = True) -> Reply:
        response = self._response(method, path, query, body, versioned=versioned)
        content = read_body(response)
        try:
            msgspec.json.decode(content, type=msgspec.Raw)
        except msgspec.MsgspecError as error:
            raise Unreachable(
                f"The server's reply to {method} {path} is not JSON. Is {self.url} the address of an OSMO gateway?",
                code=response.status,
            ) from error
        return Reply(content)

    def _response(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: object,
        *,
        versioned: bool = True,
        read_seconds: float | None = READ_SECONDS,
    ) -> http.client.HTTPResponse:
        encoded = encoded_query(query or {})
        target = f"{path}?{encoded}" if encoded else path
        headers = self._headers(versioned)
        content = None if body is None else msgspec.json.encode(body)
        if content is None and method != "GET":
            # http.client says so for POST only; the server takes it as "no body" (api.md §1.2).
            headers["Content-Length"] = "0"
        started = time.monotonic()
        response = exchange(
            method,
            self.url + target,
            headers,
            content,
            read_seconds=read_seconds,
            retries=CONNECT_RETRIES if versioned else 0,
        )
        if self._trace:
            note(f"{method} {target} -> {response.status} in {(time.monotonic() - started) * 1000:.0f} ms")
        _pass_on_warning(response)
        if response.status >= 300:
            raise _refusal(response, read_body(response))
        if response.status != http.client.OK:
            note(f"Server responded with status code {response.status}")
        return response

    def _headers(self, versioned: bool) -> dict[str, str]:
        return plain_headers(versioned=versioned) | self._identity()

    def _identity(self) -> dict[str, str]:
        identity = self._login.identity
        if isinstance(identity, DevLogin):
            return {"x-osmo-user": identity.username}
        return {"Authorization": f"Bearer {self._jwt(identity)}"}

    def _jwt(self, token: TokenLogin) -> str:
        if claims_of(token.id_token).exp - time.time() > _EXPIRY_MARGIN_SECONDS:
            return token.id_token
        id_token = fresh_jwt(token.refresh_url, token.refresh_token, plain_headers(versioned=False))
        self._login = with_id_token(self._login, token, id_token)
        write_login(self._login)
        return id_token


def client_of(args: object) -> Client:
    """The client for one call of the command: the stored login, or the server of the first five minutes."""
    return Client(current_login(), trace=getattr(args, "log_level", None) == "debug")


def plain_headers(*, versioned: bool) -> dict[str, str]:
    """The headers of every request but those that say who asks."""
    headers = {
        "Accept": "*/*",
        "Connection": "close",
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
    }
    return headers | {"x-osmo-client-version": PROTOCOL_VERSION} if versioned else headers


def encoded_query(query: Query) -> str:
    """A query string in the order given: lists repeated, None and empty lists absent, booleans `True`/`False`."""
    pairs: list[tuple[str, str]] = []
    for key, value in query.items():
        if value is None:
            continue
        if isinstance(value, str | int):
            pairs.append((key, str(value)))
        else:
            pairs.extend((key, item) for item in value)
    return urlencode(pairs)


def segment(text: str) -> str:
    """`text` as one segment of a path."""
    return quote(text, safe="")


def follow(lines: Iterator[list[str]]) -> None:
    """Print lines as they come; a stream that is cut off says so and is no failure (api.md §2.9)."""
    try:
        for together in lines:
            print("\n".join(together), flush=True)
    except CutShort:
        note("The stream timed out before its end. Call again to go on.")


def _pass_on_warning(response: http.client.HTTPResponse) -> None:
    encoded = response.getheader("x-osmo-warning")
    if encoded:
        try:
            note(base64.b64decode(encoded).decode())
        except ValueError:
            note(encoded)


def _refusal(response: http.client.HTTPResponse, body: bytes) -> CliError:
    status = response.status
    text = body.decode(errors="replace").strip()
    if status >= 500:
        headers = (f"{name}: {value}" for name, value in response.getheaders())
        return Unreachable(f"The server failed (status {status}).", code=status, details=(*headers, "", text))
    if status < 400:
        return Unreachable(
            f"The server redirects to {response.getheader('Location')}. Log in to that address with 'argosmo login'.",
            code=status,
        )
    refused = EXIT_RETRY_LATER if status == http.client.TOO_MANY_REQUESTS else EXIT_WRONG_USE
    try:
        error = msgspec.json.decode(body, type=_ErrorBody)
    except msgspec.MsgspecError:
        return CliError(text or f"{response.reason} (status {status})", exit_code=refused, code=status)
    exit_code = EXIT_FAILED if error.error_code in _SUBMISSION_CODES else refused
    return CliError(
        error.message,
        exit_code=exit_code,
        code=status,
        error_code=error.error_code,
        workflow_id=error.workflow_id,
    )
