"""Completion scripts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from cli.main import main


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_scripts_name_commands_and_verbs(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    """Each shell's script knows the verbs of each group."""
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("argosmo", "workflow", "submit", "restart", "pool", "profile"):
        assert word in script


def test_bash_offers_verbs_flags_and_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The script really completes: verbs after a group, flags after a verb, files where a file is wanted."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    main(["completion", "bash"])
    script = tmp_path / "argosmo.bash"
    script.write_text(capsys.readouterr().out)
    (tmp_path / "hello.yaml").touch()

    def offers(*words: str) -> list[str]:
        line = "source ./argosmo.bash; COMP_WORDS=(argosmo {}); COMP_CWORD={}; _shtab_argosmo; echo ${{COMPREPLY[*]}}"
        quoted = " ".join(f"'{word}'" for word in words)
        command = [bash, "-c", line.format(quoted, len(words))]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()

    assert "restart" in offers("workflow", "re")
    assert "--set-string" in offers("workflow", "submit", "--set-s")
    assert "hello.yaml" in offers("run", "hel")
