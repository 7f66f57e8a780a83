"""What the dummy runner is told to play."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.runners.dummy_script import After, Script, scripts_from, scripts_of_environment
from tests.workplace import task
from translator.lifecycle.words import TaskStatus as S


@pytest.mark.parametrize(
    ("given", "script"),
    [
        ({}, Script()),
        ({"exit": 42, "log": ["a", "b"]}, Script(exit_code=42, log=("a", "b"), status=S.FAILED)),
        ({"status": "FAILED_PREEMPTED"}, Script(status=S.FAILED_PREEMPTED, exit_code=3006)),
        ({"status": "FAILED_IMAGE_PULL"}, Script(status=S.FAILED_IMAGE_PULL, exit_code=301)),
        ({"status": "FAILED_IMAGE_PULL", "exit": 302}, Script(status=S.FAILED_IMAGE_PULL, exit_code=302)),
        ({"until": "deleted"}, Script(until_deleted=True)),
        ({"stays": "SCHEDULING"}, Script(stays=S.SCHEDULING)),
        ({"seconds": 0.5, "message": "m"}, Script(seconds=0.5, message="m")),
        ({"creation_error": "no"}, Script(creation_error="no")),
        (
            {"after": ["x RUNNING", "y FAILED"]},
            Script(after=(After(task="x", ended=False), After(task="y", ended=True))),
        ),
    ],
)
def test_scripts_of_a_document(given: dict[str, Any], script: Script) -> None:
    assert scripts_from({"t": [given, given]}) == {"t": (script, script)}


@pytest.mark.parametrize("given", [{"exitt": 1}, {"until": "noon"}, {"status": "DONE"}, {"after": ["x SLEEPING"]}])
def test_a_wrong_script_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError)):
        scripts_from({"t": [given]})


@pytest.mark.parametrize(
    ("environment", "scripts"),
    [
        ({}, (Script(),)),
        ({"OTHER": "1", "DUMMY_LOG": ""}, (Script(),)),
        ({"DUMMY_LOG": "one\ntwo"}, (Script(log=("one", "two")),)),
        (
            {"DUMMY_EXIT_CODE": "75, 75,0", "DUMMY_LOG": "x"},
            (
                Script(exit_code=75, status=S.FAILED, log=("x",)),
                Script(exit_code=75, status=S.FAILED, log=("x",)),
                Script(log=("x",)),
            ),
        ),
        (
            {"DUMMY_STATUS": "FAILED_PREEMPTED,COMPLETED"},
            (Script(status=S.FAILED_PREEMPTED, exit_code=3006), Script()),
        ),
        ({"DUMMY_UNTIL": "deleted"}, (Script(until_deleted=True),)),
        (
            {"DUMMY_AFTER": "x RUNNING, y COMPLETED"},
            (Script(after=(After(task="x", ended=False), After(task="y", ended=True))),),
        ),
        ({"DUMMY_SECONDS": "3"}, (Script(seconds=3.0),)),
        ({"DUMMY_STAYS": "INITIALIZING"}, (Script(stays=S.INITIALIZING),)),
    ],
)
def test_scripts_of_an_environment(environment: dict[str, str], scripts: tuple[Script, ...]) -> None:
    """A whole-system case needs no code: a YAML and an expected outcome."""
    assert scripts_of_environment(task("t", environment=environment)) == scripts


@pytest.mark.parametrize(
    ("script", "way"),
    [
        (Script(), (S.SCHEDULING, S.INITIALIZING, S.RUNNING)),
        (Script(status=S.FAILED_IMAGE_PULL), (S.SCHEDULING, S.INITIALIZING)),
        (Script(stays=S.SCHEDULING), (S.SCHEDULING,)),
        (Script(stays=S.RUNNING), (S.SCHEDULING, S.INITIALIZING, S.RUNNING)),
    ],
)
def test_the_way_of_an_attempt(script: Script, way: tuple[S, ...]) -> None:
    assert script.way == way
