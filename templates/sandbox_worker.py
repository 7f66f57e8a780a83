"""A process that renders templates until its parent goes: `python -m templates.sandbox_worker <memory_bytes>`.

The inner half of `templates.sandbox`. It owns nothing worth taking: no inherited environment, no file it may open once
it is ready, no more memory and time than it was given. A template that breaks out of Jinja all the same finds that.
"""

from __future__ import annotations

import importlib
import math
import resource
import signal
import sys
from typing import BinaryIO

from templates.sandbox_codec import decoded
from templates.sandbox_environment import failure, render
from templates.sandbox_frames import frame, read_frame

# What Jinja's filters import when they are first used, which is too late for a process that may open no file.
_LATE_IMPORTS = ("jinja2.constants", "jinja2.debug", "pprint", "random", "textwrap", "json", "urllib.parse", "html")
_WARM_UP = """{{ [1, "text"] | tojson }} {{ "%s" | format(1.5) }} {{ "é" | urlencode }}"""
_STANDARD_STREAMS = 3


def main() -> None:
    """Serve requests from standard input; answers go to standard output."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    for name in _LATE_IMPORTS:
        importlib.import_module(name)
    render(_WARM_UP, {})
    _limit_process(memory_bytes=int(sys.argv[1]))
    _answer(answers, {"ready": True})
    while (request := read_frame(requests)) is not None:
        if not _served(request, answers):
            return


def _served(request: object, answers: BinaryIO) -> bool:
    """Whether the worker is as good as new after one request."""
    if not isinstance(request, dict):
        return False
    variables = decoded(request["variables"])
    seconds, max_length = float(request["seconds"]), int(request["max_length"])
    _answer(answers, {"started": True})
    _limit_time(seconds)
    try:
        text = render(request["template"], variables if isinstance(variables, dict) else {})
        answer: dict[str, object] = {"text": text} if len(text) <= max_length else {"too_long": True}
    except MemoryError:
        answer = {"out_of_memory": True}
    except Exception as error:  # noqa: BLE001 - a template can raise anything
        found = failure(error)
        answer = {"error": found.message, "class": found.error_class, "line": found.line}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    _answer(answers, answer)
    return "out_of_memory" not in answer


def _answer(answers: BinaryIO, message: object) -> None:
    answers.write(frame(message))
    answers.flush()


def _limit_process(*, memory_bytes: int) -> None:
    size = _address_space_bytes()
    if size is not None:
        _set_limit("RLIMIT_AS", size + memory_bytes)
    _set_limit("RLIMIT_CORE", 0)
    _set_limit("RLIMIT_FSIZE", 0)
    _set_limit("RLIMIT_NOFILE", _STANDARD_STREAMS)


def _limit_time(seconds: float) -> None:
    """End this process soon after a rendering should be over, in case the parent is not there to do it."""
    signal.setitimer(signal.ITIMER_REAL, seconds + 1)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = math.ceil(usage.ru_utime + usage.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _set_limit(name: str, value: int) -> None:
    """Lower one limit, where the system has it."""
    which = getattr(resource, name, None)
    if which is None:
        return
    try:
        resource.setrlimit(which, (value, value))
    except (ValueError, OSError):
        # macOS names limits it does not keep; the parent's clock holds there.
        return


def _address_space_bytes() -> int | None:
    try:
        with open("/proc/self/statm", "rb") as statm:
            pages = int(statm.read().split()[0])
    except OSError:
        return None
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
