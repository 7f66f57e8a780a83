"""Files of this machine inside specs. Source: workflow-spec.md §3.7."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest
import yaml

from cli.errors import CliError
from cli.local_files import LocalFiles, with_local_files

SPEC = """\
workflow:
  name: x
  tasks:
  - name: a
    files: [{path: /a.sh, localpath: a.sh}, {path: /b, contents: hi}]
  groups:
  - name: g
    tasks:
    - name: b
      files: [{path: /a.sh, localpath: sub/b.sh}]
"""


def test_files_are_put_in(tmp_path: Path) -> None:
    """`localpath: P`: read relative to the spec's directory; becomes `contents`."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.sh").write_text("echo {{output}}\n")
    (tmp_path / "sub" / "b.sh").write_text("ü")
    workflow = yaml.safe_load(with_local_files(SPEC, tmp_path))["workflow"]
    assert workflow["tasks"][0]["files"] == [
        {"path": "/a.sh", "contents": "echo {{output}}\n"},
        {"path": "/b", "contents": "hi"},
    ]
    assert workflow["groups"][0]["tasks"][0]["files"] == [{"path": "/a.sh", "contents": "ü"}]


def test_nothing_in_a_file_is_rendered_by_the_server(tmp_path: Path) -> None:
    """Files "must not contain other `{{ }}`" for OSMO's client; here what a template would see is escaped."""
    (tmp_path / "a").write_text("{{output}} {{ name }} {% if %} ${#list[@]}")
    sent = with_local_files("workflow: {tasks: [{files: [{path: /a, localpath: a}]}]}", tmp_path)
    assert "{{output}}" in sent
    rendered = jinja2.Environment().from_string(sent).render(output="kept")
    assert yaml.safe_load(rendered)["workflow"]["tasks"][0]["files"][0]["contents"] == (
        "kept {{ name }} {% if %} ${#list[@]}"
    )


def test_files_are_read_when_asked_for(tmp_path: Path) -> None:
    """Each once, relative to the directory."""
    (tmp_path / "a").write_text("one")
    files = LocalFiles(tmp_path)
    assert files["a"] == "one"
    (tmp_path / "a").write_text("two")
    assert files["a"] == "one"


def test_missing_file(tmp_path: Path) -> None:
    """Missing: "The file/path X does not exist!"."""
    with pytest.raises(CliError, match=r"The file/path a\.sh does not exist!"):
        with_local_files(SPEC, tmp_path)


def test_contents_and_localpath(tmp_path: Path) -> None:
    """Both set: "Files tag dont support contents and localpath together"."""
    text = "workflow: {tasks: [{files: [{path: /a, localpath: a, contents: b}]}]}"
    with pytest.raises(CliError, match="Files tag dont support contents and localpath together"):
        with_local_files(text, tmp_path)


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_only_text_files(tmp_path: Path, content: bytes | None) -> None:
    """UTF-8 text only, single files only."""
    if content is None:
        (tmp_path / "a").mkdir()
    else:
        (tmp_path / "a").write_bytes(content)
    with pytest.raises(CliError, match=r"UTF-8|directory"):
        with_local_files("workflow: {tasks: [{files: [{path: /a, localpath: a}]}]}", tmp_path)


@pytest.mark.parametrize("text", ["workflow: [localpath", "localpath", "workflow: {tasks: localpath}", "- localpath"])
def test_what_is_no_workflow_is_left_to_the_server(tmp_path: Path, text: str) -> None:
    """The server says what is wrong with it."""
    assert isinstance(with_local_files(text, tmp_path), str)
