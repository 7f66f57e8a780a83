"""Workflow files to measure with: about 470 bytes a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def workflow_file(edges: Mapping[int, Iterable[int]]) -> bytes:
    """A workflow of tasks by number, each with the numbers of those whose output it takes."""
    head = "workflow:\n  name: bench\n  resources:\n    default: {cpu: 1, memory: 1Gi, storage: 2Gi}\n  tasks:\n"
    return (head + "".join(_task(number, above) for number, above in edges.items())).encode()


def chains(tasks: int, length: int) -> bytes:
    """Tasks in chains of a length, one after the other in the file."""
    return workflow_file({number: [number - 1] if number % length else [] for number in range(tasks)})


def _task(number: int, above: Iterable[int]) -> str:
    entries = "".join(f"    - task: task-{other}\n" for other in above)
    inputs = f"    inputs:\n{entries}" if entries else ""
    return f"""\
  - name: task-{number}
    image: ubuntu:24.04
    command: ["bash", "-c"]
    args:
    - |
      echo step 0 of task {number} >> /tmp/log.txt
      echo step 1 of task {number} >> /tmp/log.txt
      echo step 2 of task {number} >> /tmp/log.txt
      echo step 3 of task {number} >> {{{{output}}}}/log.txt
    environment:
      INDEX: {number}
      MODE: train
    files:
    - path: /tmp/run.sh
      contents: |
        set -e
        echo running {number}
    resource: default
{inputs}"""
