"""The pool's policy laid over a pod: pod templates last, then what nothing may replace.

Source: workflow-spec.md §7.5; design principle 6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from pools.platforms import SIDECAR_NAME
from templates.merge import Json, JsonObject, merge
from templates.render import RenderError, render_object
from templates.variables import CONTAINER_VARIABLE, GROUP_VARIABLES, TASK_VARIABLES, label_variables
from translator.argo.faults import refusal
from translator.argo.labels import group_labels, task_labels, workflow_labels
from translator.argo.needs import SidecarKind
from translator.argo.pod import MAIN, PodShape, system_metadata
from translator.argo.quantities import EMISSARY_BYTES, tidy_resources
from translator.plan.model import GroupPlan, Plan, PlatformPlan, TaskPlan
from translator.plan.variables import pod_variables, task_variables

# What is the same for all tasks of a run need not be told apart by the shape of a pod.
_RUN_VARIABLES = ("WF_ID", "WF_UUID", "WF_SUBMITTED_BY", "WF_POOL", "WF_PRIORITY")
_SHAPE_VARIABLES = ("WF_PLATFORM", "WF_RETRY_ID")
_TASK_DEPENDENT = frozenset((*GROUP_VARIABLES, *TASK_VARIABLES)) - frozenset((*_RUN_VARIABLES, *_SHAPE_VARIABLES))
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PodPolicy:
    """What a platform lays over pods; equal policies make equal pods of equal ones, whatever run they are of.

    Shape: `platform` is a PlatformPlan as JSON; `run_labels` are those labels of the run, and `task_variables` those
    variables that differ from task to task, that stand anywhere in its template.
    """

    platform: bytes
    run_labels: tuple[tuple[str, str], ...]
    task_variables: tuple[str, ...]

    def variables_of(self, group: GroupPlan, task: TaskPlan) -> tuple[tuple[str, str], ...]:
        """The values of those variables that the template names and that differ from task to task."""
        if not self.task_variables:
            return ()
        labels = {**group_labels(group), **task_labels(task)}
        values = {f"WF_{key.removeprefix('osmo.').upper()}": value for key, value in labels.items()}
        return tuple((name, values.get(name, "")) for name in self.task_variables)

    def applied(self, pod: Mapping[str, Json], shape: PodShape) -> JsonObject:
        """`pod` with its platform's template over it, amounts in one form, and our own labels as they were.

        Errors: TranslationError for a template that cannot be rendered, or an amount that is none.
        """
        merged = merge(pod, _without_nulls(self._rendered(shape)))
        _restore_metadata(merged, shape)
        return _tidied(merged, shape)

    def _rendered(self, shape: PodShape) -> JsonObject:
        platform = msgspec.json.decode(self.platform, type=PlatformPlan)
        if not platform.pod_template:
            return {}
        variables = {
            **pod_variables(task_variables(shape.resources, platform), dict(self.run_labels), MAIN),
            "WF_PLATFORM": shape.platform,
            "WF_RETRY_ID": "0",
            **dict(shape.variables),
            CONTAINER_VARIABLE: MAIN,
        }
        try:
            rendered = render_object(platform.pod_template, variables)
        except RenderError as error:
            raise refusal(
                "bad-pod-template",
                f"Pod template of platform {shape.platform}: {error} Ask the administrator of the pool to correct it.",
            ) from error
        return rendered if shape.sidecar is not SidecarKind.NONE else _without_sidecar(rendered)


def pod_policies(plan: Plan) -> dict[str, PodPolicy]:
    """The policies of a Plan's platforms, by name of the platform."""
    labels = workflow_labels(plan)
    return {name: _policy(platform, labels) for name, platform in plan.platforms.items()}


def _policy(platform: PlatformPlan, labels: Mapping[str, str]) -> PodPolicy:
    named = set(_NAME.findall(msgspec.json.encode(platform.pod_template).decode()))
    return PodPolicy(
        platform=msgspec.json.encode(platform),
        run_labels=tuple(
            (key, value) for key, value in labels.items() if not named.isdisjoint(label_variables({key: value}))
        ),
        task_variables=tuple(sorted(named & _TASK_DEPENDENT)),
    )


NO_POLICY = _policy(PlatformPlan(name=""), {})
"""That of a platform which a Plan does not know."""


def _without_sidecar(template: JsonObject) -> JsonObject:
    """What a template says of the sidecar is left out where the pod has none: it is no container of its own."""
    spec = template.get("spec")
    containers = spec.get("containers") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(containers, list):
        return template
    kept = [entry for entry in containers if not (isinstance(entry, dict) and entry.get("name") == SIDECAR_NAME)]
    return {**template, "spec": {**spec, "containers": kept}}


def _without_nulls(template: JsonObject) -> JsonObject:
    """A null is a field that is not set; in the patch that a pod becomes it would delete."""
    return {key: _kept(value) for key, value in template.items() if value is not None}


def _kept(value: Json) -> Json:
    if isinstance(value, dict):
        return _without_nulls(value)
    if isinstance(value, list):
        return [_kept(item) for item in value if item is not None]
    return value


def _restore_metadata(pod: JsonObject, shape: PodShape) -> None:
    metadata = pod["metadata"]
    if not isinstance(metadata, dict):
        raise refusal("pod-path-refused", "Expected a map at metadata. Correct the pod template.", "metadata")
    for part, own in system_metadata(shape).items():
        given = metadata.get(part, {})
        if not isinstance(given, dict) or not isinstance(own, dict):
            raise refusal("pod-path-refused", f"Expected a map at metadata.{part}.", f"metadata.{part}")
        metadata[part] = {**given, **own}


def _tidied(pod: JsonObject, shape: PodShape) -> JsonObject:
    spec = pod.get("spec")
    if not isinstance(spec, dict):
        raise refusal("pod-path-refused", "Expected a map at spec. Correct the pod template.", "spec")
    _fill_exclusions(spec.get("affinity"))
    if spec.get("hostNetwork") is True:
        # With the default policy a pod on the node's network would not find names of the cluster.
        spec.setdefault("dnsPolicy", "ClusterFirstWithHostNet")
    for part in ("containers", "initContainers"):
        containers = spec.get(part, [])
        for container in containers if isinstance(containers, list) else ():
            if isinstance(container, dict) and isinstance(resources := container.get("resources"), dict):
                name = container.get("name")
                extra = EMISSARY_BYTES if name in _under_emissary(shape) else 0
                path = f"spec.{part}[{name}].resources"
                container["resources"] = tidy_resources(resources, path=path, extra_memory_bytes=extra)
    return pod


def _under_emissary(shape: PodShape) -> tuple[str, ...]:
    """Containers in which Argo's emissary is the first process; a native sidecar has none."""
    return (MAIN, SIDECAR_NAME) if shape.sidecar is SidecarKind.DATA else (MAIN,)


def _fill_exclusions(tree: Json) -> None:
    """An exclusion of nothing, such as a list of excluded nodes that is empty, in a form that Kubernetes takes.

    It refuses `NotIn` without values; no label has the value "" on a node that matters.
    """
    if isinstance(tree, dict):
        if tree.get("operator") == "NotIn" and tree.get("values") == []:
            tree["values"] = [""]
        for item in tree.values():
            _fill_exclusions(item)
    elif isinstance(tree, list):
        for item in tree:
            _fill_exclusions(item)
