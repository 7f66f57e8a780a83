"""Labels: the messages, the precedence and the policy table of workflow-spec.md §2.4."""

from __future__ import annotations

import pytest

from tests.unit.spec.specs import parsed, refused, with_fields, with_task
from translator.problems import ErrorCode, Severity, SpecError
from translator.spec.labels import (
    Enforcement,
    LabelRule,
    label_policy,
    label_policy_problems,
    prefixed_labels,
)
from translator.spec.values import Values


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("team", "a"),
        ("A.b-c_D", "x.Y-z_1"),
        ("example.com/team", "a"),
        ("osmo.pool", "a"),
        ("k" * 63, "v" * 63),
        (f"{'p' * 250}.io/k", "a"),
        ("1", "1"),
    ],
)
def test_labels_have_kubernetes_syntax(key: str, value: str) -> None:
    assert parsed(with_fields(f"labels: {{'{key}': '{value}'}}")).spec.labels == {key: value}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("''", 'Workflow label key "" is not a valid Kubernetes label key.'),
        ("a/b/c", 'Workflow label key "a/b/c" is not a valid Kubernetes label key.'),
        ("/a", 'Workflow label key "/a" has an invalid DNS prefix.'),
        ("Ex.com/a", 'Workflow label key "Ex.com/a" has an invalid DNS prefix.'),
        (f"{'p' * 254}/k", f'Workflow label key "{"p" * 254}/k" has an invalid DNS prefix.'),
        ("a..b/c", 'Workflow label key "a..b/c" has an invalid DNS prefix.'),
        ("-a", 'Workflow label key "-a" has an invalid name segment.'),
        ("a/", 'Workflow label key "a/" has an invalid name segment.'),
        ("k" * 64, f'Workflow label key "{"k" * 64}" has an invalid name segment.'),
        ("a b", 'Workflow label key "a b" has an invalid name segment.'),
        ("1.0", "Workflow labels must be a map of string keys to string values."),
    ],
)
def test_other_keys_are_refused(key: str, message: str) -> None:
    error = refused(with_fields(f"labels: {{{key}: a}}"))
    assert (error.message, error.error_code, error.records_submission) == (message, ErrorCode.USAGE, False)


@pytest.mark.parametrize("value", ["1.0", "true", "2024-01-01", "5", "", "[a]", "{a: b}"])
def test_values_are_text(value: str) -> None:
    error = refused(with_fields(f"labels: {{a: {value}}}"))
    assert error.message == "Workflow label values must be strings."
    assert error.problems[0].path == "workflow.labels.a"


@pytest.mark.parametrize("value", ["", "a b", "-a", "a_", "é", "v" * 64])
def test_other_values_are_refused(value: str) -> None:
    message = f'Workflow label value "{value}" is not a valid non-empty Kubernetes label value.'
    assert refused(with_fields(f"labels: {{a: '{value}'}}")).message == message


@pytest.mark.parametrize("labels", ["", "[a]", "a", "5"])
def test_labels_are_a_map(labels: str) -> None:
    message = "Workflow labels must be a map of string keys to string values."
    assert refused(with_fields(f"labels: {labels}")).message == message


def test_at_most_sixteen() -> None:
    labels = ", ".join(f"k{number}: v" for number in range(16))
    assert len(parsed(with_fields(f"labels: {{{labels}}}")).spec.labels) == 16
    assert refused(with_fields(f"labels: {{{labels}, more: v}}")).message == "Workflows can have at most 16 labels."
    with_one_more = Values(labels=("more=v",))
    assert refused(with_fields(f"labels: {{{labels}}}"), with_one_more).message.endswith("at most 16 labels.")


def test_labels_from_outside_win() -> None:
    text = with_fields("labels: {a: '1', b: '2'}")
    assert parsed(text, Values(labels=("b=x", "c=y", "c=z"))).spec.labels == {"a": "1", "b": "x", "c": "z"}
    stored = Values(labels=("c=y",), stored_labels={"d": "4"})
    assert parsed(text, stored).spec.labels == {"d": "4", "c": "y"}


def test_labels_from_outside_need_an_equals_sign_and_are_checked() -> None:
    assert refused(with_task(""), Values(labels=("a",))).message == "Workflow labels must use key=value format."
    assert "is not a valid non-empty" in refused(with_task(""), Values(labels=("a=",))).message


def test_spec_without_labels_gains_none() -> None:
    assert "labels" not in str(parsed(with_task("")).document)


def test_all_label_and_schema_problems_come_together_labels_first() -> None:
    error = refused(with_fields("labels: {a: 5, b: ''}\npool: 7"))
    assert [problem.path for problem in error.problems] == [
        "workflow.labels.a",
        "workflow.labels.b",
        "workflow.pool",
    ]
    assert (error.message, error.records_submission) == ("Workflow label values must be strings.", False)


@pytest.mark.parametrize(
    ("labels", "allow", "enforced", "warned"),
    [
        (
            {},
            (),
            "Workflow is missing required label 'k'.",
            "Workflow is missing label 'k'; add it now to avoid rejected submissions once it is required.",
        ),
        ({"k": "v"}, (), None, None),
        ({"k": "v"}, ("v", "w"), None, None),
        (
            {"k": "x"},
            ("v",),
            "Workflow label 'k' has a value that is not allowed.",
            "Workflow label 'k' has a value that is not allowed; use an allowed value now "
            "to avoid rejected submissions once it is required.",
        ),
    ],
)
@pytest.mark.parametrize("assert_message", ["", "Ask the platform team."])
def test_policy(
    labels: dict[str, str], allow: tuple[str, ...], enforced: str | None, warned: str | None, assert_message: str
) -> None:
    def texts(enforcement: Enforcement) -> tuple[tuple[str, ...], tuple[str, ...]]:
        rule = LabelRule(key="k", allow_list=allow, enforcement=enforcement, assert_message=assert_message)
        result = label_policy(labels, [rule])
        return result.errors, result.warnings

    suffix = f" {assert_message}" if assert_message else ""
    assert texts(Enforcement.OFF) == ((), ())
    assert texts(Enforcement.ENFORCE) == ((f"{enforced}{suffix}",) if enforced else (), ())
    assert texts(Enforcement.WARN) == ((), (f"{warned}{suffix}",) if warned else ())


def test_policy_problems_have_the_errors_first() -> None:
    rules = [
        LabelRule(key="a", enforcement=Enforcement.WARN),
        LabelRule(key="b", enforcement=Enforcement.ENFORCE),
    ]
    found = label_policy_problems({}, rules)
    assert [problem.severity for problem in found] == [Severity.ERROR, Severity.WARNING]


def test_prefix_is_prepended_as_it_is() -> None:
    assert prefixed_labels({"team": "a"}, "example.com/") == {"example.com/team": "a"}
    with pytest.raises(SpecError, match="forms an invalid Kubernetes label key"):
        prefixed_labels({"x/team": "a"}, "example.com/")
