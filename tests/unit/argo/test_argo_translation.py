"""A translation as a whole: what is made, in which order, and always the same."""

from __future__ import annotations

import hashlib
import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tests.unit.argo.clusters import manifests, order_of_groups, order_of_plan, pods, workflows
from tests.unit.argo.crd import check_object, check_workflow
from tests.unit.argo.plans import chain, fan, group, plan, rule, single, task, team
from translator.argo.faults import TranslationError
from translator.argo.forms import Form, written
from translator.argo.forms import manifests as written_manifests
from translator.argo.names import NameBook, node_id, pod_name
from translator.argo.objects import PLACEHOLDER_UID, DependentObject
from translator.argo.receipt_entry import ReceiptEntry
from translator.argo.run_names import NodeBook, run_names
from translator.argo.target import ArgoTarget, Limits
from translator.argo.translation import translate
from translator.plan.model import ExitAction, FilePlan, Plan, decode, encode

PENDING: dict[str, Any] = {"exec_timeout_seconds": 60, "queue_timeout_seconds": 60}
MIXED = plan(
    single("a", exit_rules=(rule(ExitAction.RESCHEDULE, (1, 1)),), max_retries=1),
    team("g", "lead", "helper", upstream=["a-group"]),
    single("z"),
    **PENDING,
)
RUNS = {
    "chain": chain(1000),
    "fan": fan(1000),
    "hundred chains": plan(*(single(f"t{n}", [f"t{n - 1}"] if n % 10 else []) for n in range(1000))),
    "mixed": MIXED,
}


@pytest.mark.parametrize("name", RUNS)
def test_what_must_translate_is_admitted(name: str) -> None:
    # design §5: "A chain of 1,000 tasks and a fan-out of 1 → 1,000 → 1 must translate, be admitted and run."
    made = RUNS[name]
    translation = translate(made, ArgoTarget())
    assert len(translation.parts) == 1
    for manifest in manifests(translation):
        if manifest["kind"] == "Workflow":
            check_workflow(manifest)
        else:
            check_object(manifest, "argo")
    assert order_of_groups(translation, made) == order_of_plan(made)
    assert len(pods(translation)) == sum(len(entry.tasks) for entry in made.groups)


def test_objects_are_in_the_order_of_creation() -> None:
    # design §5: "created with suspend: true; then Secrets, headless Services, PodGroups, extra objects".
    assert [entry["kind"] for entry in manifests(translate(MIXED, ArgoTarget()))] == [
        "Workflow",
        "Secret",
        "Secret",
        "Service",
    ]
    cut = translate(fan(100), ArgoTarget(limits=Limits(nodes=40)))
    assert [entry["kind"] for entry in manifests(cut)] == ["Workflow", "Secret", "Secret"] * 3


def test_same_plan_same_bytes() -> None:
    # style §9: "Same input, same bytes".
    for form in Form:
        first = written(translate(MIXED, ArgoTarget()), form)
        assert first == written(translate(decode(encode(MIXED)), ArgoTarget()), form)


def test_bytes_do_not_depend_on_the_process() -> None:
    program = (
        "import hashlib\n"
        "from tests.unit.argo.plans import fan\n"
        "from translator.argo.forms import Form, written\n"
        "from translator.argo.target import ArgoTarget, Limits\n"
        "from translator.argo.translation import translate\n"
        "made = written(translate(fan(60), ArgoTarget(limits=Limits(nodes=25))), Form.JSON)\n"
        "print(hashlib.sha256(made).hexdigest())\n"
    )
    root = Path(__file__).parents[3]
    printed = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": "1", "PYTHONPATH": str(root)},
        cwd=root,
        capture_output=True,
        check=True,
    ).stdout
    made = written(translate(fan(60), ArgoTarget(limits=Limits(nodes=25))), Form.JSON)
    assert printed.decode().strip() == hashlib.sha256(made).hexdigest()


def test_owners_are_placeholders_until_the_workflow_exists() -> None:
    # design §10: "secrets and owner uid as well-formed placeholders, so that a server-side dry run takes them".
    translation = translate(MIXED, ArgoTarget())
    dependents = [made for made in translation.objects() if isinstance(made, DependentObject)]
    for made in dependents:
        assert _owner(made.owned())["uid"] == PLACEHOLDER_UID
        owner = _owner(made.owned("real-uid"))
        assert (owner["uid"], owner["name"]) == ("real-uid", translation.parts[0].workflow.name)
    assert [(made.api_version, made.kind, made.name) for made in dependents] == [
        (entry["apiVersion"], entry["kind"], entry["metadata"]["name"]) for entry in manifests(translation)[1:]
    ]


def test_pods_have_the_names_that_argo_gives() -> None:
    # argo.md §2.3: "Pod name, v2: <workflow>-<template>-<same hash>".
    for pod in pods(translate(MIXED, ArgoTarget())).values():
        node = ".".join((pod.workflow, *pod.path))
        name = pod_name(pod.workflow, pod.template["name"], node)
        assert name == f"{pod.workflow}-{pod.template['name']}-{node_id(pod.workflow, node).rpartition('-')[2]}"
        assert name == name.lower()


def test_upper_case_is_no_trouble() -> None:
    made = plan(single("Upper_Case"), team("GROUP", "Lead", "Helper"))
    (workflow,) = workflows(translate(made, ArgoTarget()))
    check_workflow(workflow)


def test_two_nodes_never_share_an_id() -> None:
    # argo.md §2.3: "Precompute all ids at build time (retries included) and rename a task on collision."
    book = NodeBook("wf")
    names = NameBook()
    first, state = book.name(book.root, "a", names, attempts=3)
    assert first == "a"
    again, other = book.name(book.root, "a", names, attempts=3)
    assert again != "a"
    assert other != state


def test_names_do_not_depend_on_how_a_run_is_cut() -> None:
    made = fan(100)
    assert run_names(made) == run_names(decode(encode(made)))
    whole = {pod.path[-1] for pod in pods(translate(made, ArgoTarget())).values()}
    cut = {pod.path[-1] for pod in pods(translate(made, ArgoTarget(limits=Limits(nodes=40)))).values()}
    assert whole == cut


def test_large_tasks_are_cut_by_size() -> None:
    # argo.md §2.2: "The spec is never compressed": "keep the spec under about 700 KB".
    made = plan(*(single(f"t{n}", image=f"registry.example/{'p' * 400}:{n}") for n in range(1400)))
    translation = translate(made, ArgoTarget())
    assert len(translation.parts) > 1
    for workflow in workflows(translation):
        check_workflow(workflow)
    assert len(pods(translation)) == 1400


def test_five_thousand_tasks_translate() -> None:
    # design §10: "`max_num_tasks` 5,000".
    made = fan(4998)
    translation = translate(made, ArgoTarget())
    for workflow in workflows(translation):
        check_workflow(workflow)
    assert order_of_groups(translation, made) == order_of_plan(made)


def test_bad_labels_are_refused() -> None:
    with pytest.raises(TranslationError, match="label value"):
        translate(plan(single("a"), labels={"team": "{{workflow.name}}"}), ArgoTarget())


def test_a_workflow_waits_until_its_objects_exist() -> None:
    (workflow,) = workflows(translate(MIXED, ArgoTarget()))
    assert workflow["spec"]["suspend"] is True
    assert workflow["metadata"]["namespace"] == "argo"
    # argo-verified.md C10: "no podGC; gateway deletes pods after capture, ttlStrategy (hours) as backstop".
    assert "podGC" not in workflow["spec"]
    assert workflow["spec"]["ttlStrategy"] == {"secondsAfterCompletion": 86400}
    # workflow-spec.md §9.1: "a value below a group's size breaks the gang".
    assert "parallelism" not in workflow["spec"]


def test_json_form() -> None:
    translation = translate(MIXED, ArgoTarget())
    document = json.loads(written(translation, Form.JSON))
    assert document["objects"] == manifests(translation)
    assert document["receipt"] == json.loads(written(translation, Form.RECEIPT))
    assert document["receipt"][0]["fidelity"] == "exact"


def test_yaml_form() -> None:
    translation = translate(MIXED, ArgoTarget())
    assert list(yaml.safe_load_all(written(translation, Form.YAML))) == manifests(translation)
    assert written_manifests(translation) == manifests(translation)


@pytest.mark.parametrize(
    "made",
    [
        MIXED,
        plan(
            group(
                "g",
                task("lead", files=(FilePlan(path='/q"{{x}}', contents="'''\\\n é"),), image="i\"'\\"),
                task("helper", lead=False, exit_rules=(rule(ExitAction.RESCHEDULE, (3001, 3001)),), max_retries=3),
            ),
            single("b", exit_rules=(rule(ExitAction.FAIL, (0, 0)),)),
            labels={"team": "x"},
        ),
        fan(60),
    ],
)
@pytest.mark.parametrize("nodes", [1500, 25])
def test_hera_form_rebuilds_the_same_objects(
    made: Plan, nodes: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # design §10: `-o hera`; the program is run.
    chosen = ArgoTarget(limits=Limits(nodes=nodes), executor_service_account="executor")
    translation = translate(made, chosen)
    program = tmp_path / "run.py"
    program.write_bytes(written(translation, Form.HERA))
    runpy.run_path(str(program), run_name="__main__")
    assert json.loads(capsys.readouterr().out) == manifests(translation)


def test_forms_are_what_the_command_offers() -> None:
    assert {form.value for form in Form} == {"json", "yaml", "hera", "receipt"}


def test_receipt_survives_json() -> None:
    translation = translate(MIXED, ArgoTarget())
    again = msgspec.json.decode(written(translation, Form.RECEIPT), type=tuple[ReceiptEntry, ...])
    assert again == translation.receipt


def _owner(manifest: Any) -> dict[str, Any]:
    owner: dict[str, Any] = manifest["metadata"]["ownerReferences"][0]
    return owner
