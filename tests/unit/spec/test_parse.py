"""The order and the class of failures, dry runs, corpus: workflow-spec.md §1.2 steps 3-6, §11.7, §11.21."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.unit.spec.specs import RENDERER, parsed, plain, refused, with_fields, with_task
from translator.problems import ErrorCode, Severity, SpecError
from translator.spec.dump import stored_document, yaml_text
from translator.spec.parse import parse, render_only
from translator.spec.values import Values

CORPUS = Path(__file__).resolve().parents[4] / "shared" / "corpus"
GOOD = "workflow:\n  name: w\n  tasks: [{name: t, image: i, command: [c]}]\n"


@pytest.mark.parametrize(
    ("text", "values", "error_code", "row"),
    [
        # Each text also has everything that fails later.
        ("oops: 1\nworkflow: {{ x }} [\n  labels: 5\n", Values(variables=("a",)), ErrorCode.USER, False),
        ("workflow: {{ x }} [\n  labels: 5\n", Values(variables=("a",)), ErrorCode.USAGE, False),
        ("workflow: {{ x }} [\n  labels: 5\n", Values(), ErrorCode.USAGE, False),
        ("workflow: [\n  labels: 5\n", Values(), ErrorCode.USAGE, True),
        ("workflow:\n  labels: 5\n", Values(environment=("a",)), ErrorCode.USAGE, False),
        ("workflow:\n  oops: 5\n", Values(environment=("a",)), ErrorCode.USAGE, True),
        (GOOD, Values(environment=("a",)), ErrorCode.USAGE, False),
    ],
)
def test_first_failure_decides_class_and_row(text: str, values: Values, error_code: ErrorCode, row: bool) -> None:
    error = refused(text, values)
    assert (error.error_code, error.records_submission) == (error_code, row)


def test_broken_yaml_is_not_properly_formatted() -> None:
    error = refused("workflow:\n  name: a\n  tasks: [b\n")
    assert error.message.startswith("Workflow spec is not properly formatted: ")
    assert error.records_submission


def test_message_of_a_schema_failure_is_pydantics_full_text() -> None:
    message = refused(with_task("oops: 1")).message
    assert message.startswith("1 validation error for ")
    assert "workflow.tasks.0.oops\n  Extra inputs are not permitted" in message


def test_problems_have_paths_places_and_severities() -> None:
    error = refused("""
        # comment
        workflow:
          name: w
          resources:
            default: {cpu: 1.5}
          tasks:
          - name: t
            image: i
            command: [c]
            inputs:
            - task: a
              regexp: b
    """)
    assert [(p.path, p.line, p.column, p.severity) for p in error.problems] == [
        ("workflow.tasks[0].inputs[0].regexp", 12, 7, Severity.ERROR),
        ("workflow.resources.default.cpu", 5, 20, Severity.ERROR),
    ]


def test_a_long_list_of_errors_is_cut() -> None:
    tasks = "".join(f"  - {{name: t{number}, image: i}}\n" for number in range(2000))
    error = refused(f"workflow:\n  name: w\n  tasks:\n{tasks}")
    assert len(error.problems) == 1001
    assert error.problems[-1].code == "too-many-problems"
    assert error.message.startswith("2000 validation errors for ")
    assert len(error.message) < 70_000


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (b"workflow:\n  name: \xff\n", "bad-encoding"),
        (b"\xff\xfew\x00", "bad-encoding"),
        (b"workflow:\n  name: a\x00b\n", "yaml-character"),
        (b"#" * (8 * 1024 * 1024 + 1), "too-large"),
        (b"", "missing-section"),
        (b"workflow:\n  a: " + b"[" * 100_000, "yaml-too-deep"),
        (b"workflow:\n  a: &a [*a]\n", "yaml-recursive"),
        (b"workflow:\n  a: 1\n---\n- b\n", "yaml-documents"),
        (b"workflow:x\n", "yaml-syntax"),
    ],
)
def test_hostile_bytes_are_problems(source: bytes, code: str) -> None:
    with pytest.raises(SpecError) as error:
        parse(source, renderer=RENDERER)
    assert error.value.problems[0].code == code


def test_place_of_bad_bytes() -> None:
    with pytest.raises(SpecError) as error:
        parse("workflow:\n  é: ".encode() + b"\xff", renderer=RENDERER)
    assert (error.value.problems[0].line, error.value.problems[0].column) == (2, 6)


def test_duplicate_keys_are_warned_about_and_the_last_wins() -> None:
    spec = parsed("workflow:\n  name: a\n  name: b\n  tasks: [{name: t, image: i, image: j, command: [c]}]\n")
    assert (spec.spec.name, spec.spec.tasks[0].image) == ("b", "j")
    assert [(one.severity, one.line) for one in spec.warnings] == [(Severity.WARNING, 3), (Severity.WARNING, 4)]


def test_anchors_and_merge_keys_work() -> None:
    spec = parsed("""
        workflow:
          name: w
          tasks:
          - &base {name: a, image: i, command: [c], environment: {A: x}}
          - {<<: *base, name: b}
    """).spec
    assert [(task.name, task.image, task.environment) for task in spec.tasks] == [
        ("a", "i", {"A": "x"}),
        ("b", "i", {"A": "x"}),
    ]


def test_environment_of_the_request_wins_in_every_task() -> None:
    # §10.7: split at the first `=`.
    text = """
        workflow:
          name: w
          groups:
          - {name: g, tasks: [{name: a, image: i, command: [c], environment: {A: x, B: y}, lead: true},
                              {name: b, image: i, command: [c]}]}
    """
    tasks = parsed(text, Values(environment=("A=1=2", "C="))).spec.all_tasks()
    assert [task.environment for task in tasks] == [{"A": "1=2", "B": "y", "C": ""}, {"A": "1=2", "C": ""}]
    message = refused(text, Values(environment=("A",))).message
    assert message.startswith("Environment variable A is incorrectly formatted")


def test_parsed_spec_keeps_the_texts() -> None:
    section = "workflow:\n  name: {{ n }}\n  tasks: [{name: t, image: '{{output}}', command: [c]}]\n"
    text = f"# c\n{section}default-values: {{n: w}}\n"
    spec = parsed(text)
    assert spec.source == text
    assert spec.text == "workflow:\n  name: w\n  tasks: [{name: t, image: '{{output}}', command: [c]}]\n"
    assert spec.document == yaml.safe_load(spec.text)
    assert spec.templated


def test_dry_run_does_not_look_at_the_schema() -> None:
    text = plain("""
        version: 7
        workflow:
          name: {{ n }}
          oops: [1]
          tasks:
          - name: t
            files:
            - {path: /a, localpath: b.sh}
            args: |
              {{output}}
              two
        default-values: {n: demo}
    """)
    result = render_only(text.encode(), values=Values(labels=("a=b",)), renderer=RENDERER)
    assert result.name == "demo"
    document = yaml.safe_load(result.text)
    assert list(document) == ["workflow"]
    assert document["workflow"] == {
        "name": "demo",
        "oops": [1],
        "tasks": [{"name": "t", "files": [{"path": "/a", "localpath": "b.sh"}], "args": "{{output}}\ntwo\n"}],
        "labels": {"a": "b"},
    }
    assert [warning.code for warning in result.warnings] == ["ignored-version"]


def test_dry_run_checks_labels() -> None:
    with pytest.raises(SpecError, match=r"Workflow label values must be strings\."):
        render_only(b"workflow: {labels: {a: 1}}", renderer=RENDERER)


def test_dry_run_of_a_spec_without_a_name() -> None:
    assert render_only(b"workflow: {}", renderer=RENDERER).name == ""
    assert render_only(b"workflow: a", renderer=RENDERER).name == ""


def test_local_files() -> None:
    text = with_task("files:\n- {path: /a, localpath: run.sh}\n- {path: /b, contents: x}")
    spec = parse(text.encode(), renderer=RENDERER, local_files={"run.sh": "echo {{output}} {{ not_rendered }}"})
    assert [file.contents for file in spec.spec.tasks[0].files] == ["echo {{output}} {{ not_rendered }}", "x"]
    with pytest.raises(SpecError) as error:
        parse(text.encode(), renderer=RENDERER, local_files={})
    assert error.value.message == "The file/path run.sh does not exist!"
    assert error.value.problems[0].path == "workflow.tasks[0].files[0].localpath"


def test_without_local_files_localpath_is_an_unknown_key() -> None:
    assert refused(with_task("files: [{path: /a, localpath: b}]")).problems[-1].code == "unknown-key"


def test_stored_document_gives_the_same_groups() -> None:
    spec = parsed(
        with_fields("timeout: {exec_timeout: 90m, queue_timeout: 1500ms}\nlabels: {a: b}\nresources: {x: {gpu: 1}}")
    ).spec
    again = parse(yaml_text(stored_document(spec)).encode(), renderer=RENDERER, is_rendered=True).spec
    assert (again.all_groups(), again.timeout, again.labels, again.resources) == (
        spec.all_groups(),
        spec.timeout,
        spec.labels,
        spec.resources,
    )


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of sample workflows is not there")
@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.yaml")), ids=lambda path: path.stem)
def test_corpus(path: Path) -> None:
    values = Values(variables=("storage_url=s3://my-bucket",))
    spec = parse(path.read_bytes(), values=values, renderer=RENDERER)
    assert spec.warnings == ()
    stored = parse(yaml_text(stored_document(spec.spec)).encode(), renderer=RENDERER, is_rendered=True)
    assert stored.spec.all_groups() == spec.spec.all_groups()
