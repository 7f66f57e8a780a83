"""A configuration directory, given as its files' contents, read into one `Config`.

Every file holds top-level sections; a section of named objects may be spread over files, `service` and `workflow` may
not. Reading the directory, watching it and keeping the last good configuration is the gateway's part.
Source: design §10, api.md §8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from pools.backend import Backend, BackendTest
from pools.inventory import NodeDocument
from pools.marked_yaml import Path
from pools.model import Config, ConfigError, ConfigProblem, ConfigSeverity
from pools.nodes import Node
from pools.pool import Platform, Pool, ResourceAssertion
from pools.reading import Entry, Reading, problem_at, read
from pools.references import Place, reference_findings
from pools.roles import Role
from pools.service import ServiceConfig
from pools.shipped import SHIPPED_POD_TEMPLATES, SHIPPED_ROLES, SHIPPED_VALIDATIONS, SHIPPED_WORKFLOW_LIMITS
from pools.workflow import WorkflowConfig

# What replies of the config API hold and writes ignore: a file that was copied from one is not worth a warning.
_COMPUTED_KEYS = frozenset(
    (
        "status",
        "last_heartbeat",
        "created_date",
        "online",
        "version",
        "k8s_namespace",
        "default_mounts",
        "tolerations",
        "labels",
        "parsed_pod_template",
        "parsed_resource_validations",
        "parsed_group_templates",
    )
)

_Model = TypeVar("_Model", bound=BaseModel)
_Value = TypeVar("_Value")
_TEMPLATE: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])
_RULES: TypeAdapter[tuple[ResourceAssertion, ...]] = TypeAdapter(tuple[ResourceAssertion, ...])
_BACKEND = TypeAdapter(Backend)
_POOL = TypeAdapter(Pool)
_TEST = TypeAdapter(BackendTest)
_ROLE = TypeAdapter(Role)
_NODE = TypeAdapter(NodeDocument)


def parse_config(files: Mapping[str, bytes], *, base: Config | None = None) -> Config:
    """The configuration that the files hold.

    Shape: `files` maps a file's name to its contents; they are read in the order of their names. `base` (usually the
    shipped configuration) supplies backends and nodes where the files have no backends, and pools where they have
    neither. The shipped pod templates, rules and roles are there unless a file defines one of the same name.
    `Config.warnings` holds what was accepted with a remark.
    Errors: ConfigError with every problem in every file.
    """
    reading = read(files)
    config = _config(reading, base)
    if config is not None:
        reading.problems += [reading.placed(finding) for finding in reference_findings(config)]
        reading.problems += _changed_immutable_roles(reading, config)
    problems = tuple(sorted(reading.problems, key=lambda problem: problem.severity is ConfigSeverity.WARNING))
    if config is None or any(problem.severity is ConfigSeverity.ERROR for problem in problems):
        raise ConfigError(problems)
    return replace(config, warnings=problems)


def _config(reading: Reading, base: Config | None) -> Config | None:
    """None where some object could not be read."""
    service = _single("service", ServiceConfig, {}, reading)
    workflow = _single("workflow", WorkflowConfig, SHIPPED_WORKFLOW_LIMITS, reading)
    backends = _objects("backends", _BACKEND, reading)
    pools = _objects("pools", _POOL, reading)
    pod_templates = _objects("pod_templates", _TEMPLATE, reading)
    group_templates = _objects("group_templates", _TEMPLATE, reading)
    validations = _objects("resource_validations", _RULES, reading)
    tests = _objects("backend_tests", _TEST, reading)
    roles = _objects("roles", _ROLE, reading)
    nodes: tuple[Node, ...] | None = None
    if base is not None and not reading.named["backends"]:
        backends, nodes = dict(base.backends), base.nodes
        pools = pools if reading.named["pools"] else dict(base.pools)
    if reading.named["nodes"]:
        nodes = _nodes(_objects("nodes", _NODE, reading), backends, reading)
    reading.problems += _ignored_keys(reading)
    if any(problem.severity is ConfigSeverity.ERROR for problem in reading.problems):
        return None
    return Config(
        service=service,
        workflow=workflow,
        backends=backends,
        pools=pools,
        pod_templates={**SHIPPED_POD_TEMPLATES, **pod_templates},
        group_templates=group_templates,
        resource_validations={**SHIPPED_VALIDATIONS, **validations},
        backend_tests=tests,
        roles={**SHIPPED_ROLES, **roles},
        nodes=nodes,
    )


def _single(section: str, model: type[_Model], defaults: Mapping[str, object], reading: Reading) -> _Model:
    entry = reading.single.get(section)
    if entry is not None and isinstance(entry.value, Mapping):
        given = {key: value for key, value in entry.value.items() if value is not None}
        try:
            return model.model_validate({**defaults, **given})
        except ValidationError as error:
            _note(error, entry, (section,), reading)
    return model.model_validate(defaults)


def _objects(section: str, adapter: TypeAdapter[_Value], reading: Reading) -> dict[str, _Value]:
    found: dict[str, _Value] = {}
    for name, entry in reading.named[section].items():
        try:
            found[name] = adapter.validate_python(entry.value)
        except ValidationError as error:
            _note(error, entry, (section, name), reading)
    return found


def _note(error: ValidationError, entry: Entry, shown: Place, reading: Reading) -> None:
    for found in error.errors(include_url=False, include_input=False):
        below = tuple(found["loc"])
        reading.refuse(entry, (*entry.path, *below), _said(found["msg"]), shown=(*shown, *below))


def _said(message: str) -> str:
    if message.startswith("Extra inputs are not permitted"):
        return "Unknown key. Remove it, or correct its spelling."
    if "valid JSON value" in message:
        return "Expected a text, number, boolean, list or mapping. Put a date in quotes."
    return message.removeprefix("Value error, ")


def _nodes(
    documents: Mapping[str, NodeDocument], backends: Mapping[str, Backend], reading: Reading
) -> tuple[Node, ...]:
    only = next(iter(backends)) if len(backends) == 1 else ""
    for name, document in documents.items():
        if not document.backend and len(backends) > 1:
            entry = reading.named["nodes"][name]
            message = f'Node "{name}" needs `backend`, since there are several: {", ".join(backends)}.'
            reading.refuse(entry, entry.path, message, shown=("nodes", name))
    return tuple(document.node(only) for document in documents.values())


def _ignored_keys(reading: Reading) -> Iterator[ConfigProblem]:
    for section, model in (("backends", Backend), ("pools", Pool)):
        for name, entry in reading.named[section].items():
            yield from _ignored_in(entry, entry.value, model, (section, name), ())
    for name, entry in reading.named["pools"].items():
        platforms = entry.value.get("platforms") if isinstance(entry.value, Mapping) else None
        for platform, value in platforms.items() if isinstance(platforms, Mapping) else ():
            yield from _ignored_in(entry, value, Platform, ("pools", name), ("platforms", str(platform)))


def _ignored_in(
    entry: Entry, value: object, model: type[BaseModel], shown: Place, below: Path
) -> Iterator[ConfigProblem]:
    for key in value if isinstance(value, Mapping) else ():
        if key not in model.model_fields and key not in _COMPUTED_KEYS:
            yield problem_at(
                entry,
                (*entry.path, *below, str(key)),
                f'Unknown key "{key}" is ignored. Remove it, or correct its spelling.',
                severity=ConfigSeverity.WARNING,
                shown=(*shown, *below, str(key)),
            )


def _changed_immutable_roles(reading: Reading, config: Config) -> list[ConfigProblem]:
    return [
        problem_at(
            entry,
            entry.path,
            f'Role "{name}" is immutable. Keep its policies as they are, or give yours another name.',
            shown=("roles", name),
        )
        for name, entry in reading.named["roles"].items()
        if name in SHIPPED_ROLES
        and SHIPPED_ROLES[name].immutable
        and config.roles[name].policies != SHIPPED_ROLES[name].policies
    ]
