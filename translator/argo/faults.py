"""Why a Plan cannot become objects on a cluster."""

from __future__ import annotations

from collections.abc import Sequence

from translator.problems import ErrorCode, Problem, SpecError


class TranslationError(SpecError):
    """The Plan, or the pool's policy for it, asks for something that must not or cannot stand on a cluster.

    Shape: as `SpecError`; `path` of a problem is a field of the pod (`spec.hostPID`) where the policy is at fault.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems, error_code=ErrorCode.RESOURCE)


def refusal(code: str, message: str, path: str = "") -> TranslationError:
    """A `TranslationError` with one problem."""
    return TranslationError([Problem(code=code, message=message, path=path)])
