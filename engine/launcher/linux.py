"""What the launcher asks of the Linux kernel and Python has no function for (before 3.12). No effect elsewhere.

Source: prctl(2), setns(2), ioctl_ns(2), capabilities(7).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import sys

LINUX = sys.platform == "linux"

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_CLONE_FS = 0x00000200
_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_NS_GET_USERNS = 0xB701
_LAST_CAPABILITY = 63

# What container engines leave to root: nothing of this reaches beyond a sandbox.
_KEPT_CAPABILITIES = frozenset(
    {
        0,  # CHOWN
        1,  # DAC_OVERRIDE
        3,  # FOWNER
        4,  # FSETID
        5,  # KILL
        6,  # SETGID
        7,  # SETUID
        8,  # SETPCAP
        10,  # NET_BIND_SERVICE
        13,  # NET_RAW
        18,  # SYS_CHROOT
        29,  # AUDIT_WRITE
        31,  # SETFCAP
    }
)

_libc = ctypes.CDLL(None, use_errno=True)


def end_with_parent(number: signal.Signals) -> None:
    """Have the kernel signal this process when the thread that forked it ends."""
    if LINUX:
        _checked(_libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0), "prctl")


def adopt_orphans() -> bool:
    """Become the parent of descendants whose parent ends; whether that is so now."""
    return LINUX and _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def drop_capabilities() -> None:
    """Give up, for all programs that this thread executes from here on, what root may do to the machine itself."""
    for capability in range(_LAST_CAPABILITY + 1):
        # Fails past the kernel's last one, and for those without privileges, who have nothing to give up.
        if capability not in _KEPT_CAPABILITIES and _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            return


def separate_directory() -> None:
    """Have a root and a working directory that other threads do not share; needed to enter mounts. Errors: OSError."""
    _checked(_libc.unshare(_CLONE_FS), "unshare")


def in_own_user_namespace(pid: int) -> bool:
    """Whether a process lives in the user namespace of this one, and so do the mounts that it sees."""
    here = os.stat("/proc/self/ns/user").st_ino
    mounts = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        owner = fcntl.ioctl(mounts, _NS_GET_USERNS)
    finally:
        os.close(mounts)
    try:
        return os.fstat(owner).st_ino == here == os.stat(f"/proc/{pid}/ns/user").st_ino
    finally:
        os.close(owner)


def enter(namespace: int) -> None:
    """Enter a namespace by its descriptor; one of processes is that of children to come. Errors: OSError."""
    _checked(_libc.setns(namespace, 0), "setns")


def enter_namespaces(pid: int) -> None:
    """Enter the mounts of a process; children are born among its processes.

    The mounts may belong to a user namespace above the one that the process ended up in (bubblewrap makes two where it
    needs a terminal file system), so that one is entered first, and the innermost one last.
    """
    user = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    mounts = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    processes = os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    here = os.stat("/proc/self/ns/user").st_ino
    owner = fcntl.ioctl(mounts, _NS_GET_USERNS)
    if os.fstat(owner).st_ino != here:
        _checked(_libc.setns(owner, _CLONE_NEWUSER), "setns")
    _checked(_libc.setns(mounts, _CLONE_NEWNS), "setns")
    _checked(_libc.setns(processes, _CLONE_NEWPID), "setns")
    if os.fstat(user).st_ino not in (here, os.fstat(owner).st_ino):
        _checked(_libc.setns(user, _CLONE_NEWUSER), "setns")


def prefer_for_killing(pid: int | None = None) -> None:
    """Have the kernel choose a process (None: this one) and its children to come first when memory runs out."""
    try:
        with open(f"/proc/{'self' if pid is None else pid}/oom_score_adj", "wb", buffering=0) as file:
            file.write(b"1000")
    except OSError:
        return


def _checked(result: int, call: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
