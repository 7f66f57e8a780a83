"""The sidecar of one task, with a wrapper that is played here, directories and a real S3 server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runtime.passport import read_passport
from runtime.sidecar.main import Surroundings, serve
from tests.object_store import S3Server
from translator.argo.payload import Fetch, Identity, Push, SidecarPayload, encode_payload
from translator.plan.model import CheckpointPlan, Kpi

IDENTITY = Identity(
    workflow_id="w-1",
    workflow_uuid="0" * 32,
    group="t-group",
    group_uuid="1" * 32,
    task="t",
    task_uuid="2" * 32,
    lead=True,
)


class Pod:
    """The directories of a pod with a sidecar, and a wrapper that does what a test says."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.said: list[str] = []
        self.told = asyncio.Event()
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter
        for name in ("run", "data/input", "data/output", "keys"):
            (home / name).mkdir(parents=True)

    @property
    def store(self) -> str:
        return f"file://{self.home}/store"

    def around(self, grace_seconds: float = 20.0) -> Surroundings:
        return Surroundings(
            socket=self.home / "run/s", data=self.home / "data", keys=self.home / "keys", grace_seconds=grace_seconds
        )

    def output(self, **files: str) -> None:
        for name, text in files.items():
            (self.home / "data/output" / name).write_text(text)

    async def hello(self, **more: Any) -> None:
        async with asyncio.timeout(20):
            while not (self.home / "run/s").exists():
                await asyncio.sleep(0.005)
        self.reader, self.writer = await asyncio.open_unix_connection(self.home / "run/s")
        self.say(kind="hello", task="t", **more)

    def say(self, **message: Any) -> None:
        self.writer.write(json.dumps({"retry_id": 0, "code": 0, "index": 0, **message}).encode() + b"\n")

    async def hear(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            line = await self.reader.readuntil(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    async def end(self, code: int = 0) -> None:
        self.say(kind="ended", code=code)
        self.writer.close()

    async def checkpoint(self, index: int, files: dict[str, bytes]) -> dict[str, Any]:
        reader, writer = await asyncio.open_unix_connection(self.home / "run/s")
        writer.write(json.dumps({"kind": "checkpoint", "retry_id": 0, "code": 0, "index": index}).encode() + b"\n")
        for name, body in files.items():
            writer.write(json.dumps({"name": name, "size": len(body)}).encode() + b"\n" + body)
        writer.write(b'{"end":true}\n')
        writer.write_eof()
        async with asyncio.timeout(20):
            answer: dict[str, Any] = json.loads(await reader.readuntil(b"\n"))
        writer.close()
        return answer


def play(
    home: Path,
    payload: SidecarPayload | bytes,
    scene: Callable[[Pod], Coroutine[Any, Any, None]],
    user_keys: bytes = b"{}",
) -> list[str]:
    """Serve one task while the scene is played; SIGTERM comes after it. What was said."""

    async def run() -> list[str]:
        pod = Pod(home)
        (home / "ctrl.json").write_bytes(payload if isinstance(payload, bytes) else encode_payload(payload))
        (home / "keys/user.json").write_bytes(user_keys)
        serving = asyncio.create_task(serve(home / "ctrl.json", pod.around(), pod.said.append, pod.told))
        try:
            await scene(pod)
        finally:
            pod.told.set()
            async with asyncio.timeout(30):
                await serving
        return pod.said

    return asyncio.run(run())


def payload_with(home: Path, **more: Any) -> SidecarPayload:
    """What is told of a task whose intermediate store is a directory."""
    return SidecarPayload(
        version=1, identity=IDENTITY, intermediate_url=f"file://{home}/store/w-1/t", **{"outputs": (), **more}
    )


def kept(home: Path) -> tuple[Push, ...]:
    return (Push(url=f"file://{home}/store/w-1/t", service=True),)


def test_inputs_before_the_start_and_outputs_after_the_end(tmp_path: Path) -> None:
    """§6.3 download inputs, start command, upload outputs; the words are those of the local engine."""
    (tmp_path / "store/w-1/up").mkdir(parents=True)
    (tmp_path / "store/w-1/up/f").write_text("hello")
    fetch = Fetch(index=0, url=f"file://{tmp_path}/store/w-1/up", origin="task up of w-1", service=True)
    empty = Fetch(index=1, url=f"file://{tmp_path}/none", origin="task none of w-1", service=True)

    async def scene(pod: Pod) -> None:
        await pod.hello()
        assert (await pod.hear())["kind"] == "start"
        assert (tmp_path / "data/input/0/f").read_text() == "hello"
        assert (tmp_path / "data/input/1").is_dir()
        pod.output(result="done")
        pod.say(kind="started")
        pod.say(kind="exited", code=3)
        assert await pod.hear() == {"kind": "finish"}
        await pod.end(3)

    said = play(tmp_path, payload_with(tmp_path, inputs=(fetch, empty), outputs=kept(tmp_path)), scene)
    assert (tmp_path / "store/w-1/t/result").read_text() == "done"
    passport = read_passport((tmp_path / "store/w-1/.argosmo/passports/t/0.json").read_bytes())
    assert (passport.task_uuid, [file.path for file in passport.places[0].files]) == (IDENTITY.task_uuid, ["result"])
    assert said == [
        "Downloaded input 0 from task up of w-1: 1 file, 5 bytes",
        "Downloaded input 1 from task none of w-1: 0 files, 0 bytes",
        "Warning: input 1 from task none of w-1 is empty",
        f"Uploaded to file://{tmp_path}/store/w-1/t: 1 file, 4 bytes",
    ]


def test_nothing_to_upload_is_said(tmp_path: Path) -> None:
    async def scene(pod: Pod) -> None:
        await pod.hello()
        await pod.hear()
        pod.say(kind="exited", code=0)
        assert (await pod.hear())["kind"] == "finish"
        await pod.end()

    assert play(tmp_path, payload_with(tmp_path, outputs=kept(tmp_path)), scene) == ["No Files in Output Folder"]


@pytest.mark.parametrize(
    ("fetch", "code", "said", "message"),
    [
        (Fetch(index=0, url="", service=True), 2010, "Download of input 0 failed:", "no store for intermediate data"),
        (Fetch(index=0, url="gs://b/x"), 2013, "No READ access to gs://b/x:", "No credential for gs://b"),
        (Fetch(index=0, url="file:///etc"), 2013, "No READ access to file:///etc:", "No store for file://"),
        (Fetch(index=0, url="file:///", regex="(", service=True), 2010, "Download of input 0 failed:", "Invalid regex"),
    ],
)
def test_an_input_that_cannot_be_had_ends_the_run_before_the_start(
    tmp_path: Path, fetch: Fetch, code: int, said: str, message: str
) -> None:
    """§5.6 2010 input download failed, 2013 access check could not be done; the command is not run."""

    async def scene(pod: Pod) -> None:
        await pod.hello()
        told = await pod.hear()
        assert (told["kind"], told["code"], told["phase"]) == ("finish", code, "download")
        assert message in told["message"]
        await pod.end(1)

    assert play(tmp_path, payload_with(tmp_path, inputs=(fetch,)), scene)[0].startswith(said)


@pytest.mark.xdist_group("s3")
def test_a_key_that_may_only_read_is_refused_before_the_start(tmp_path: Path, s3: S3Server) -> None:
    """§6.3 check write access of URL outputs; §5.6 2014 data access denied."""

    async def scene(pod: Pod) -> None:
        await pod.hello()
        told = await pod.hear()
        assert (told["kind"], told["code"], told["phase"]) == ("finish", 2014, "download")
        assert f"WRITE of s3://{s3.bucket}/denied" in told["message"]
        await pod.end(1)

    keys = msgspec.json.encode({f"s3://{s3.bucket}": s3.credential("reader")})
    play(tmp_path, payload_with(tmp_path, outputs=(Push(url=f"s3://{s3.bucket}/denied"),)), scene, keys)


def test_an_output_without_a_store_is_refused_before_the_start(tmp_path: Path) -> None:
    async def scene(pod: Pod) -> None:
        await pod.hello()
        told = await pod.hear()
        assert (told["kind"], told["code"]) == ("finish", 2012)
        assert "Output upload would fail" in told["message"]
        await pod.end(1)

    play(tmp_path, payload_with(tmp_path, outputs=(Push(url="file:///x"),)), scene)


def test_kpis_go_to_the_intermediate_place(tmp_path: Path) -> None:
    """§6.2 each kpis entry: file path -> W/wf/t[/dirname(path)]."""
    kpis = (Kpi(index="0", path="k.json"), Kpi(index="1", path="missing.json"))

    async def scene(pod: Pod) -> None:
        await pod.hello()
        await pod.hear()
        pod.output(**{"k.json": "{}", "other": "x"})
        pod.say(kind="exited")
        await pod.hear()
        await pod.end()

    said = play(tmp_path, payload_with(tmp_path, kpis=kpis), scene)
    assert sorted(path.name for path in (tmp_path / "store/w-1/t").iterdir()) == ["k.json"]
    assert "Warning: KPI 1: there is no missing.json in the output folder" in said


@pytest.mark.xdist_group("s3")
def test_checkpoints_and_urls_of_the_user_on_s3(tmp_path: Path, s3: S3Server) -> None:
    """§6.6 uploads while the command runs, with the user's credentials; §6.2 outputs go to their urls."""
    place = f"s3://{s3.bucket}/{uuid.uuid4().hex}"
    prefix = place.removeprefix(f"s3://{s3.bucket}/")
    payload = payload_with(
        tmp_path,
        outputs=(Push(url=f"{place}/out", regex=r".*\.txt"),),
        checkpoints=(CheckpointPlan(path="/work/ck", url=f"{place}/ck", frequency_seconds=1),),
    )

    async def scene(pod: Pod) -> None:
        await pod.hello()
        await pod.hear()
        large = os.urandom(20_000_000)
        assert await pod.checkpoint(0, {"ck/large": large, "ck/small": b"s"}) == {"kind": "stored"}
        assert s3.get(f"{prefix}/ck/ck/large") == large
        assert (await pod.checkpoint(7, {}))["kind"] == "stop"
        pod.output(**{"a.txt": "a", "b.log": "b"})
        pod.say(kind="exited")
        await pod.hear()
        await pod.end()

    keys = msgspec.json.encode({f"s3://{s3.bucket}": s3.credential()})
    said = play(tmp_path, payload, scene, keys)
    assert s3.keys(prefix) == [f"{prefix}/ck/ck/large", f"{prefix}/ck/ck/small", f"{prefix}/out/a.txt"]
    assert said[0] == f"Checkpoint /work/ck uploaded to {place}/ck: 2 files, 20000001 bytes"


def test_when_the_pod_ends_checkpoints_are_still_taken_and_outputs_are_not(tmp_path: Path) -> None:
    """§5.8 cancel: outputs lost; the last checkpoint is taken within the grace time."""
    checkpoint = CheckpointPlan(path="/work/ck", url="s3://b/ck", frequency_seconds=1)

    async def scene(pod: Pod) -> None:
        await pod.hello()
        await pod.hear()
        pod.output(result="x")
        pod.told.set()
        # Not a store that there is, but it is tried: the wrapper hears why it failed.
        assert "Checkpoint upload failed" in (await pod.checkpoint(0, {"ck/a": b"a"}))["message"]
        pod.say(kind="exited", code=255)
        assert await pod.hear() == {"kind": "finish"}
        await pod.end(250)

    keys = b'{"s3://b": {"override_url": "http://127.0.0.1:9", "access_key_id": "a", "access_key": "b"}}'
    payload = payload_with(tmp_path, outputs=kept(tmp_path), checkpoints=(checkpoint,))
    play(tmp_path, payload, scene, keys)
    assert not (tmp_path / "store").exists()


def test_outputs_of_a_run_that_was_stopped_are_lost_although_the_sidecar_was_not_told_yet(tmp_path: Path) -> None:
    """§5.8 outputs lost. The wrapper's SIGTERM may come first."""

    async def scene(pod: Pod) -> None:
        await pod.hello()
        await pod.hear()
        pod.output(result="x")
        pod.say(kind="exited", code=0, phase="stopped")
        assert await pod.hear() == {"kind": "finish"}
        await pod.end(250)

    play(tmp_path, payload_with(tmp_path, outputs=kept(tmp_path)), scene)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("phase", ["running", "waiting", "exited"])
def test_a_sidecar_that_was_killed_goes_on_where_the_run_is(tmp_path: Path, phase: str) -> None:
    """The kubelet starts a native sidecar again (argo-verified.md §1.3); inputs are not fetched a second time."""

    async def scene(pod: Pod) -> None:
        pod.output(result="x")
        await pod.hello(phase=phase, round=3)
        if phase == "waiting":
            assert (await pod.hear())["kind"] == "start"
        if phase != "exited":
            pod.say(kind="exited")
        assert await pod.hear() == {"kind": "finish"}
        await pod.end()

    fetch = Fetch(index=0, url="gs://nobody/has/it")
    said = play(tmp_path, payload_with(tmp_path, inputs=(fetch,), outputs=kept(tmp_path)), scene)
    assert said == [f"Uploaded to file://{tmp_path}/store/w-1/t: 1 file, 1 bytes"]


def test_who_says_hello_second_is_turned_away(tmp_path: Path) -> None:
    """The user's program can reach the socket; it cannot take the wrapper's place."""

    async def scene(pod: Pod) -> None:
        await pod.hello()
        await pod.hear()
        first = pod.reader, pod.writer
        for line in (b'{"kind":"hello"}\n', b"\xff\n", b"x" * 200_000, b'{"kind":"exited"}\n', b'{"kind":"stop"}\n'):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "run/s")
            writer.write(line)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
        pod.reader, pod.writer = first
        pod.say(kind="exited")
        assert (await pod.hear())["kind"] == "finish"
        await pod.end()

    play(tmp_path, payload_with(tmp_path), scene)


@pytest.mark.parametrize("document", [b"", b"[]", b'{"version": 99}'])
def test_what_it_cannot_read_it_says_to_the_wrapper(tmp_path: Path, document: bytes) -> None:
    async def scene(pod: Pod) -> None:
        await pod.hello()
        told = await pod.hear()
        assert (told["kind"], told["code"]) == ("finish", 2040)
        assert "ctrl.json cannot be read" in told["message"]
        await pod.end(1)

    play(tmp_path, document, scene)


def test_broken_credentials_are_named_and_not_shown(tmp_path: Path) -> None:
    async def scene(pod: Pod) -> None:
        await pod.hello()
        told = await pod.hear()
        assert "storage credentials" in told["message"]
        assert "secret-value" not in str(told)
        await pod.end(1)

    said = play(tmp_path, payload_with(tmp_path), scene, b'{"s3://b": {"access_key": ["secret-value"]}}')
    assert "secret-value" not in "".join(said)


@pytest.mark.parametrize("arguments", [["run", "/no/such/file"], [], ["walk"]])
def test_the_process_always_ends_with_0(tmp_path: Path, arguments: list[str]) -> None:
    """argo-verified.md C1: the sidecar ends 0 on SIGTERM, always."""
    code = (
        "import sys; from pathlib import Path; from runtime.sidecar.main import Surroundings, main; "
        f"main(sys.argv[1:], {{}}, Surroundings(socket=Path({str(tmp_path / 's')!r})))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.DEVNULL)
    if arguments[:1] == ["run"]:
        while not (tmp_path / "s").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
