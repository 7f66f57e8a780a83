"""Tasks in containers, with a stand-in for podman that writes down what it is asked and runs the command itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.isolating import IsolationUnavailable
from engine.local import Engine
from engine.settings import IsolationChoice
from tests.integration.engine_scene import Router, Scene, engine_settings, group, run, scene, task
from translator.lifecycle.effects import RestartInPlace
from translator.lifecycle.words import TaskStatus
from translator.plan.model import CredentialEnv, FilePlan, Mount, ResourceRequest, TaskName

# One process stands for a container; its files are what is bound to it.
PODMAN = """#!{python}
import json, os, signal, subprocess, sys
state = {state!r}
words = sys.argv[1:]
with open(state + "/asked.jsonl", "a") as log:
    log.write(json.dumps([words, dict(os.environ)]) + "\\n")

def record(name):
    return state + "/container-" + name

def run_it(name):
    known = json.load(open(record(name)))
    environment = dict(known["environment"])
    if known["program"] == "/no/such/program":
        sys.exit(127)
    known["started"] = "2026-01-01T00:00:00Z"
    argv = [known["program"], *known["argv"]]
    argv = [word.replace("/osmo", known["volumes"]["/osmo"]) for word in argv]
    child = subprocess.Popen(argv, env=environment, start_new_session=True)
    known["pid"] = child.pid
    json.dump(known, open(record(name), "w"))
    code = child.wait()
    sys.exit(128 - code if code < 0 else code)

verb = words[0]
if verb == "image":
    sys.exit(0 if "here" in words[2] else 1)
elif verb == "pull":
    if "bad" in words[-1]:
        print("manifest unknown", file=sys.stderr)
        sys.exit(125)
elif verb == "run":
    known = {{"environment": {{"PATH": os.environ["PATH"]}}, "volumes": {{}}, "started": "0001-01-01T00:00:00Z"}}
    at = 1
    while words[at].startswith("--"):
        option, value = words[at], words[at + 1]
        if option == "--privileged":
            at += 1
            continue
        if option == "--name":
            name = value
        elif option == "--entrypoint":
            known["program"] = value
        elif option == "--env":
            key, given, text = value.partition("=")
            known["environment"][key] = text if given else os.environ[key]
        elif option == "--volume":
            host, path = value.split(":")[:2]
            known["volumes"][path] = host
        at += 2
    known["image"], known["argv"] = words[at], words[at + 1:]
    json.dump(known, open(record(name), "w"))
    run_it(name)
elif verb == "start":
    run_it(words[-1])
elif verb == "inspect":
    print(json.load(open(record(words[-1])))["started"])
elif verb in ("kill", "rm"):
    try:
        known = json.load(open(record(words[-1])))
        os.killpg(known["pid"], int(words[2]) if verb == "kill" else signal.SIGKILL)
    except (OSError, KeyError):
        pass
elif verb == "cp":
    subprocess.run(["cp", "-r", words[1].partition(":")[2], words[2]], check=True)
"""


class Podman:
    """The stand-in, and what it was asked."""

    def __init__(self, directory: Path) -> None:
        self.program = directory / "podman"
        self.program.write_text(PODMAN.format(python=sys.executable, state=str(directory)))
        self.program.chmod(0o755)
        self._log = directory / "asked.jsonl"

    def asked(self, verb: str) -> list[tuple[list[str], dict[str, str]]]:
        """The command lines with a verb, each with its environment."""
        lines = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [(words, environment) for words, environment in lines if words[0] == verb]


@pytest.fixture
def podman(tmp_path: Path) -> Podman:
    """A stand-in for podman."""
    directory = tmp_path / "fake"
    directory.mkdir()
    return Podman(directory)


@pytest.fixture
def stage(tmp_path: Path, podman: Podman) -> Iterator[Scene]:
    """An engine that runs containers by it."""
    choice = IsolationChoice.CONTAINERS
    with scene(tmp_path / "root", isolation=choice, container_engine=str(podman.program), grace_seconds=0.5) as running:
        yield running


def test_the_image_is_honoured_and_the_command_runs(stage: Scene, podman: Podman) -> None:
    """--containers: podman run with `image`, the command in place of the image's own, /osmo bound."""
    member = task("t", "echo hello; echo out > /osmo/data/output/f", image="registry/here:1")
    first = run(member)
    memory = stage.run(first)
    assert memory.end("t").exit_code == 0
    assert memory.log("t") == ["hello"]
    assert (stage.root / "data" / first.plan.workflow_id / "t/f").read_text() == "out\n"
    ((words, _),) = podman.asked("run")
    image = words.index("registry/here:1")
    assert words[image - 2 : image] == ["--entrypoint", "sh"]
    assert words[image + 1 :] == ["-c", "echo hello; echo out > /osmo/data/output/f"]
    assert f"{stage.box(first, 't')}/osmo:/osmo" in words
    assert words[words.index("--network") + 1] == "host"
    stage.delete(first)
    assert [asked[-1] for asked, _ in podman.asked("rm")] == [words[words.index("--name") + 1]]
    assert not podman.asked("pull")


def test_an_image_that_is_not_there_is_pulled(stage: Scene, podman: Podman) -> None:
    memory = stage.run(run(task("t", "true", "", image="other:1")))
    assert memory.end("t").exit_code == 0
    assert [words for words, _ in podman.asked("pull")] == [["pull", "--quiet", "other:1"]]


def test_an_image_that_cannot_be_pulled(stage: Scene) -> None:
    """§5.6 302 ErrImagePull; §5.2 FAILED_IMAGE_PULL."""
    memory = stage.run(run(task("t", "true", "", image="bad:1")))
    end = memory.end("t")
    assert (end.status, end.exit_code) == (TaskStatus.FAILED_IMAGE_PULL, 302)
    assert end.message == "Could not pull image bad:1: manifest unknown"
    assert memory.statuses("t")[:-1] == [TaskStatus.SCHEDULING, TaskStatus.INITIALIZING]


def test_exit_codes(stage: Scene) -> None:
    """§5.6 as returned; cannot be started -> 2."""
    memory = stage.run(run(task("own", "exit 127", image="here"), task("gone", "/no/such/program", "x", image="here")))
    assert memory.end("own").exit_code == 127
    assert memory.end("gone").exit_code == 2


def test_files_mounts_gpus_and_secrets(stage: Scene, podman: Podman, tmp_path: Path) -> None:
    """Files are bound at their paths; secret values stand in no command line."""
    member = task(
        "t",
        "echo $TOKEN",
        image="here",
        files=(FilePlan(path="/srv/f", contents="x"), FilePlan(path="/osmo/data/output/m", contents="y")),
        credential_env=(CredentialEnv(variable="TOKEN", credential="c", key="k"),),
        mounts=(Mount(source=str(tmp_path), destination="/data"),),
        resources=ResourceRequest(gpu=1),
        privileged=True,
        environment={"HOME": "/home/of/task"},
    )
    first = run(member, credentials={"c": {"k": "secret-value"}})
    memory = stage.run(first)
    assert memory.end("t").exit_code == 0
    assert memory.log("t") == ["[MASKED]"]
    ((words, environment),) = podman.asked("run")
    assert not [word for word in words if "secret-value" in word]
    assert environment["TOKEN"] == "secret-value"
    assert f"{stage.box(first, 't')}/files/0:/srv/f:ro" in words
    assert f"{tmp_path}:/data" in words
    assert "HOME=/home/of/task" in words
    assert "nvidia.com/gpu=0" in words
    assert "--privileged" in words
    assert (stage.root / "data" / first.plan.workflow_id / "t/m").read_text() == "y"


def test_restart_in_place_starts_the_same_container(stage: Scene, podman: Podman) -> None:
    """§5.5 in the same container."""
    script = "echo x >> /osmo/run/starts; wc -l < /osmo/run/starts; sleep 1000"
    lead, helper = task("lead", "sleep 1000", image="here"), task("helper", script, image="here")
    # Without a barrier, because the new attempt of the lead, for which it would wait, never comes here.
    first = run(group("g", lead, helper, barrier=False))
    memory = stage.run(first)
    memory.wait(lambda: memory.log("helper"))
    stage.apply(first, RestartInPlace(tasks=(TaskName("helper"),), because_of=TaskName("lead"), retry_id=1))
    memory.wait(lambda: len(memory.log("helper")) == 2)
    assert memory.log("helper") == ["1", "2"]
    ((words, _),) = podman.asked("start")
    assert words[:2] == ["start", "--attach"]
    stage.delete(first)


def test_containers_left_behind_are_removed_at_the_start(stage: Scene, podman: Podman) -> None:
    ((words, _),) = podman.asked("ps")
    assert words[-1].startswith("label=argosmo.root=")


def test_without_an_engine_the_message_says_what_to_do(tmp_path: Path) -> None:
    settings = engine_settings(tmp_path, isolation=IsolationChoice.CONTAINERS, environ={"PATH": "/nowhere"})
    with pytest.raises(IsolationUnavailable, match="Install podman"):
        Engine(settings, Router()).start()
