"""The sidecar as a program: `run CTRL_FILE`. It ends when the pod does, and always with 0.

Another code would fail the node of a task that did well (argo-verified.md C1), and one that ended early would be
started again where it is a native sidecar.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from runtime.move_voice import MoveVoice
from runtime.sidecar.checkpoints import CheckpointStorer
from runtime.sidecar.group.coordinator import Coordinator
from runtime.sidecar.group.link import GroupLink, NoGroup
from runtime.sidecar.group.member import GroupMember
from runtime.sidecar.places import BadDocument, TaskStores, data_places, task_stores
from runtime.sidecar.server import WrapperServer
from runtime.sidecar.session import Session
from runtime.task_data import DATA_DIRECTORY, DataFault, DataMover, DataPlaces
from storage.stores import Stores
from translator.argo.payload import (
    COORDINATOR_PORT,
    RETRY_VARIABLE,
    SOCKET_FILE,
    STORAGE_DIRECTORY,
    SidecarPayload,
    decode_sidecar_payload,
)
from translator.lifecycle.facts import DatasetMade
from translator.lifecycle.words import ExitCode

GRACE_SECONDS = 27.0
"""A little less than Kubernetes gives from SIGTERM to SIGKILL, and more than the wrapper gives the program."""

_CHECKPOINT_THREADS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where a sidecar finds things. Shape: `host` None listens for members on all addresses."""

    socket: Path = Path(SOCKET_FILE)
    data: Path = Path(DATA_DIRECTORY)
    keys: Path = Path(STORAGE_DIRECTORY)
    attempt: int = 0
    host: str | None = None
    port: int = COORDINATOR_PORT
    grace_seconds: float = GRACE_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What is to be done, as far as it could be understood."""

    payload: SidecarPayload | None
    stores: TaskStores
    broken: DataFault | None = None


async def serve(ctrl_file: Path, around: Surroundings, say: Callable[[str], None], told: asyncio.Event) -> None:
    """Serve one task until `told` to end, and then until the wrapper is gone or the grace time is over."""
    task = _task(ctrl_file, around, say)
    stopped, out_of_time = threading.Event(), threading.Event()
    writer = f"{task.payload.identity.task_uuid}/{around.attempt}" if task.payload is not None else ""
    voice = MoveVoice(say)
    # Not left by `with`: a thread that hangs in a store must not keep the pod.
    threads = ThreadPoolExecutor(1 + _CHECKPOINT_THREADS, thread_name_prefix="data")
    group = _group(task.payload, around)
    made: list[DatasetMade] = []
    mover = DataMover(
        places=data_places(task.payload, task.stores, around.attempt) if task.payload is not None else DataPlaces(),
        directory=around.data,
        writer=writer,
        stopped=stopped,
        voice=voice,
        made=made.append,
    )
    storer = CheckpointStorer(
        checkpoints=task.payload.checkpoints if task.payload is not None else (),
        stores=task.stores.user,
        writer=writer,
        stopped=out_of_time,
        voice=voice,
    )
    session = Session(mover, group, threads, stopped, attempt=around.attempt, broken=task.broken, made=made)
    server = WrapperServer(session, storer, threads)
    await group.open(session)
    await server.open(around.socket)
    await told.wait()
    session.terminate()
    with suppress(TimeoutError):
        async with asyncio.timeout(around.grace_seconds):
            await session.over.wait()
            await group.leave()
    out_of_time.set()
    server.close()
    await group.close()
    threads.shutdown(wait=False, cancel_futures=True)


def main(arguments: Sequence[str], environ: Mapping[str, str], around: Surroundings | None = None) -> None:
    """Run, and end the process with 0 whatever happened. Shape: `around` None is the pod."""
    try:
        if len(arguments) != 2 or arguments[0] != "run":
            raise BadDocument(f"Expected `run CTRL_FILE`, got {list(arguments)}")
        os.umask(0)
        attempt = environ.get(RETRY_VARIABLE, "")
        around = around or Surroundings(attempt=int(attempt) if attempt.isdigit() else 0)
        # Not `asyncio.run`: what it cancels at the end complains in the log.
        asyncio.new_event_loop().run_until_complete(_until_signalled(Path(arguments[1]), around))
    except BaseException:  # noqa: BLE001  the wrapper sees that it is gone and says so
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not `sys.exit`: that waits for threads.
    os._exit(0)


async def _until_signalled(ctrl_file: Path, around: Surroundings) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Argo sends several.
        loop.add_signal_handler(number, told.set)
    await serve(ctrl_file, around, _say, told)


def _task(ctrl_file: Path, around: Surroundings, say: Callable[[str], None]) -> _Task:
    nothing = TaskStores(user=Stores({}), service=Stores({}))
    try:
        payload = decode_sidecar_payload(ctrl_file.read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        return _Task(payload=None, stores=nothing, broken=_broken(f"{ctrl_file} cannot be read: {error}", say))
    try:
        return _Task(payload=payload, stores=task_stores(around.keys))
    except BadDocument as error:
        return _Task(payload=payload, stores=nothing, broken=_broken(str(error), say))


def _broken(text: str, say: Callable[[str], None]) -> DataFault:
    say(text)
    return DataFault(ExitCode.SIDECAR_OTHER, text)


def _group(payload: SidecarPayload | None, around: Surroundings) -> GroupLink:
    if payload is None or payload.group is None:
        return NoGroup()
    if payload.identity.lead:
        return Coordinator(payload.group, around.attempt, time.monotonic, host=around.host, port=around.port)
    return GroupMember(payload.group, payload.identity.task)


_voice_lock = threading.Lock()


def _say(text: str) -> None:
    """One line of the container's log, as soon as it is said."""
    with _voice_lock:
        sys.stdout.write(text.replace("\n", " ") + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
