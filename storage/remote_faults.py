"""What object stores answer, in words for users."""

from __future__ import annotations

import re

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from storage.faults import NoSuchObject, StoreError, StoreRefused
from storage.s3_wire import S3Refused, S3Unreachable

# Not all of them derive from the base: a missing object is the built-in error, a bad key a ValueError.
REMOTE_ERRORS = (BaseError, FileNotFoundError, ValueError, S3Refused, S3Unreachable)

_ANSWER = re.compile(r"<Code>([^<]*)</Code>\s*(?:<Message>([^<]*)</Message>)?")
_ONE_OF_MANY = re.compile(r": ([^:\n]*) \(code: (\w+)\)")
_STATUS = re.compile(r"status code: (\d{3})")
_WORDLESS = re.compile(r"status code: 400 Bad Request: *(\n|$)")
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_REFUSALS = (
    *_EXPIRED,
    *("AccessDenied", "AuthenticationFailed", "AuthorizationFailure", "InvalidAccessKeyId", "InvalidToken"),
    *("SignatureDoesNotMatch", "401", "403"),
)
_NO_BUCKET = ("ContainerNotFound", "NoSuchBucket")
_MAX_TEXT = 300


def explained(error: Exception, url: str) -> StoreError:
    """The error of a store as ours, with the place and what to do, and without what only its library understands."""
    code, said = _answer(error)
    if is_refusal(error):
        reason = f" ({code}: {said})" if code else ""
        advice = "renew the credential" if code in _EXPIRED else "check the credential and its rights"
        return StoreRefused(f"Access to {url} was refused{reason}; {advice}")
    if code in _NO_BUCKET:
        return StoreError(f"There is no bucket for {url}; create it or correct the URL")
    if isinstance(error, FileNotFoundError):
        return NoSuchObject(f"There is no {url}")
    if code:
        return StoreError(f"{url}: the store answered {code}: {said}")
    return StoreError(f"{url}: {_first_line(str(error))}")


def is_refusal(error: Exception) -> bool:
    """Whether the store knows the request and will not carry it out for this credential."""
    return isinstance(error, PermissionDeniedError | UnauthenticatedError) or _answer(error)[0] in _REFUSALS


def may_be_refusal(error: Exception) -> bool:
    """Whether it is a refusal, or an answer without words, as a HEAD has it, that may be one."""
    return is_refusal(error) or _WORDLESS.search(str(error)) is not None


def broke_off(error: Exception) -> bool:
    """Whether an answer began well and did not end: obstore asks again only where there was none."""
    return isinstance(error, BaseError) and "body" in str(error).partition("\n")[0]


def _answer(error: Exception) -> tuple[str, str]:
    if isinstance(error, S3Refused):
        return error.code, error.message
    text = str(error)
    if answer := _ANSWER.search(text):
        return answer[1], (answer[2] or "").partition("\n")[0]
    if answer := _ONE_OF_MANY.search(text):
        return answer[2], answer[1]
    status = _STATUS.search(text)
    return (status[1], "no reason was given") if status and status[1] in _REFUSALS else ("", "")


def _first_line(text: str) -> str:
    return re.sub(r"^Generic \w+ error: ", "", text.strip().partition("\n")[0])[:_MAX_TEXT]
