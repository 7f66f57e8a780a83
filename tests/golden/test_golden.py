"""Whole files, from YAML to Plan to Argo objects.

A case is a folder with `spec.yaml`, and beside it what came out: `plan.json`, `argo.yaml`. What comes out must first
satisfy Argo's schema and limits, then equal the stored files. After a change on purpose:
`pytest tests/golden --rewrite-golden`, and review the diff.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from pools.config import parse_config
from templates.sandbox import TemplateSandbox
from tests.unit.argo.clusters import manifests, order_of_groups, order_of_plan
from tests.unit.argo.crd import check_object, check_workflow
from translator.argo.forms import Form, written
from translator.argo.receipt import receipt_json
from translator.argo.target import argo_target
from translator.argo.translation import Translation, translate
from translator.plan.checks import validate_plan
from translator.plan.context import EarlierWorkflow, PlanContext, UserCredentials
from translator.plan.model import Plan, WorkflowId, WorkflowUuid, decode, encode
from translator.plan.resolve import resolve
from translator.spec.parse import parse

HERE = Path(__file__).parent
CONFIG = parse_config({"config.yaml": (HERE / "config.yaml").read_bytes()})
UUID = WorkflowUuid("5eed0000c0de4a11b1a5c0ffee15600d")
POOLS = {
    "hardware": "hardware",
    "kai-gang": "kai",
    "kueue-queue": "kueue",
    "volcano-gang": "volcano",
}
"""The pool of a case; `plain` for all others."""
CASES = sorted(path.parent.name for path in HERE.glob("*/spec.yaml"))


def context(case: str) -> PlanContext:
    """What the case is submitted to."""
    return PlanContext(
        config=CONFIG,
        pool=POOLS.get(case, "plain"),
        owner="jane@example.com",
        earlier_workflows={"old-3": EarlierWorkflow(id="old-3", finished={"made": True})},
        credentials=UserCredentials(
            generic={"wandb": frozenset({"token"}), "ssh": frozenset({"id"})},
            data_profiles=frozenset({"s3://sets", "s3://user"}),
        ),
    )


def plan_of(case: str) -> Plan:
    """The Plan of a case, made anew."""
    about = context(case)
    with TemplateSandbox() as renderer:
        spec = parse((HERE / case / "spec.yaml").read_bytes(), renderer=renderer).spec
    validate_plan(spec, about)
    return resolve(spec, about, workflow_id=WorkflowId(f"{spec.name}-1"), workflow_uuid=UUID)


def translation_of(plan: Plan) -> Translation:
    """The objects of a case."""
    return translate(plan, argo_target(CONFIG.backends[plan.backend], CONFIG.workflow))


def compare(path: Path, text: str, rewrite: bool) -> None:
    """Fails where the stored file differs, or writes it."""
    if rewrite:
        path.write_text(text)
    assert path.read_text() == text, f"{path} differs; if that is right: pytest tests/golden --rewrite-golden"


@pytest.mark.parametrize("case", CASES)
def test_case(case: str, request: pytest.FixtureRequest) -> None:
    rewrite = bool(request.config.getoption("--rewrite-golden", default=False))
    plan = plan_of(case)
    translation = translation_of(plan)
    for manifest in manifests(translation):
        if manifest["kind"] == "Workflow":
            check_workflow(manifest)
        else:
            check_object(manifest, "runs")
    assert order_of_groups(translation, plan) == order_of_plan(plan)
    compare(HERE / case / "plan.json", msgspec.json.format(encode(plan), indent=1).decode() + "\n", rewrite)
    compare(HERE / case / "argo.yaml", readable(translation), rewrite)
    # design principle 1: "The Plan is stored with the workflow; nothing re-parses YAML later."
    assert readable(translation_of(decode(encode(plan)))) == readable(translation)


def readable(translation: Translation) -> str:
    """The translation as YAML, with patches and what Secrets hold unpacked, and the receipt at the end."""
    documents = yaml.safe_load_all(written(translation, Form.YAML))
    shown = [_unpacked(document) for document in documents]
    return yaml.safe_dump_all([*shown, {"receipt": receipt_json(translation.receipt)}], sort_keys=False, width=120)


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("kind") == "Secret":
            return {**value, "data": {key: _opened(text) for key, text in value["data"].items()}}
        patch = value.get("podSpecPatch")
        return {key: _unpacked(item) for key, item in value.items()} | (
            {"podSpecPatch": msgspec.json.decode(patch)} if patch else {}
        )
    return [_unpacked(item) for item in value] if isinstance(value, list) else value


def _opened(text: str) -> Any:
    content = base64.b64decode(text)
    if content[:1] == b"{":
        return msgspec.json.decode(content)
    return content.decode() if re.fullmatch(rb"[\t\n\x20-\x7e]*", content) else text
