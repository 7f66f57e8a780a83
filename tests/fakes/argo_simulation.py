"""Argo and a kubelet behind the fake API server: Workflows that are let run make pods, which do as a test says.

It lives beside the gateways and outlives them, as a cluster does. What it did is the truth that rows are compared with.
Of Argo it has what our Workflows use: nested DAGs, `depends`, `continueOn`, retries by exit code, gates, shutdown, the
finalizer that keeps a pod until Argo has seen its end. Source: argo-verified.md §3, §5, §6.
"""

from __future__ import annotations

import copy
import json
import re
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.kube import PODS, WORKFLOWS, FakeKube, Json, LogFeed

_RESCHEDULE, _STOPPED = 251, 250
_OVER = ("Succeeded", "Failed")
_GATES = "osmo.gates"


@dataclass(frozen=True)
class Act:
    """What one attempt of a task does.

    Shape: after `says` it waits until the test opens `until`, says `then`, and ends with `code`; with `again` that code
    makes it come back. `vanishes`: the pod is deleted by somebody instead of ending.
    """

    says: Sequence[str] = ()
    until: str = ""
    then: Sequence[str] = ()
    code: int = 0
    again: bool = False
    vanishes: bool = False


@dataclass(frozen=True)
class Truth:
    """How an attempt ended. Shape: `code` is the program's own; None where the pod was deleted."""

    task: str
    retry_id: int
    code: int | None


@dataclass
class Simulation:
    """The cluster's own programs. `scripts` has the attempts of each task, the last one for all that follow."""

    kube: FakeKube
    scripts: Mapping[str, Sequence[Act]]
    behind: timedelta = timedelta()
    """How far the cluster's clock is behind that of this machine: a test lets hours pass by changing it."""
    truth: list[Truth] = field(default_factory=list)
    made: list[tuple[str, int]] = field(default_factory=list)
    """Every pod that was ever made: task and number of the attempt."""
    lines: dict[tuple[str, int], list[str]] = field(default_factory=lambda: defaultdict(list))
    opened: set[str] = field(default_factory=set)
    _begun: set[str] = field(default_factory=set)
    _spoken: set[str] = field(default_factory=set)
    _stamp: datetime = datetime(2000, 1, 1)

    def open(self, *names: str) -> None:
        """Let what waits for these go on."""
        with self.kube.changed:
            self.opened.update(names)
            self.kube.changed.notify_all()

    def pods_of(self, task: str) -> list[Json]:
        """The pods of a task that exist."""
        with self.kube.changed:
            pods = self.kube.objects.get(PODS, {}).values()
            return [pod for pod in pods if pod["metadata"]["labels"]["osmo.task_name"] == task]

    def run(self) -> None:
        """Work until the server closes. For a thread."""
        with self.kube.changed:
            while not self.kube.closing:
                if not self._step():
                    self.kube.changed.wait(0.5)

    def now(self) -> datetime:
        """The cluster's time; never the same twice, and never back."""
        now = datetime.now(UTC).replace(tzinfo=None) - self.behind
        self._stamp = max(now, self._stamp + timedelta(microseconds=1))
        return self._stamp

    def _step(self) -> bool:
        """Do one thing; whether there was any."""
        for pod in list(self.kube.objects.get(PODS, {}).values()):
            if self._live(pod):
                return True
        for workflow in list(self.kube.objects.get(WORKFLOWS, {}).values()):
            if self._reconcile(copy.deepcopy(workflow)):
                return True
        return False

    # The kubelet

    def _live(self, pod: Json) -> bool:
        meta, name = pod["metadata"], pod["metadata"]["name"]
        if pod["status"]["phase"] in _OVER:
            return False
        task, retry_id = meta["labels"]["osmo.task_name"], int(meta["labels"]["osmo.retry_id"])
        acts = self.scripts[task]
        act = acts[min(retry_id, len(acts) - 1)]
        if name not in self._begun:
            self._begun.add(name)
            self._put_main(pod, "Running", {"running": {"startedAt": _text(self.now())}})
            self._say(name, (task, retry_id), act.says)
            return True
        if meta.get("deletionTimestamp"):
            self._end(pod, _STOPPED, {"code": 143, "phase": "exec", "stopped": True})
            self.truth.append(Truth(task, retry_id, None))
            return True
        if act.until and act.until not in self.opened:
            return False
        self._say(name, (task, retry_id), act.then)
        if act.vanishes:
            # By hand, with no grace: the kubelet kills, Argo's finalizer keeps it for a moment.
            gone = copy.deepcopy(pod)
            gone["metadata"]["deletionTimestamp"] = _text(self.now())
            self._end(gone, 137, None)
            self.truth.append(Truth(task, retry_id, None))
            return True
        again = {"action": "RESCHEDULE"} if act.again else {}
        self._end(pod, _RESCHEDULE if act.again else act.code, {"code": act.code, "phase": "upload", **again})
        self.truth.append(Truth(task, retry_id, act.code))
        return True

    def _say(self, pod: str, attempt: tuple[str, int], texts: Sequence[str]) -> None:
        feed = self.kube.logs.setdefault((pod, "main"), LogFeed())
        for text in texts:
            feed.lines.append((_text(self.now()), text))
            self.lines[attempt].append(text)
        self.kube.changed.notify_all()

    def _end(self, pod: Json, code: int, report: Json | None) -> None:
        started = pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
        ended = {
            "exitCode": code,
            "reason": "Completed" if code == 0 else "Error",
            "message": "" if report is None else json.dumps({"v": 1, **report}),
            "startedAt": started,
            "finishedAt": _text(self.now()),
        }
        for (name, _), feed in self.kube.logs.items():
            feed.ended = feed.ended or name == pod["metadata"]["name"]
        self._put_main(pod, "Succeeded" if code == 0 else "Failed", {"terminated": ended})

    def _put_main(self, pod: Json, phase: str, state: Json) -> None:
        status = {"phase": phase, "startTime": pod["metadata"]["creationTimestamp"], "podIP": "10.0.0.1"}
        status["containerStatuses"] = [{"name": "main", "state": state}]
        self.kube.put(PODS, {**pod, "spec": {"nodeName": "node-1"}, "status": status})

    # Argo

    def _reconcile(self, workflow: Json) -> bool:
        spec, status = workflow["spec"], workflow.setdefault("status", {})
        if status.get("phase") in (*_OVER, "Error"):
            return self._capture(workflow)
        if spec.get("suspend") or workflow["metadata"].get("deletionTimestamp"):
            return False
        before = json.dumps(status, sort_keys=True)
        pass_ = _Pass(self, workflow)
        if spec.get("shutdown"):
            pass_.shut_down()
        else:
            status["phase"] = "Running"
            ended = pass_.template(spec["entrypoint"], workflow["metadata"]["name"], {})
            if ended is not None:
                status.update(phase="Succeeded" if ended else "Failed", finishedAt=_text(self.now()))
        changed = before != json.dumps(status, sort_keys=True)
        if changed:
            self.kube.put(WORKFLOWS, workflow)
        return self._capture(workflow) or changed or pass_.made

    def _capture(self, workflow: Json) -> bool:
        """Take the finalizer off pods whose end stands in a node; what was deleted goes then."""
        name, did = workflow["metadata"]["name"], False
        over = workflow["status"].get("phase") in _OVER
        for pod in list(self.kube.objects.get(PODS, {}).values()):
            meta = pod["metadata"]
            if meta["labels"]["workflows.argoproj.io/workflow"] != name or pod["status"]["phase"] not in _OVER:
                continue
            node = workflow["status"].get("nodes", {}).get(meta["annotations"]["workflows.argoproj.io/node-id"], {})
            if not over and node.get("phase") not in (*_OVER, "Error"):
                continue
            if meta.get("finalizers"):
                made = copy.deepcopy(pod)
                made["metadata"]["finalizers"] = []
                made["metadata"]["labels"]["workflows.argoproj.io/completed"] = "true"
                self.kube.put(PODS, made)
                did = True
            elif meta.get("deletionTimestamp"):
                self.kube.drop(PODS, meta["name"])
                did = True
        return did


class _Pass:
    """One look of the controller at one Workflow, whose status it changes in place."""

    def __init__(self, simulation: Simulation, workflow: Json) -> None:
        self.made = False
        self._simulation = simulation
        self._kube = simulation.kube
        self._workflow = workflow
        self._name: str = workflow["metadata"]["name"]
        self._nodes: dict[str, Json] = workflow["status"].setdefault("nodes", {})
        self._templates = {one["name"]: one for one in workflow["spec"]["templates"]}
        gates = json.loads((workflow["metadata"].get("annotations") or {}).get(_GATES, "[]"))
        self._gates = {gate["gate"]: gate["node"] for gate in gates}

    def shut_down(self) -> None:
        """`shutdown: Terminate`: the Workflow is Failed at once, its pods get a signal."""
        for node in self._nodes.values():
            if node["phase"] not in _OVER:
                node.update(phase="Failed", message="workflow shutdown with strategy:  Terminate")
        now = _text(self._simulation.now())
        self._workflow["status"].update(phase="Failed", finishedAt=now, message="Stopped with strategy 'Terminate'")
        for pod in list(self._kube.objects.get(PODS, {}).values()):
            labels = pod["metadata"]["labels"]
            begun = pod["metadata"]["name"] in self._simulation._begun and pod["status"]["phase"] not in _OVER
            if begun and labels["workflows.argoproj.io/workflow"] == self._name:
                self._simulation._end(pod, _STOPPED, {"code": 143, "phase": "exec", "stopped": True})
                truth = Truth(labels["osmo.task_name"], int(labels["osmo.retry_id"]), None)
                self._simulation.truth.append(truth)

    def template(self, name: str, path: str, values: Mapping[str, str]) -> bool | None:
        """Go on with a template; whether it succeeded, None while it runs."""
        found = self._templates[name]
        if "dag" in found:
            return self._dag(found["dag"]["tasks"], path)
        if "suspend" in found:
            return self._gate(path)
        return self._retried(found, path, values) if "retryStrategy" in found else self._pod(found, path, values, 0)

    def _dag(self, tasks: Sequence[Json], path: str) -> bool | None:
        ends: dict[str, bool | None] = {}
        for _ in tasks:
            for task in tasks:
                if task["name"] not in ends:
                    self._dag_task(task, path, ends)
        if len(ends) < len(tasks) or any(one is None for one in ends.values()):
            return None
        forgiven = {task["name"] for task in tasks if task.get("continueOn")}
        return all(end or name in forgiven for name, end in ends.items())

    def _dag_task(self, task: Json, path: str, ends: dict[str, bool | None]) -> None:
        needs = re.findall(r"([\w-]+)\.Succeeded", task.get("depends", ""))
        if any(need not in ends for need in needs):
            return
        told = [ends[need] for need in needs]
        if any(one is None for one in told):
            ends[task["name"]] = None
            return
        if not all(told):
            ends[task["name"]] = False
            self._node(f"{path}.{task['name']}", task["name"], "Skipped").update(phase="Omitted")
            return
        given = task.get("arguments", {}).get("parameters", [])
        values = {one["name"]: str(one["value"]) for one in given}
        ends[task["name"]] = self.template(task["template"], f"{path}.{task['name']}", values)

    def _gate(self, path: str) -> bool | None:
        name = path.rpartition(".")[2]
        node = self._nodes.setdefault(
            self._gates[name],
            {"id": self._gates[name], "name": path, "displayName": name, "type": "Suspend", "phase": "Running"},
        )
        return None if node["phase"] == "Running" else bool(node["phase"] == "Succeeded")

    def _retried(self, template: Json, path: str, values: Mapping[str, str]) -> bool | None:
        for number in range(int(template["retryStrategy"]["limit"]) + 1):
            ended = self._pod(template, f"{path}({number})", values, number)
            if ended is not False:
                return ended
            node = self._nodes[self._id(f"{path}({number})")]
            if node.get("exitCode") != _RESCHEDULE:
                return False
        return False

    def _pod(self, template: Json, path: str, values: Mapping[str, str], number: int) -> bool | None:
        node = self._node(path, path.rpartition(".")[2], "Pod")
        if node["phase"] in _OVER:
            return bool(node["phase"] == "Succeeded")
        if not node["phase"]:
            node["phase"] = "Pending"
            self._make_pod(template, path, values, number)
            return None
        pod = self._kube.objects.get(PODS, {}).get(self._pod_name(path))
        if pod is None:
            node.update(phase="Failed", message="pod deleted", finishedAt=_text(self._simulation.now()))
            return False
        phase = pod["status"]["phase"]
        node["phase"] = phase
        if phase not in _OVER:
            return None
        code = pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"]
        node.update(exitCode=code, finishedAt=_text(self._simulation.now()))
        if code:
            node["message"] = f"main: Error (exit code {code})"
        return bool(phase == "Succeeded")

    def _make_pod(self, template: Json, path: str, values: Mapping[str, str], number: int) -> None:
        labels = {
            key: _filled(value, values, number)
            for key, value in {
                **self._workflow["spec"]["podMetadata"]["labels"],
                **template["metadata"]["labels"],
            }.items()
        }
        self._simulation.made.append((labels["osmo.task_name"], number))
        self.made = True
        owner = {"kind": "Workflow", "name": self._name, "uid": self._workflow["metadata"]["uid"]}
        self._kube.put(
            PODS,
            {
                "metadata": {
                    "name": self._pod_name(path),
                    "creationTimestamp": _text(self._simulation.now()),
                    "labels": {
                        **labels,
                        "osmo.retry_id": str(number),
                        "workflows.argoproj.io/workflow": self._name,
                        "workflows.argoproj.io/completed": "false",
                    },
                    "annotations": {
                        "workflows.argoproj.io/node-id": self._id(path),
                        "workflows.argoproj.io/node-name": path,
                    },
                    "finalizers": ["workflows.argoproj.io/status"],
                    "ownerReferences": [owner],
                },
                "spec": {},
                "status": {"phase": "Pending"},
            },
        )

    def _node(self, path: str, display: str, type_: str) -> Json:
        made: dict[str, Any] = {"id": self._id(path), "name": path, "displayName": display, "type": type_, "phase": ""}
        return self._nodes.setdefault(self._id(path), made)

    def _id(self, path: str) -> str:
        return re.sub(r"[^a-z0-9]+", "-", path).strip("-")

    def _pod_name(self, path: str) -> str:
        return self._id(path)


def _filled(text: str, values: Mapping[str, str], number: int) -> str:
    for key, value in values.items():
        text = text.replace(f"{{{{inputs.parameters.{key}}}}}", value)
    return text.replace("{{retries}}", str(number))


def _text(at: datetime) -> str:
    return f"{at.isoformat(timespec='microseconds')}Z"


@contextmanager
def simulation(kube: FakeKube, scripts: Mapping[str, Sequence[Act]]) -> Iterator[Simulation]:
    """A running simulation; it ends with the server."""
    made = Simulation(kube, scripts)
    thread = threading.Thread(target=made.run, name="argo", daemon=True)
    thread.start()
    yield made
    with kube.changed:
        kube.closing = True
        kube.changed.notify_all()
    thread.join()
