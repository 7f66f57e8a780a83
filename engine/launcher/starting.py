"""How a command is started: by a fork of the launcher, which either becomes the command or gives birth to it.

Faster, where the kernel allows it: see `visiting`.
"""

from __future__ import annotations

import errno
import os
import signal

from engine.launcher import linux
from engine.launcher.limits import restore_limit
from engine.launcher.protocol import Message, number, table, text, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import NoReturn

_RESET_SIGNALS = [each for each in signal.Signals if each not in (signal.SIGKILL, signal.SIGSTOP)]


class Start:
    """One command to start. `inside` is a process of the sandbox to start it in, None for no sandbox."""

    __slots__ = ("argv", "directory", "environment", "inside", "privileged", "stderr", "stdout")

    def __init__(self, request: Message, stdout: int, stderr: int, inside: int | None) -> None:
        self.argv = words(request, "argv")
        self.environment = table(request, "environment")
        self.directory = text(request, "directory")
        self.privileged = bool(number(request, "privileged"))
        self.stdout = stdout
        self.stderr = stderr
        self.inside = inside


def fork_starter(start: Start) -> tuple[int, int]:
    """The pid of a new starter and a descriptor on which it says how it went.

    Shape of what it says: nothing where the starter became the command itself; the command's pid; or `!` and why it
    could not be started. A command inside a sandbox is adopted by the launcher when its starter ends.
    """
    readable, writable = os.pipe()
    launcher = os.getpid()
    pid = os.fork()
    if pid:
        os.close(writable)
        return pid, readable
    try:
        linux.prefer_for_killing()
        restore_limit()
        if start.inside is None:
            _become(start, launcher)
        os.write(writable, str(_bear(start, start.inside)).encode())
    except (OSError, ValueError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        os.write(writable, f"!{start.argv[0]}: {reason}".encode(errors="replace"))
    finally:
        os._exit(0)


def spawn(start: Start, null: int) -> int:
    """The pid of the command, started where this thread is and as leader of a session. Errors: OSError."""
    actions = [
        (os.POSIX_SPAWN_DUP2, null, 0),
        (os.POSIX_SPAWN_DUP2, start.stdout, 1),
        (os.POSIX_SPAWN_DUP2, start.stderr, 2),
    ]
    failure = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    for path in candidates(start.argv[0], start.environment):
        try:
            return os.posix_spawn(
                path,
                start.argv,
                start.environment,
                file_actions=actions,
                setsid=True,
                setsigmask=[],
                setsigdef=_RESET_SIGNALS,
            )
        except OSError as error:
            failure = _worse(failure, error)
    raise failure


def candidates(program: str, environment: Mapping[str, str]) -> Iterator[str]:
    """The files that a program's name may mean, in order."""
    if "/" in program:
        yield program
        return
    for directory in environment.get("PATH", "").split(":"):
        yield f"{directory or '.'}/{program}"


def _bear(start: Start, inside: int) -> int:
    null = os.open(os.devnull, os.O_RDONLY)
    linux.enter_namespaces(inside)
    if not start.privileged:
        linux.drop_capabilities()
    os.chdir(start.directory)
    return spawn(start, null)


def _become(start: Start, launcher: int) -> NoReturn:
    os.setsid()
    linux.end_with_parent(signal.SIGKILL)
    if os.getppid() != launcher:
        # The launcher ended before the line above could tell the kernel.
        os._exit(1)
    os.chdir(start.directory)
    null = os.open("/dev/null", os.O_RDONLY)
    for descriptor, standard in ((null, 0), (start.stdout, 1), (start.stderr, 2)):
        os.dup2(descriptor, standard)
    for each in _RESET_SIGNALS:
        signal.signal(each, signal.SIG_DFL)
    failure = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    for path in candidates(start.argv[0], start.environment):
        try:
            os.execve(path, start.argv, start.environment)
        except OSError as error:
            failure = _worse(failure, error)
    raise failure


def _worse(known: OSError, new: OSError) -> OSError:
    """The failure to tell: that a file may not be executed says more than that another one is not there."""
    return known if new.errno in (errno.ENOENT, errno.ENOTDIR) else new
