"""A submission over HTTP until its row and its object are there, beside the plain POST of that object.

The two alternate, so that both find caches and processors in one state: a POST that follows a hundred of its like takes
half the time.
"""

from __future__ import annotations

import logging
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import structlog
import uvicorn

from gateway.main import SWITCH_SECONDS, build, create_app, listening_socket
from gateway.settings import settings_from
from tests.fakes.argo_cluster import CONFIG
from tests.fakes.kube import WORKFLOWS, fake_kube

_WARM, _RUNS = 10, 100
_PATIENCE_SECONDS = 30.0
_SPEC = """\
workflow:
  name: hello
  tasks:
  - name: hello
    image: ubuntu:24.04
    command: [echo]
    args: [Hello from OSMO!]
"""


def main() -> None:
    """Print medians. Cluster and gateway are processes; row and object are there when the cluster has answered."""
    with (
        _cluster() as (url, made),
        tempfile.TemporaryDirectory() as home,
        _gateway(Path(home), url) as gateway,
        httpx.Client(trust_env=False, timeout=_PATIENCE_SECONDS) as client,
    ):
        answered, whole, plain = _medians(client, gateway, url, made)
    print(
        f"submission of one task over HTTP, median: plain POST of the object {plain:.1f} ms, answer {answered:.1f} ms, "
        f"row and object {whole:.1f} ms, {whole - plain:.1f} ms more than the plain POST (aim <= 8)"
    )


def _medians(client: httpx.Client, gateway: str, url: str, made: Connection) -> tuple[float, float, float]:
    """Of the answer to a submission, of its object, of a plain POST. Units: milliseconds."""
    answers, wholes, plains = [], [], []
    for number in range(_WARM + _RUNS):
        answer, whole = _submission(client, gateway, made)
        answers.append(answer)
        wholes.append(whole)
        plains.append(_plain(client, url, made, number))
    answered, whole, plain = (1000 * statistics.median(times[_WARM:]) for times in (answers, wholes, plains))
    return answered, whole, plain


def _submission(client: httpx.Client, gateway: str, made: Connection) -> tuple[float, float]:
    began = time.monotonic()
    reply = client.post(f"{gateway}/api/pool/default/workflow", json={"file": _SPEC})
    answer = time.monotonic() - began
    if reply.status_code != 200:
        raise RuntimeError(reply.text)
    if not made.poll(_PATIENCE_SECONDS):
        raise TimeoutError("no object was made")
    at, _ = made.recv()
    return answer, max(at - began, answer)


def _plain(client: httpx.Client, url: str, made: Connection, number: int) -> float:
    """The POST of the object that was made last, under another name, and as nobody's whom the gateway knows."""
    made.send("body")
    body = made.recv()
    body["metadata"] |= {"name": f"plain-{number}", "labels": {}}
    began = time.monotonic()
    client.post(f"{url}{WORKFLOWS}", json=body)
    took = time.monotonic() - began
    made.recv()
    return took


@contextmanager
def _cluster() -> Iterator[tuple[str, Connection]]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve_cluster, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv(), ours
    finally:
        process.kill()
        process.join()


def _serve_cluster(pipe: Connection) -> None:
    """Tell the URL, then of each Workflow that is made when it was; and the last one's body when asked."""
    with fake_kube() as kube:
        last: dict[str, object] = {}

        def wrote(method: str, collection: str, made: dict[str, object]) -> None:
            if method == "POST" and collection == WORKFLOWS:
                last.update(made)
                pipe.send((time.monotonic(), made["metadata"]["name"]))  # type: ignore[index]

        kube.on_write = wrote
        pipe.send(kube.url)
        while True:
            pipe.recv()
            pipe.send(last)


@contextmanager
def _gateway(home: Path, url: str) -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve_gateway, args=(theirs, home, url), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(_PATIENCE_SECONDS)
        process.kill()


def _serve_gateway(pipe: Connection, home: Path, url: str) -> None:
    """Tell the URL, and serve until something is said."""
    (home / "config").mkdir()
    (home / "config" / "config.yaml").write_text(CONFIG.replace("http://127.0.0.1:1", url))
    settings = settings_from({}, {"data_dir": home / "data", "config": home / "config", "port": 0})
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    sys.setswitchinterval(SWITCH_SECONDS)
    gateway = build(settings)
    listener = listening_socket(settings)
    server = uvicorn.Server(
        uvicorn.Config(create_app(gateway), log_config=None, access_log=False, loop="asyncio", http="h11")
    )
    gateway.start()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    pipe.send(f"http://127.0.0.1:{listener.getsockname()[1]}")
    pipe.recv()
    server.should_exit = True
    thread.join(10)
    gateway.stop()


if __name__ == "__main__":
    main()
