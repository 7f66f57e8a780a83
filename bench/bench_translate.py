"""How long a workflow file takes to become Argo objects, as a ratio to `yaml.safe_load` of the same text.

Aims: with 1,000 tasks at most 1/6 of `safe_load` from the bytes of the file to the bytes of all objects, and less than
150 ms of it from the Plan on. Processor time, the best of several runs that alternate, so that a busy machine shifts
all figures alike.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import yaml

from bench.processor_time import best_of
from bench.specs import chains, workflow_file
from pools.backend import Backend
from pools.workflow import WorkflowConfig
from templates.sandbox import TemplateSandbox
from translator import translate_yaml
from translator.argo.forms import Form, written
from translator.argo.target import argo_target
from translator.argo.translation import translate
from translator.plan.context import PlanContext
from translator.plan.model import Plan, WorkflowId, WorkflowUuid
from translator.plan.resolve import resolve
from translator.spec.parse import parse
from translator.translate import DEFAULT_CONFIG

SIZES = (10, 100, 1000)
_RUNS = {10: 40, 100: 15, 1000: 7}
_TARGET = argo_target(Backend(name="cluster"), WorkflowConfig())


def main() -> None:
    """Print one line per size, then one per shape of graph."""
    for size in SIZES:
        source = chains(size, size)
        plan = _plan(source)
        actions: list[Callable[[], object]] = [
            partial(yaml.safe_load, source),
            partial(translate_yaml, source),
            partial(_objects, plan),
        ]
        safe, whole, argo = best_of(actions, _RUNS[size])
        print(
            f"{size:>5} tasks, {len(source) / 1000:.0f} kB: safe_load {safe * 1e3:.1f} ms, "
            f"translate_yaml {whole * 1e3:.1f} ms (1/{safe / whole:.1f}), of it from the Plan {argo * 1e3:.1f} ms "
            f"(1/{safe / argo:.1f}), {len(translate_yaml(source)) / 1000:.0f} kB of objects"
        )
    for name, source in _graphs().items():
        plan = _plan(source)
        safe, whole, argo = best_of(
            [partial(yaml.safe_load, source), partial(translate_yaml, source), partial(_objects, plan)], _RUNS[1000]
        )
        print(
            f"{name}: translate_yaml {whole * 1e3:.1f} ms (1/{safe / whole:.1f}), of it from the Plan "
            f"{argo * 1e3:.1f} ms, {len(translate(plan, _TARGET).parts)} Workflows"
        )


def _plan(source: bytes) -> Plan:
    with TemplateSandbox() as renderer:
        spec = parse(source, renderer=renderer).spec
    context = PlanContext(config=DEFAULT_CONFIG, pool="default", owner="user")
    return resolve(spec, context, workflow_id=WorkflowId("bench-1"), workflow_uuid=WorkflowUuid("0" * 32))


def _objects(plan: Plan) -> bytes:
    return written(translate(plan, _TARGET), Form.JSON)


def _graphs() -> dict[str, bytes]:
    chance = random.Random(1)
    sparse = {
        node: [above for above in range(max(0, node - 300), node) if chance.random() < 0.01] for node in range(1000)
    }
    return {
        "1 to 998 to 1": workflow_file({0: [], **{n: [0] for n in range(1, 999)}, 999: list(range(1, 999))}),
        "100 chains of 10": chains(1000, 10),
        "random graph of 1,000": workflow_file(sparse),
    }


if __name__ == "__main__":
    main()
