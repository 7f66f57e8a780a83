"""Backends as administrators see them: configured, and as they answer now. Source: api.md §2.13, §8.3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from gateway.ports.backends import BackendReport, Reporting
from gateway.ports.runner import Runner
from gateway.schemas import backends as shown
from gateway.services.errors import Refusal
from gateway.services.nodes import Nodes
from pools.backend import Backend
from pools.model import Config
from pools.nodes import NO_CAPACITY, Node, is_available
from pools.resources import policies_of
from templates.variables import NodeCapacity
from translator.problems import ErrorCode

_NEVER = datetime(1970, 1, 1)
_ENGINE = "local engine"


class LiveBackends:
    """What the runners of this process tell of their backends. Shape: `runners` by the backend's name."""

    def __init__(self, runners: Mapping[str, Runner], now: Callable[[], datetime]) -> None:
        self._runners = runners
        self._now = now

    def report(self, name: str) -> BackendReport | None:
        """A backend as it is now; None where this process has no runner for it."""
        runner = self._runners.get(name)
        if runner is None:
            return None
        # A runner without a report works on this machine, and answers as long as the gateway does.
        return runner.report() if isinstance(runner, Reporting) else BackendReport(online=True, heartbeat=self._now())

    def online(self, name: str) -> bool:
        """Whether a backend answers."""
        report = self.report(name)
        return report is not None and report.online

    def nodes(self, name: str) -> tuple[Node, ...] | None:
        """The nodes that a backend reports; None where it does not."""
        report = self.report(name)
        return report.nodes if report is not None else None


class BackendViews:
    """Answers questions about backends."""

    def __init__(self, *, config: Callable[[], Config], live: LiveBackends, nodes: Nodes) -> None:
        self._config = config
        self._live = live
        self._nodes = nodes

    def configured(self) -> shown.BackendList:
        """All backends in OSMO's shape, by name."""
        config = self._config()
        return shown.BackendList(backends=[self._configured(name, config.backends[name]) for name in _names(config)])

    def configured_one(self, name: str) -> shown.BackendConfig:
        """One of them. Errors: Refusal."""
        backend = self._config().backends.get(name)
        if backend is None:
            raise _unknown(name)
        return self._configured(name, backend)

    def states(self) -> shown.BackendStates:
        """All backends as they are now, by name."""
        config = self._config()
        return shown.BackendStates(backends=[self._state(config, name) for name in _names(config)])

    def nodes(self, name: str) -> shown.BackendNodes:
        """All nodes of a backend. Errors: Refusal."""
        config = self._config()
        backend = config.backends.get(name)
        if backend is None:
            raise _unknown(name)
        found = self._nodes.of(config, name)
        return shown.BackendNodes(nodes=None if found is None else [_node(config, backend, node) for node in found])

    def _configured(self, name: str, backend: Backend) -> shown.BackendConfig:
        report = self._live.report(name) or BackendReport(online=False)
        settings, rules = backend.scheduler_settings, backend.node_conditions
        heartbeat = report.heartbeat or _NEVER
        return shown.BackendConfig(
            name=name,
            description=backend.description,
            version=report.version,
            k8s_uid=backend.k8s_uid or report.cluster_uid,
            k8s_namespace=backend.namespace,
            dashboard_url=backend.dashboard_url,
            grafana_url=backend.grafana_url,
            tests=list(backend.tests),
            scheduler_settings=shown.SchedulerSettings(
                scheduler_type=settings.scheduler_type.value,
                scheduler_name=settings.effective_name,
                scheduler_timeout=settings.scheduler_timeout,
            ),
            node_conditions=shown.NodeConditions(rules=dict(rules.rules), prefix=rules.prefix),
            last_heartbeat=heartbeat,
            created_date=heartbeat,
            router_address=backend.router_address,
            online=report.online,
        )

    def _state(self, config: Config, name: str) -> shown.BackendState:
        backend = config.backends[name]
        report = self._live.report(name) or BackendReport(online=False)
        nodes = self._nodes.of(config, name)
        usable = [node for node in nodes or () if is_available(node, backend.node_conditions)]
        return shown.BackendState(
            name=name,
            description=backend.description,
            online=report.online,
            runs_on=_ENGINE if backend.is_local else "argo",
            namespace=None if backend.is_local else backend.namespace,
            version=report.version or None,
            kubernetes=report.kubernetes or None,
            cluster_uid=report.cluster_uid or None,
            capabilities=list(report.capabilities),
            nodes=None if nodes is None else len(nodes),
            nodes_available=None if nodes is None else len(usable),
            last_heartbeat=report.heartbeat,
            argo_ui_url=backend.argo_ui_url or None,
        )


def _node(config: Config, backend: Backend, node: Node) -> shown.BackendNode:
    return shown.BackendNode(
        name=node.name,
        available=is_available(node, backend.node_conditions),
        unschedulable=node.unschedulable,
        conditions=dict(node.conditions),
        labels=dict(node.labels),
        taints=[shown.NodeTaint(key=one.key, value=one.value, effect=one.effect) for one in node.taints],
        allocatable=_amounts(node.allocatable),
        capacity=_amounts(node.capacity) if node.capacity != NO_CAPACITY else None,
        platforms=[f"{policy.pool}/{policy.name}" for policy in policies_of(config, node)],
    )


def _amounts(has: NodeCapacity) -> shown.NodeAmounts:
    return shown.NodeAmounts(
        cpu=int(has.cpu),
        gpu=int(has.gpu),
        memory_bytes=int(has.memory_bytes),
        storage_bytes=int(has.storage_bytes),
    )


def _unknown(name: str) -> Refusal:
    return Refusal(f"There is no backend {name!r}. `argosmo backend list` shows all.", error_code=ErrorCode.USER)


def _names(config: Config) -> list[str]:
    return sorted(config.backends)
