"""The tasks of one Workflow put into place: what they are told into Secrets, their pods into blueprints.

Shape of keys in Secrets: `t<number>.run`, `t<number>.ctrl`, `t<number>.<number of the file>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from translator.argo.faults import refusal
from translator.argo.labels import label_value
from translator.argo.needs import Needs, needs
from translator.argo.pod import PodShape
from translator.argo.run_names import RunNames
from translator.argo.run_secrets import SecretReader
from translator.argo.secret_book import SecretBook
from translator.argo.shapes import Shapes
from translator.argo.slots import Slot, holds_marks
from translator.argo.target import ArgoTarget
from translator.argo.task_payloads import task_documents
from translator.argo.template_book import Placed
from translator.plan.model import GroupPlan, Plan, TaskPlan


class TaskDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A task before it is known which Workflow it goes into. Shape: `number` counts the tasks of the run."""

    number: int
    group_number: int
    member: int
    group: GroupPlan
    task: TaskPlan
    needed: Needs
    shape: PodShape


def task_drafts(plan: Plan, shapes: Shapes) -> tuple[tuple[TaskDraft, ...], ...]:
    """The drafts of all tasks, by group. Errors: TranslationError."""
    number = 0
    drafts: list[tuple[TaskDraft, ...]] = []
    for group_number, group in enumerate(plan.groups):
        of_group = []
        for member, task in enumerate(group.tasks):
            _check_image(task)
            needed = needs(task, group)
            of_group.append(
                TaskDraft(
                    number=number,
                    group_number=group_number,
                    member=member,
                    group=group,
                    task=task,
                    needed=needed,
                    shape=shapes.shape(group, task, needed.sidecar),
                )
            )
            number += 1
        drafts.append(tuple(of_group))
    return tuple(drafts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placer:
    """Puts tasks into one Workflow after the other."""

    plan: Plan
    target: ArgoTarget
    secrets: SecretReader
    shapes: Shapes
    names: RunNames

    def placed(self, drafts: Sequence[TaskDraft], workflow: str, book: SecretBook) -> list[Placed]:
        """The tasks of Workflow `workflow` in order; fills `book`. Errors: TranslationError."""
        book.share_files([draft.task for draft in drafts])
        return [self._placed(draft, workflow, book) for draft in drafts]

    def _placed(self, draft: TaskDraft, workflow: str, book: SecretBook) -> Placed:
        task, group, needed = draft.task, draft.group, draft.needed
        documents = task_documents(self.plan, group, task, needed, self.target, self.secrets)
        credential_files = self._credential_files(task)
        key = f"t{draft.number}"
        places = book.put(task, key, documents, credential_files.values())
        shape = self.shapes.with_files(draft.shape, task, places, tuple(credential_files))
        values = {
            Slot.WORKFLOW: workflow,
            Slot.SECRET: str(places.number),
            Slot.KEY: key,
            Slot.IMAGE: task.image,
            Slot.GROUP: label_value(group.name),
            Slot.GROUP_UUID: group.uuid,
            Slot.TASK: label_value(task.name),
            Slot.TASK_UUID: task.uuid,
            Slot.LEAD: "true" if task.lead else "false",
        }
        name = self.names.tasks[draft.group_number][draft.member]
        return Placed(name=name, blueprint=self.shapes.blueprint(shape), values=values)

    def _credential_files(self, task: TaskPlan) -> dict[str, bytes]:
        """Path to content of the files that the task's credentials become."""
        return {
            f"{entry.directory.rstrip('/')}/{key}": value.encode()
            for entry in task.credential_files
            for key, value in self.secrets.credential_values(entry.credential).items()
        }


def _check_image(task: TaskPlan) -> None:
    if not task.image or "{{" in task.image or holds_marks(task.image):
        raise refusal("bad-image", f'Expected an image reference for task {task.name}, got "{task.image}".')
