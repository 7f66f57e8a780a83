"""Specs as YAML text, and what is masked in them: workflow-spec.md §3.6, api.md §2.9."""

from __future__ import annotations

import base64

import pytest
import yaml

from tests.unit.spec.specs import parsed, with_task
from translator.spec.dump import stored_document, yaml_text
from translator.spec.findings import all_tasks
from translator.spec.redaction import credential_names, redacted, redacted_text


def test_stored_document_has_version_2_and_groups() -> None:
    document = stored_document(
        parsed(
            with_task(
                "exitActions: {RESCHEDULE: '1-5', fail: 0}\n"
                "checkpoint: [{path: a, url: 's3://b', frequency: 1m}]\n"
                'files: [{path: /a, contents: "x\\ny\\n"}]\n'
                "inputs: [{url: 's3://b'}]\nhostNetwork: true\nresources: {cpu: 1}"
            )
        ).spec
    )
    assert document["version"] == 2
    assert document["workflow"]["groups"] == [
        {
            "name": "t-group",
            "tasks": [
                {
                    "name": "t",
                    "image": "i",
                    "command": ["c"],
                    "lead": True,
                    "files": [{"path": "/a", "contents": "x\ny\n"}],
                    "inputs": [{"url": "s3://b"}],
                    "hostNetwork": True,
                    "checkpoint": [{"path": "/a", "url": "s3://b", "frequency": "60s"}],
                    "exitActions": {"FAIL": "0", "RESCHEDULE": "1-5"},
                }
            ],
        }
    ]


def test_text_of_several_lines_is_a_block() -> None:
    assert yaml_text({"a": "x\ny\n", "b": [1, "yes"]}) == "a: |\n  x\n  y\nb:\n- 1\n- 'yes'\n"


@pytest.mark.parametrize(
    "text", ["a  \nb", "\na", "  a\nb", "a\n\n", "\tx\n", "a\x85b", "a\u2028b\n", "{{ x }}: #", "é\n😀"]
)
def test_any_text_comes_back(text: str) -> None:
    assert yaml.safe_load(yaml_text({"k": [text]})) == {"k": [text]}


def test_repeated_values_stand_where_they_are() -> None:
    shared = ["a"]
    assert yaml_text([shared, shared]) == "- - a\n- - a\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run --token=abc123 --x=1", "run --token=[MASKED] --x=1"),
        ("PASSWORD=hunter2", "PASSWORD=[MASKED]"),
        ("export AWS_SECRET_ACCESS_KEY=abc && go", "export AWS_SECRET_ACCESS_KEY=[MASKED] && go"),
        ("api_key = 'abc def'", "api_key = '[MASKED] def'"),
        ('{"client_secret"="x"}', '{"client_secret"="[MASKED]"}'),
        ("db://u?password=x&y=1", "db://u?password=[MASKED]&y=1"),
        # Not secrets: references, other names, comparisons.
        ("--token=$TOKEN --token=${T} --token={{output}}/t", "--token=$TOKEN --token=${T} --token={{output}}/t"),
        ("max_tokens=100 tokenizer=bert key=a", "max_tokens=100 tokenizer=bert key=a"),
        ("if token == x", "if token == x"),
        ("token=", "token="),
        ("the secret is safe", "the secret is safe"),
    ],
)
def test_values_that_look_like_key_and_secret_are_masked(text: str, expected: str) -> None:
    assert redacted_text(text) == expected


def test_base64_that_hides_a_secret_is_masked() -> None:
    hidden = base64.b64encode(b"user=me password=hunter2").decode()
    harmless = base64.b64encode(b"nothing to see here, move on").decode()
    assert redacted_text(f"{hidden} {harmless} {'A' * 40}") == f"[MASKED] {harmless} {'A' * 40}"


def test_environment_with_the_name_of_a_secret_is_masked() -> None:
    document = {"environment": {"API_KEY": "abc", "MODE": "train", "HF_TOKEN": "$(OTHER)", "N": 1}}
    expected = {"environment": {"API_KEY": "[MASKED]", "MODE": "train", "HF_TOKEN": "$(OTHER)", "N": 1}}
    assert redacted(document) == expected


def test_names_that_credentials_use_are_exempt() -> None:
    spec = parsed(
        with_task("credentials: {my-cred: {WANDB_API_KEY: token}}\nargs: ['WANDB_API_KEY=x', 'token=my-cred']")
    )
    document = stored_document(spec.spec)
    allowed = credential_names(task for _, task in all_tasks(spec.document))
    assert allowed == {"my-cred", "WANDB_API_KEY", "token"}
    assert redacted(document, allowed) == document


def test_long_texts_take_linear_time() -> None:
    for text in ("a_" * 200_000, "A" * 400_000 + "===", "token " * 100_000, "-" * 400_000):
        assert redacted_text(text) == text
