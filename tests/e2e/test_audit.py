"""Nothing outside the data directory is written, whatever a workflow tries.

Two looks: every path that the gateway's own process opens for writing, renames, links or removes is noted by an audit
hook; and what tasks try to change on the machine is looked for afterwards.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.commands import REPOSITORY

HOOKED = """
import json, os, sys
changed, audit = set(), sys.argv[1]
def hook(event, args):
    # A relative name is one below a directory's descriptor; were it not, the working directory would not stay empty.
    if event == "open" and isinstance(args[0], (str, bytes)) and os.path.isabs(args[0]):
        mode, flags = args[1], args[2]
        if (mode and set(mode) & set("wax+")) or (flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
            changed.add(os.path.realpath(os.fsdecode(args[0])))
    elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.truncate", "shutil.rmtree", "os.utime"):
        # Relative to a directory's descriptor it is inside of what was opened before.
        if isinstance(args[0], (str, bytes, os.PathLike)) and (args[-1] in (None, -1) or os.path.isabs(args[0])):
            changed.add(os.path.realpath(os.fsdecode(args[0])))
    elif event in ("os.rename", "os.link", "os.symlink"):
        changed.update(os.path.realpath(os.fsdecode(p)) for p in args[:2] if os.path.isabs(os.fsdecode(p)))
sys.addaudithook(hook)
from cli.main import main
try:
    code = main(sys.argv[2:])
finally:
    done = sorted(changed)
    with open(audit, "w") as report:
        json.dump(done, report)
sys.exit(code)
"""

# `$OUT` is a directory of this machine outside of everything; a task of a sandbox can see it and must not change it.
SPEC = r"""
workflow:
  name: hostile
  tasks:
  - name: writer
    image: i
    command: [sh, -c]
    args:
    - |
      echo gone > $OUT/kept; rm -f $OUT/kept; touch $OUT/new /etc/argosmo-canary /osmo-canary /usr/argosmo-canary
      mkdir -p '{{output}}/..hidden' "{{output}}/sub dir/ü"
      echo a > '{{output}}/..hidden/..x'; echo b > "{{output}}/sub dir/ü/$(printf 'new\nline')"
      ln -s $OUT '{{output}}/link'; ln -s $OUT/kept '{{output}}/file-link'; ln -s ../../../../../.. '{{output}}/up'
      ln -s /etc/passwd '{{output}}/passwd'
      exit 0
    files:
    - {path: /srv/../../../../etc/argosmo-injected, contents: x}
    - {path: relative/../../file, contents: x}
    - {path: "$OUT/injected", contents: x}
  - name: reader
    image: i
    command: [sh, -c, "cd {{input:0}}; find . | sort; cat up/etc/hostname link/kept 2>/dev/null; echo > up/tmp/x; true"]
    inputs: [{task: writer}]
"""


@pytest.fixture
def outside() -> Iterator[Path]:
    # Tasks have a /tmp of their own: what they are to try to change must lie where they see it.
    with tempfile.TemporaryDirectory(prefix=".argosmo-test-", dir=Path.home()) as folder:
        Path(folder, "kept").write_text("kept")
        yield Path(folder)


def test_nothing_else_is_written(outside: Path, tmp_path: Path) -> None:
    spec, data, audit = tmp_path / "spec.yaml", tmp_path / "data", tmp_path / "audit.json"
    spec.write_text(SPEC.replace("$OUT", str(outside)))
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", HOOKED, str(audit), "run", str(spec), "--data-dir", str(data)],
        check=False,
        capture_output=True,
        text=True,
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        timeout=100,
    )
    assert audit.exists(), done.stderr
    changed = [Path(path) for path in json.loads(audit.read_text())]
    assert any(path.is_relative_to(data) for path in changed)
    assert [path for path in changed if not _allowed(path, data)] == []
    assert list(work.iterdir()) == []
    assert sorted(path.name for path in outside.iterdir()) == ["kept"], done.stdout + done.stderr
    assert (outside / "kept").read_text() == "kept"
    canaries = ("/etc/argosmo-canary", "/osmo-canary", "/usr/argosmo-canary", "/etc/argosmo-injected", "/osmo")
    assert [path for path in canaries if Path(path).exists()] == []


def _allowed(path: Path, data: Path) -> bool:
    return path.is_relative_to(data) or path.is_relative_to("/dev") or path.is_relative_to("/proc")
