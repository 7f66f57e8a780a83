"""What docs/data.md shows in Python works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.object_store import S3Server

TEXT = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.xdist_group("s3")


def test_the_python_of_the_page_runs(s3: S3Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every block in one program, in order, as a reader would try it."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source/a.txt").write_text("hello")
    (tmp_path / "source/b.log").write_text("left out")
    key = s3.credential()
    names: dict[str, object] = {
        "ENDPOINT": s3.url,
        "KEY_ID": key.access_key_id,
        "SECRET": key.access_key,
        "DIRECTORY": str(tmp_path / "source"),
        "TARGET": str(tmp_path / "target"),
    }
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec("\n".join(blocks), names)
    assert capsys.readouterr().out == "1 files, 5 bytes; []\na.txt 5\n"
    assert (tmp_path / "target/a.txt").read_text() == "hello"
    assert s3.keys("run-1/") == []
    assert s3.keys("run-2/") == ["run-2/a.txt", "run-2/b.log"]
    assert sorted(line.split()[1] for line in vars(names["manifest"])["lines"]) == ["a.txt", "b.log"]
