"""Datasets in specs: looked up, judged, and pinned in the Plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.plan.specs import WORKFLOW_ID, WORKFLOW_UUID, on_cluster, on_machine, one, refusal, spec, task, warnings
from translator.plan.checks import validate_plan
from translator.plan.context import PlanContext, UserCredentials
from translator.plan.datasets import DatasetCatalog, KnownVersion, dataset_references
from translator.plan.model import DatasetInput, DatasetOutput, decode, encode
from translator.plan.resolve import resolve
from translator.problems import ErrorCode, Severity

MANIFEST = "ab" * 32
KNOWN = KnownVersion(dataset="d", version=3, manifest=MANIFEST, location="s3://bucket/d")
CATALOG = DatasetCatalog(
    versions={"d:good": KNOWN}, locations={"e": "gs://mine/e"}, default_location="s3://bucket/datasets"
)
BOTH = one(
    inputs=[{"url": "s3://x/y"}, {"dataset": {"name": "d:good", "path": "{{workflow_id}}/a", "regex": ".*"}}],
    outputs=[
        {"url": "s3://x/y"},
        {"dataset": {"name": "e", "path": "{{output}}/sub", "regex": "x", "labels": {"of": "{{workflow_id}}"}}},
        {"dataset": {"name": "f", "metadata": {"run": ["{{workflow_id}}", 1, {"k": "{{input:1}}"}]}}},
    ],
)


def knowing(context: PlanContext, catalog: DatasetCatalog = CATALOG) -> PlanContext:
    """A submission to a server that knows some datasets."""
    return replace(context, datasets=catalog)


def test_what_is_looked_up_for_a_spec() -> None:
    """Versions as written, and names that get a new version."""
    more = spec(task("t", inputs=[{"dataset": {"name": "d"}}, {"dataset": {"name": "d:1"}}, {"url": "s3://x/y"}]))
    assert dataset_references(more) == (frozenset({"d", "d:1"}), frozenset())
    assert dataset_references(BOTH) == (frozenset({"d:good"}), frozenset({"e", "f"}))


def test_the_plan_holds_what_was_found() -> None:
    """'the Plan holds the pinned digest, so that local engine and pods fetch the same bytes'."""
    context = knowing(on_machine())
    assert validate_plan(BOTH, context) == ()
    plan = resolve(BOTH, context, workflow_id=WORKFLOW_ID, workflow_uuid=WORKFLOW_UUID)
    (made,) = plan.groups[0].tasks
    assert made.inputs[1] == DatasetInput(
        index=1,
        dataset="d",
        version=3,
        manifest=MANIFEST,
        location="s3://bucket/d",
        path="wf-7/a",
        regex=".*",
    )
    assert made.datasets == (
        DatasetOutput(
            index=1,
            dataset="e",
            location="gs://mine/e",
            path="/osmo/data/output/sub",
            regex="x",
            labels={"of": "wf-7"},
        ),
        DatasetOutput(
            index=2,
            dataset="f",
            location="s3://bucket/datasets",
            metadata={"run": ["wf-7", 1, {"k": "/osmo/data/input/1"}]},
        ),
    )
    assert [output.url for output in made.outputs] == ["s3://x/y"]
    assert not made.keeps_intermediate
    assert decode(encode(plan)) == plan


def test_a_version_that_does_not_exist() -> None:
    """'error with place if it does not exist'."""
    workflow = one(inputs=[{"dataset": {"name": "d:good"}}, {"dataset": {"name": "d:7"}}])
    error = refusal(workflow, knowing(on_machine()))
    (problem,) = error.problems
    assert (problem.code, problem.path) == ("unknown-dataset", "workflow.tasks[0].inputs[1].dataset.name")
    assert problem.message.startswith("Dataset d:7 does not exist.")
    assert (error.error_code, error.records_submission) == (ErrorCode.DATABASE, True)


def test_without_a_server_versions_are_taken_on_trust() -> None:
    """A well-formed placeholder stands for what is not known."""
    workflow = one(inputs=[{"dataset": {"name": "d:7"}}], outputs=[{"dataset": {"name": "e"}}])
    (warning,) = warnings(workflow, on_machine())
    assert (warning.code, warning.severity, warning.path) == (
        "input-not-checked",
        Severity.WARNING,
        "workflow.tasks[0].inputs[0].dataset.name",
    )
    plan = resolve(workflow, on_machine(), workflow_id=WORKFLOW_ID, workflow_uuid=WORKFLOW_UUID)
    (found,) = plan.groups[0].tasks[0].inputs
    assert isinstance(found, DatasetInput)
    assert (found.version, found.manifest) == (7, "0" * 64)


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_pods_do_not_see_directories_of_the_gateway(kind: str) -> None:
    """'file://' is for this machine's engine only (§6.5)."""
    here = replace(KNOWN, location="file:///data/datasets")
    catalog = DatasetCatalog(versions={"d": here}, default_location="file:///data/datasets")
    workflow = one(**{kind: [{"dataset": {"name": "d"}}]})
    assert warnings(workflow, knowing(on_machine(), catalog)) == ()
    (problem,) = refusal(workflow, knowing(on_cluster(), catalog)).problems
    assert (problem.code, problem.path) == ("bad-url", f"workflow.tasks[0].{kind}[0].dataset.name")
    assert "argosmo dataset migrate" in problem.message


def test_their_places_need_credentials_as_urls_do() -> None:
    """§6.5: 'absent → ok if ambient is possible, else 400 CREDENTIAL'."""
    context = replace(knowing(on_cluster()), credentials=UserCredentials(data_profiles=frozenset()))
    error = refusal(one(inputs=[{"dataset": {"name": "d:good"}}], outputs=[{"dataset": {"name": "e"}}]), context)
    (problem,) = error.problems
    assert (problem.code, problem.path) == ("no-data-credential", "workflow.tasks[0].outputs[0].dataset.name")
    assert error.error_code is ErrorCode.CREDENTIAL
    stored = replace(context, credentials=UserCredentials(data_profiles=frozenset({"gs://mine"})))
    assert warnings(one(outputs=[{"dataset": {"name": "e"}}]), stored) == ()


def test_tokens_that_name_nothing_are_told() -> None:
    """§3.5: a token that names nothing stays as it is written, with a warning."""
    workflow = one(outputs=[{"dataset": {"name": "e", "path": "{{input:4}}", "metadata": {"a": ["{{host:x}}"]}}}])
    found = warnings(workflow, knowing(on_machine()))
    assert [problem.path for problem in found] == [
        "workflow.tasks[0].outputs[0].dataset.metadata.a",
        "workflow.tasks[0].outputs[0].dataset.path",
    ]
