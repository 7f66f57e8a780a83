"""Small pieces that the middlewares share: reading headers, and answering without the application."""

from __future__ import annotations

import json

from starlette.types import Scope, Send

# Status codes of refusals that never reach a route.
BAD_REQUEST = 400
FORBIDDEN = 403
TOO_LARGE = 413


def header(scope: Scope, name: str) -> str | None:
    """The first value of a header, None where it is absent. Shape: `name` in lower case."""
    wanted = name.encode("latin-1")
    for key, value in scope["headers"]:
        if key == wanted:
            return bytes(value).decode("latin-1")
    return None


async def refuse(send: Send, status: int, message: str, error_code: str = "USER") -> None:
    """Answer with OSMO's error envelope."""
    body = json.dumps({"message": message, "error_code": error_code, "workflow_id": None}).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode("ascii")),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
