"""The gateway, put together: the only place that builds concrete things, and the process around them.

`build` makes a gateway without HTTP, for a command that runs one workflow; `create_app` puts REST in front of it;
`serve` does both and listens until it is told to stop.
"""

from __future__ import annotations

import getpass
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from secrets import token_bytes
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI

from engine.directories import RootBusy
from engine.isolating import IsolationUnavailable
from engine.settings import EngineSettings
from gateway.access.probe import NetworkProbe
from gateway.api.app import application
from gateway.api.deps import Context
from gateway.api.metrics import Measures, Metrics
from gateway.api.streams import Streams
from gateway.auth.dev import DevLogin, default_user
from gateway.log_setup import set_up_logging
from gateway.mirror.archiver import LogArchiver
from gateway.mirror.clock import SystemClock
from gateway.mirror.leadership import Election, SoleLeader
from gateway.mirror.loop import Mirror
from gateway.mirror.ownership import LockedInstance
from gateway.mirror.retention import RetentionKeeper
from gateway.ports.clock import Clock
from gateway.ports.leadership import Leadership
from gateway.ports.runner import Runner
from gateway.ports.store import Store
from gateway.ports.surroundings import Surroundings
from gateway.runners.argo import argo_runner
from gateway.runners.argo.faults import AccessError
from gateway.runners.local import LocalRunner
from gateway.services.acceptance import Acceptance
from gateway.services.access_check import AccessCheck
from gateway.services.backends import BackendViews, LiveBackends
from gateway.services.bundle import Services
from gateway.services.cancel import Cancel
from gateway.services.config_files import ConfigFiles
from gateway.services.credentials import Credentials
from gateway.services.dataset_places import DatasetPlaces
from gateway.services.datasets import Datasets
from gateway.services.documents import Documents
from gateway.services.events import WorkflowEvents
from gateway.services.explain import Explain
from gateway.services.info import Info
from gateway.services.interactive import Interactive
from gateway.services.intermediate import IntermediateData
from gateway.services.listing import Listing
from gateway.services.log_place import LogPlaces, data_credential
from gateway.services.logs import WorkflowLogs
from gateway.services.machine import this_machine
from gateway.services.nodes import Nodes
from gateway.services.passports import Passports
from gateway.services.pools import PoolViews
from gateway.services.profile import Profiles
from gateway.services.progress import Progress
from gateway.services.query import Query
from gateway.services.resources import ResourceViews
from gateway.services.restart import Restart
from gateway.services.retention import Retention
from gateway.services.run_secrets import RunSecretsReader
from gateway.services.submit import Submit
from gateway.services.tags import Tags
from gateway.services.tasks import Tasks
from gateway.services.transitions import CountedRunner, Transitions
from gateway.settings import Settings, SettingsError, check_exposure
from gateway.store.log_archived import ArchivedLogs
from gateway.store.log_archiving import LogArchiving
from gateway.store.logs import FileLogs
from gateway.store.session import SqlStore, open_store
from gateway.vault.envelope import Envelope
from gateway.vault.master_keys import MasterKeyFile
from pools.backend import Backend
from pools.workflow import StorageCredential, UserWorkflowLimits
from storage.credentials import DataCredential
from templates.sandbox import SandboxLimits, TemplateSandbox
from translator.lifecycle.words import WorkflowStatus
from translator.plan.model import WorkflowUuid

# What runs the work of a backend; None where this process cannot.
RunnerOf = Callable[[str, Backend], Runner | None]

_BACKLOG = 2048
SWITCH_SECONDS = 0.0005
_KEY_BYTES = 32
_LIVING = tuple(status for status in WorkflowStatus if not status.finished)
_LOG = structlog.stdlib.get_logger(__name__)


@dataclass(kw_only=True)
class Gateway:
    """A gateway with everything built and nothing begun: call `start` once, and `stop` once, whatever happened."""

    settings: Settings
    services: Services
    store: SqlStore
    mirror: Mirror
    archiver: LogArchiver
    context: Context
    resources: ExitStack = field(repr=False)

    def start(self) -> None:
        """Begin to run workflows, first those that an earlier process left unfinished.

        Errors: IsolationUnavailable, RootBusy, StoreUnavailable.
        """
        # Engine, mirror and requests are threads that hand work to each other; by default one may hold up the others
        # for 5 ms, which is as long as a short task takes.
        sys.setswitchinterval(SWITCH_SECONDS)
        self.resources.callback(self.archiver.stop)
        self.resources.callback(self.mirror.listen(self.archiver.changed))
        self.archiver.start()
        self.resources.callback(self.mirror.stop)
        self.mirror.start()
        keeper = RetentionKeeper(self.services.retention)
        self.resources.callback(keeper.stop)
        keeper.start()

    def stop(self) -> None:
        """Take no new work, end local tasks and record it, let go of everything. Safe to repeat."""
        self.resources.close()


def build(
    settings: Settings,
    *,
    runner_of: RunnerOf | None = None,
    clock: Clock | None = None,
    only_backend: str | None = None,
) -> Gateway:
    """A gateway as the settings say; with `only_backend` all other backends are offline.

    Errors: ConfigError, SettingsError, StoreUnavailable, StoreTooNew.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as stack:
        machine = this_machine(settings.data_dir)
        config = ConfigFiles(settings.config, machine)
        store = _opened(settings)
        stack.callback(store.close)
        if clock is None:
            system_clock = SystemClock()
            stack.callback(system_clock.close)
            clock = system_clock
        places = LogPlaces(config.current)
        archived = ArchivedLogs(store, places, clock.now)
        logs = FileLogs(settings.data_dir / "logs", store, archived=archived)
        stack.callback(logs.close)
        sandbox = TemplateSandbox(_sandbox_limits(config.loaded.workflow.user_workflow_limits))
        stack.callback(sandbox.close)
        transitions = Transitions()
        backends = config.loaded.backends
        if only_backend is not None:
            backends = {name: backend for name, backend in backends.items() if name == only_backend}
        leadership = _leadership(store, backends, settings)
        runners = _runners(backends, runner_of or runners_by_backend(settings, config, leadership, store, logs))
        live = LiveBackends(runners, clock.now)
        probe = NetworkProbe()
        vault = Envelope(_master_key_file(settings).keys)
        credentials = Credentials(store=store, vault=vault, probe=probe, config=config.current)
        mirror = Mirror(
            store=store,
            logs=logs,
            runners={name: CountedRunner(runner, transitions) for name, runner in runners.items()},
            clock=clock,
            ownership=LockedInstance(settings.data_dir / "instances"),
            leadership=leadership,
            run_of=RunSecretsReader(credentials).run,
        )
        services = _services(
            config=config,
            store=store,
            logs=logs,
            mirror=mirror,
            clock=clock,
            sandbox=sandbox,
            nodes=Nodes(machine, live.nodes),
            live=live,
            credentials=credentials,
            datasets=DatasetPlaces(config=config.current, here=_datasets_here(settings)),
            data=_intermediate(settings, config),
            access=AccessCheck(credentials=credentials, probe=probe, now=clock.now),
        )
        stopping = threading.Event()
        archiver = LogArchiver(
            LogArchiving(
                root=settings.data_dir / "logs",
                store=store,
                places=places,
                archived=archived,
                now=clock.now,
                stopped=stopping,
            ),
            stopping,
        )
        streams = Streams()
        context = Context(
            services=services,
            settings=settings,
            login=DevLogin(default_user(settings.user, _os_user())),
            metrics=Metrics(_measures(store, mirror, config, streams, transitions)),
            streams=streams,
        )
        return Gateway(
            settings=settings,
            services=services,
            store=store,
            mirror=mirror,
            archiver=archiver,
            context=context,
            resources=stack.pop_all(),
        )


def rotate_master_keys(settings: Settings) -> int:
    """Make a new master key the current one and seal the keys of all users with it; the last one stays beside it.

    Shape: how many users' keys were sealed anew. It may be killed at any time, and run again while gateways work.
    Errors: SealBroken, SettingsError, StoreUnavailable, StoreTooNew.
    """
    file = _master_key_file(settings)
    vault = Envelope(file.keys)
    store = _opened(settings)
    try:
        # Before older keys go, nothing may be sealed with them: a rotation before may have been killed half-way.
        _reseal(store, vault)
        file.replace(file.keys().rotated())
        return _reseal(store, vault)
    finally:
        store.close()


def _reseal(store: SqlStore, vault: Envelope) -> int:
    changed = 0
    with store.writing(durable=True) as writes:
        for user, key in writes.user_keys().items():
            if (resealed := vault.resealed(key, user)) is not None:
                writes.replace_user_key(user, resealed)
                changed += 1
    return changed


def _master_key_file(settings: Settings) -> MasterKeyFile:
    return MasterKeyFile(settings.master_keys or settings.data_dir / "master-keys.json")


def create_app(gateway: Gateway) -> FastAPI:
    """REST in front of a gateway, which the caller starts and stops."""
    return application(gateway.context)


def serve(settings: Settings) -> None:
    """Listen until SIGTERM or Ctrl-C; then finish open requests, end local tasks, and return.

    Prints one line with the URL once requests are served. Errors: as `build`; SettingsError where the address may not
    be listened on, or cannot be.
    """
    check_exposure(settings)
    if settings.authentication:
        raise SettingsError(
            "A default administrator is configured, but this version cannot authenticate callers. Remove "
            "OSMO_DEFAULT_ADMIN_USERNAME and OSMO_DEFAULT_ADMIN_PASSWORD and listen on 127.0.0.1."
        )
    set_up_logging(settings.log_level, settings.log_format)
    with listening_socket(settings) as listener, _NotedSignals() as noted:
        gateway = build(settings)
        try:
            _start(gateway)
            _Server(_uvicorn_config(gateway), gateway.context.streams, noted).run(sockets=[listener])
        finally:
            _LOG.info("stopping")
            gateway.stop()
            _LOG.info("stopped")


def _start(gateway: Gateway) -> None:
    try:
        gateway.start()
    except (IsolationUnavailable, RootBusy) as error:
        raise SettingsError(f"The local engine cannot start: {error}") from error


class _NotedSignals:
    """Keeps SIGTERM and Ctrl-C from ending the process by force, so that what runs is ended in order.

    The server has handlers of its own while it runs, and raises a signal that ended it once more when it is done.
    """

    def __init__(self) -> None:
        self.received = False
        self._handlers = ExitStack()

    def __enter__(self) -> _NotedSignals:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._handlers.callback(signal.signal, number, signal.signal(number, self._note))
        return self

    def __exit__(self, *exc: object) -> None:
        self._handlers.close()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.received = True
        _LOG.info("signal received", signal=signal.Signals(number).name)


class _Server(uvicorn.Server):
    """Says where it listens, and ends streams before it waits for open requests."""

    def __init__(self, config: uvicorn.Config, streams: Streams, noted: _NotedSignals) -> None:
        super().__init__(config)
        self._streams = streams
        self._noted = noted

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._noted.received:
            # It came before this server's own handlers were in place.
            self.should_exit = True
            return
        for listener in sockets or ():
            print(f"argosmo listens on {_url(listener)}", flush=True)
            _LOG.info("listening", url=_url(listener))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._streams.end_all()
        await super().shutdown(sockets)


def _uvicorn_config(gateway: Gateway) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(gateway),
        loop="asyncio",
        http="h11",
        log_config=None,
        access_log=False,
        server_header=False,
        # A proxy's word about the client is nothing that a gateway on loopback could believe.
        proxy_headers=False,
        timeout_graceful_shutdown=round(gateway.settings.stop_seconds),
        h11_max_incomplete_event_size=128 * 1024,
    )


def listening_socket(settings: Settings) -> socket.socket:
    """What requests come to. Errors: SettingsError where the address is taken, or not ours."""
    host = settings.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only of a socket that says its protocol does asyncio know that answers must not wait for more to send: without it
    # each answer on a connection that is used again comes 40 ms late.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror or error}. "
            "Choose another --port or --host."
        ) from error
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if listener.family == socket.AF_INET6 else f"http://{host}:{port}"


def runners_by_backend(
    settings: Settings, config: ConfigFiles, leadership: Leadership, store: SqlStore, logs: FileLogs
) -> RunnerOf:
    """Runners as the configuration names them: the local engine, or a cluster's Argo Workflows."""
    data = _intermediate(settings, config)
    engine = EngineSettings(
        root=settings.data_dir.absolute() / "engines",
        data=data.here if data.key is None else data.key.endpoint,
        data_key=data.key,
        isolation=settings.isolation,
        # Database, logs and other runs are no business of a task.
        hidden=(settings.data_dir.absolute(),),
        datasets=settings.data_dir.absolute() / "datasets",
        cache=settings.data_dir.absolute() / "cache" / "blobs",
    )

    def runner_of(name: str, backend: Backend) -> Runner | None:
        if backend.is_local:
            return LocalRunner(engine)
        if backend.cluster is None:
            return None
        named = backend.model_copy(update={"name": name})
        try:
            return argo_runner(named, config.loaded.workflow, _around(name, leadership, store, logs))
        except AccessError as error:
            # The other backends go on; the pools of this one are offline.
            _LOG.error("backend cannot be reached", backend=name, reason=str(error))
            return None

    return runner_of


def _intermediate(settings: Settings, config: ConfigFiles) -> IntermediateData:
    """Where tasks' outputs are kept, as runners have it from the start. Taken as written, without percent escapes."""
    here = f"file://{settings.data_dir.absolute()}/intermediate"
    return IntermediateData(here=here, key=_data_key(config.loaded.workflow.workflow_data.credential))


def _datasets_here(settings: Settings) -> str:
    """Where datasets go for which nobody said another place. Taken as written, without percent escapes."""
    return f"file://{settings.data_dir.absolute()}/datasets"


def _data_key(configured: StorageCredential | None) -> DataCredential | None:
    """The key to the store of intermediate data; None where outputs stay on this machine."""
    return None if configured is None else data_credential(configured)


def _around(name: str, leadership: Leadership, store: SqlStore, logs: FileLogs) -> Surroundings:
    """What the runner of a cluster asks."""
    with store.writing(durable=True) as writes:
        # Kept from the first start on: whoever creates the objects of a run makes the same of them.
        key = writes.signing_key(f"argo/{name}", token_bytes(_KEY_BYTES))
    return Surroundings(
        may_act=partial(leadership.leads, name), is_sealed=partial(_is_sealed, store), logs=logs, signing_key=key
    )


def _is_sealed(store: SqlStore, uuid: WorkflowUuid) -> bool:
    with store.reading() as reads:
        found = reads.workflow(uuid)
    return found is not None and found.sealed


def _leadership(store: SqlStore, backends: Mapping[str, Backend], settings: Settings) -> Leadership:
    """One process for each cluster, where several may share the database; SQLite's are on one machine, and tell each
    other apart by workflow."""
    locks = store.locks()
    shared = [name for name, backend in backends.items() if backend.cluster is not None]
    return SoleLeader() if locks is None else Election(locks, shared, lease_seconds=settings.lease_seconds)


def _runners(backends: Mapping[str, Backend], runner_of: RunnerOf) -> dict[str, Runner]:
    found = {name: runner_of(name, backend) for name, backend in backends.items()}
    return {name: runner for name, runner in found.items() if runner is not None}


def _opened(settings: Settings) -> SqlStore:
    try:
        return open_store(settings.database_url)
    except ValueError as error:
        raise SettingsError(f"The database cannot be used: {error}") from error


def _sandbox_limits(limits: UserWorkflowLimits) -> SandboxLimits:
    return SandboxLimits(
        workers=limits.jinja_sandbox_workers,
        seconds=limits.jinja_sandbox_max_time,
        memory_bytes=limits.jinja_sandbox_memory_limit,
    )


def _services(
    *,
    config: ConfigFiles,
    store: Store,
    logs: FileLogs,
    mirror: Mirror,
    clock: Clock,
    sandbox: TemplateSandbox,
    nodes: Nodes,
    live: LiveBackends,
    credentials: Credentials,
    datasets: DatasetPlaces,
    data: IntermediateData,
    access: AccessCheck,
) -> Services:
    current = config.current
    acceptance = Acceptance(
        store=store,
        mirror=mirror,
        clock=clock,
        renderer=sandbox,
        nodes=nodes,
        credentials=lambda user: credentials.of(user).known(),
        access=access,
        datasets=datasets,
    )
    pools = PoolViews(store=store, config=current, nodes=nodes, online=live.online)
    return Services(
        config=config,
        submit=Submit(store=store, config=current, acceptance=acceptance),
        restart=Restart(store=store, config=current, acceptance=acceptance),
        cancel=Cancel(store=store, mirror=mirror, clock=clock),
        query=Query(store=store, config=current, clock=clock),
        listing=Listing(store=store, config=current, clock=clock),
        tasks=Tasks(store=store, config=current, clock=clock),
        logs=WorkflowLogs(store=store, logs=logs, config=current),
        events=WorkflowEvents(store=store, mirror=mirror),
        documents=Documents(store=store),
        progress=Progress(store=store, mirror=mirror),
        tags=Tags(store=store, config=current),
        interactive=Interactive(store=store, config=current),
        profiles=Profiles(store=store, config=current),
        credentials=credentials,
        datasets=Datasets(store=store, clock=clock, default_location=datasets.default),
        passports=Passports(store=store, config=current, data=data),
        pools=pools,
        resources=ResourceViews(store=store, config=current, nodes=nodes, pools=pools),
        explain=Explain(store=store, config=current),
        backends=BackendViews(config=current, live=live, nodes=nodes),
        info=Info(store=store, config=current),
        retention=Retention(store=store, logs=logs, clock=clock, config=current, data=data),
    )


def _measures(
    store: Store, mirror: Mirror, config: ConfigFiles, streams: Streams, transitions: Transitions
) -> Callable[[], Measures]:
    def measures() -> Measures:
        counts = mirror.counts()
        with store.reading() as reads:
            unfinished = reads.unfinished_by_status()
            backlog = reads.archive_backlog()
        return Measures(
            workflows_by_status={status.value: unfinished.get(status, 0) for status in _LIVING},
            mirror_lag_seconds=mirror.lag_seconds,
            task_transitions_by_status=transitions.by_status(),
            queue_sizes={"mirror": counts["waiting"], "streams": len(streams)},
            parked_workflows=counts["parked"],
            config_errors=len(config.state().problems),
            log_archives_waiting=backlog.logs,
        )

    return measures


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        # A container may run under a number that no user has.
        return ""
