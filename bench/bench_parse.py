"""How long a spec takes to become a Plan (parsed, checked, resolved), as a ratio to `yaml.safe_load` of the same text.

Chains of ten tasks, about 470 bytes a task. Aims: with 1,000 tasks at most 1/8 of `safe_load`, and a spec with an error
in its last task at most 1.2 times a good one. Processor time, the best of several runs that alternate, so that a busy
machine shifts all figures alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import yaml

from bench.processor_time import best_of
from bench.specs import chains
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
        good = chains(size, _CHAIN)
        wrong = good[::-1].replace(b"egami", b"egmi", 1)[::-1]
        actions: list[Callable[[], object]] = [
            partial(yaml.safe_load, good),
            partial(load, good.decode()),
            partial(_plan, good),
            partial(_refused, wrong),
        ]
        safe, loaded, planned, refused = best_of(actions, _RUNS[size])
        print(
            f"{size:>5} tasks, {len(good) / 1000:.0f} kB: safe_load {safe * 1e3:.1f} ms, "
            f"load {loaded * 1e3:.1f} ms (1/{safe / loaded:.1f}), "
            f"Plan {planned * 1e3:.1f} ms (1/{safe / planned:.1f}), "
            f"error in the last task {refused / planned:.2f} x Plan"
        )


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


if __name__ == "__main__":
    main()
