"""One Workflow after the other, each with the objects that belong to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from translator.argo.cutting import Part
from translator.argo.dag import ENTRYPOINT, GATE_TEMPLATE, Calls, dag_templates, group_dags
from translator.argo.deadlines import backstop
from translator.argo.extras import ExtraObjects
from translator.argo.gates import Gate, gate_of, gates_annotation
from translator.argo.labels import group_labels, part_labels, workflow_labels
from translator.argo.limits import check_counts, is_too_large
from translator.argo.manifest import WorkflowParts, workflow_object
from translator.argo.modules import dag_count
from translator.argo.names import NameBook, dns_label, workflow_name
from translator.argo.needs import SidecarKind
from translator.argo.objects import DependentObject, ObjectMaker, WorkflowObject
from translator.argo.placing import Placer, TaskDraft, task_drafts
from translator.argo.pod import STORAGE_ENDING
from translator.argo.room import Demand
from translator.argo.run_names import run_names
from translator.argo.run_secrets import SecretReader
from translator.argo.schedulers.adapter import Scope
from translator.argo.schedulers.choice import scheduler
from translator.argo.secret_book import SecretBook
from translator.argo.shapes import Shapes
from translator.argo.target import ArgoTarget
from translator.argo.template_book import TemplateBook, template_book
from translator.plan.model import GroupPlan, Plan

REGISTRY_ENDING = "-registry"
"""The Secret with the logins of image registries is named after its Workflow, with this at the end."""


class TooLarge(Exception):
    """A Workflow came out larger than it may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPart:
    """One Workflow of a run with what belongs to it. Shape: `dependents` in the order in which they are created."""

    workflow: WorkflowObject
    dependents: tuple[DependentObject, ...]
    gates: tuple[Gate, ...]


class PartBuilder:
    """Builds the Workflows of one Plan. Errors: TranslationError."""

    def __init__(self, plan: Plan, target: ArgoTarget, secrets: SecretReader) -> None:
        self._plan = plan
        self._target = target
        self._secrets = secrets
        self._scheduler = scheduler(Scope(plan=plan, target=target))
        self._names = run_names(plan)
        self._several = [
            name for name, group in zip(self._names.groups, plan.groups, strict=True) if len(group.tasks) > 1
        ]
        self._labels = workflow_labels(plan)
        self._deadlines = backstop(plan)
        shapes = Shapes(plan, target, self._scheduler)
        self._drafts = task_drafts(plan, shapes)
        self._placer = Placer(plan=plan, target=target, secrets=secrets, shapes=shapes, names=self._names)
        self.demands = self._demands(shapes)
        """What each group takes of a Workflow, by number."""
        drafts = [draft for of_group in self._drafts for draft in of_group]
        found = {draft.shape.retries for draft in drafts}
        self.retries = tuple(sorted((made for made in found if made), key=lambda made: (made.limit, made.expression)))
        """The kinds of retries that tasks get."""
        self.drops_output = any(draft.task.keeps_intermediate and not draft.needed.keeps_output for draft in drafts)
        """Whether some task's output directory is not kept though OSMO would look for something in it."""

    def built(self, parts: Sequence[Part]) -> Iterator[RunPart]:
        """The Workflows of `parts`, in order. Errors: TooLarge."""
        extras = ExtraObjects()
        for number, part in enumerate(parts):
            yield self._built(part, number, len(parts), extras)

    def _built(self, part: Part, number: int, count: int, extras: ExtraObjects) -> RunPart:
        name = workflow_name(self._plan.workflow_id, self._plan.workflow_uuid, number)
        drafts = [draft for group in part.groups for draft in self._drafts[group]]
        book = SecretBook(name, self._target.limits.secret_bytes)
        templates = template_book(
            self._placer.placed(drafts, name, book), self._pod_templates_left(part), self._target.limits.patch_bytes
        )
        workflow, gates = self._workflow(name, part, drafts, templates, part_labels(number, count))
        maker = ObjectMaker(workflow=name, namespace=self._target.namespace, labels=self._labels)
        groups = [self._plan.groups[group] for group in part.groups]
        return RunPart(
            workflow=workflow,
            dependents=(*self._secret_objects(maker, book, drafts), *self._group_objects(maker, groups, extras)),
            gates=gates,
        )

    def _workflow(
        self,
        name: str,
        part: Part,
        drafts: Sequence[TaskDraft],
        templates: TemplateBook,
        own_labels: Mapping[str, str],
    ) -> tuple[WorkflowObject, tuple[Gate, ...]]:
        """The Workflow and its gates. Errors: TooLarge."""
        limits = self._target.limits
        pod_names = self._pod_names(templates)
        calls = _calls(drafts, templates, pod_names)
        dags = dag_templates(self._plan, part, self._names, name, calls, limits.dag_tasks)
        check_counts(dags.templates, len(dags.templates) + len(pod_names) + bool(dags.gates), limits)
        gates = [
            (gate_name, f"{name}-{state}", gate.waits_for)
            for (gate_name, state), gate in zip(dags.gates, part.gates, strict=True)
        ]
        annotations = gates_annotation(gates)
        parts = WorkflowParts(
            name=name,
            labels=self._labels,
            own_labels=own_labels,
            annotations=annotations,
            dags=dags.templates,
            pods=templates.templates,
            pod_names=pod_names,
            has_gates=bool(part.gates),
            pull_secret=f"{name}{REGISTRY_ENDING}" if self._secrets.registry() is not None else None,
        )
        workflow = workflow_object(self._plan, self._target, parts, self._deadlines)
        if is_too_large(workflow, sum(map(len, annotations.values())), limits):
            raise TooLarge
        return workflow, tuple([gate_of(self._plan, *gate) for gate in gates])

    def _pod_templates_left(self, part: Part) -> int:
        """How many templates of pods the Workflow may have beside its DAGs and gates."""
        of_groups = sum([self.demands[group].dags for group in part.groups])
        return self._target.limits.templates - dag_count(part.dag) - of_groups - bool(part.gates)

    def _pod_names(self, templates: TemplateBook) -> list[str]:
        """Names of pod templates, which Argo puts into the names of pods; DAGs of groups keep theirs."""
        names = NameBook({ENTRYPOINT, GATE_TEMPLATE, *self._several})
        return [names.take(dns_label(template.name_hint)) for template in templates.templates]

    def _secret_objects(
        self, maker: ObjectMaker, book: SecretBook, drafts: Sequence[TaskDraft]
    ) -> Iterator[DependentObject]:
        registry = self._secrets.registry()
        for name, entries in book.secrets().items():
            yield maker.secret(name, entries)
        if any(draft.needed.sidecar is not SidecarKind.NONE for draft in drafts):
            storage = {key: text.encode() for key, text in self._secrets.storage().items()}
            yield maker.secret(f"{maker.workflow}{STORAGE_ENDING}", storage)
        if registry is not None:
            entry = {".dockerconfigjson": registry.encode()}
            yield maker.secret(f"{maker.workflow}{REGISTRY_ENDING}", entry, "kubernetes.io/dockerconfigjson")

    def _group_objects(
        self, maker: ObjectMaker, groups: Sequence[GroupPlan], extras: ExtraObjects
    ) -> Iterator[DependentObject]:
        for group in groups:
            if len(group.tasks) > 1:
                yield maker.service(group.uuid, group_labels(group))
        for group in groups:
            for manifest in self._scheduler.group_objects(group):
                yield maker.other(manifest, group_labels(group))
        for group in groups:
            yield from extras.of(group, maker)

    def _demands(self, shapes: Shapes) -> tuple[Demand, ...]:
        names = {group.name: len(name) for group, name in zip(self._plan.groups, self._names.groups, strict=True)}
        return tuple(
            Demand(
                tasks=len(drafts),
                dags=group_dags(len(drafts), self._target.limits.dag_tasks),
                spec_bytes=sum(map(_task_bytes, drafts)) + sum([names[above] + 15 for above in group.upstream]),
                frames=frozenset([shapes.blueprint(draft.shape).frame for draft in drafts]),
            )
            for group, drafts in zip(self._plan.groups, self._drafts, strict=True)
        )


def _calls(drafts: Sequence[TaskDraft], templates: TemplateBook, pod_names: Sequence[str]) -> Calls:
    return Calls(
        calls={(draft.group_number, draft.member): call for draft, call in zip(drafts, templates.calls, strict=True)},
        template_names=pod_names,
        attempts={
            (draft.group_number, draft.member): draft.shape.retries.limit + 1
            for draft in drafts
            if draft.shape.retries is not None
        },
    )


def _task_bytes(draft: TaskDraft) -> int:
    """What a task takes of a Workflow's JSON, roughly. Source: argo-verified.md §5.1."""
    return 330 + 4 * len(draft.task.name) + len(draft.group.name) + len(draft.task.image)
