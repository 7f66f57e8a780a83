"""A request body larger than allowed is answered with 413 and a sentence, whether or not it declares its size."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.asgi import TOO_LARGE, header, refuse

# A client that is still sending when we answer and close may see a broken connection instead of the answer; so much of
# what it sends is read and thrown away first, as a multiple of the limit.
_DRAIN_FACTOR = 8


class BodyLimit:
    """ASGI middleware that counts the bytes of request bodies. Units: bytes."""

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, refusing it as soon as it is known to be too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _declared(scope) > self._max_bytes:
            await _drain(receive, self._max_bytes * _DRAIN_FACTOR)
            await refuse(send, TOO_LARGE, self._message())
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_bytes:
                if message.get("more_body", False):
                    await _drain(receive, self._max_bytes * _DRAIN_FACTOR)
                # Raised where the application reads the body; its error table gives it the usual shape.
                raise HTTPException(TOO_LARGE, self._message())
            return message

        await self._app(scope, counted, send)

    def _message(self) -> str:
        return (
            f"The request body is larger than {self._max_bytes} bytes. Keep large files in object storage, and name "
            "them as inputs, or raise ARGOSMO_MAX_BODY_BYTES."
        )


def _declared(scope: Scope) -> int:
    text = header(scope, "content-length") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


async def _drain(receive: Receive, at_most: int) -> None:
    read = 0
    while read < at_most:
        message = await receive()
        read += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
