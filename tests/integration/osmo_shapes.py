"""OSMO's reply shapes, in short: name to field to type, as its OpenAPI document has them (api.md §2).

Shape of a type: `str`, `num`, `int`, `bool`, `time`, `map` (of texts), `any`, `[T]`, `{T}` (map of T) or the name of
another shape; `?` at its end allows null.
"""

from __future__ import annotations

import re
from collections.abc import Callable

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?")

SHAPES: dict[str, str] = {
    "SubmitResponse": "name str, overview str?, logs str?, spec str?, dashboard_url str?, warnings [str]",
    "Listed": """user str, name str, workflow_uuid str, submit_time time, start_time time?, end_time time?,
        queued_time num, duration num?, status str, overview str, logs str, error_logs str?, grafana_url str?,
        dashboard_url str?, pool str?, app_owner str?, app_name str?, app_version int?, priority str, labels map""",
    "src__service__core__workflow__objects__ListResponse": "workflows [Listed], more_entries bool",
    "WorkflowQueryResponse": """name str, uuid str, submitted_by str, cancelled_by str?, spec str, template_spec str,
        logs str, events str, overview str, parent_name str?, parent_job_id int?, dashboard_url str?, grafana_url str?,
        tags [str], submit_time time, start_time time?, end_time time?, exec_timeout num?, queue_timeout num?,
        duration num?, queued_time num, status str, outputs str, groups [GroupQueryResponse], pool str?, backend str?,
        app_owner str?, app_name str?, app_version int?, plugins WorkflowPlugins, priority str, labels map,
        warnings [str]""",
    "WorkflowPlugins": "rsync bool",
    "GroupQueryResponse": """name str, status str, start_time time?, end_time time?, processing_start_time time?,
        scheduling_start_time time?, initializing_start_time time?, remaining_upstream_groups [str]?,
        downstream_groups [str]?, failure_message str?, tasks [TaskQueryResponse]""",
    "TaskQueryResponse": """name str, retry_id int, status str, failure_message str?, exit_code int?, logs str,
        error_logs str?, processing_start_time time?, scheduling_start_time time?, initializing_start_time time?,
        events str, start_time time?, end_time time?, input_download_start_time time?, input_download_end_time time?,
        output_upload_start_time time?, dashboard_url str?, pod_name str, pod_ip str?, task_uuid str, node_name str?,
        lead bool""",
    "TaskEntry": """workflow_id str, task_name str, node str?, start_time time?, end_time time?, status str,
        storage num, cpu int, memory num, gpu int""",
    "ListTaskResponse": "tasks [ListTaskEntry]",
    "ListTaskEntry": """user str, workflow_id str, workflow_uuid str, task_name str, retry_id int, pool str?, node str?,
        start_time time?, end_time time?, duration num?, status str, overview str, logs str, error_logs str?,
        grafana_url str?, dashboard_url str?, storage num, cpu int, memory num, gpu int, priority str""",
    "ListTaskSummaryResponse": "summaries [ListTaskSummaryEntry]",
    "ListTaskSummaryEntry": "user str, pool str?, storage num, cpu int, memory num, gpu int, priority str",
    "ListTaskAggregatedResponse": "summaries [ListTaskAggregatedEntry]",
    "ListTaskAggregatedEntry": """user str, pool str?, storage num, cpu int, memory num, gpu int, priority str,
        workflow_id str""",
    "MinimalPoolConfig": "pools {PoolMinimal}, node_sets any",
    "PoolMinimal": """name str, description str, status str?, download_type str?, enable_maintenance bool, backend str,
        default_platform str?, default_exec_timeout str, default_queue_timeout str, max_exec_timeout str,
        max_queue_timeout str, default_exit_actions map, resources PoolResources, topology_keys [TopologyKey],
        platforms {PlatformMinimal}""",
    "PoolResources": "gpu PoolResourceCountable?",
    "PoolResourceCountable": "guarantee int, maximum int, weight int",
    "TopologyKey": "key str, label str",
    "PlatformMinimal": """description str, host_network_allowed bool, privileged_allowed bool, allowed_mounts [str],
        default_mounts [str]""",
    "PoolResponse": "node_sets [PoolNodeSetResourceUsage], resource_sum ResourceUsage",
    "PoolNodeSetResourceUsage": "pools [PoolResourceUsage]",
    "PoolResourceUsage": """name str, description str, status str?, download_type str?, enable_maintenance bool,
        backend str, default_platform str?, default_exec_timeout str, default_queue_timeout str, max_exec_timeout str,
        max_queue_timeout str, default_exit_actions map, resources PoolResources, topology_keys [TopologyKey],
        platforms {PlatformMinimal}, resource_usage ResourceUsage""",
    "ResourceUsage": """quota_used str, quota_free str, quota_limit str, total_usage str, total_capacity str,
        total_free str""",
    "ResourcesResponse": "resources [ResourcesEntry]",
    "ResourcesEntry": """hostname str, exposed_fields any, taints [any], usage_fields any, conditions [str]?,
        non_workflow_usage_fields any, allocatable_fields any, platform_allocatable_fields any?,
        platform_available_fields any?, platform_workflow_allocatable_fields any?, config_fields any?, backend str,
        label_fields any?, pool_platform_labels {[str]}, resource_type str""",
    "PoolResourcesResponse": "pools [PoolResourcesEntry]",
    "PoolResourcesEntry": """pool str, platform str, status str, usage_fields any, allocatable_fields any,
        backend str""",
    "ProfileResponse": "profile UserProfile, roles [str], pools [str], token any?",
    "UserProfile": "username str?, email_notification bool?, slack_notification bool?, pool str?",
    "Version": "major str, minor str, revision str, hash str",
    "PluginsConfig": "rsync RsyncConfig",
    "RsyncConfig": """enabled bool, enable_telemetry bool, read_bandwidth_limit int, write_bandwidth_limit int,
        allowed_paths any, daemon_debounce_delay num, daemon_poll_interval num, daemon_reconcile_interval num,
        client_upload_rate_limit int""",
}

_PLAIN: dict[str, Callable[[object], bool]] = {
    "any": lambda value: True,
    "str": lambda value: isinstance(value, str),
    "num": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "time": lambda value: isinstance(value, str) and TIME.fullmatch(value) is not None,
    "map": lambda value: isinstance(value, dict) and all(isinstance(item, str) for item in value.values()),
}


def assert_shape(name: str, value: object, place: str = "") -> None:
    """Fail where `value` has another field, or one of another type, than the shape."""
    assert isinstance(value, dict), f"{place or name}: expected an object, got {value!r}"
    fields = dict(field.split() for field in SHAPES[name].split(","))
    assert value.keys() == fields.keys(), f"{place or name}: {sorted(value.keys() ^ fields.keys())}"
    for field, kind in fields.items():
        _assert_type(kind, value[field], f"{place or name}.{field}")


def _assert_type(kind: str, value: object, place: str) -> None:
    if kind.endswith("?"):
        if value is None:
            return
        kind = kind[:-1]
    if kind in _PLAIN:
        assert _PLAIN[kind](value), f"{place}: {value!r} is no {kind}"
    elif kind.startswith("["):
        assert isinstance(value, list), f"{place}: {value!r} is no list"
        for index, item in enumerate(value):
            _assert_type(kind[1:-1], item, f"{place}[{index}]")
    elif kind.startswith("{"):
        assert isinstance(value, dict), f"{place}: {value!r} is no map"
        for key, item in value.items():
            _assert_type(kind[1:-1], item, f"{place}.{key}")
    else:
        assert_shape(kind, value, place)
