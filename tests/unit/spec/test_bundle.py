"""Local files: workflow-spec.md §3.7 and the decision of §10.14."""

from __future__ import annotations

import pytest
import yaml

from tests.unit.spec.specs import RENDERER, plain
from translator.problems import SpecError
from translator.spec.bundle import bundle, needs_bundling
from translator.spec.jinja_text import literal_template
from translator.spec.parse import parse
from translator.spec.templating import protected, rendered
from translator.spec.values import Values

SCRIPT = "#!/bin/bash\necho {{output}} {{host:peer}} {{ jinja }} {% raw %} ${#array[@]}\n"


def read_file(name: str) -> str:
    files = {"run.sh": SCRIPT, "sub/b.txt": "b", "binary": None, "dir": ""}
    if name == "dir":
        raise IsADirectoryError(name)
    if name not in files:
        raise FileNotFoundError(name)
    text = files[name]
    return text if text is not None else b"\xff".decode()


def test_tokens_in_local_files_resolve_and_other_jinja_is_not_rendered() -> None:
    text = plain("""
        # comment
        workflow:
          name: {{ n }}
          tasks:
          - name: t
            image: "{% raw %}{{ kept }}{% endraw %}"
            command: [c]
            files:
            - {path: /a, localpath: run.sh}
            - {path: /b, localpath: '{{ dir }}/b.txt', base64: false}
            - {path: /c, contents: c}
        default-values: {n: demo, dir: sub}
    """)
    sent = bundle(text.encode(), renderer=RENDERER, read_file=read_file)
    # The server renders what it is sent, without default-values.
    spec = parse(sent.encode(), renderer=RENDERER).spec
    assert spec.name == "demo"
    assert spec.tasks[0].image == "{{ kept }}"
    assert [file.contents for file in spec.tasks[0].files] == [SCRIPT, "b", "c"]
    # Tokens stand where the server's phase B and C find them.
    assert "{{output}} {{host:peer}}" in sent


def test_set_values_reach_the_client_side_rendering() -> None:
    text = b"workflow: {name: '{{ n }}', tasks: [{name: t, image: i, command: [c]}]}"
    sent = bundle(text, values=Values(variables=("n=x",)), renderer=RENDERER, read_file=read_file)
    assert yaml.safe_load(sent)["workflow"]["name"] == "x"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{path: /a, localpath: run.sh, contents: c}", "Files tag dont support contents and localpath together"),
        ("{path: /a, localpath: no.sh}", "The file/path no.sh does not exist!"),
        ("{path: /a, localpath: dir}", "The path dir is a directory. localpath takes single files only."),
        ("{path: /a, localpath: binary}", "The file binary is not UTF-8 text."),
        ("{path: /a, localpath: [a]}", "localpath must be the path of a file."),
    ],
)
def test_files_that_cannot_be_put_in(entry: str, message: str) -> None:
    text = f"workflow:\n  tasks:\n  - files:\n    - {entry}\n    - {{path: /b, localpath: gone}}\n"
    with pytest.raises(SpecError) as error:
        bundle(text.encode(), renderer=RENDERER, read_file=read_file)
    assert error.value.message.startswith(message)
    assert [(problem.line, problem.path) for problem in error.value.problems] == [
        (4, "workflow.tasks[0].files[0].localpath"),
        (5, "workflow.tasks[0].files[1].localpath"),
    ]


@pytest.mark.parametrize("document", ["workflow: [a]", "workflow: {tasks: 5, groups: [a, {tasks: [{files: [b]}]}]}"])
def test_documents_of_the_wrong_shape_pass_through(document: str) -> None:
    sent = bundle(document.encode(), renderer=RENDERER, read_file=read_file)
    assert yaml.safe_load(sent) == yaml.safe_load(document)


def test_files_of_groups_go_in_too() -> None:
    text = b"workflow: {groups: [{tasks: [{files: [{path: /a, localpath: sub/b.txt}]}]}]}"
    sent = bundle(text, renderer=RENDERER, read_file=read_file)
    assert yaml.safe_load(sent)["workflow"]["groups"][0]["tasks"][0]["files"] == [{"path": "/a", "contents": "b"}]


def test_need() -> None:
    assert needs_bundling("files: [{localpath: a}]")
    assert not needs_bundling("workflow:")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "{{ x }}",
        "{% raw %}{{a}}{% endraw %}",
        "${#a[@]} #}",
        "{{{output}}}",
        "{{{{ x",
        "{%{#{{",
        "a{",
        "{{output}}{{ output }}{{host:a}}",
        "{{ '{{' }}",
        "f'{{{host:a}}}'",
        "{{host:worker-{{i}}}}",
        "'\\n'{{",
    ],
)
def test_literal_template_renders_to_the_text(text: str) -> None:
    template = literal_template(text)
    guarded = protected(template)
    assert (rendered(guarded, {}, RENDERER) if guarded.needs_rendering else template) == text
