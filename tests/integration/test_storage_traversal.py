"""No name leads out of a directory: keys, links, URLs and regular expressions, with an audit hook as the witness."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_no_file_is_opened_outside_of_its_root(tmp_path: Path) -> None:
    """Two thousand names and more, each by every way in."""
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-B", "-m", "tests.integration.storage_audited", str(tmp_path)],
        cwd=work,
        env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["names"] >= 2000
    assert seen["outside"] == []
    assert (seen["secret"], seen["beside"]) == ("secret", ["secret"])
    # What is asserted of nothing would hold of nothing.
    assert seen["audited"] > 2000
    assert seen["left_out"] > 500
    assert seen["downloaded"] > 20
    assert seen["uploaded"] > 0
    assert seen["refused"] > 100
    assert seen["matched"] > 10
    assert seen["manifests"] > 1000
    assert seen["fetched"] > 20
    assert list(work.iterdir()) == []
