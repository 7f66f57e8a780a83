"""From a task of the Plan to the blueprint of its pod, worked out once for all tasks that look alike."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import lru_cache

from translator.argo.allowed import is_reserved_path
from translator.argo.blueprint import Blueprint, blueprint
from translator.argo.faults import refusal
from translator.argo.needs import SidecarKind
from translator.argo.payload import OUTPUT_DIRECTORY
from translator.argo.pod import FileMount, PodShape, base_pod
from translator.argo.policy import NO_POLICY, PodPolicy, pod_policies
from translator.argo.retries import Retries, retries
from translator.argo.schedulers.adapter import Scheduler
from translator.argo.secret_book import TaskPlaces
from translator.argo.slots import holds_marks
from translator.argo.target import ArgoTarget
from translator.argo.verifier import verify_pod
from translator.plan.model import ExitRule, GroupPlan, Mount, Plan, TaskPlan


class Shapes:
    """Finds shapes and blueprints of one Plan's tasks. Errors of all methods: TranslationError."""

    def __init__(self, plan: Plan, target: ArgoTarget, scheduler: Scheduler) -> None:
        self._target = target
        self._scheduler = scheduler
        self._policies = pod_policies(plan)
        self._shapes: dict[Hashable, PodShape] = {}
        self._with_files: dict[Hashable, PodShape] = {}
        self._blueprints: dict[int, Blueprint] = {}
        self._retries: dict[tuple[int, tuple[ExitRule, ...], tuple[ExitRule, ...]], Retries | None] = {}

    def shape(self, group: GroupPlan, task: TaskPlan, sidecar: SidecarKind) -> PodShape:
        """The shape of a task's pod, without its files."""
        settings = self._scheduler.pod_settings(group, task)
        variables = self._policies.get(task.platform, NO_POLICY).variables_of(group, task)
        made_of = (task.platform, task.resources, sidecar, self._retries_of(task), len(group.tasks) > 1)
        key = (*made_of, task.privileged, task.host_network, task.mounts, settings.text, variables)
        found = self._shapes.get(key)
        if found is None:
            for mount in task.mounts:
                _check_mount(mount, task)
            platform, resources, _, retried, several = made_of
            found = self._shapes[key] = PodShape(
                platform=platform,
                resources=resources,
                sidecar=sidecar,
                retries=retried,
                several=several,
                privileged=task.privileged,
                host_network=task.host_network,
                mounts=task.mounts,
                files=(),
                settings=settings,
                variables=variables,
            )
        return found

    def with_files(
        self, shape: PodShape, task: TaskPlan, places: TaskPlaces, credential_paths: tuple[str, ...]
    ) -> PodShape:
        """`shape` with the task's files, then those of its credentials, mounted where they belong."""
        paths = (*[file.path for file in task.files], *credential_paths)
        if not paths:
            return shape
        key = (id(shape), paths, places.files)
        found = self._with_files.get(key)
        if found is None:
            files = tuple(
                FileMount(path=_mount_path(path, task), number=number, place=place)
                for number, (path, place) in enumerate(zip(paths, places.files, strict=True))
            )
            found = self._with_files[key] = replace(shape, files=files)
        return found

    def blueprint(self, shape: PodShape) -> Blueprint:
        """The pod of `shape`, one of this object's, with the pool's policy laid over it."""
        # Shapes are handed out once each and kept, so that the object itself may stand for its value.
        found = self._blueprints.get(id(shape))
        if found is None:
            policy = self._policies.get(shape.platform, NO_POLICY)
            found = self._blueprints[id(shape)] = _blueprint(shape, self._target, policy)
        return found

    def _retries_of(self, task: TaskPlan) -> Retries | None:
        key = (task.max_retries, task.exit_rules, task.default_exit_rules)
        if key not in self._retries:
            self._retries[key] = retries(task)
        return self._retries[key]


@lru_cache(maxsize=512)
def _blueprint(shape: PodShape, target: ArgoTarget, policy: PodPolicy) -> Blueprint:
    """A pod made, laid under policy, verified, taken apart. Most runs have pods like those of others before them."""
    base = base_pod(shape, target)
    final = policy.applied(base, shape)
    verify_pod(final, base, target.extra_pod_paths)
    return blueprint(final, base, shape)


def _mount_path(path: str, task: TaskPlan) -> str:
    place = path if path.startswith("/") else f"/{path}"
    in_output = place.startswith(f"{OUTPUT_DIRECTORY}/") and ".." not in place.split("/")
    if ":" in place or holds_marks(place) or "\0" in place or (is_reserved_path(place) and not in_output):
        raise refusal(
            "bad-file-path",
            f'Expected a path without ":", and none of the runtime\'s, for file "{path}" of task {task.name}, or it '
            "cannot be mounted. Rename it.",
        )
    return place


def _check_mount(mount: Mount, task: TaskPlan) -> None:
    paths = (mount.source, mount.destination)
    is_odd = ":" in mount.destination or any(holds_marks(path) or "\0" in path for path in paths)
    if is_odd or is_reserved_path(mount.destination):
        raise refusal(
            "bad-mount",
            f'Expected plain paths, and none of the runtime\'s, in mount "{mount.source}:{mount.destination}" of task '
            f"{task.name}. Correct volumeMounts.",
        )
