"""The environment and command line of a task. Source: workflow-spec.md §8.2, §3.1 E."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.expansion import expanded
from engine.ports import Secret
from translator.plan.model import TaskPlan

CONFIG_DIRECTORY = "/osmo/login/config"
PROGRAM_DIRECTORY = "/osmo/usr/bin"

Credentials = Mapping[str, Mapping[str, Secret]]


class MissingCredential(Exception):
    """A task refers to a credential, or a key of one, that was not handed over; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """What is executed: the program with its arguments, and its whole environment."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]


def command_line(task: TaskPlan, credentials: Credentials, base: Mapping[str, str], gpus: Sequence[str]) -> CommandLine:
    """What a task executes on this machine.

    Shape: `base` is what stands below the task's own variables, no part of what `$(NAME)` sees; without a PATH none is
    made up (an image has its own). A variable that is defined twice has its last value: the task's, then credentials',
    then the system's.
    Errors: MissingCredential.
    """
    declared = _declared(task, credentials, gpus)
    merged = {**base, **declared}
    if path := merged.get("PATH"):
        merged["PATH"] = f"{path}:{PROGRAM_DIRECTORY}"
    argv = tuple(expanded(text, declared) for text in (*task.command, *task.args))
    return CommandLine(argv=argv, environment=merged)


def credential_value(credentials: Credentials, name: str, key: str) -> Secret:
    """One value of a credential. Errors: MissingCredential."""
    try:
        return credentials[name][key]
    except KeyError:
        raise MissingCredential(f'No value for key "{key}" of credential "{name}" was handed to the engine') from None


def _declared(task: TaskPlan, credentials: Credentials, gpus: Sequence[str]) -> dict[str, str]:
    declared: dict[str, str] = {}
    for name, value in task.environment.items():
        declared[name] = expanded(value, declared)
    for entry in task.credential_env:
        # Values from Secrets are not expanded, but later text may refer to them.
        declared[entry.variable] = credential_value(credentials, entry.credential, entry.key).reveal()
    declared["OSMO_CONFIG_FILE_DIR"] = CONFIG_DIRECTORY
    if gpus:
        declared["NVIDIA_VISIBLE_DEVICES"] = declared["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
    elif not task.resources.gpu:
        declared["NVIDIA_VISIBLE_DEVICES"] = ""
    return declared
