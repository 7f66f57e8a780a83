"""How long a spec takes to become a Plan (parsed, checked, resolved), as a ratio to `yaml.safe_load` of the same text.

Chains of ten tasks, about 470 bytes a task. Aims: with 1,000 tasks at most 1/8 of `safe_load`, and a spec with an error
in its last task at most 1.2 times a good one. Processor time, the best of several runs that alternate, so that a busy
machine shifts all figures alike.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from functools import partial

import yaml

from translator.garbage import collections_paused
from translator.plan.checks import validate_plan
from translator.plan.context import ADMIN_ROLE, PlanContext
from translator.plan.model import Plan, WorkflowId
from translator.plan.outline import outline
from translator.plan.resolve import resolve
from translator.problems import SpecError
from translator.spec.loader import load
from translator.spec.parse import parse
from translator.translate import DEFAULT_CONFIG, NO_UUID

SIZES = (10, 100, 1000)
_RUNS = {10: 60, 100: 20, 1000: 9}
_CHAIN = 10
_CONTEXT = PlanContext(config=DEFAULT_CONFIG, pool="default", owner="user", roles=frozenset({ADMIN_ROLE}))


class NoRenderer:
    """Stands where nothing is rendered."""

    def render(self, template: str, variables: Mapping[str, object]) -> str:
        """Fails: the texts of this benchmark are no templates."""
        raise AssertionError(template, variables)


def main() -> None:
    """Print one line per size."""
    for size in SIZES:
        good = _spec(size)
        wrong = good[::-1].replace(b"egami", b"egmi", 1)[::-1]
        actions: list[Callable[[], object]] = [
            partial(yaml.safe_load, good),
            partial(load, good.decode()),
            partial(_plan, good),
            partial(_refused, wrong),
        ]
        safe, loaded, planned, refused = _best(actions, _RUNS[size])
        print(
            f"{size:>5} tasks, {len(good) / 1000:.0f} kB: safe_load {safe * 1e3:.1f} ms, "
            f"load {loaded * 1e3:.1f} ms (1/{safe / loaded:.1f}), "
            f"Plan {planned * 1e3:.1f} ms (1/{safe / planned:.1f}), "
            f"error in the last task {refused / planned:.2f} x Plan"
        )


def _spec(tasks: int) -> bytes:
    head = "workflow:\n  name: bench\n  resources:\n    default: {cpu: 1, memory: 1Gi, storage: 2Gi}\n  tasks:\n"
    return (head + "".join(_task(number) for number in range(tasks))).encode()


def _task(number: int) -> str:
    upstream = f"    inputs:\n    - task: task-{number - 1}\n" if number % _CHAIN else ""
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
{upstream}"""


def _plan(text: bytes) -> Plan:
    with collections_paused():
        return _planned(text)


def _planned(text: bytes) -> Plan:
    spec = parse(text, renderer=NoRenderer()).spec
    outlined = outline(spec)
    validate_plan(spec, _CONTEXT, outlined=outlined)
    return resolve(spec, _CONTEXT, workflow_id=WorkflowId("bench-1"), workflow_uuid=NO_UUID, outlined=outlined)


def _refused(text: bytes) -> None:
    try:
        _plan(text)
    except SpecError:
        return
    raise AssertionError("the spec has an error")


def _best(actions: list[Callable[[], object]], runs: int) -> list[float]:
    best = [float("inf")] * len(actions)
    for _ in range(runs):
        for index, action in enumerate(actions):
            gc.collect()
            start = time.process_time()
            action()
            best[index] = min(best[index], time.process_time() - start)
    return best


if __name__ == "__main__":
    main()
