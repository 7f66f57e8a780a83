"""Gates between the Workflows of one run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.unit.argo.clusters import order_of_groups, order_of_plan, workflow_of, workflows
from tests.unit.argo.crd import check_workflow
from tests.unit.argo.plans import fan, from_edges, plan, single
from translator.argo.gates import Gate, GateOutcome, gate_patch, gates_annotation, gates_of
from translator.argo.names import node_id
from translator.argo.target import ArgoTarget, Limits
from translator.argo.translation import translate
from translator.plan.model import GroupName

SMALL = ArgoTarget(limits=Limits(nodes=40))


def test_annotation_is_read_back() -> None:
    made = plan(*(single(f"t{n}") for n in range(12)))
    written = gates_annotation([("gate-1", "wf-77", (0, 1, 2, 5)), ("gate-2", "wf-78", (11,))])
    assert gates_of(written, made) == (
        Gate(name="gate-1", node_id="wf-77", waits_for=tuple(GroupName(f"t{n}-group") for n in (0, 1, 2, 5))),
        Gate(name="gate-2", node_id="wf-78", waits_for=(GroupName("t11-group"),)),
    )
    assert gates_annotation([]) == {}
    assert gates_of({}, made) == ()


def test_the_gates_of_a_translation_are_those_of_its_annotations() -> None:
    # design §5: "crossing edges are `suspend` gates that the gateway resumes"; it finds them in the annotation.
    made = fan(100)
    parts = translate(made, SMALL).parts
    assert any(part.gates for part in parts)
    for part in parts:
        assert part.gates == gates_of(workflow_of(part)["metadata"]["annotations"], made)


def test_a_gate_is_released_by_a_merge_patch() -> None:
    # argo-verified.md §5.3 shows the patch.
    gate = Gate(name="gate-1", node_id="wf-2297483906", waits_for=())
    patch = gate_patch(gate, GateOutcome.RELEASED, datetime(2026, 11, 22, 4, 42, 15, 999), "released")
    assert patch == {
        "status": {
            "nodes": {
                "wf-2297483906": {
                    "phase": "Succeeded",
                    "finishedAt": "2026-11-22T04:42:15Z",
                    "message": "released",
                }
            }
        }
    }
    assert GateOutcome.REFUSED.value == "Failed"


def test_a_run_too_large_for_one_workflow_is_cut() -> None:
    # design §5: "what cannot be nested is cut into several Workflows whose crossing edges are `suspend` gates".
    made = fan(100)
    translation = translate(made, SMALL)
    assert len(translation.parts) == 3
    for workflow in workflows(translation):
        check_workflow(workflow)
    assert order_of_groups(translation, made) == order_of_plan(made)


def test_cut_workflows_carry_what_the_gateway_needs() -> None:
    made = fan(100)
    for number, part in enumerate(translate(made, SMALL).parts):
        workflow = workflow_of(part)
        metadata = workflow["metadata"]
        labels, annotations = metadata["labels"], metadata["annotations"]
        assert (labels["osmo.part"], labels["osmo.parts"]) == (str(number + 1), "3")
        assert gates_of(annotations, made) == part.gates


def test_gates_name_their_nodes_as_argo_does() -> None:
    # argo.md §2.3: "Node id = <workflow>-<FNV-1a 32-bit of the node name>"; "DAG task <parent>.<task>".
    made = fan(100)
    found = 0
    for part in translate(made, SMALL).parts:
        paths = _gate_paths(workflow_of(part))
        for gate in part.gates:
            assert gate.node_id == node_id(part.workflow.name, paths[gate.name])
            found += 1
    assert found > 0


def test_groups_that_wait_for_the_same_share_a_gate() -> None:
    translation = translate(fan(100), SMALL)
    assert [len(part.gates) for part in translation.parts] == [0, 1, 2]


def test_a_whole_run_has_no_gates_and_no_part_labels() -> None:
    (part,) = translate(fan(10), ArgoTarget()).parts
    assert part.gates == ()
    metadata = workflow_of(part)["metadata"]
    assert "osmo.parts" not in metadata["labels"]
    assert list(metadata["annotations"]) == ["workflows.argoproj.io/title"]


@pytest.mark.parametrize("seed", range(3))
def test_dense_graphs_are_cut_where_they_cannot_be_nested(seed: int) -> None:
    # A band: each waits for two of the few before it, which is no tree of modules.
    edges = [{max(0, n - 1 - (n * 7 + seed) % 5), n - 1} if n else set() for n in range(450)]
    made = from_edges(edges)
    translation = translate(made, ArgoTarget())
    assert order_of_groups(translation, made) == order_of_plan(made)
    for workflow in workflows(translation):
        check_workflow(workflow)


def _gate_paths(workflow: Any, name: str = "main", path: str = "") -> dict[str, str]:
    templates = {template["name"]: template for template in workflow["spec"]["templates"]}
    path = path or workflow["metadata"]["name"]
    found: dict[str, str] = {}
    for task in templates[name].get("dag", {}).get("tasks", []):
        template = templates[task["template"]]
        if "suspend" in template:
            found[task["name"]] = f"{path}.{task['name']}"
        elif "dag" in template:
            found |= _gate_paths(workflow, task["template"], f"{path}.{task['name']}")
    return found
