"""The examples do what their first lines say, as a newcomer would run them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.commands import REPOSITORY, argosmo

EXAMPLES = REPOSITORY / "examples"
EXPECTED = {
    "hello.yaml": ["Writing three samples of hello-1", "Got 3 samples:", "sample 3"],
    "group.yaml": ["worker says: gradients are ready", "done, waiting to be stopped"],
    "sweep.yaml": ["rate 0.4 loss 0.216"],
    "exit-actions.yaml": ["no new recordings since yesterday", "looked at 0 files"],
}


def test_every_example_is_tried() -> None:
    assert {path.name for path in EXAMPLES.glob("*.yaml")} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_example(name: str, tmp_path: Path) -> None:
    done = argosmo("run", EXAMPLES / name, "--data-dir", tmp_path / "data")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{name.removesuffix('.yaml')}-1 COMPLETED"
    for line in EXPECTED[name]:
        assert line in done.stdout


@pytest.mark.parametrize("name", EXPECTED)
def test_example_is_valid(name: str) -> None:
    done = argosmo("validate", EXAMPLES / name)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
