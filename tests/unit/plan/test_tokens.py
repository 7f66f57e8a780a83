"""Special tokens. Source: workflow-spec.md §3.5, §10.2, §10.3, §11.4."""

from __future__ import annotations

import pytest

from tests.unit.plan.specs import (
    WORKFLOW_ID,
    WORKFLOW_UUID,
    after,
    group,
    grouped,
    on_cluster,
    on_machine,
    one,
    planned,
    planned_task,
    refusal,
    spec,
    task,
    warnings,
)
from tests.unit.spec.specs import RENDERER
from translator.plan.identity import group_uuid, task_uuid
from translator.plan.model import CheckpointPlan, CredentialEnv, CredentialFiles, FilePlan, Kpi, UrlInput, UrlOutput
from translator.problems import ErrorCode, Severity
from translator.spec.parse import parse

TEXT = "{{workflow_id}} {{output}} {{ output }} {{  workflow_id}}"
REPLACED = f"{WORKFLOW_ID} /osmo/data/output /osmo/data/output {WORKFLOW_ID}"


def test_tokens_in_every_field() -> None:
    """'replaced everywhere: image, command, args, env keys and values, file paths and contents, urls, regexes, …'."""
    workflow = one(
        image="x:{{workflow_id}}",
        command=[TEXT],
        args=["a", TEXT],
        environment={"K_{{workflow_id}}": TEXT},
        files=[{"path": "{{output}}/meta.yaml", "contents": TEXT}, {"path": "/b", "contents": "e3s=", "base64": True}],
        inputs=[{"url": "s3://b/{{workflow_id}}", "regex": "{{workflow_id}}.*"}],
        outputs=[{"url": "s3://c/{{workflow_id}}", "regex": "^{{workflow_id}}"}],
        kpis=[{"index": "{{workflow_id}}", "path": "{{output}}/kpi"}],
        checkpoint=[
            {"path": "{{output}}/c", "url": "s3://d/{{workflow_id}}", "frequency": "90s", "regex": "{{workflow_id}}"}
        ],
        credentials={"a": "{{output}}/creds", "b": {"V_{{workflow_id}}": "k"}},
    )
    made = planned_task(workflow, on_machine())
    assert (made.image, made.command, made.args) == ("x:wf-7", (REPLACED,), ("a", REPLACED))
    assert made.environment == {"K_wf-7": REPLACED}
    assert made.files == (
        FilePlan(path="/osmo/data/output/meta.yaml", contents=REPLACED),
        FilePlan(path="/b", contents="e3s=", base64=True),
    )
    assert made.inputs == (UrlInput(index=0, url="s3://b/wf-7", regex="wf-7.*"),)
    assert made.outputs == (UrlOutput(url="s3://c/wf-7", regex="^wf-7"),)
    assert made.kpis == (Kpi(index="wf-7", path="/osmo/data/output/kpi"),)
    assert made.checkpoints == (
        CheckpointPlan(path="/osmo/data/output/c", url="s3://d/wf-7", frequency_seconds=90, regex="wf-7"),
    )
    assert made.credential_files == (CredentialFiles(directory="/osmo/data/output/creds", credential="a"),)
    assert made.credential_env == (CredentialEnv(variable="V_wf-7", credential="b", key="k"),)


def test_inputs_by_index_and_by_name() -> None:
    """'{{input:NAME}}: path of the task input called NAME; this task; last one wins if repeated'."""
    inputs = [{"task": "a"}, {"url": "s3://b"}, {"task": "b"}, {"task": "a"}]
    args = ["{{input:0}} {{input:1}} {{ input:2 }} {{input:a}} {{input:b}}"]
    made = planned_task(spec(task("a"), task("b"), task("t", inputs=inputs, args=args)), on_machine())
    base = "/osmo/data/input"
    assert made.args == (f"{base}/0 {base}/1 {base}/2 {base}/3 {base}/2",)


def test_inputs_of_earlier_workflows_are_named_by_their_task() -> None:
    made = planned_task(one(inputs=[{"task": "old-1:x"}], args=["{{input:x}}", "{{input:old-1:x}}"]), on_machine())
    assert made.args == ("/osmo/data/input/0", "{{input:old-1:x}}")


def test_hosts_on_a_cluster() -> None:
    """'<task_uuid>.osmo-<group_uuid>.<namespace>.svc.cluster.local; tasks of the same group only'."""
    workflow = grouped(
        group("g", task("a", args=["{{host:a}}", "{{host:b}}", "{{ host:c }}"]), task("b")), group("h", task("c"))
    )
    made = planned_task(workflow, on_cluster(), "a")
    domain = f"osmo-{group_uuid(WORKFLOW_UUID, 'g')}.robots.svc.cluster.local"
    assert made.args == (
        f"{task_uuid(WORKFLOW_UUID, 'a')}.{domain}",
        f"{task_uuid(WORKFLOW_UUID, 'b')}.{domain}",
        "{{ host:c }}",
    )
    assert made.host == made.args[0]


def test_hosts_on_this_machine() -> None:
    workflow = grouped(group("g", task("a", args=["{{host:b}}"]), task("b")))
    tasks = planned(workflow, on_machine()).groups[0].tasks
    assert tasks[0].args == (tasks[1].host,)
    assert tasks[1].host.startswith("127.")


@pytest.mark.parametrize(
    "text",
    [
        "{{uuid}}",
        "{{ uuid }}",
        "{{item}}",
        "{{input:9}}",
        "{{input:nobody}}",
        "{{input: 0}}",
        "{{host:elsewhere}}",
        "{{host:default}}",
        "{{outputs}}",
        "{{Output}}",
        "{{output",
        "{output}",
        "{{inputs.parameters.x}}",
        "${{ github.ref }}",
        "{{{{output}} }}".replace("output", "none"),
    ],
)
def test_what_names_nothing_stays(text: str) -> None:
    """'Unresolvable tokens are left literally in the container; {{item}} is not a token'."""
    assert planned_task(one(args=[text]), on_machine()).args == (text,)


def test_values_are_not_looked_at_again() -> None:
    """Plain text substitution, one pass."""
    made = planned_task(one(args=["{{{{output}}}}", "{{output}}{{output}}"]), on_machine())
    assert made.args == ("{{/osmo/data/output}}", "/osmo/data/output/osmo/data/output")


def test_unresolved_tokens_are_worth_a_warning() -> None:
    """§10.3: 'same result + warning in warnings'; one for each token of a task, where it stands first."""
    workflow = one(
        args=["ok {{input:3}} {{input:3}}"],
        environment={"A.B": "{{ host:x }}"},
        files=[{"path": "/f", "contents": "{{uuid}}{{input:3}}"}],
    )
    found = warnings(workflow, on_machine())
    assert [(problem.code, problem.severity, problem.path) for problem in found] == [
        ("unresolved-token", Severity.WARNING, 'workflow.tasks[0].environment["A.B"]'),
        ("unresolved-token", Severity.WARNING, "workflow.tasks[0].args[0]"),
        ("unresolved-token", Severity.WARNING, "workflow.tasks[0].files[0].contents"),
    ]
    assert "{{host:x}}" in found[0].message


def test_tokens_that_name_something_are_silent() -> None:
    args = ["{{input:0}} {{input:a}} {{output}} {{host:t}} {{workflow_id}} {{item}}"]
    assert warnings(spec(task("a"), {**after("t", "a"), "args": args}), on_machine()) == ()


def test_tokens_in_local_files() -> None:
    """'Keep the property that tokens resolve inside localpath files (corpus needs it)' (§3.7, §10.14)."""
    text = (
        "workflow:\n  name: wf\n  tasks:\n  - name: t\n    image: i\n    command: [c]\n"
        "    files: [{path: /run.sh, localpath: run.sh}]\n"
    )
    script = "cp {{output}}/a {{ output }}/b; echo {{workflow_id}} {{host:nobody}} ${#list[@]} {{ not_ours }}"
    parsed = parse(text.encode(), renderer=RENDERER, local_files={"run.sh": script})
    (file,) = planned_task(parsed.spec, on_machine()).files
    assert file.contents == (
        "cp /osmo/data/output/a /osmo/data/output/b; echo wf-7 {{host:nobody}} ${#list[@]} {{ not_ours }}"
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("{{input:0}}/x", 'Empty path or adding file to "/osmo" is forbidden for file: /osmo/data/input/0/x'),
        ("{{output}}", 'Empty path or adding file to "/osmo" is forbidden for file: /osmo/data/output'),
        ("/{{output}}/../x", 'Empty path or adding file to "/osmo" is forbidden for file: //osmo/data/output/../x'),
    ],
)
def test_file_paths_are_checked_again_after_substitution(path: str, message: str) -> None:
    """'{{input:0}}/x passes submission and then breaks creation (500)': ours 400."""
    workflow = spec(task("a"), {**after("t", "a"), "files": [{"path": path, "contents": ""}]})
    error = refusal(workflow, on_machine())
    assert (error.message, error.error_code) == (message, ErrorCode.USAGE)
    assert error.problems[0].path == "workflow.tasks[1].files[0].path"


def test_file_paths_stay_distinct_after_substitution() -> None:
    paths = ("{{output}}/x", "/osmo/data/output/x")
    error = refusal(one(files=[{"path": path, "contents": ""} for path in paths]), on_machine())
    assert error.message.startswith('Task "t" has multiple files at the same path "/osmo/data/output/x".')
