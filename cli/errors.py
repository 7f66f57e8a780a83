"""What ends a command early, with the exit code it leads to. Source: api.md §1.5."""

from __future__ import annotations

EXIT_FAILED = 1
EXIT_WRONG_USE = 2
EXIT_SERVER = 10
EXIT_RETRY_LATER = 75
EXIT_INTERRUPTED = 130
# What a shell reports for a program whose reader went away (128 + SIGPIPE).
EXIT_BROKEN_PIPE = 141


class CliError(Exception):
    """A command cannot go on.

    Shape: `exit_code` is the process's; `code` is what the user is shown, the HTTP status or 1; `details` are lines
    for the text form only; `error_code` and `workflow_id` are those of OSMO's error body, where there was one.
    """

    def __init__(
        self,
        message: str,
        *,
        exit_code: int = EXIT_WRONG_USE,
        code: int = 1,
        error_code: str | None = None,
        workflow_id: str | None = None,
        details: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
        self.code = code
        self.error_code = error_code
        self.workflow_id = workflow_id
        self.details = details


class Unreachable(CliError):
    """No server answered, or what answered is none."""

    def __init__(self, message: str, *, code: int = 1, details: tuple[str, ...] = ()) -> None:
        super().__init__(message, exit_code=EXIT_SERVER, code=code, details=details)
