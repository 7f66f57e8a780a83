"""Containers by podman or docker, with the task's own image. Source: podman-run(1), docker container run.

One container per attempt; a restart in place starts the same one again, so its file system stays. The exit code is the
container engine's word: it shows a command that a signal killed as 128 and the signal.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.cells.cell import CellFault, CellSpec, make_inputs, make_osmo
from engine.files import File
from engine.launching import Command, CommandId, LauncherClient, LaunchFailure
from engine.sandbox.mounts import below
from engine.tools import Tools
from storage.trees import Tree
from translator.lifecycle.words import ExitCode, TaskStatus

LABEL = "argosmo.root"
_NOT_RUN_CODES = frozenset({125, 126, 127})
_CANNOT_START_CODE = 2
# What the client itself needs to find its settings, its storage and its socket.
_CLIENT_VARIABLES = (
    "HOME",
    "PATH",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
)


class NoContainerEngine(Exception):
    """There is no container engine; the message says what to do."""


def find_container_engine(wanted: str, environ: Mapping[str, str]) -> str:
    """The path of the container engine. Errors: NoContainerEngine."""
    for name in (wanted,) if wanted else ("podman", "docker"):
        if found := shutil.which(name, path=environ.get("PATH")):
            return found
    raise NoContainerEngine(
        f"Cannot find {wanted or 'podman or docker'}, which runs tasks in their images. Install podman, or run without "
        "--containers"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerIsolation:
    """One container per attempt. Shape: `identity` labels those of this engine's root."""

    launcher: LauncherClient
    tools: Tools
    program: str
    identity: str
    environ: Mapping[str, str]

    name = "containers"
    warning = ""

    @property
    def base_environment(self) -> Mapping[str, str]:
        """Nothing: an image has its own."""
        return {}

    @property
    def client_environment(self) -> dict[str, str]:
        """What the container engine's client is run with."""
        return {name: self.environ[name] for name in _CLIENT_VARIABLES if name in self.environ}

    def cell(self, spec: CellSpec) -> ContainerCell:
        """A cell that is not open yet."""
        return ContainerCell(self, spec)

    def make_ready(self) -> float | None:
        """Nothing to prepare."""
        return None

    def start_over(self) -> None:
        """Remove containers: they outlive the launcher."""
        self.end_strays()

    def end_strays(self) -> None:
        """Remove the containers that an engine before left behind. Blocks."""
        listed = subprocess.run(
            [self.program, "ps", "--all", "--quiet", "--filter", f"label={LABEL}={self.identity}"],
            env=self.client_environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if left := listed.stdout.split():
            subprocess.run(
                [self.program, "rm", "--force", "--volumes", *left],
                env=self.client_environment,
                capture_output=True,
                check=False,
            )

    def copied_out(self, name: str, path: str, target: str) -> None:
        """Copy something out of a container. Blocks. Errors: OSError."""
        done = subprocess.run(
            [self.program, "cp", f"{name}:{path}", target],
            env=self.client_environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise FileNotFoundError(f"{path}: {done.stderr.strip()}")


class ContainerCell:
    """One attempt's container."""

    def __init__(self, isolation: ContainerIsolation, spec: CellSpec) -> None:
        self._isolation = isolation
        self._spec = spec
        self._mounted: list[tuple[Path, str]] = []
        self._client: CommandId | None = None
        self._closing = False

    def open(self, on_open: Callable[[CellFault | None], None]) -> None:
        """Make directories and files, and see to the image."""
        try:
            self._make_files()
        except (OSError, ValueError) as error:
            on_open(CellFault(TaskStatus.FAILED_START_ERROR, ExitCode.START_ERROR, str(error)))
            return
        image = self._spec.task.image
        self._tool(["image", "inspect", image], lambda code, _: self._on_inspected(code, on_open))

    def start(
        self,
        outputs: tuple[int, int],
        on_started: Callable[[int | LaunchFailure], None],
        on_ended: Callable[[int], None],
    ) -> None:
        """Run the container, or start it again."""
        again = self._client is not None
        if self._client is not None:
            self._isolation.launcher.release(self._client, lambda: None)
        argv = ["start", "--attach", self._spec.name] if again else self._run_arguments()
        # Values travel in the client's environment, where other users cannot read them as they can a command line.
        environment = {**self._spec.command.environment, **self._isolation.client_environment}
        command = Command(argv=[self._isolation.program, *argv], environment=environment, directory="/")
        launcher = self._isolation.launcher
        self._client = launcher.start(command, outputs, on_started, lambda code: self._on_ended(code, on_ended))

    def signal(self, number: int) -> None:
        """Signal the container's command."""
        self._tool(["kill", "--signal", str(number), self._spec.name], lambda *_: None)

    @contextmanager
    def view(self, path: str) -> Iterator[tuple[Tree, str]]:
        """The bound directory for `/osmo`; elsewhere a copy of what the container has there."""
        if below(os.path.normpath(path), "/osmo"):
            with Tree.open(self._spec.box / "osmo", known_as=("/osmo",)) as tree:
                yield tree, os.path.normpath(path).removeprefix("/osmo/")
            return
        # A glob is copied with the directory that it is in.
        wanted = os.path.normpath(path)
        while any(letter in wanted for letter in "*?["):
            wanted = os.path.dirname(wanted)
        with tempfile.TemporaryDirectory(dir=self._spec.box) as copy:
            target = copy + os.path.dirname(wanted)
            os.makedirs(target, exist_ok=True)
            self._isolation.copied_out(self._spec.name, wanted, target)
            with Tree.open(Path(copy), known_as=("/",)) as tree:
                yield tree, path

    def close(self, on_closed: Callable[[], None], *, keep_files: bool) -> None:
        """Remove the container."""
        self._closing = True
        if self._client is None:
            on_closed()
            return
        client = self._client
        self._tool(
            ["rm", "--force", "--volumes", self._spec.name],
            lambda *_: self._isolation.launcher.release(client, on_closed),
        )

    def _make_files(self) -> None:
        box = self._spec.box
        for directory in (box, box / "osmo", box / "files"):
            directory.mkdir()
        make_osmo(box / "osmo")
        make_inputs(box / "osmo", self._spec.task.inputs)
        for number, file in enumerate(self._spec.files):
            target = self._target(number, file)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.contents)
            target.chmod(0o644)

    def _target(self, number: int, file: File) -> Path:
        if below(file.absolute, "/osmo"):
            return self._spec.box / file.absolute[1:]
        target = self._spec.box / "files" / str(number)
        self._mounted.append((target, file.absolute))
        return target

    def _run_arguments(self) -> list[str]:
        spec = self._spec
        argv = ["run", "--name", spec.name, "--label", f"{LABEL}={self._isolation.identity}", "--network", "host"]
        argv += ["--volume", f"{spec.box / 'osmo'}:/osmo"]
        for host, path in self._mounted:
            argv += ["--volume", f"{host}:{path}:ro"]
        for mount in spec.task.mounts:
            argv += ["--volume", f"{mount.source}:{mount.destination}"]
        for name, value in spec.command.environment.items():
            # The client's own variables (PATH, HOME) would hide the task's, so those are given with their values.
            argv += ["--env", f"{name}={value}" if name in _CLIENT_VARIABLES else name]
        argv += ["--privileged"] if spec.task.privileged else []
        argv += self._gpu_arguments(spec.gpus)
        program, *rest = spec.command.argv
        return [*argv, "--entrypoint", program, spec.task.image, *rest]

    def _gpu_arguments(self, gpus: Sequence[str]) -> list[str]:
        if not gpus:
            return []
        if os.path.basename(self._isolation.program) == "docker":
            return ["--gpus", f'"device={",".join(gpus)}"']
        return [word for gpu in gpus for word in ("--device", f"nvidia.com/gpu={gpu}")]

    def _on_inspected(self, code: int, on_open: Callable[[CellFault | None], None]) -> None:
        if self._closing:
            return
        if code == 0:
            on_open(None)
        else:
            self._tool(
                ["pull", "--quiet", self._spec.task.image], lambda code, text: self._on_pulled(code, text, on_open)
            )

    def _on_pulled(self, code: int, text: str, on_open: Callable[[CellFault | None], None]) -> None:
        if self._closing:
            return
        message = f"Could not pull image {self._spec.task.image}: {text.strip()}"
        fault = CellFault(TaskStatus.FAILED_IMAGE_PULL, ExitCode.IMAGE_PULL, message)
        on_open(None if code == 0 else fault)

    def _on_ended(self, code: int, on_ended: Callable[[int], None]) -> None:
        if code not in _NOT_RUN_CODES or self._closing:
            on_ended(code)
            return
        # These codes may be the command's own; the container tells whether it ever ran.
        asked = ["inspect", "--format", "{{.State.StartedAt}}", self._spec.name]
        self._tool(asked, lambda _, text: on_ended(_CANNOT_START_CODE if text.strip().startswith("0001-") else code))

    def _tool(self, argv: list[str], on_done: Callable[[int, str], None]) -> None:
        self._isolation.tools.run([self._isolation.program, *argv], self._isolation.client_environment, on_done)
