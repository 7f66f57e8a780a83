"""Every scenario on every runner that it names. `tests/scenarios/README.md` explains the cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from fastapi.testclient import TestClient

from gateway.main import Gateway, RunnerOf, build, create_app
from gateway.mirror.clock import VirtualClock
from gateway.ports.runner import Runner
from gateway.runners.dummy import DummyRunner
from gateway.runners.dummy_script import scripts_from
from gateway.settings import Settings
from pools.backend import Backend
from tests.e2e.drive import USER, Play
from tests.e2e.scenario import Scenario, scenarios
from tests.e2e.shelves import Shelves, intermediate

CASES = list(scenarios())
_TICK = timedelta(seconds=0.25)


def test_the_suite_is_as_large_as_promised() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    ("runner", "case"),
    [
        pytest.param(
            runner,
            case,
            id=f"{runner}-{case.name}",
            marks=[pytest.mark.xdist_group("s3")] if case.on_s3 else [],
        )
        for case in CASES
        for runner in case.runners
    ],
)
def test_scenario(runner: str, case: Scenario, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    shelves = Shelves(request.getfixturevalue("s3") if case.on_s3 else None)
    with gateway_for(runner, case, tmp_path) as (client, hurry):
        Play(client, case, hurry, shelves=shelves).run(places_here(case, tmp_path, shelves))


def places_here(case: Scenario, directory: Path, shelves: Shelves) -> dict[str, str]:
    """What stands for `$NAME` on this machine."""
    return {
        "SHARED": shelves.place(directory, on_s3=case.on_s3),
        "DATA": intermediate(directory / "data"),
        **case.paced(slow=False),
    }


@contextmanager
def gateway_for(runner: str, case: Scenario, directory: Path) -> Iterator[tuple[TestClient, Callable[[], None]]]:
    """A gateway of its own for a case, and what lets its clock go on. Shape: `runner` is `local` or `dummy`."""
    settings = Settings(data_dir=directory / "data", config=_config(case, directory), port=0)
    if runner == "local":
        gateway, hurry = build(settings), _no_hurry
    else:
        clock = VirtualClock(datetime(2026, 1, 2, 3, 4, 5))
        gateway = build(settings, runner_of=_dummy(clock, case), clock=clock)
        hurry = _hurry(gateway, clock, max(_TICK, timedelta(seconds=case.advance_seconds / 10)))
    try:
        gateway.start()
        with TestClient(create_app(gateway), headers={"x-osmo-user": USER}, base_url="http://127.0.0.1") as client:
            yield client, hurry
    finally:
        gateway.stop()


def _no_hurry() -> None:
    """Real programs take real time."""


def _hurry(gateway: Gateway, clock: VirtualClock, step: timedelta) -> Callable[[], None]:
    def hurry() -> None:
        # Time stands still while facts wait to be read, as if the gateway were infinitely fast.
        if gateway.mirror.counts()["waiting"] == 0:
            clock.advance(step)

    return hurry


def _dummy(clock: VirtualClock, case: Scenario) -> RunnerOf:
    runner = DummyRunner(clock, scripts_from(case.dummy))

    def runner_of(_name: str, _backend: Backend) -> Runner:
        return runner

    return runner_of


def _config(case: Scenario, directory: Path) -> Path | None:
    """A config directory with what the case changes of the shipped default; None where it changes nothing."""
    if not case.settings and not case.pool:
        return None
    folder = directory / "config"
    folder.mkdir()
    shipped = {
        "backends": {"local": {"description": "this machine", "engine": "local"}},
        "workflow": {"max_num_tasks": 5000, "max_retry_per_task": 3, **case.settings},
        "pools": {
            "default": {
                "backend": "local",
                "strict": False,
                "default_platform": "default",
                "platforms": {"default": {}},
                **case.pool,
            }
        },
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(shipped))
    return folder
