"""What object stores answer, in words for users."""

from __future__ import annotations

import re

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from storage.faults import StoreError

# Not all of them derive from the base: a missing object is the built-in error, a bad key a ValueError.
REMOTE_ERRORS = (BaseError, FileNotFoundError, ValueError)

_ANSWER = re.compile(r"<Code>([^<]*)</Code>\s*(?:<Message>([^<]*)</Message>)?")
_REFUSALS = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "403")
_MAX_TEXT = 300


def explained(error: Exception, url: str) -> StoreError:
    """The error of a store as ours, with the place and what to do, and without what only its library understands."""
    text = str(error)
    answer = _ANSWER.search(text)
    code, said = (answer[1], answer[2] or "") if answer else ("", "")
    if _refused(error, code):
        reason = f" ({code}: {said})" if answer else ""
        return StoreError(f"Access to {url} was refused{reason}; check the credential and its rights")
    if code == "NoSuchBucket":
        return StoreError(f"There is no bucket for {url}; create it or correct the URL")
    if isinstance(error, FileNotFoundError):
        return StoreError(f"There is no {url}")
    if answer:
        return StoreError(f"{url}: the store answered {code}: {said}")
    return StoreError(f"{url}: {_first_line(text)}")


def _refused(error: Exception, code: str) -> bool:
    return isinstance(error, PermissionDeniedError | UnauthenticatedError) or code in _REFUSALS


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].removeprefix("Generic S3 error: ")[:_MAX_TEXT]
