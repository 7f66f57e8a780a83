"""What a configuration must satisfy beyond the shape of each object: names that exist, templates that can be used.

Used for files and for writes over the API alike. Source: api.md §2.13, §8.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from pools.documents import name_problem
from pools.model import Config, ConfigSeverity
from pools.pool import Pool
from templates.group_objects import group_template_problems
from templates.merge import Json
from templates.render import syntax_problem

Place = tuple[str | int, ...]
"""Section, name, then the fields below: ("pools", "robots", "platforms", "arm")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong between objects. Shape: the place may end above the field where that has no place of its own."""

    place: Place
    message: str
    severity: ConfigSeverity = ConfigSeverity.ERROR


def reference_findings(config: Config) -> list[Finding]:
    """Everything wrong between the objects of `config`, in the order of the sections; empty where all fit."""
    return [finding for check in _CHECKS for finding in check(config)]


def _names(config: Config) -> Iterator[Finding]:
    kinds: tuple[tuple[str, str, Iterable[str]], ...] = (
        ("backends", "backend", config.backends),
        ("pools", "pool", config.pools),
        ("pod_templates", "pod template", config.pod_templates),
        ("group_templates", "group template", config.group_templates),
        ("resource_validations", "resource validation", config.resource_validations),
        ("backend_tests", "backend test", config.backend_tests),
    )
    for section, kind, names in kinds:
        for name in names:
            if (message := name_problem(kind, name)) is not None:
                yield Finding(place=(section, name), message=message)
    for pool_name, pool in config.pools.items():
        for name in pool.platforms:
            if (message := name_problem("platform", name)) is not None:
                yield Finding(place=("pools", pool_name, "platforms", name), message=message)


def _pool_references(config: Config) -> Iterator[Finding]:
    for name, pool in config.pools.items():
        place: Place = ("pools", name)
        yield from _unknown((*place, "backend"), "backend", [pool.backend], config.backends, indexed=False)
        yield from _template_names(place, pool, config)
        if not pool.platforms:
            yield Finding(
                place=place,
                message=f'Pool "{name}" has no platforms, so nothing can be submitted to it. Add one under platforms.',
                severity=ConfigSeverity.WARNING,
            )


def _template_names(place: Place, pool: Pool, config: Config) -> Iterator[Finding]:
    yield from _unknown((*place, "common_pod_template"), "pod template", pool.common_pod_template, config.pod_templates)
    yield from _unknown(
        (*place, "common_group_templates"), "group template", pool.common_group_templates, config.group_templates
    )
    yield from _unknown(
        (*place, "common_resource_validations"),
        "resource validation",
        pool.common_resource_validations,
        config.resource_validations,
    )
    for name, platform in pool.platforms.items():
        below = (*place, "platforms", name)
        yield from _unknown(
            (*below, "override_pod_template"), "pod template", platform.override_pod_template, config.pod_templates
        )
        yield from _unknown(
            (*below, "resource_validations"),
            "resource validation",
            platform.resource_validations,
            config.resource_validations,
        )


def _backend_references(config: Config) -> Iterator[Finding]:
    for name, backend in config.backends.items():
        yield from _unknown(("backends", name, "tests"), "backend test", backend.tests, config.backend_tests)
        if backend.cluster is None and backend.engine is None:
            yield Finding(
                place=("backends", name),
                message=f'Backend "{name}" names neither a cluster nor `engine: local`; nothing can be run on it.',
                severity=ConfigSeverity.WARNING,
            )
        for pattern, statuses in backend.node_conditions.rules.items():
            place: Place = ("backends", name, "node_conditions", "rules", pattern)
            if (message := _condition_rule_problem(pattern, statuses)) is not None:
                yield Finding(place=place, message=message)


def _test_references(config: Config) -> Iterator[Finding]:
    for name, test in config.backend_tests.items():
        yield from _unknown(
            ("backend_tests", name, "common_pod_template"),
            "pod template",
            test.common_pod_template,
            config.pod_templates,
        )


def _node_references(config: Config) -> Iterator[Finding]:
    for index, node in enumerate(config.nodes or ()):
        yield from _unknown(("nodes", index, "backend"), "backend", [node.backend], config.backends, indexed=False)


def _templates(config: Config) -> Iterator[Finding]:
    for section, templates in (("pod_templates", config.pod_templates), ("group_templates", config.group_templates)):
        for name, template in templates.items():
            for place, text in _texts((section, name), template):
                if (problem := syntax_problem(text)) is not None:
                    yield Finding(place=place, message=f"Template cannot be parsed: {problem}")
    for name, template in config.group_templates.items():
        for message in group_template_problems(template):
            yield Finding(place=("group_templates", name), message=message)


def _rules(config: Config) -> Iterator[Finding]:
    for name, rules in config.resource_validations.items():
        for index, rule in enumerate(rules):
            for field in ("left_operand", "right_operand", "assert_message"):
                if (problem := syntax_problem(getattr(rule, field))) is not None:
                    yield Finding(
                        place=("resource_validations", name, index, field),
                        message=f"Template cannot be parsed: {problem}",
                    )


def _unknown(
    place: Place, kind: str, used: Iterable[str], known: Collection[str] | Mapping[str, object], *, indexed: bool = True
) -> Iterator[Finding]:
    for index, name in enumerate(used):
        if name not in known:
            listed = ", ".join(sorted(known)) or "none is defined"
            yield Finding(
                place=(*place, index) if indexed else place,
                message=f'Unknown {kind} "{name}". Define it, or use one of: {listed}.',
            )


def _condition_rule_problem(pattern: str, statuses: str) -> str | None:
    try:
        re.compile(pattern)
    except re.error as error:
        return f'"{pattern}" is not a regular expression over condition types: {error}'
    allowed = {part.strip() for part in statuses.split("|")}
    if not allowed <= {"True", "False", "Unknown"}:
        return f'"{statuses}" is not a list of statuses. Expected True, False, Unknown, joined by "|".'
    return None


def _texts(place: Place, tree: Json) -> Iterator[tuple[Place, str]]:
    if isinstance(tree, str):
        yield place, tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield (*place, key), key
            yield from _texts((*place, key), value)
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _texts((*place, index), value)


_CHECKS: tuple[Callable[[Config], Iterable[Finding]], ...] = (
    _names,
    _pool_references,
    _backend_references,
    _test_references,
    _node_references,
    _templates,
    _rules,
)
