"""The `workflow` config: stores, limits, label policy, timeouts. Source: api.md §8.2.

Defaults are OSMO's. What the shipped configuration sets otherwise stands in `pools.shipped`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import AliasChoices, ConfigDict, Field, field_validator, model_validator

from pools.documents import Document, Duration, Secret
from pools.retention import Retention

_MAX_POLICY_RULES = 16
_STORAGE_SCHEMES = ("azure", "file", "gs", "s3", "swift", "tos")


class StorageCredential(Document):
    """A place in an object store. Without keys the ambient identity is used."""

    endpoint: str
    region: str | None = None
    override_url: str | None = None
    addressing_style: str | None = None
    access_key_id: str | None = None
    access_key: Secret | None = None

    @field_validator("endpoint")
    @classmethod
    def _is_url(cls, value: str) -> str:
        scheme, separator, rest = value.partition("://")
        if scheme not in _STORAGE_SCHEMES or not separator or not rest.strip("/"):
            known = ", ".join(_STORAGE_SCHEMES)
            raise ValueError(f"{value!r} is no place of a store; expected a URL such as s3://bucket/path ({known})")
        return value

    @model_validator(mode="after")
    def _has_both_keys(self) -> Self:
        if self.access_key_id and (self.access_key is None or not self.access_key.get_secret_value()):
            raise ValueError("access_key_id has no access_key; give both, or none for the machine's own identity")
        return self


class RegistryCredential(Document):
    """A login at an image registry; `auth` may also be written `password`."""

    model_config = ConfigDict(populate_by_name=True)

    registry: str = ""
    username: str = ""
    auth: Secret | None = Field(default=None, validation_alias=AliasChoices("auth", "password"))


class WorkflowData(Document):
    """The store of intermediate data. Units: both timeouts in minutes."""

    credential: StorageCredential | None = None
    base_url: str = ""
    websocket_timeout: int = Field(default=1440, gt=0)
    data_timeout: int = Field(default=10, gt=0)
    download_type: Literal["download"] = "download"


class WorkflowDatasets(Document):
    """Where new datasets go, a URL; "" for the gateway's own directory. Ours: OSMO has no such field."""

    location: str = ""


class WorkflowLog(Document):
    """The store of specs, logs, events of workflows that ended; without one they stay with the gateway.

    `former` are places of earlier settings, for reading what was put there. Ours: OSMO has no such field.
    """

    credential: StorageCredential | None = None
    former: tuple[StorageCredential, ...] = ()


class WorkflowApp(Document):
    """The store of app specs."""

    credential: StorageCredential | None = None


class WorkflowInfo(Document):
    """What users may tag, and how long names may be."""

    tags: tuple[str, ...] = ()
    max_name_length: int = Field(default=64, gt=0)


class BackendImages(Document):
    """Images of the parts that run beside a task; "" for those of this release."""

    init: str = ""
    client: str = ""
    credential: RegistryCredential | None = None


class SmtpSettings(Document):
    """The mail server of notifications."""

    host: str = ""
    sender: str = ""
    password: Secret | None = None


class WorkflowAlerts(Document):
    """Where notifications go."""

    slack_token: Secret | None = None
    smtp_settings: SmtpSettings = SmtpSettings()


class CredentialConfig(Document):
    """Registries and URL schemes of which access is not checked at submission."""

    disable_registry_validation: tuple[str, ...] = ()
    disable_data_validation: tuple[str, ...] = ()


class UserWorkflowLimits(Document):
    """Limits of one user, over unfinished workflows, and of the template sandbox.

    Units: `jinja_sandbox_max_time` in seconds, `jinja_sandbox_memory_limit` in bytes.
    """

    max_num_workflows: int | None = Field(default=None, gt=0)
    max_num_tasks: int | None = Field(default=None, gt=0)
    jinja_sandbox_workers: int = Field(default=2, gt=0)
    jinja_sandbox_max_time: float = Field(default=0.5, gt=0)
    jinja_sandbox_memory_limit: int = Field(default=104857600, gt=0)


class RsyncPath(Document):
    """A directory that rsync may reach in a task."""

    path: str
    writable: bool = False


class RsyncConfig(Document):
    """The rsync plugin. Units: limits in bytes per second (0: none), times in seconds."""

    enabled: bool = False
    enable_telemetry: bool = False
    read_bandwidth_limit: int = Field(default=2621440, ge=0)
    write_bandwidth_limit: int = Field(default=2621440, ge=0)
    allowed_paths: dict[str, RsyncPath] = {}
    daemon_debounce_delay: float = Field(default=30.0, gt=0)
    daemon_poll_interval: float = Field(default=120.0, gt=0)
    daemon_reconcile_interval: float = Field(default=60.0, gt=0)
    client_upload_rate_limit: int = Field(default=2097152, ge=0)


class PluginsConfig(Document):
    """Settings of plugins."""

    rsync: RsyncConfig = RsyncConfig()


class LabelEnforcement(StrEnum):
    """What a broken label rule leads to."""

    OFF = "off"
    WARN = "warn"
    ENFORCE = "enforce"


class LabelPolicyRule(Document):
    """What is expected of one label. Shape: an empty `allow_list` allows every value."""

    key: str
    allow_list: tuple[str, ...] = ()
    enforcement: LabelEnforcement = LabelEnforcement.OFF
    assert_message: str = Field(default="", max_length=256, pattern=r"^[^\r\n]*$")


class LabelsConfig(Document):
    """Rules for workflow labels, and the prefix of their keys on pods."""

    policy: tuple[LabelPolicyRule, ...] = Field(default=(), max_length=_MAX_POLICY_RULES)
    pod_label_prefix: str = ""

    @field_validator("policy")
    @classmethod
    def _has_distinct_keys(cls, value: tuple[LabelPolicyRule, ...]) -> tuple[LabelPolicyRule, ...]:
        keys = [rule.key for rule in value]
        repeated = sorted({key for key in keys if keys.count(key) > 1})
        if repeated:
            raise ValueError(f"label policy has several rules for {', '.join(repeated)}; keep one rule a key")
        return value


class WorkflowConfig(Document):
    """The `workflow` section. Units: `default_schedule_timeout` in seconds."""

    workflow_data: WorkflowData = WorkflowData()
    workflow_datasets: WorkflowDatasets = WorkflowDatasets()
    workflow_log: WorkflowLog = WorkflowLog()
    retention: Retention = Retention()
    workflow_app: WorkflowApp = WorkflowApp()
    workflow_info: WorkflowInfo = WorkflowInfo()
    backend_images: BackendImages = BackendImages()
    workflow_alerts: WorkflowAlerts = WorkflowAlerts()
    credential_config: CredentialConfig = CredentialConfig()
    user_workflow_limits: UserWorkflowLimits = UserWorkflowLimits()
    plugins_config: PluginsConfig = PluginsConfig()
    labels_config: LabelsConfig = LabelsConfig()
    max_num_tasks: int = Field(default=20, gt=0)
    max_num_ports_per_task: int = Field(default=30, gt=0)
    max_retry_per_task: int = Field(default=0, ge=0)
    max_retry_per_job: int = Field(default=5, ge=0)
    default_schedule_timeout: int = Field(default=30, gt=0)
    default_exec_timeout: Duration = "60d"
    default_queue_timeout: Duration = "60d"
    max_exec_timeout: Duration = "60d"
    max_queue_timeout: Duration = "60d"
    force_cleanup_delay: Duration = "1h"
    max_log_lines: int = Field(default=10000, ge=0)
    max_task_log_lines: int = Field(default=1000, ge=0)
    max_error_log_lines: int = Field(default=100, ge=0)
    max_event_log_lines: int = Field(default=100, ge=0)
    task_heartbeat_frequency: Duration = "10m"
