"""Nothing outside the run's directory and the data directory is written, whatever a task tries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from engine.settings import IsolationChoice
from tests.integration.engine_scene import ISOLATIONS, run, scene, task
from tests.ordinary_user import ordinary_user

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_the_engine_itself_changes_nothing_elsewhere(tmp_path: Path, isolation: IsolationChoice) -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-m", "tests.integration.engine_audited", str(tmp_path), isolation],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    _assert_nothing_changed_elsewhere(done, tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="the test above runs as an ordinary user already")
@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_the_engine_of_an_ordinary_user_changes_nothing_elsewhere(isolation: IsolationChoice) -> None:
    with ordinary_user() as user:
        argv = (sys.executable, "-m", "tests.integration.engine_audited", user.home, isolation)
        done = user.run(*argv, cwd=PROJECT, timeout_seconds=60)
        _assert_nothing_changed_elsewhere(done, user.home)
        assert user.owns(tempfile.gettempdir()) == []


def _assert_nothing_changed_elsewhere(done: subprocess.CompletedProcess[str], place: Path) -> None:
    if done.returncode != 0 and (skipped := done.stderr.rpartition("Skipped: ")[2]) != done.stderr:
        pytest.skip(skipped)
    assert done.returncode == 0, done.stderr
    changed = json.loads(done.stdout.splitlines()[-1])
    allowed = [f"{place}/root", f"{place}/out/deep", f"{place}/out", f"{place}/points"]
    for path in changed:
        # A single name is relative to a descriptor of a tree, which has laws of its own (tests/property).
        inside = any(path == each or path.startswith(f"{each}/") for each in allowed)
        assert inside or "/" not in path or path == os.devnull, path
    assert len(changed) > 20


HOSTILE = """
for place in / /etc /usr/bin /opt /srv /var/tmp /var/lib /dev/shm /tmp /home "$HOME" {root} {beside} {project}; do
    echo x > $place/{mark} 2>/dev/null
    mkdir $place/{mark}-dir 2>/dev/null
done
rm -f {victim}; echo changed > {victim}; chmod 777 {victim}; mv {beside} {beside}-moved
ln -s {victim} /osmo/data/output/link; echo through > /osmo/data/output/link
true
"""


@pytest.mark.parametrize("isolation", [IsolationChoice.OVERLAY, IsolationChoice.BUBBLEWRAP])
def test_a_sandboxed_task_changes_nothing_of_the_machine(tmp_path: Path, isolation: IsolationChoice) -> None:
    """In overlay mode host files are unchanged."""
    beside = tmp_path / "beside"
    beside.mkdir()
    victim = beside / "victim"
    victim.write_text("as it was")
    mark = f"argosmo-test-{os.urandom(6).hex()}"
    with scene(tmp_path / "root", isolation=isolation) as stage:
        script = HOSTILE.format(root=stage.root, beside=beside, project=PROJECT, victim=victim, mark=mark)
        first = run(task("t", script))
        memory = stage.run(first)
        assert memory.end("t").exit_code == 0
        stage.delete(first)
    assert victim.read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["beside", "root"]
    for place in ("/", "/etc", "/usr/bin", "/opt", "/srv", "/var/tmp", "/var/lib", "/dev/shm", "/tmp", "/home"):
        assert not Path(place, mark).exists()
        assert not Path(place, f"{mark}-dir").exists()
    assert not list(tmp_path.rglob(f"{mark}*"))
    assert not (Path.home() / mark).exists()
    assert not (PROJECT / mark).exists()


@pytest.mark.parametrize("isolation", [IsolationChoice.OVERLAY, IsolationChoice.BUBBLEWRAP])
def test_a_sandboxed_task_sees_no_other_process_and_nothing_of_the_engine(
    tmp_path: Path, isolation: IsolationChoice
) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "database").write_text("secret rows")
    with scene(tmp_path / "root", isolation=isolation, hidden=(hidden,)) as stage:
        script = (
            f"cat {hidden}/database; ls -A {hidden} {stage.root}; ls /proc | grep -c '^[0-9]'; kill -9 {os.getpid()}"
        )
        memory = stage.run(run(task("t", script)))
        memory.end("t")
        log = memory.log("t")
    assert not [line for line in log if "secret rows" in line]
    assert not [line for line in log if line in ("database", "runs", "lock", "data")]
    (count,) = (int(line) for line in log if line.isdecimal())
    assert count < 10


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights that could be misused")
@pytest.mark.parametrize("isolation", [IsolationChoice.OVERLAY, IsolationChoice.BUBBLEWRAP])
def test_root_in_a_sandbox_has_no_power_over_the_machine(tmp_path: Path, isolation: IsolationChoice) -> None:
    """What container engines take from root: mounting, devices, modules, the clock …"""
    script = """
    grep -E 'Cap(Eff|Bnd)' /proc/self/status
    mount -t tmpfs none /mnt 2>/dev/null && echo mounted
    mknod /tmp/disk b 254 0 2>/dev/null && echo device
    cat /proc/sys/kernel/core_pattern > /tmp/pattern; cat /tmp/pattern > /proc/sys/kernel/core_pattern && echo kernel
    ls /dev/vda /dev/sda /dev/mem 2>/dev/null && echo disks
    chown 1:1 /tmp && touch /etc/own && echo ordinary
    """
    with scene(tmp_path, isolation=isolation) as stage:
        memory = stage.run(run(task("t", script)))
        memory.end("t")
        log = memory.log("t")
        # Not now, and not for what it may yet execute.
        sets = [int(line.split()[1], 16) for line in log if line.startswith("Cap")]
        assert len(sets) == 2
        assert not any(held & (1 << 21 | 1 << 27 | 1 << 16 | 1 << 12) for held in sets)
        assert not set(log) & {"mounted", "device", "kernel", "disks"}
        assert ("ordinary" in log) is (isolation is IsolationChoice.OVERLAY)
