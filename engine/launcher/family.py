"""The processes below the launcher: who is whose child, and what is left of whom."""

from __future__ import annotations

import os
import select
import signal

_NICENESS = 5

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def children_of(pid: int) -> list[int]:
    """The children of a process; none where the kernel does not tell."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb", buffering=0) as file:
                found += map(int, file.read().split())
    except OSError:
        return found
    return found


def descendants_of(pid: int) -> Iterator[int]:
    """The children of a process, theirs, and so on."""
    for child in children_of(pid):
        yield child
        yield from descendants_of(child)


def carries(pid: int, marker: str) -> bool:
    """Whether a process was started with a text in its environment."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return marker.encode() in file.read().split(b"\0")
    except OSError:
        return False


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Signal a process, if it is there. Shape: 0 is nobody, where the kernel would take it for one's own group."""
    if pid <= 1:
        return
    try:
        os.kill(pid, number)
    except OSError:
        return


def yield_to_others(pid: int) -> None:
    """Let a process and its children to come have the processors only when nobody else of ours wants them."""
    try:
        os.setpriority(os.PRIO_PROCESS, pid, _NICENESS)
    except OSError:
        return


def held(pid: int) -> int:
    """A descriptor of a process that is there, which keeps meaning that process; -1 where the kernel has none."""
    try:
        return os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -1
    except OSError:
        return -1


def kill_held(handle: int, pid: int) -> None:
    """Kill the process that a descriptor means; by its id where there is none."""
    if handle < 0:
        kill(pid)
        return
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        return


def over(handle: int, pid: int) -> bool:
    """Whether the process that a descriptor means has ended; by its id where there is none."""
    if handle < 0:
        return not os.path.exists(f"/proc/{pid}")
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(0))


def kill_group(leader: int, number: int) -> None:
    """Signal a process group, if it is there. The leader must not have been waited for: its id is held only then."""
    try:
        os.killpg(leader, number)
    except OSError:
        return


def exit_status(pid: int) -> int | None:
    """How a child ended: its exit code, or minus its signal; None while it runs or is not yet a child.

    It is not waited for, so that its id and that of its group stay taken.
    """
    try:
        if not hasattr(os, "waitid"):
            return reaped(pid)
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def reaped(pid: int) -> int | None:
    """Wait for a child that has ended and return how; None while it runs or is no child (any more)."""
    try:
        waited, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if waited else None
