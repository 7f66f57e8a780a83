"""A second thread of the launcher, for what must be started with all that this process may do.

To Linux, capabilities, mounts and the working directory belong to a thread. The launcher's own thread gives up for
good what tasks may not have, and visits the sandboxes in which it starts them; this one stays as the process was.
"""

from __future__ import annotations

import _thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Value = TypeVar("Value")


class Elsewhere:
    """Carries out one call at a time on its thread, while the caller waits. It ends with the process."""

    def __init__(self) -> None:
        self._call: Callable[[], None] = lambda: None
        self._asked, self._answered = _thread.allocate_lock(), _thread.allocate_lock()
        self._asked.acquire()
        self._answered.acquire()
        _thread.start_new_thread(self._serve, ())

    def call(self, function: Callable[[], Value]) -> Value:
        """What the function returns, or raises. In a child that it forks, it must not return."""
        values: list[Value] = []
        errors: list[BaseException] = []

        def carry_out() -> None:
            try:
                values.append(function())
            except BaseException as error:  # noqa: BLE001  it is raised again below
                errors.append(error)

        self._call = carry_out
        self._asked.release()
        self._answered.acquire()
        for error in errors:
            raise error
        return values[0]

    def _serve(self) -> None:
        while True:
            self._asked.acquire()
            self._call()
            self._answered.release()
