"""Gateway processes on a simulated cluster, and what must be true of both afterwards."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.fakes.argo_cluster import CONFIG
from tests.fakes.argo_simulation import Act, Simulation, simulation
from tests.fakes.kube import NAMESPACE, PODS, SECRETS, WORKFLOWS, FakeKube, fake_kube
from tests.integration import gateway_child
from tests.integration.gateway_child import Orders

SERVICES = f"/api/v1/namespaces/{NAMESPACE}/services"
PATIENCE_SECONDS = 60.0
_LINE = re.compile(r"\S+ \S+ \[(?P<task>[\w-]+)(?: retry-(?P<retry>\d+))?\] (?P<text>.*)")

Ends = dict[str, list[tuple[str, int | None]]]
"""Per task the status and exit code of each attempt, by rising number."""


@dataclass(frozen=True)
class Place:
    """A cluster, and where its gateways keep things."""

    home: Path
    database: str
    kube: FakeKube
    argo: Simulation


@contextmanager
def place(home: Path, database: str, scripts: Mapping[str, Sequence[Act]]) -> Iterator[Place]:
    """A cluster whose tasks do as the scripts say, and no gateway yet."""
    with fake_kube() as kube, simulation(kube, scripts) as argo:
        yield Place(home=home, database=database, kube=kube, argo=argo)


class Gateway:
    """One process. Shape: `name` is the token by which the cluster knows it."""

    def __init__(self, at: Place, name: str, orders: Orders) -> None:
        self.name = name
        self.orders = orders
        # A server that has imported everything once forks the children: an import costs more than the whole story.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([gateway_child.__name__])
        self._process = context.Process(target=gateway_child.run, args=(orders,))
        self._process.start()
        self._client: httpx.Client | None = None

    @property
    def client(self) -> httpx.Client:
        """Speaks to it as soon as it listens."""
        if self._client is None:
            until(lambda: "listens on" in self.log() or not self._process.is_alive(), lambda: self.log())
            found = re.search(r"listens on (\S+)", self.log())
            assert found is not None, self.log()
            self._client = httpx.Client(base_url=found[1], headers={"x-osmo-user": "tester"}, timeout=PATIENCE_SECONDS)
        return self._client

    def log(self) -> str:
        """What it wrote about itself, but for requests."""
        path = Path(self.orders.output)
        lines = path.read_text().splitlines() if path.exists() else []
        return "\n".join(line for line in lines if '"event": "request"' not in line)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def died(self) -> int | None:
        """Wait until it has ended; its exit code, negative for a signal."""
        self._process.join(PATIENCE_SECONDS)
        return self._process.exitcode

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    def is_stopped(self) -> bool:
        """Whether SIGSTOP has stopped it."""
        return Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def close(self) -> None:
        """End it, whatever state it is in."""
        if self._client is not None:
            self._client.close()
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    # What users ask

    def submit(self, workflow: Mapping[str, Any]) -> str:
        """Submit; the id."""
        text = yaml.safe_dump({"workflow": workflow}, sort_keys=False)
        reply = self.client.post("/api/pool/default/workflow", json={"file": text})
        assert reply.status_code == 200, reply.text
        return str(reply.json()["name"])

    def query(self, workflow_id: str) -> dict[str, Any]:
        """The workflow with all its attempts."""
        reply = self.client.get(f"/api/workflow/{workflow_id}", params={"verbose": True})
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    def ends(self, workflow_id: str) -> Ends:
        """How the attempts stand."""
        found: Ends = {}
        for group in self.query(workflow_id)["groups"]:
            for task in sorted(group["tasks"], key=lambda one: int(one["retry_id"])):
                tries = found.setdefault(task["name"], [])
                assert task["retry_id"] == len(tries), f"{task['name']} has {group['tasks']}"
                tries.append((task["status"], task["exit_code"]))
        return found

    def until(self, workflow_id: str, task: str, *statuses: str) -> None:
        """Wait until the attempts of a task stand so."""
        wanted = list(statuses)
        until(
            lambda: [status for status, _ in self.ends(workflow_id).get(task, [])] == wanted,
            lambda: f"{self.ends(workflow_id)}\n{self.log()[-3000:]}",
        )

    def finished(self, workflow_id: str) -> str:
        """Wait until the workflow has ended and all is known of it; its status."""
        until(lambda: self.query(workflow_id)["end_time"] is not None, lambda: f"{self.ends(workflow_id)} {self.log()}")
        return str(self.query(workflow_id)["status"])

    def has_ended(self, workflow_id: str) -> bool:
        """Whether the workflow has; False where the gateway does not answer any more."""
        try:
            return self.query(workflow_id)["end_time"] is not None
        except httpx.HTTPError:
            return False

    def lines(self, workflow_id: str) -> dict[tuple[str, int], list[str]]:
        """The log by attempt, once it is complete."""
        found: dict[tuple[str, int], list[str]] = {}
        # The reply of a finished workflow ends when its log is sealed.
        for line in self.client.get(f"/api/workflow/{workflow_id}/logs").text.splitlines():
            match = _LINE.fullmatch(line)
            # What is no line of a task is what the service says of failed ones at the end.
            if match is not None:
                found.setdefault((match["task"], int(match["retry"] or 0)), []).append(match["text"])
        return found


@contextmanager
def gateway(at: Place, name: str, **orders: Any) -> Iterator[Gateway]:
    """A gateway process that is begun, and gone at the end. Shape: `orders` as in `Orders`; `data` is shared."""
    config = at.home / f"config-{name}"
    config.mkdir(exist_ok=True)
    token = at.home / f"token-{name}"
    token.write_text(name)
    reached = f'{{server: "{at.kube.url}", token_file: "{token}"}}'
    (config / "config.yaml").write_text(CONFIG.replace('{server: "http://127.0.0.1:1"}', reached))
    told = Orders(
        data=str(at.home / "data"), config=str(config), database=at.database, output=str(at.home / f"{name}.log")
    )
    made = Gateway(at, name, replace(told, **orders))
    try:
        yield made
    finally:
        made.close()


def until(is_so: Callable[[], bool], what: Callable[[], str] = lambda: "", seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"it did not come to that: {what()}"
        time.sleep(0.02)


def check_cluster(at: Place) -> None:
    """Nothing is left there, no object was made twice, and no attempt ran twice."""
    for collection in (WORKFLOWS, PODS, SECRETS, SERVICES):
        until(lambda of=collection: not at.kube.names(of), lambda of=collection: f"left: {of} {at.kube.names(of)}")  # type: ignore[misc]
    with at.kube.changed:
        made = Counter(
            (collection, body["metadata"]["name"]) for _, collection, kind, body in at.kube.history if kind == "ADDED"
        )
    assert not [one for one, times in made.items() if times > 1]
    assert not [one for one, times in Counter(at.argo.made).items() if times > 1]
    assert not [one for one, times in Counter((end.task, end.retry_id) for end in at.argo.truth).items() if times > 1]


def check_rows(at: Place, by: Gateway, workflow_id: str) -> None:
    """Each attempt that ran has its row with the number and the code that it had there, and there are no others."""
    ends = by.ends(workflow_id)
    ran = {(task, number) for task, number in at.argo.made}
    rows = {(task, number) for task, tries in ends.items() for number in range(len(tries))}
    assert ran <= rows
    for end in at.argo.truth:
        status, code = ends[end.task][end.retry_id]
        if end.code is not None:
            assert code == end.code, (end, ends)
            assert status == ("COMPLETED" if code == 0 else status)
    for task, number in rows - ran:
        assert ends[task][number][0] in ("FAILED_UPSTREAM", "FAILED_CANCELED"), (task, ends)
    said = {whose: texts for whose, texts in at.argo.lines.items() if texts}
    kept = by.lines(workflow_id)
    assert kept == said, f"kept {kept}, said {said}\n{by.log()}"
