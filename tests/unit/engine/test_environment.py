"""The environment and command line of a task."""

from __future__ import annotations

import pytest

from engine.environment import MissingCredential, command_line
from engine.ports import Secret
from translator.plan.model import CredentialEnv, ResourceRequest, TaskName, TaskPlan


def member(**fields: object) -> TaskPlan:
    """A task."""
    given = {"name": TaskName("t"), "uuid": "u", "lead": True, "image": "i", "command": ("run",), **fields}
    return TaskPlan(**given)  # type: ignore[arg-type]


SECRETS = {"c": {"k": Secret("value of $(A)")}}
BASE = {"PATH": "/bin", "HOME": "/root", "BASE": "b"}


def test_later_definitions_win() -> None:
    """§8.2 task env first, then credentials, then system ones; Kubernetes keeps the last."""
    task = member(
        environment={"A": "task", "B": "task", "OSMO_CONFIG_FILE_DIR": "task", "BASE": "task"},
        credential_env=(CredentialEnv(variable="B", credential="c", key="k"),),
    )
    found = command_line(task, SECRETS, BASE, ()).environment
    assert found["A"] == found["BASE"] == "task"
    assert found["B"] == "value of $(A)"
    assert found["OSMO_CONFIG_FILE_DIR"] == "/osmo/login/config"
    assert found["HOME"] == "/root"


def test_references_see_what_was_declared_before() -> None:
    """`$(VAR)` in command, args and env values; env expands only earlier-defined variables."""
    task = member(
        command=("run", "$(A)"),
        args=("$(LATE)$(T)", "$(BASE)", "$$(A)"),
        environment={"EARLY": "$(LATE)", "A": "a", "LATE": "$(A)!"},
        credential_env=(CredentialEnv(variable="T", credential="c", key="k"),),
    )
    line = command_line(task, SECRETS, BASE, ())
    assert line.argv == ("run", "a", "a!value of $(A)", "$(BASE)", "$(A)")
    assert line.environment["EARLY"] == "$(LATE)"


@pytest.mark.parametrize(
    ("base", "own", "path"), [("/bin", None, "/bin:/osmo/usr/bin"), ("/bin", "/x", "/x:/osmo/usr/bin")]
)
def test_path_gets_the_programs_of_osmo(base: str, own: str | None, path: str) -> None:
    """§8.2 PATH: /osmo/usr/bin appended."""
    task = member(environment={} if own is None else {"PATH": own})
    assert command_line(task, {}, {"PATH": base}, ()).environment["PATH"] == path


def test_no_path_is_made_up_for_an_image() -> None:
    assert "PATH" not in command_line(member(), {}, {}, ()).environment


@pytest.mark.parametrize(
    ("asked", "granted", "nvidia", "cuda"),
    [(0, (), "", None), (2, ("0", "3"), "0,3", "0,3"), (1, (), None, None)],
)
def test_gpus(asked: int, granted: tuple[str, ...], nvidia: str | None, cuda: str | None) -> None:
    """§8.2 NVIDIA_VISIBLE_DEVICES is set to empty when the task requests no GPU."""
    found = command_line(member(resources=ResourceRequest(gpu=asked)), {}, {}, granted).environment
    assert (found.get("NVIDIA_VISIBLE_DEVICES"), found.get("CUDA_VISIBLE_DEVICES")) == (nvidia, cuda)


@pytest.mark.parametrize(("credential", "key"), [("none", "k"), ("c", "none")])
def test_a_missing_value_is_named(credential: str, key: str) -> None:
    task = member(credential_env=(CredentialEnv(variable="T", credential=credential, key=key),))
    with pytest.raises(MissingCredential, match=f'"{key}" of credential "{credential}"'):
        command_line(task, SECRETS, {}, ())
