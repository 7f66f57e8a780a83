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
from tests.ordinary_user import OrdinaryUser, ordinary_user

HOOKED = """
import json, os, sys
changed, audit = set(), sys.argv[1]
def target(path):
    return os.path.realpath(os.fsdecode(path))
def entry(path):
    # What these events change is a name in a directory; where the name is a link, what it leads to stays as it is.
    directory, name = os.path.split(os.fsdecode(path).rstrip("/"))
    return os.path.join(os.path.realpath(directory), name)
def hook(event, args):
    # A relative name is one below a directory's descriptor; were it not, the working directory would not stay empty.
    if event == "open" and isinstance(args[0], (str, bytes)) and os.path.isabs(args[0]):
        mode, flags = args[1], args[2]
        if (mode and set(mode) & set("wax+")) or (flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
            changed.add(target(args[0]))
    elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.truncate", "shutil.rmtree", "os.utime"):
        # Relative to a directory's descriptor it is inside of what was opened before.
        if isinstance(args[0], (str, bytes, os.PathLike)) and (args[-1] in (None, -1) or os.path.isabs(args[0])):
            follows = event in ("os.chmod", "os.truncate", "os.utime")
            changed.add(target(args[0]) if follows else entry(args[0]))
    elif event in ("os.rename", "os.link", "os.symlink"):
        # What a symbolic link says is no path that is changed.
        names = args[1:2] if event == "os.symlink" else args[:2]
        changed.update(entry(p) for p in names if os.path.isabs(os.fsdecode(p)))
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
ATTACKS = """
      echo gone > $OUT/kept; rm -f $OUT/kept; touch $OUT/new /etc/argosmo-canary /osmo-canary /usr/argosmo-canary
      touch /var/tmp/argosmo-canary /dev/shm/argosmo-canary $DATA/argosmo-canary; ls -A $DATA
"""
SPEC = r"""
workflow:
  name: hostile
  tasks:
  - name: writer
    image: i
    command: [sh, -c]
    args:
    - |
      $ATTACKS
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


CANARIES = (
    *(f"{place}/argosmo-canary" for place in ("/etc", "/usr", "/var/tmp", "/dev/shm")),
    *("/osmo-canary", "/etc/argosmo-injected", "/osmo"),
)
# Where everybody may write.
COMMON_PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/run/lock", "/run/user", "/var/lock", "/var/crash")


@pytest.fixture
def outside() -> Iterator[Path]:
    # Tasks have a /tmp of their own: what they are to try to change must lie where they see it.
    with tempfile.TemporaryDirectory(prefix=".argosmo-test-", dir=Path.home()) as folder:
        Path(folder, "kept").write_text("kept")
        yield Path(folder)


def test_nothing_else_is_written(outside: Path, tmp_path: Path) -> None:
    spec, data, audit = tmp_path / "spec.yaml", tmp_path / "data", tmp_path / "audit.json"
    spec.write_text(_hostile(outside, data, ATTACKS))
    work, before = tmp_path / "work", _canaries()
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
    _assert_only_data_changed(audit, data)
    assert list(work.iterdir()) == []
    _assert_untouched(outside, before, done.stdout + done.stderr)


@pytest.fixture
def user() -> Iterator[OrdinaryUser]:
    with ordinary_user() as found:
        yield found


@pytest.mark.parametrize("isolation", ["overlay", "bubblewrap", "plain"])
def test_an_ordinary_user_writes_nothing_else(user: OrdinaryUser, isolation: str) -> None:
    """Without root's rights sandboxes are put together differently; plain processes are the user and attack nothing."""
    home, data = user.home, user.home / "data"
    spec, audit, work, outside = home / "spec.yaml", home / "audit.json", home / "work", home / "outside"
    spec.write_text(_hostile(outside, data, "" if isolation == "plain" else ATTACKS))
    for directory in (work, outside):
        directory.mkdir()
    (outside / "kept").write_text("kept")
    for path in (work, outside, outside / "kept"):
        os.chown(path, user.uid, user.uid if user.alone else -1)
    before = _canaries()
    options = ("--data-dir", data, "--isolation", isolation)
    done = user.run(sys.executable, "-c", HOOKED, audit, "run", spec, *options, cwd=work, timeout_seconds=100)
    said = done.stdout + done.stderr
    if "Tasks cannot be isolated as asked for" in said:
        pytest.skip(said)
    assert done.returncode == 0, said
    assert "hostile-1 COMPLETED" in said
    _assert_only_data_changed(audit, data)
    assert {path.stat().st_uid for path in (data, audit)} == {user.uid}
    assert list(work.iterdir()) == []
    assert sorted(path.name for path in home.iterdir()) == ["audit.json", "data", "outside", "spec.yaml", "work"]
    if user.alone:
        assert [path for place in COMMON_PLACES for path in user.owns(place)] == []
    _assert_untouched(outside, before, said)


def _hostile(outside: Path, data: Path, attacks: str) -> str:
    return SPEC.replace("$ATTACKS", attacks.strip()).replace("$OUT", str(outside)).replace("$DATA", str(data))


def _assert_only_data_changed(audit: Path, data: Path) -> None:
    changed = [Path(path) for path in json.loads(audit.read_text())]
    assert any(path.is_relative_to(data) for path in changed)
    assert [path for path in changed if not _allowed(path, data)] == []


def _canaries() -> set[str]:
    return {path for path in CANARIES if Path(path).exists()}


def _assert_untouched(outside: Path, before: set[str], said: str) -> None:
    assert sorted(path.name for path in outside.iterdir()) == ["kept"], said
    assert (outside / "kept").read_text() == "kept"
    assert _canaries() <= before


def _allowed(path: Path, data: Path) -> bool:
    return path.is_relative_to(data) or path.is_relative_to("/dev") or path.is_relative_to("/proc")
