"""How tasks would be isolated on this machine: tried out by an engine of its own, which is gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.isolating import IsolationUnavailable
from engine.local import Engine
from engine.ports import EventLine, LogLine
from engine.settings import EngineSettings, IsolationChoice
from gateway.services.doctor_findings import Finding, ok, problem, warning
from translator.lifecycle.facts import AnyFact
from translator.plan.model import WorkflowUuid

_CHECK = "isolation"


def isolation_findings(choice: IsolationChoice) -> Iterator[Finding]:
    """What the local engine would do with a task, as the setting asks or the best there is."""
    with tempfile.TemporaryDirectory(prefix="argosmo-doctor-") as directory:
        root = Path(directory) / "engine"
        root.mkdir()
        engine = Engine(EngineSettings(root=root, isolation=choice, spare_sandboxes=0), _NoSink())
        try:
            engine.start()
        except IsolationUnavailable as error:
            advice = "Set ARGOSMO_ISOLATION=auto, or `sysctl kernel.unprivileged_userns_clone=1` for sandboxes."
            yield problem(_CHECK, str(error), advice)
            return
        except OSError as error:
            yield problem(_CHECK, f"The local engine does not start: {error}", "Run `argosmo serve` to see more.")
            return
        found, remark = engine.isolation, engine.warning
        engine.stop()
    if remark:
        advice = "Allow user namespaces (`sysctl kernel.unprivileged_userns_clone=1`) and install bubblewrap."
        yield warning(_CHECK, f"Local tasks run as {found}: {remark}", advice)
    else:
        yield ok(_CHECK, f"Local tasks run isolated: {found}.")


class _NoSink:
    """Nothing runs, so nothing is told."""

    def facts(self, workflow: WorkflowUuid, facts: Sequence[AnyFact]) -> None:
        """Nothing."""

    def lines(self, workflow: WorkflowUuid, lines: Sequence[LogLine]) -> None:
        """Nothing."""

    def events(self, workflow: WorkflowUuid, events: Sequence[EventLine]) -> None:
        """Nothing."""
