"""What Prometheus reads at `/metrics`.

Each gateway has a registry of its own, so that several may live in one process. Numbers that the database knows are
asked for at each scrape; those of the mirror are read from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What the gateway knows about itself at one moment. Units: lag in seconds, sizes in entries."""

    workflows_by_status: Mapping[str, int] = field(default_factory=dict)
    task_transitions_by_status: Mapping[str, int] = field(default_factory=dict)
    mirror_lag_seconds: float = 0.0
    queue_sizes: Mapping[str, int] = field(default_factory=dict)
    parked_workflows: int = 0
    config_errors: int = 0
    log_archives_waiting: int = 0


class Metrics:
    """Counts requests, and shows what `measures` says at each scrape."""

    def __init__(self, measures: Callable[[], Measures]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "argosmo_http_requests",
            "Requests answered, by route and status.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "argosmo_http_request_seconds",
            "Time until the first byte of the reply.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_Measured(measures))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. Shape: `route` is the pattern, so that its values are few."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def page(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)


class _Measured(Collector):
    def __init__(self, measures: Callable[[], Measures]) -> None:
        self._measures = measures

    def collect(self) -> Iterable[Metric]:
        measured = self._measures()
        yield _gauge("argosmo_workflows", "Unfinished workflows, by status.", "status", measured.workflows_by_status)
        transitions = CounterMetricFamily(
            "argosmo_task_transitions", "Reports of task attempts in a status, since the start.", labels=("status",)
        )
        for status, count in sorted(measured.task_transitions_by_status.items()):
            transitions.add_metric((status,), count)
        yield transitions
        yield GaugeMetricFamily(
            "argosmo_mirror_lag_seconds",
            "How long the oldest report has waited to be written.",
            value=measured.mirror_lag_seconds,
        )
        yield _gauge("argosmo_queue_size", "Entries that wait in a queue.", "queue", measured.queue_sizes)
        yield GaugeMetricFamily(
            "argosmo_parked_workflows",
            "Workflows set aside because of an error of ours.",
            value=measured.parked_workflows,
        )
        yield GaugeMetricFamily(
            "argosmo_config_errors", "Errors in the configuration as it is now.", value=measured.config_errors
        )
        yield GaugeMetricFamily(
            "argosmo_log_archives_waiting",
            "Logs of workflows that ended and are not in the place of logs yet.",
            value=measured.log_archives_waiting,
        )


def _gauge(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=(label,))
    for key, value in sorted(values.items()):
        family.add_metric((key,), value)
    return family
