"""How a rule of the schema says no: an error pydantic can place, that keeps our code and OSMO's class of error.

Rules raise what `fault` builds, from validators or through `faults_at`; `findings` turns pydantic's list
into `Problem`s.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from translator.problems import ErrorCode

MAX_MESSAGE_LENGTH = 1000


def shortened(message: str) -> str:
    """The message, cut where it quotes more of the input than anybody reads."""
    return message if len(message) <= MAX_MESSAGE_LENGTH else f"{message[:MAX_MESSAGE_LENGTH]}…"


def fault(code: str, message: str, *, error_code: ErrorCode = ErrorCode.USAGE) -> PydanticCustomError:
    """An error for a validator to raise.

    Shape: `code` is the Problem's kebab-case code, `message` its text, shown as it is.
    """
    # The text goes in through the context because a template's own braces ({{output}}) would be looked up as keys.
    return PydanticCustomError(
        code.replace("-", "_"), "{message}", {"message": shortened(message), "error_code": error_code.value}
    )


def faults_at(
    title: str, found: Sequence[tuple[tuple[str | int, ...], PydanticCustomError, object]]
) -> ValidationError:
    """Several errors for a validator to raise at once, each at a place below the validated value.

    Shape: `found` holds (place relative to the value, error, offending input).
    """
    details = [InitErrorDetails(type=error, loc=place, input=value) for place, error, value in found]
    return ValidationError.from_exception_data(title, details)
