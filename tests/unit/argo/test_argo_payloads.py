"""What wrapper and sidecar are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from tests.unit.argo.clusters import mounted, pods, secret_data, told, told_sidecar, workflow_of
from tests.unit.argo.plans import WORKFLOW_ID, group, plan, rule, single, task, team
from translator.argo.faults import TranslationError
from translator.argo.payload import (
    PAYLOAD_VERSION,
    Identity,
    RunPayload,
    SidecarPayload,
    decode_run_payload,
    decode_sidecar_payload,
    encode_payload,
)
from translator.argo.run_secrets import PLACEHOLDER, RunSecrets
from translator.argo.target import ArgoTarget
from translator.argo.translation import translate
from translator.plan.model import (
    CheckpointPlan,
    CredentialEnv,
    CredentialFiles,
    ExitAction,
    FilePlan,
    Kpi,
    Plan,
    TaskInput,
    TaskName,
    UrlInput,
    UrlOutput,
)

STORE = ArgoTarget(data_url="s3://bucket/data")


@dataclass(frozen=True)
class Known:
    """A secret value of a test."""

    text: str

    def reveal(self) -> str:
        return self.text


def test_user_text_reaches_the_wrapper_unchanged() -> None:
    # argo-verified.md §4: "Text with {{inputs.parameters.x}}, {{=1+1}}, {{item}} inside Secret data … unchanged".
    nasty = ("sh", "-c", 'echo {{inputs.parameters.x}} {{=1+1}} $(HOME) $$ "\\" \n\x00é')
    made = plan(single("a", command=nasty[:1], args=nasty[1:], environment={"B": "$(A)", "A": "{{item}}"}))
    document = told(translate(made, ArgoTarget()), "a")
    assert document["argv"] == list(nasty)
    assert document["environment"] == [["B", "$(A)"], ["A", "{{item}}"]]
    assert document["version"] == PAYLOAD_VERSION


def test_environment_comes_before_credentials() -> None:
    # workflow-spec.md §8.2: "task env first, then credentials, then system ones; Kubernetes keeps the last".
    made = plan(
        single(
            "a",
            environment={"KEY": "mine"},
            credential_env=(CredentialEnv(variable="KEY", credential="wandb", key="token"),),
        )
    )
    secrets = RunSecrets(credentials={"wandb": {"token": Known("s3cret")}})
    assert told(translate(made, ArgoTarget(), secrets), "a")["environment"] == [["KEY", "mine"], ["KEY", "s3cret"]]
    assert told(translate(made, ArgoTarget()), "a")["environment"][1] == ["KEY", PLACEHOLDER]


def test_credential_files_lie_where_the_task_wants_them() -> None:
    # workflow-spec.md §2.13: "every key of the user's generic credential becomes a file /some/dir/<key>".
    made = plan(single("a", credential_files=(CredentialFiles(directory="/root/.cfg/", credential="c"),)))
    secrets = RunSecrets(credentials={"c": {"b": Known("B"), "a": Known("A")}})
    translation = translate(made, ArgoTarget(), secrets)
    pod = pods(translation)["a"]
    assert mounted(translation, pod, "/root/.cfg/a") == b"A"
    assert mounted(translation, pod, "/root/.cfg/b") == b"B"


@pytest.mark.parametrize(
    "fields",
    [
        {"credential_env": (CredentialEnv(variable="V", credential="c", key="k"),)},
        {"credential_files": (CredentialFiles(directory="/d", credential="c"),)},
    ],
)
def test_a_missing_credential_is_an_error(fields: dict[str, Any]) -> None:
    with pytest.raises(TranslationError, match="Expected credential"):
        translate(plan(single("a", **fields)), ArgoTarget(), RunSecrets())


def test_exit_rules_travel_to_the_wrapper() -> None:
    # workflow-spec.md §9.2-F: "Wrapper knows exitActions".
    made = plan(
        single(
            "a",
            exit_rules=(rule(ExitAction.COMPLETE, (1, 3)),),
            default_exit_rules=(rule(ExitAction.RESCHEDULE, (9, 9)),),
            max_retries=2,
        )
    )
    document = told(translate(made, ArgoTarget()), "a")
    assert document["exit_rules"] == [{"action": "COMPLETE", "ranges": [[1, 3]]}]
    assert document["default_exit_rules"] == [{"action": "RESCHEDULE", "ranges": [[9, 9]]}]
    assert document["max_retries"] == 2


def test_a_plain_task_has_no_sidecar() -> None:
    # design §5: "a ctrl sidecar only where the task has data, checkpoints, or a group of several".
    translation = translate(plan(single("a")), ArgoTarget())
    assert pods(translation)["a"].names() == ["main"]
    assert "sidecar" not in told(translation, "a")


@pytest.mark.parametrize(
    "fields",
    [
        {"inputs": (UrlInput(index=0, url="s3://b/x"),)},
        {"outputs": (UrlOutput(url="s3://b/x"),), "keeps_intermediate": False},
        {"kpis": (Kpi(index="k", path="k.json"),)},
        {"checkpoints": (CheckpointPlan(path="/ck", url="s3://b/ck", frequency_seconds=60),)},
        {"args": ("echo x > /osmo/data/output/f",)},
        {"environment": {"OUT": "/osmo/data/output"}},
        {"files": (FilePlan(path="/osmo/data/output/meta.yaml", contents="x"),)},
    ],
)
def test_data_brings_a_sidecar(fields: dict[str, Any]) -> None:
    translation = translate(plan(single("a", **fields)), STORE)
    pod = pods(translation)["a"]
    assert pod.names() == ["main", "osmo-ctrl"]
    assert told(translation, "a")["sidecar"] is True


def test_a_task_that_feeds_another_keeps_its_output() -> None:
    # workflow-spec.md §6.2: "group has downstream groups, or the task lists no outputs: W/wf/t".
    made = plan(single("a", outputs=(UrlOutput(url="s3://u/x", regex="r"),)), single("b", ["a"]))
    translation = translate(made, STORE)
    assert told_sidecar(translation, "a")["outputs"] == [
        {"url": f"s3://bucket/data/{WORKFLOW_ID}/a", "service": True},
        {"url": "s3://u/x", "regex": "r"},
    ]
    assert told_sidecar(translation, "b")["inputs"] == [
        {
            "index": 0,
            "url": f"s3://bucket/data/{WORKFLOW_ID}/a",
            "origin": f"task a of {WORKFLOW_ID}",
            "service": True,
        }
    ]


def test_a_leaf_with_urls_does_not_write_the_intermediate_location() -> None:
    # workflow-spec.md §6.2: "a leaf task with url outputs does not write the intermediate location".
    made = plan(single("a", outputs=(UrlOutput(url="s3://u/x"),), keeps_intermediate=False))
    assert told_sidecar(translate(made, STORE), "a")["outputs"] == [{"url": "s3://u/x"}]


def test_inputs_of_earlier_workflows_and_urls() -> None:
    made = plan(
        single(
            "a",
            inputs=(
                UrlInput(index=0, url="s3://u/x", regex="a.*"),
                TaskInput(index=1, task=TaskName("z"), workflow_id=WORKFLOW_ID, regex="b"),
            ),
        )
    )
    assert told_sidecar(translate(made, STORE), "a")["inputs"] == [
        {"index": 0, "url": "s3://u/x", "regex": "a.*"},
        {
            "index": 1,
            "url": f"s3://bucket/data/{WORKFLOW_ID}/z",
            "origin": f"task z of {WORKFLOW_ID}",
            "regex": "b",
            "service": True,
        },
    ]


def test_checkpoints_are_split_between_wrapper_and_sidecar() -> None:
    checkpoint = CheckpointPlan(path="/ck/*", url="s3://b/ck", frequency_seconds=60, regex=r".*\.pt")
    translation = translate(plan(single("a", checkpoints=(checkpoint,))), STORE)
    assert told(translation, "a")["checkpoints"] == [{"index": 0, "path": "/ck/*", "frequency_seconds": 60}]
    assert told_sidecar(translation, "a")["checkpoints"] == [
        {"path": "/ck/*", "url": "s3://b/ck", "frequency_seconds": 60, "regex": r".*\.pt"}
    ]


def test_members_of_a_group_find_their_coordinator() -> None:
    # design §6: "The lead's sidecar is the group's coordinator, reached by the headless Service with a token".
    made = plan(team("g", "lead", "helper", ignore_nonlead_status=False, barrier=False))
    secrets = RunSecrets(token=Known("random"))
    translation = translate(made, ArgoTarget(namespace="runs"), secrets)
    lead, helper = (told_sidecar(translation, name)["group"] for name in ("lead", "helper"))
    uuid = made.groups[0].uuid
    assert lead["coordinator"] == f"{made.groups[0].lead.uuid}.osmo-{uuid}.runs.svc.cluster.local:64831"
    assert (helper["coordinator"], helper["token"]) == (lead["coordinator"], lead["token"])
    assert [member["task"] for member in lead["members"]] == ["lead", "helper"]
    assert "members" not in helper
    assert (lead["barrier"], lead["ignore_nonlead_status"]) == (False, False)


def test_tokens_differ_from_group_to_group_and_run_to_run() -> None:
    made = plan(team("g", "a1", "a2"), team("h", "b1", "b2"))
    tokens = {
        told_sidecar(translate(made, ArgoTarget(), RunSecrets(token=Known(text))), name)["group"]["token"]
        for text in ("x", "y")
        for name in ("a1", "b1")
    }
    assert len(tokens) == 4
    assert not tokens & {"x", "y"}


def test_storage_credentials_are_the_sidecars_alone() -> None:
    # design §5: "Storage credentials are mounted in the sidecar only."
    made = plan(single("a", inputs=(UrlInput(index=0, url="s3://b/x"),)))
    secrets = RunSecrets(user_storage=Known('{"u": 1}'), service_storage=Known('{"s": 1}'))
    translation = translate(made, ArgoTarget(), secrets)
    pod = pods(translation)["a"]
    assert mounted(translation, pod, "/osmo-storage/user.json", "osmo-ctrl") == b'{"u": 1}'
    assert mounted(translation, pod, "/osmo-storage/service.json", "osmo-ctrl") == b'{"s": 1}'
    volumes = {mount["name"] for mount in pod.container()["volumeMounts"]}
    assert volumes == {"osmo", "osmo-run"}


def test_a_registry_login_is_named_by_the_workflow() -> None:
    translation = translate(plan(single("a")), ArgoTarget(), RunSecrets(registry=Known('{"auths": {}}')))
    (part,) = translation.parts
    name = workflow_of(part)["spec"]["imagePullSecrets"][0]["name"]
    assert secret_data(translation)[str(name)] == {".dockerconfigjson": b'{"auths": {}}'}


def test_documents_are_read_back() -> None:
    identity = Identity(
        workflow_id="w", workflow_uuid="u", group="g", group_uuid="gu", task="t", task_uuid="tu", lead=True
    )
    run = RunPayload(version=PAYLOAD_VERSION, identity=identity, argv=("true",))
    sidecar = SidecarPayload(version=PAYLOAD_VERSION, identity=identity)
    assert decode_run_payload(encode_payload(run)) == run
    assert decode_sidecar_payload(encode_payload(sidecar)) == sidecar


def test_another_version_is_refused() -> None:
    made = told(translate(plan(single("a")), ArgoTarget()), "a") | {"version": 3}
    with pytest.raises(msgspec.ValidationError, match="runtime image"):
        decode_run_payload(msgspec.json.encode(made))
    with pytest.raises(msgspec.ValidationError, match="runtime image"):
        decode_sidecar_payload(msgspec.json.encode({"version": 0, "identity": made["identity"]}))


def test_secret_values_do_not_show_in_the_objects_of_a_reader() -> None:
    made: Plan = plan(group("g", task("a")))
    assert "s3cret" not in repr(translate(made, ArgoTarget(), RunSecrets(token=Known("s3cret"))).receipt)
