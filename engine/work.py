"""All that the engine has and does on its one thread: workflows in hand, their groups, and what these share."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import assert_never

from engine.admission import Admission, Grant
from engine.cells.cell import Isolation
from engine.crashpoints import crash_point
from engine.data_moves import Places
from engine.directories import Directories
from engine.group import Group
from engine.isolating import Surroundings, chosen_isolation
from engine.launching import LauncherClient
from engine.machine import this_machine
from engine.ports import Run, Sink
from engine.reactor import Reactor, Timer
from engine.recovery import Recovery
from engine.reporting import Reporter
from engine.services import RunInHand, Services, in_hand
from engine.settings import EngineSettings
from engine.strays import end_strays
from engine.tools import Tools
from engine.transfer_pool import TransferPool
from storage.credentials import OneKey, UserKeys
from storage.datasets.cache import BlobCache
from storage.local import LocalStore
from storage.remote import remote_stores
from storage.stores import Stores
from storage.urls import FILE_SCHEME, directory_location, parse_location
from translator.lifecycle.effects import AnyEffect, CreateGroup, CreateTask, DeleteGroup, RestartInPlace, Seal
from translator.lifecycle.state import WorkflowState
from translator.lifecycle.transitions import Ending
from translator.lifecycle.words import ExitCode, TaskStatus
from translator.plan.model import GroupName, TaskName, WorkflowUuid

_log = logging.getLogger(__name__)
_RETELL_SECONDS = 1.0
# Nobody sees so short a time, and a task that ends within it is told as a whole.
_TELL_SECONDS = 0.02
_STOPPED = "The local engine was stopped"
_LAUNCHER_LOST = "The process that runs the tasks of the local engine ended unexpectedly"


class Work:
    """All that the engine has and does on its thread."""

    def __init__(self, settings: EngineSettings, sink: Sink, reactor: Reactor, now: Callable[[], datetime]) -> None:
        self._reactor = reactor
        self._directories = Directories(settings.root)
        self._directories.open(settings.takeover_seconds)
        self._launcher = LauncherClient(self._launcher_lost)
        self._runs: dict[WorkflowUuid, RunInHand] = {}
        self._groups: dict[tuple[WorkflowUuid, GroupName], Group] = {}
        self._waiting: dict[str, Callable[[Grant], None]] = {}
        self._stopping = False
        self._admitting = False
        self._reporter = Reporter(sink, now)
        self._telling: Timer | None = None
        self._asking_again: Timer | None = None
        self._launcher_writes = False
        self._transfers = TransferPool(reactor, settings.transfer_threads)
        try:
            end_strays(self._directories.identity)
            self._launcher.open(self._directories.lock)
            self.services = self._make_services(settings)
        except BaseException:
            self._launcher.close()
            self._transfers.close()
            self._directories.close()
            raise
        self._watch_launcher()
        if warning := self.services.isolation.warning:
            _log.warning("%s", warning)

    # What it is told

    def admit(self, run: Run) -> RunInHand:
        """Make a workflow known."""
        uuid = run.plan.workflow_uuid
        if uuid not in self._runs:
            self._runs[uuid] = in_hand(run, self.services.places(run))
        return self._runs[uuid]

    def apply(self, run: Run, effects: Sequence[AnyEffect]) -> None:
        """Carry out effects."""
        if self._stopping:
            # They stay outstanding, and are asked for again by whoever drives the next engine.
            return
        held = self.admit(run)
        for effect in effects:
            crash_point("effect.begins")
            self._carry_out(held, effect)

    def recover(self, run: Run, state: WorkflowState) -> None:
        """Take up a workflow."""
        held = self.admit(run)
        for group in run.plan.groups:
            if (run.plan.workflow_uuid, group.name) not in self._groups:
                Recovery(self.services, held, self._group(held, group.name), state).carry_out()
        crash_point("workflow.recovered")

    def forget(self, run: Run) -> None:
        """Drop a workflow."""
        uuid = run.plan.workflow_uuid
        self._runs.pop(uuid, None)
        for key in [key for key in self._groups if key[0] == uuid]:
            self._groups.pop(key).drop()

    def stop(self) -> None:
        """End everything, then the loop."""
        self._stopping = True
        ending = Ending(status=TaskStatus.FAILED_BACKEND_ERROR, exit_code=ExitCode.BACKEND_ERROR, message=_STOPPED)
        for group in [*self._groups.values()]:
            group.stop(ending)

    def after_turn(self) -> None:
        """What follows each turn of the loop."""
        if self._reporter.urgent:
            self._tell()
        elif self._reporter.untold and self._telling is None:
            self._telling = self._reactor.call_later(_TELL_SECONDS, self._tell)
        if not self._stopping:
            # After the tasks of this turn were sent on their way.
            again = self.services.isolation.make_ready()
            if again is not None and (self._asking_again is None or self._asking_again.due < time.monotonic()):
                self._asking_again = self._reactor.call_later(again, lambda: None)
        elif not any(group.alive for group in self._groups.values()):
            self._reactor.end()
        self._watch_launcher_writes()

    def close(self) -> None:
        """Free everything; the launcher ends whatever it still has."""
        self._transfers.close()
        self._launcher.close()
        end_strays(self._directories.identity)
        self._reporter.flush()
        self._directories.close()

    # How it does it

    def _tell(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
        self._reporter.flush()
        self._telling = self._reactor.call_later(_RETELL_SECONDS, self._tell) if self._reporter.untold else None

    def _carry_out(self, held: RunInHand, effect: AnyEffect) -> None:
        match effect:
            case CreateGroup(group=name):
                self._group(held, name).create()
            case CreateTask(task=task, retry_id=retry_id):
                self._group_of(held, task).create_task(task, retry_id)
            case RestartInPlace(tasks=tasks, because_of=task, retry_id=retry_id):
                self._group_of(held, task).restart(tasks, task, retry_id)
            case DeleteGroup(group=name, force=force):
                self._group(held, name).delete(force=force)
            case Seal():
                self._directories.remove_run(held.run.plan.workflow_uuid)
            case _:
                assert_never(effect)

    def _group(self, held: RunInHand, name: GroupName) -> Group:
        key = held.run.plan.workflow_uuid, name
        if key not in self._groups:
            plan = next(group for group in held.run.plan.groups if group.name == name)
            self._groups[key] = Group(self.services, held, plan, self._waiting)
        return self._groups[key]

    def _group_of(self, held: RunInHand, name: TaskName) -> Group:
        groups = held.run.plan.groups
        return self._group(held, next(group.name for group in groups if any(task.name == name for task in group.tasks)))

    def _admit_waiting(self) -> None:
        if self._admitting:
            # A task that ends while another begins comes back here; the loop below goes on with what it freed.
            return
        self._admitting = True
        try:
            while not self._stopping and (grant := self.services.admission.next_grant()) is not None:
                self._waiting.pop(grant.gang.name)(grant)
        finally:
            self._admitting = False

    def _make_services(self, settings: EngineSettings) -> Services:
        machine = settings.machine or this_machine(settings.environ)
        tools = Tools(self._launcher, self._reactor)
        return Services(
            reactor=self._reactor,
            isolation=self._isolation(settings, tools, gpus=bool(machine.gpus)),
            admission=Admission(machine),
            admit_waiting=self._admit_waiting,
            reporter=self._reporter,
            directories=self._directories,
            transfers=self._transfers,
            places=self._places(settings),
            host=machine.name,
            grace_seconds=settings.grace_seconds,
        )

    def _places(self, settings: EngineSettings) -> Callable[[Run], Places]:
        forbidden = (self._directories.root, *settings.hidden)
        files = LocalStore(roots=settings.file_roots, forbidden=forbidden)
        kept_here = () if settings.datasets is None else (settings.datasets,)
        of_datasets = LocalStore(roots=settings.file_roots, forbidden=forbidden, exempt=kept_here)
        cache = None if settings.cache is None else BlobCache(directory=settings.cache)
        service = Stores({FILE_SCHEME: LocalStore(), **remote_stores(OneKey(settings.data_key))})
        data = parse_location(settings.data) if settings.data else directory_location(self._directories.data)

        def places_of(run: Run) -> Places:
            remote = remote_stores(UserKeys(run.data_keys))
            return Places(
                user=Stores({FILE_SCHEME: files, **remote}),
                service=service,
                data=data,
                datasets=Stores({FILE_SCHEME: of_datasets, **remote}),
                cache=cache,
            )

        return places_of

    def _isolation(self, settings: EngineSettings, tools: Tools, *, gpus: bool) -> Isolation:
        around = Surroundings(
            settings=settings, launcher=self._launcher, tools=tools, directories=self._directories, gpus=gpus
        )
        return chosen_isolation(around)

    def _watch_launcher(self) -> None:
        self._launcher_writes = False
        self._reactor.watch(self._launcher.fileno(), self._on_launcher)

    def _watch_launcher_writes(self) -> None:
        if self._launcher.wants_to_write != self._launcher_writes:
            self._launcher_writes = not self._launcher_writes
            self._reactor.watch_both(self._launcher.fileno(), self._on_launcher, write=self._launcher_writes)

    def _on_launcher(self) -> None:
        if self._launcher.wants_to_write:
            self._launcher.on_writable()
        self._launcher.on_readable()

    def _launcher_lost(self) -> None:
        _log.error("%s; starting it anew", _LAUNCHER_LOST)
        self._reactor.unwatch(self._launcher.fileno())
        self._launcher.close()
        end_strays(self._directories.identity)
        self.services.isolation.start_over()
        ending = Ending(
            status=TaskStatus.FAILED_BACKEND_ERROR, exit_code=ExitCode.BACKEND_ERROR, message=_LAUNCHER_LOST
        )
        for group in [*self._groups.values()]:
            group.lose(ending)
        if not self._stopping:
            self._launcher.open(self._directories.lock)
            self._watch_launcher()
