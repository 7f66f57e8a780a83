"""What a cluster would make of a translation: pods with everything filled in, and the order in which groups may run.

Written without the code that is tested: Argo's and Kubernetes' own rules, as far as a translation relies on them.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from translator.argo.gates import gates_of
from translator.argo.labels import GROUP_UUID, TASK_NAME, TASK_UUID
from translator.argo.objects import DependentObject
from translator.argo.part_builder import RunPart
from translator.argo.translation import Translation
from translator.plan.model import GroupName, Plan

MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "resourceClaims": "name",
}
"""Lists that Kubernetes merges by a key in a strategic merge patch of a pod's spec."""


@dataclass(frozen=True)
class RunPod:
    """A pod as Kubernetes would get it, Argo's own containers left out."""

    workflow: str
    path: tuple[str, ...]
    labels: dict[str, str]
    annotations: dict[str, str]
    spec: dict[str, Any]
    template: dict[str, Any]

    @property
    def task(self) -> str:
        return self.labels[TASK_NAME]

    def container(self, name: str = "main") -> dict[str, Any]:
        found = [entry for part in ("containers", "initContainers") for entry in self.spec.get(part, [])]
        return next(entry for entry in found if entry["name"] == name)

    def names(self, part: str = "containers") -> list[str]:
        return [entry["name"] for entry in self.spec.get(part, [])]

    def volume(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(entry for entry in self.spec["volumes"] if entry["name"] == name)
        return found

    def mount(self, path: str, container: str = "main") -> dict[str, Any]:
        mounts = self.container(container)["volumeMounts"]
        found: dict[str, Any] = next(entry for entry in mounts if entry["mountPath"] == path)
        return found


def manifests(translation: Translation) -> list[dict[str, Any]]:
    """All objects, as they are created."""
    return [made.owned() if isinstance(made, DependentObject) else made.manifest for made in translation.objects()]


def workflow_of(part: RunPart) -> dict[str, Any]:
    """The Workflow of a part, read back."""
    manifest: dict[str, Any] = json.loads(part.workflow.body)
    return manifest


def workflows(translation: Translation) -> list[dict[str, Any]]:
    """The Workflows, read back."""
    return [workflow_of(part) for part in translation.parts]


def of_kind(translation: Translation, kind: str) -> list[dict[str, Any]]:
    """The objects of one kind."""
    return [made for made in manifests(translation) if made["kind"] == kind]


def secret_data(translation: Translation) -> dict[str, dict[str, bytes]]:
    """Every Secret's entries."""
    return {
        made["metadata"]["name"]: {key: base64.b64decode(value) for key, value in made["data"].items()}
        for made in of_kind(translation, "Secret")
    }


def pods(translation: Translation) -> dict[str, RunPod]:
    """The pods by the task's label."""
    found = [pod for part in translation.parts for pod in part_pods(part)]
    assert len({pod.labels[TASK_UUID] for pod in found}) == len(found)
    return {pod.task: pod for pod in found}


def part_pods(part: RunPart) -> Iterator[RunPod]:
    """The pods of one Workflow."""
    workflow = workflow_of(part)
    templates = {template["name"]: template for template in workflow["spec"]["templates"]}
    for path, call in _calls(templates, workflow["spec"]["entrypoint"], ()):
        yield _pod(workflow, templates[call["template"]], call, path)


def mounted(translation: Translation, pod: RunPod, path: str, container: str = "main") -> bytes:
    """What a container finds in the file at `path`."""
    for mount in pod.container(container)["volumeMounts"]:
        if path == mount["mountPath"] or path.startswith(mount["mountPath"] + "/"):
            inner = mount.get("subPath", path.removeprefix(mount["mountPath"]).strip("/"))
            content = _volume_files(translation, pod.volume(mount["name"])).get(inner)
            if content is not None:
                return content
    raise AssertionError(f"{path} is not mounted in {container} of {pod.task}")


def told(translation: Translation, task: str) -> dict[str, Any]:
    """`run.json` of a task."""
    document: dict[str, Any] = json.loads(mounted(translation, pods(translation)[task], "/osmo-run/run.json"))
    return document


def told_sidecar(translation: Translation, task: str) -> dict[str, Any]:
    """`ctrl.json` of a task."""
    pod = pods(translation)[task]
    document: dict[str, Any] = json.loads(mounted(translation, pod, "/osmo-ctrl/ctrl.json", "osmo-ctrl"))
    return document


def order_of_groups(translation: Translation, plan: Plan) -> dict[GroupName, set[GroupName]]:
    """For each group all groups that must have succeeded before it may start, whatever enforces that."""
    by_uuid = {group.uuid: group.name for group in plan.groups}
    before: dict[GroupName, set[GroupName]] = {}
    for part in translation.parts:
        workflow = workflow_of(part)
        templates = {template["name"]: template for template in workflow["spec"]["templates"]}
        gates = {gate.name: set(gate.waits_for) for gate in gates_of(workflow["metadata"]["annotations"], plan)}
        reader = _OrderReader(templates, gates, by_uuid, before)
        reader.read(workflow["spec"]["entrypoint"], frozenset())
    return _closed(before)


def order_of_plan(plan: Plan) -> dict[GroupName, set[GroupName]]:
    """The same, as the Plan says it."""
    return _closed({group.name: set(group.upstream) for group in plan.groups})


def merged(original: Any, patch: Any) -> Any:
    """A strategic merge patch of a pod's spec, as Kubernetes applies it."""
    if isinstance(original, dict) and isinstance(patch, dict):
        result = dict(original)
        for key, value in patch.items():
            if value is None:
                result.pop(key, None)
            elif key in MERGE_KEYS and isinstance(value, list):
                result[key] = _merged_list(result.get(key, []), value, MERGE_KEYS[key])
            else:
                result[key] = merged(result.get(key), value) if isinstance(value, dict) else value
        return result
    if isinstance(patch, dict):
        return merged({}, patch)
    return patch


def _merged_list(original: list[Any], patch: list[Any], key: str) -> list[Any]:
    result = list(original)
    for entry in patch:
        places = [number for number, known in enumerate(result) if known.get(key) == entry.get(key)]
        if places:
            result[places[0]] = merged(result[places[0]], entry)
        else:
            result.append(merged({}, entry))
    return result


def _calls(
    templates: Mapping[str, Any], name: str, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for call in templates[name]["dag"]["tasks"]:
        template = templates[call["template"]]
        place = (*path, call["name"])
        if "dag" in template:
            yield from _calls(templates, call["template"], place)
        elif "container" in template:
            yield place, call


def _pod(workflow: dict[str, Any], template: dict[str, Any], call: dict[str, Any], path: tuple[str, ...]) -> RunPod:
    arguments = call.get("arguments", {}).get("parameters", [])
    assert [entry["name"] for entry in arguments] == [
        entry["name"] for entry in template.get("inputs", {}).get("parameters", [])
    ]
    values = {f"inputs.parameters.{entry['name']}": entry["value"] for entry in arguments}
    values |= {"workflow.name": workflow["metadata"]["name"], "retries": "0"}
    # Argo replaces tags in the JSON text of the template, each value escaped for a JSON string.
    filled = json.loads(_substituted(json.dumps(template), values))
    spec: dict[str, Any] = {
        "containers": [{"name": "main", **filled["container"]}, *filled.get("sidecars", [])],
        "initContainers": filled.get("initContainers", []),
        "volumes": filled.get("volumes", []),
    }
    patch = filled.get("podSpecPatch")
    if patch:
        spec = merged(spec, json.loads(_substituted(patch, values)))
    metadata = filled.get("metadata", {})
    return RunPod(
        workflow=workflow["metadata"]["name"],
        path=path,
        labels={**workflow["spec"]["podMetadata"]["labels"], **metadata.get("labels", {})},
        annotations=metadata.get("annotations", {}),
        spec=spec,
        template=template,
    )


def _substituted(text: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1].strip()
        assert name in values, f"Argo cannot resolve {match[0]}"
        return json.dumps(values[name])[1:-1]

    return re.sub(r"\{\{(.*?)\}\}", value, text)


def _volume_files(translation: Translation, volume: dict[str, Any]) -> dict[str, bytes]:
    secrets = secret_data(translation)
    if "secret" in volume:
        content = secrets[volume["secret"]["secretName"]]
        items = volume["secret"].get("items")
        return {item["path"]: content[item["key"]] for item in items} if items else dict(content)
    files: dict[str, bytes] = {}
    for source in volume.get("projected", {}).get("sources", []):
        content = secrets[source["secret"]["name"]]
        files |= {item["path"]: content[item["key"]] for item in source["secret"]["items"]}
    return files


class _OrderReader:
    def __init__(
        self,
        templates: Mapping[str, Any],
        gates: Mapping[str, set[GroupName]],
        by_uuid: Mapping[str, GroupName],
        before: dict[GroupName, set[GroupName]],
    ) -> None:
        self.templates = templates
        self.gates = gates
        self.by_uuid = by_uuid
        self.before = before

    def read(self, name: str, outer: frozenset[GroupName]) -> set[GroupName]:
        """Everything in a DAG; what all its tasks stand for, once it has succeeded."""
        stands_for: dict[str, set[GroupName]] = {}
        for call in self.templates[name]["dag"]["tasks"]:
            depends = call.get("depends", "")
            names = [term.removesuffix(".Succeeded") for term in depends.split(" && ")] if depends else []
            assert all(term.endswith(".Succeeded") for term in depends.split(" && ") if depends)
            needed = outer.union(*(stands_for[above] for above in names)) if names else outer
            stands_for[call["name"]] = self.task(call, needed)
        return set().union(*stands_for.values())

    def task(self, call: dict[str, Any], needed: frozenset[GroupName]) -> set[GroupName]:
        template = self.templates[call["template"]]
        if "suspend" in template:
            return set(self.gates[call["name"]])
        if "dag" in template:
            return self.read(call["template"], needed)
        group = self.by_uuid[_label(template, call, GROUP_UUID)]
        known = self.before.setdefault(group, set(needed))
        assert known == set(needed), f"tasks of {group} wait for different things"
        return {group}


def _label(template: dict[str, Any], call: dict[str, Any], key: str) -> str:
    text: str = template["metadata"]["labels"][key]
    for entry in call.get("arguments", {}).get("parameters", []):
        text = text.replace(f"{{{{inputs.parameters.{entry['name']}}}}}", entry["value"])
    return text


def _closed(before: Mapping[GroupName, set[GroupName]]) -> dict[GroupName, set[GroupName]]:
    """Everything before each group, not only what is right before it."""
    closed: dict[GroupName, set[GroupName]] = {}
    below: dict[GroupName, list[GroupName]] = {}
    waiting = {name: len(above) for name, above in before.items()}
    for name, above in before.items():
        for other in above:
            below.setdefault(other, []).append(name)
    ready = [name for name, count in waiting.items() if not count]
    for name in ready:
        closed[name] = before[name].union(*(closed[other] for other in before[name]))
        for other in below.get(name, ()):
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    assert len(closed) == len(before), "a circle"
    return closed
