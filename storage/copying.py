"""Copies of file contents between descriptors, in steps, so that a copy can be stopped."""

from __future__ import annotations

import os

from storage.faults import TransferStopped
from storage.lanes import StopSign
from storage.sums import Count, uncounted

_STEP_BYTES = 8 * 1024 * 1024


def copy_contents(source: int, target: int, stopped: StopSign, count: Count = uncounted) -> int:
    """Copy what is left to read of `source` to `target` and return the bytes.

    The kernel copies where it can, sharing blocks on file systems that know how. Errors: TransferStopped; OSError.
    """
    copied = 0
    copy = _kernel_step
    while True:
        if stopped.is_set():
            raise TransferStopped
        try:
            step = copy(source, target)
        except OSError:
            # Not between these two file systems; the plain way also tells real errors.
            if copy is _plain_step:
                raise
            copy = _plain_step
            continue
        if not step:
            if copy is _plain_step:
                if stopped.is_set():
                    # What ended may be half of a file: whoever fills a pipe says so by the sign.
                    raise TransferStopped
                return copied
            # Some special file systems answer 0 to the kernel's copy although there is more.
            copy = _plain_step
            continue
        copied += step
        count(step)


def _kernel_step(source: int, target: int) -> int:
    if not hasattr(os, "copy_file_range"):
        return 0
    return os.copy_file_range(source, target, _STEP_BYTES)


def _plain_step(source: int, target: int) -> int:
    data = os.read(source, 1024 * 1024)
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]
    return len(data)
