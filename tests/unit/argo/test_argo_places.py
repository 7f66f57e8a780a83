"""Links into Argo's UI: argo-verified.md §10, node ids as in argo.md §2.3."""

from __future__ import annotations

import pytest

from translator.argo.names import node_id, pod_name, workflow_name
from translator.argo.places import pod_place, run_place

UUID = "1f0c77aa000000000000000000000000"


def test_a_run_has_a_page() -> None:
    assert run_place("argo", "train_x-7", UUID).path == "/workflows/argo/train-x-7-1f0c77aa?tab=workflow"


@pytest.mark.parametrize("part", [0, 1, 11])
@pytest.mark.parametrize("template", ["task", "g-2", "n-3d"])
def test_a_pod_leads_to_its_node(part: int, template: str) -> None:
    workflow = workflow_name("train-7", UUID, part)
    name = f"{workflow}.main.hello"
    place = pod_place("argo", "train-7", UUID, pod_name(workflow, template, name))
    assert place is not None
    assert (place.workflow, place.node) == (workflow, node_id(workflow, name))
    assert place.path.endswith(f"?tab=workflow&nodeId={place.node}&nodePanelView=summary")


@pytest.mark.parametrize("name", ["", "other-7-1f0c77aa-task-1", "train-7-1f0c77aa-task", "train-7-1f0c77aa-12"])
def test_a_pod_of_another_name_has_no_page(name: str) -> None:
    assert pod_place("argo", "train-7", UUID, name) is None
