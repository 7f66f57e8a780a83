"""Random workflow documents: mostly right, sometimes slightly wrong, sometimes nonsense.

Everything comes from the given `random.Random`, so a seed is a reproduction.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Document = dict[str, object]

_NAMES = ("a", "b", "c-1", "Dd", "e_e", "a-group", "osmo-ctrl", "x" * 58, "y" * 64, "z" * 70, "9", "", "ü")
_TEXTS = (
    "true",
    "",
    "{{output}}",
    "{{ output }}/x",
    "{{workflow_id}}",
    "{{input:0}}",
    "{{input:a}}",
    "{{host:a}}",
    "{{uuid}}",
    "{{item}}",
    "$(HOME)",
    "${{ x }}",
    "é\u2028\u0085",
    "a\nb\n",
    "{{{{output}}}}",
    "'\"\\",
    "-",
    "0x10",
    "1e9",
    "~",
)
_IMAGES = ("ubuntu", "ubuntu:24.04", "r.io/x/y@sha256:" + "0" * 64, "x:{{workflow_id}}", "Bad Image", "", "a//b")
_URLS = (
    "s3://b/x",
    "gs://b",
    "azure://a/c/d",
    "swift://e/n/b",
    "tos://e/b",
    "file:///x",
    "ftp://x",
    "s3://",
    "azure://a",
    "s3://b/{{workflow_id}}",
    "",
    "s3://a,b",
    "x",
)
_PATHS = ("/a", "/a/b", "b", "{{output}}/m", "{{input:0}}/m", "/osmo/x", "/", "", "/osmo/data/output/k", "{{output}}")
_AMOUNTS = ("1Gi", "10G", "1.5TiB", "512", "100m", "0", "5GB", "-1Gi", "1e3", "9" * 60 + "T", 7, 1.5, True, None)
_COUNTS = (0, 1, 2, "3", 1.0, "1.5", "500m", -1, 10**12, True, None)
_DURATIONS = ("10m", "1h", 60, 0, "PT10S", "1h30m", "-5s", None, True, 1.5, "999999d", "9" * 70)
_CODES = ("0", "1-5", "1,2,3-4", 7, "5-1", "x", "", -1, True, "9" * 30)
_REGEXES = ("", ".*", "^a$", "(", "{{workflow_id}}", "[")
_SCALARS: tuple[object, ...] = (None, True, 0, -1, 1.5, "", "x", [], {}, [1], {"a": 1}, 10**40, float("inf"))


class RandomSpecs:
    """Makes documents. `oddness` is the chance that any one value is replaced by something that does not belong."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._oddness = random.choice((0.0, 0.0, 0.02, 0.2))
        self._known: list[str] = []

    def document(self) -> Document:
        """{"workflow": …}, with `version` at times."""
        is_grouped = self._chance(0.5)
        workflow: Document = {"name": self._name(fresh=False)}
        if is_grouped:
            workflow["groups"] = [self._group() for _ in range(self._random.randint(1, 4))]
        else:
            workflow["tasks"] = [self._task() for _ in range(self._random.randint(1, 6))]
        self._maybe(workflow, "resources", self._resources, 0.4)
        self._maybe(workflow, "timeout", self._timeout, 0.2)
        self._maybe(workflow, "labels", lambda: {"team": self._usual("x", "a b", 1)}, 0.1)
        self._maybe(workflow, "pool", lambda: "p", 0.05)
        document: Document = {"workflow": workflow}
        self._maybe(document, "version", lambda: 2, 0.1)
        return document

    def _group(self) -> Document:
        name = self._name()
        tasks = [self._task() for _ in range(self._random.randint(1, 3))]
        if not self._chance(self._oddness):
            self._random.choice(tasks)["lead"] = True
        group: Document = {"name": name, "tasks": tasks}
        self._maybe(group, "barrier", lambda: self._chance(0.5), 0.2)
        self._maybe(group, "ignoreNonleadStatus", lambda: self._chance(0.5), 0.2)
        return group

    def _task(self) -> Document:
        inputs = self._listed(self._input, 0.4)
        name = self._name()
        task: Document = {
            "name": name,
            "image": self._odd(self._image()),
            "command": self._odd(self._texts(1)),
        }
        self._known.append(str(name))
        if inputs:
            task["inputs"] = inputs
        self._maybe(task, "args", lambda: self._texts(0), 0.5)
        self._maybe(task, "environment", lambda: {"A": self._text(), self._text() or "B": self._text()}, 0.3)
        self._maybe(task, "files", lambda: [{"path": self._path(), "contents": self._text()}], 0.3)
        self._maybe(task, "outputs", lambda: [{"url": self._url(), "regex": self._regex()}], 0.2)
        self._maybe(task, "kpis", lambda: [{"index": "k", "path": self._path()}], 0.1)
        self._maybe(task, "checkpoint", self._checkpoint, 0.1)
        self._maybe(task, "credentials", lambda: {"c": self._usual(self._pick("/d", {"V": "k"}), self._text(), 1)}, 0.1)
        self._maybe(task, "resource", lambda: self._usual("default", "big", "nope"), 0.2)
        self._maybe(task, "exitActions", self._exit_actions, 0.2)
        self._maybe(task, "volumeMounts", lambda: [self._usual("/data", "/data:/x", "/etc", "a:b:c", "")], 0.02)
        self._maybe(task, "cacheSize", lambda: self._usual("5Gi", "10%", "150%", "x"), 0.1)
        for flag in ("privileged", "hostNetwork"):
            self._maybe(task, flag, lambda: self._usual(False, True), 0.05)
        return task

    def _input(self) -> object:
        kind = self._random.random()
        if kind < 0.6 and self._known:
            return self._odd({"task": self._random.choice(self._known), "regex": self._regex()})
        if kind < 0.7:
            return self._odd({"task": self._usual("old-1:x", "nobody", "a:b:c", "")})
        return self._odd({"url": self._url()})

    def _exit_actions(self) -> object:
        return {self._usual(self._pick("COMPLETE", "reschedule", "Fail"), "X"): self._usual("1-5,7", *_CODES)}

    def _checkpoint(self) -> object:
        frequency = self._usual("5m", *_DURATIONS)
        return [{"path": self._path(), "url": self._url(), "frequency": frequency, "regex": self._regex()}]

    def _resources(self) -> Document:
        names = self._usual(self._pick(("default",), ("default", "big")), ("big",))
        return {name: self._odd(self._resource()) for name in names} if isinstance(names, tuple) else {}

    def _resource(self) -> Document:
        resource: Document = {}
        self._maybe(resource, "cpu", lambda: self._usual(2, *_COUNTS), 0.5)
        self._maybe(resource, "gpu", lambda: self._usual(1, *_COUNTS), 0.3)
        self._maybe(resource, "memory", lambda: self._usual("2Gi", *_AMOUNTS), 0.5)
        self._maybe(resource, "storage", lambda: self._usual("2Gi", *_AMOUNTS), 0.3)
        self._maybe(resource, "platform", lambda: self._usual("gpu", "cpu", "default", "moon"), 0.2)
        self._maybe(resource, "nodesExcluded", lambda: ["n1"], 0.1)
        self._maybe(resource, "topology", lambda: [{"key": self._usual("zone", "rack", "row")}], 0.1)
        return resource

    def _timeout(self) -> Document:
        return {"exec_timeout": self._usual("10m", *_DURATIONS), "queue_timeout": self._usual(60, *_DURATIONS)}

    def _name(self, *, fresh: bool = True) -> object:
        if self._chance(self._oddness):
            return self._pick(*_NAMES, *_SCALARS)
        if not fresh or self._chance(0.05):
            return self._pick("a", "wf", "b")
        return f"t{self._random.randrange(10**6)}"

    def _image(self) -> object:
        return self._usual("ubuntu:24.04", *_IMAGES)

    def _url(self) -> object:
        return self._usual("s3://b/x", *_URLS)

    def _path(self) -> object:
        return self._usual(f"/f{self._random.randrange(1000)}", *_PATHS)

    def _regex(self) -> object:
        return self._usual("", *_REGEXES)

    def _text(self) -> str:
        return self._random.choice(_TEXTS)

    def _texts(self, least: int) -> list[str]:
        return [self._text() for _ in range(self._random.randint(least, 3))]

    def _listed(self, make: Callable[[], object], chance: float) -> list[object]:
        return [make() for _ in range(self._random.randint(1, 3))] if self._chance(chance) else []

    def _usual(self, usual: object, *rare: object) -> object:
        return self._pick(*rare) if self._chance(self._oddness * 2) else usual

    def _maybe(self, holder: Document, key: str, make: Callable[[], object], chance: float) -> None:
        if self._chance(chance):
            holder[key] = self._odd(make())

    def _odd(self, value: object) -> object:
        return self._random.choice(_SCALARS) if self._chance(self._oddness / 4) else value

    def _pick(self, *values: object) -> object:
        return self._random.choice(values)

    def _chance(self, chance: float) -> bool:
        return self._random.random() < chance
