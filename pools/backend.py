"""Backends: where work runs, how it is scheduled there, and which of its nodes count.

Source: api.md §8.3, §8.7; `cluster`, `namespace`, `argo_ui_url`, `engine` and other schedulers than KAI are ours.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from pools.documents import Document, Duration, LenientDocument
from pools.durations import duration_seconds

DEFAULT_NAMESPACE = "argo"
_CRON_FIELDS = 5
_TEST_TIMEOUT_SECONDS = (30.0, 86400.0)


class SchedulerType(StrEnum):
    """The scheduler of a cluster's pods, which decides how gangs, queues and priorities are told to it."""

    DEFAULT = "default"
    KAI = "kai"
    KUEUE = "kueue"
    VOLCANO = "volcano"


_SCHEDULER_NAMES = {
    SchedulerType.DEFAULT: "",
    SchedulerType.KAI: "kai-scheduler",
    SchedulerType.KUEUE: "",
    SchedulerType.VOLCANO: "volcano",
}


class SchedulerSettings(LenientDocument):
    """How pods are scheduled.

    Shape: `scheduler_name` "" means that pods name none (and the type's usual name where it has one).
    Units: `scheduler_timeout` in seconds. The type's default is the cluster's own scheduler, not KAI as in OSMO:
    pods that name a scheduler that is not installed stay pending for ever. `supports_priority: false` refuses HIGH and
    LOW on a cluster without the priority classes.
    """

    scheduler_type: SchedulerType = SchedulerType.DEFAULT
    scheduler_name: str = ""
    scheduler_timeout: int = Field(default=30, gt=0)
    supports_priority: bool = True

    @property
    def effective_name(self) -> str:
        """What pods carry as `schedulerName`, "" for none."""
        return self.scheduler_name or _SCHEDULER_NAMES[self.scheduler_type]


class NodeConditionRules(LenientDocument):
    """Which conditions a node may be in. Shape: `rules` maps a pattern over condition types to allowed statuses."""

    rules: dict[str, str] = {"Ready": "True"}
    prefix: str = "osmo.nvidia.com/"


class ClusterAccess(Document):
    """How the gateway reaches a cluster: a kubeconfig, its own pod's account, or an address with a token file."""

    kubeconfig: str | None = None
    context: str | None = None
    in_cluster: bool = False
    server: str | None = None
    ca_file: str | None = None
    token_file: str | None = None

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        ways = [
            self.kubeconfig is not None or self.context is not None,
            self.in_cluster,
            self.server is not None,
        ]
        if sum(ways) != 1:
            raise ValueError(
                "expected exactly one of {kubeconfig, context}, {in_cluster: true} and {server, ca_file, token_file}"
            )
        if self.server is None and (self.ca_file is not None or self.token_file is not None):
            raise ValueError("ca_file and token_file go with server; add server or remove them")
        return self


class Backend(LenientDocument):
    """One place where work runs: a cluster, or this machine with `engine: local`.

    Shape: pods run under `service_account`, "" for the namespace's default. With `executor_service_account` Argo's
    executor has an account of its own, and no token is mounted in containers of users.
    """

    name: str = ""
    description: str = ""
    k8s_uid: str = ""
    dashboard_url: str = ""
    grafana_url: str = ""
    tests: tuple[str, ...] = ()
    scheduler_settings: SchedulerSettings = SchedulerSettings()
    node_conditions: NodeConditionRules = NodeConditionRules()
    router_address: str = ""
    cluster: ClusterAccess | None = None
    engine: Literal["local"] | None = None
    namespace: str = DEFAULT_NAMESPACE
    cluster_domain: str = "cluster.local"
    argo_ui_url: str = ""
    service_account: str = ""
    executor_service_account: str = ""

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if self.cluster is not None and self.engine is not None:
            raise ValueError("a backend is a cluster or the local engine; remove `cluster` or `engine`")
        return self

    @property
    def is_local(self) -> bool:
        """Whether work runs on the gateway's own machine."""
        return self.engine == "local"


class BackendTest(Document):
    """A pod that is run on a schedule to see whether a backend's nodes work."""

    name: str = Field(default="", pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$")
    description: str = ""
    cron_schedule: str
    test_timeout: Duration = "300s"
    node_conditions: tuple[str, ...] = Field(min_length=1)
    common_pod_template: tuple[str, ...] = Field(min_length=1)

    @field_validator("cron_schedule")
    @classmethod
    def _is_cron(cls, value: str) -> str:
        if len(value.split()) != _CRON_FIELDS:
            raise ValueError(f'cron_schedule "{value}" needs five fields: minute hour day month weekday')
        return value

    @field_validator("test_timeout")
    @classmethod
    def _is_in_bounds(cls, value: str) -> str:
        low, high = _TEST_TIMEOUT_SECONDS
        if not low <= duration_seconds(value) <= high:
            raise ValueError(f"test_timeout {value} must be between 30s and 24h")
        return value
