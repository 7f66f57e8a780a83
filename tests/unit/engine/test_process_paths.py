"""Rewritten paths of plain processes."""

from __future__ import annotations

import pytest

from engine.cells.process import PathRewriter

REWRITER = PathRewriter({"/osmo": "/R/osmo", "/tmp": "/R/tmp", "/srv/job": "/R/job"})


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("/osmo/data/output", "/R/osmo/data/output"),
        ("cd /osmo; ls '/tmp/x' \"/tmp\"", "cd /R/osmo; ls '/R/tmp/x' \"/R/tmp\""),
        ("--out=/osmo/data:/tmp", "--out=/R/osmo/data:/R/tmp"),
        ("cc -I/osmo/include -L/tmp", "cc -I/R/osmo/include -L/R/tmp"),
        ("-I/osmo/include", "-I/R/osmo/include"),
        ("file:///osmo/x", "file:///R/osmo/x"),
        ("sh /srv/job/run.sh /srv/jobs /srv/job.bak", "sh /R/job/run.sh /srv/jobs /srv/job.bak"),
        ("home/tmp /var/tmp ./tmp ${X}/tmp $(pwd)/tmp ~/tmp $HOME/tmp", None),
        ("/tmpfile /osmotic /tmp-x /tmp.d", None),
        ("the end of /tmp.", "the end of /R/tmp."),
    ],
)
def test_rewriting(text: str, result: str | None) -> None:
    assert REWRITER.text(text) == (text if result is None else result)


def test_only_text_is_rewritten() -> None:
    assert REWRITER.contents(b"cat /tmp/x\n") == b"cat /R/tmp/x\n"
    assert REWRITER.contents(b"\xff /tmp/x") == b"\xff /tmp/x"
