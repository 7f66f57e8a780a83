"""A program: runs hostile tasks on an engine and prints every path that the engine's own process opened to change."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from engine.settings import IsolationChoice
from tests.integration.engine_scene import run, scene, task
from translator.plan.model import CheckpointPlan, FilePlan, TaskInput, TaskName, UrlOutput

CHANGES = {
    "os.mkdir": (0,),
    "os.rename": (0, 1),
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.link": (0, 1),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.utime": (0,),
    "os.setxattr": (0,),
    "os.mkfifo": (0,),
    "os.mknod": (0,),
    "shutil.rmtree": (0,),
    "shutil.copyfile": (1,),
    "shutil.move": (0, 1),
    "tempfile.mkstemp": (0,),
    "tempfile.mkdtemp": (0,),
}


def main(directory: str, isolation: str) -> None:
    """Run everything below `directory` and print the paths as JSON."""
    changed: set[str] = set()

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
                changed.add(str(path))
        else:
            changed.update(str(arguments[place]) for place in CHANGES.get(event, ()))

    place = Path(directory)
    script = """
    cd /osmo/data/output; echo x > f; ln -s /etc e; ln -s ../../../../../../../.. up; mkdir -p d/e; echo y > d/e/g
    mkdir "$(printf 'new\\nline')"; echo z > "$(printf 'new\\nline')/.."x; ln -s /etc/passwd p; ln -sf / d/root
    rm -rf /osmo/data/input; ln -s / /osmo/data/input; mkdir /tmp/c; ln -s /etc /tmp/c/etc; echo w > /tmp/c/w
    """
    sys.addaudithook(hear)
    with scene(place / "root", isolation=IsolationChoice(isolation)) as stage:
        hostile = task(
            "t",
            script,
            files=(
                FilePlan(path="/../../srv/../srv/a/b", contents="x"),
                FilePlan(path="/osmo/../opt/x/y", contents="x"),
            ),
            outputs=(UrlOutput(url=f"file://{place}/out/deep"),),
            checkpoints=(CheckpointPlan(path="/tmp/c", url=f"file://{place}/points", frequency_seconds=60),),
        )
        first = run(hostile)
        memory = stage.run(first)
        end = memory.end("t")
        assert end.exit_code == 0, memory.system_log("t")
        fetched = TaskInput(index=0, task=TaskName("t"), workflow_id=first.plan.workflow_id)
        second = run(task("u", "ls -R /osmo/data/input", inputs=(fetched,)))
        assert stage.run(second).end("u").exit_code == 0
        stage.delete(first)
        stage.delete(second)
    print(json.dumps(sorted(changed)))


if __name__ == "__main__":
    main(*sys.argv[1:])
