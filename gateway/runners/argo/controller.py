"""How Argo's controller is set, read from its Deployment and its ConfigMap.

Defaults are the controller's own: what is not set counts as that. Source: argo.md §2.5, argo-verified.md §3, §5, §8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import yaml

from pools.kubernetes_quantities import quantity
from translator.argo.observe_objects import Meta, Object

CONFIG_MAP = "workflow-controller-configmap"
PROGRAM = "workflow-controller"
LEASE = "workflow-controller"

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?)(h|ms|us|µs|ns|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_VERSION = re.compile(r"v?([0-9]+)\.([0-9]+)\.([0-9]+)(?:[-+].*)?")

Version = tuple[int, int, int]


class _Variable(Object, frozen=True, kw_only=True):
    name: str = ""
    value: str = ""


class _Container(Object, frozen=True, kw_only=True):
    name: str = ""
    image: str = ""
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    env: tuple[_Variable, ...] | None = None


class _PodSpec(Object, frozen=True, kw_only=True):
    containers: tuple[_Container, ...] = ()


class _Template(Object, frozen=True, kw_only=True):
    spec: _PodSpec = _PodSpec()


class _Spec(Object, frozen=True, kw_only=True):
    template: _Template = _Template()


class _Status(Object, frozen=True, kw_only=True):
    ready_replicas: int = 0


class Deployment(Object, frozen=True, kw_only=True):
    """A Deployment, as far as the controller's settings stand in it."""

    metadata: Meta
    spec: _Spec = _Spec()
    status: _Status = _Status()


class ConfigMap(Object, frozen=True, kw_only=True):
    """A ConfigMap."""

    data: dict[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerSettings:
    """What matters of one controller.

    Shape: `version` None where the image names none; `managed_namespace` "" for all namespaces; `instance_id` "" where
    it takes Workflows without one; `executor_memory_bytes` None where no limit is set.
    """

    name: str
    namespace: str
    image: str
    version: Version | None
    ready: bool
    requeue_seconds: float
    qps: float
    burst: int
    log_level: str
    keeps_exit_codes: bool
    managed_namespace: str
    instance_id: str
    executor_memory_bytes: int | None

    def watches(self, namespace: str) -> bool:
        """Whether Workflows of a namespace are its business."""
        return self.managed_namespace in ("", namespace)


def is_controller(deployment: Deployment) -> bool:
    """Whether a Deployment runs Argo's controller, whatever its name."""
    return _container(deployment) is not None


def controller_settings(deployment: Deployment, config: ConfigMap | None) -> ControllerSettings:
    """The settings of a Deployment that runs the controller; `config` None where it could not be read."""
    container = _container(deployment) or _Container()
    flags = dict(_flags((*(container.command or ()), *(container.args or ()))))
    variables = {one.name: one.value for one in container.env or ()}
    values = _config_values(config)
    namespaced = flags.get("namespaced", "false") != "false"
    return ControllerSettings(
        name=deployment.metadata.name,
        namespace=deployment.metadata.namespace,
        image=container.image,
        version=image_version(container.image),
        ready=deployment.status.ready_replicas > 0,
        requeue_seconds=_seconds(variables.get("DEFAULT_REQUEUE_TIME", "")) or 10.0,
        qps=_number(flags.get("qps"), 20.0),
        burst=int(_number(flags.get("burst"), 30.0)),
        log_level=flags.get("loglevel", "info"),
        keeps_exit_codes=variables.get("ARGO_POD_STATUS_CAPTURE_FINALIZER", "").lower() in ("true", "1", "t"),
        managed_namespace=(flags.get("managed-namespace") or deployment.metadata.namespace) if namespaced else "",
        instance_id=str(values.get("instanceID") or ""),
        executor_memory_bytes=_executor_memory(values.get("executor")),
    )


def image_version(image: str) -> Version | None:
    """The version in an image's tag, `quay.io/argoproj/workflow-controller:v4.1.2@sha256:…`; None where it has none."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return parsed_version(tag)


def parsed_version(text: str) -> Version | None:
    """`v4.1.2` or `4.1.2-rc1` as numbers; None where it is no version."""
    match = _VERSION.fullmatch(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match is not None else None


def _container(deployment: Deployment) -> _Container | None:
    for container in deployment.spec.template.spec.containers:
        image = container.image.partition("@")[0].rpartition("/")[2].partition(":")[0]
        program = (container.command or ("",))[0].rpartition("/")[2]
        if PROGRAM in (image, program):
            return container
    return None


def _flags(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Flags as Go's programs take them: `--qps 50`, `--qps=50`, `--namespaced`."""
    for index, word in enumerate(words):
        if word.startswith("--"):
            name, equals, value = word.removeprefix("--").partition("=")
            following = words[index + 1] if index + 1 < len(words) else ""
            yield name, value if equals else "true" if following.startswith("--") or not following else following


def _config_values(config: ConfigMap | None) -> Mapping[str, object]:
    """The entries of the ConfigMap; older installations have them all as one text under `config`."""
    data = (config.data if config is not None else None) or {}
    values: dict[str, object] = {}
    for key, text in data.items():
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            continue
        if key == "config" and isinstance(value, dict):
            values |= value
        else:
            values[key] = value
    return values


def _executor_memory(executor: object) -> int | None:
    found: object = executor
    for key in ("resources", "limits", "memory"):
        found = found.get(key) if isinstance(found, Mapping) else None
    amount = quantity(str(found)) if found is not None else None
    return int(amount) if amount is not None else None


def _seconds(text: str) -> float | None:
    """A Go duration, `1m30s`; None where it is none."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _number(text: str | None, default: float) -> float:
    try:
        return float(text) if text is not None else default
    except ValueError:
        return default


DEPLOYMENT = msgspec.json.Decoder(Deployment)
CONFIG_MAP_DECODER = msgspec.json.Decoder(ConfigMap)
