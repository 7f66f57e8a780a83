"""Rules about groups, names, labels and sizes. One rule, one function.

Source: workflow-spec.md §1.2 steps 7 to 11, §2.7, §2.8, §4.1.
"""

from __future__ import annotations

from collections.abc import Iterator

from translator.plan.case import Case
from translator.plan.findings import Finding
from translator.plan.label_rules import label_rules
from translator.plan.outline import MisplacedInput, MissingInput
from translator.plan.requests import asked_platform
from translator.problems import SpecError
from translator.spec.labels import label_policy_problems, prefixed_labels
from translator.spec.model import DEFAULT_RESOURCE
from translator.spec.names import name_length_message, repeated_name_message, repeated_names
from translator.spec.places import field_path


def inputs_name_earlier_groups(case: Case) -> Iterator[Finding]:
    """An input's task exists, in a group that comes before (step 7)."""
    for fault in case.outline.faulty_inputs:
        match fault:
            case MissingInput():
                yield Finding(code="unknown-task", message=f"Task input {fault.task} does not exist.", path=fault.path)
            case MisplacedInput():
                message = f'Group "{fault.group}" requires input group "{fault.needs}" exists before itself.'
                yield Finding(code="group-order", message=message, path=fault.path)


def resources_have_platforms(case: Case) -> Iterator[Finding]:
    """Every resource entry, used or not, gets a platform (step 8)."""
    for name, resource in case.spec.resources.items():
        if asked_platform(resource, case.pool) is None:
            message = f"Resource {name} does not have a platform!"
            yield Finding(code="no-platform", message=message, path=field_path(("workflow", "resources", name)))


def topology_keys_are_known(case: Case) -> Iterator[Finding]:
    """A topology key is one of the pool's (step 8)."""
    known = [entry.key for entry in case.pool.topology_keys]
    for name, resource in case.spec.resources.items():
        for index, entry in enumerate(resource.topology):
            if entry.key not in known:
                yield Finding(
                    code="unknown-topology-key",
                    message=f'Topology key "{entry.key}" in resource "{name}" is not available in pool '
                    f'"{case.context.pool}". Available keys: {", ".join(known) or "none"}.',
                    path=field_path(("workflow", "resources", name, "topology", index, "key")),
                )


def resources_are_defined(case: Case) -> Iterator[Finding]:
    """A task's resource entry exists (step 8)."""
    for task in case.tasks:
        name = task.spec.resource
        if name in case.spec.resources:
            continue
        is_written = "resource" in task.spec.model_fields_set
        if name == DEFAULT_RESOURCE and not is_written:
            message = (
                f"Task {task.spec.name} has no specified resource. Specify a default resource in the resources section."
            )
            yield Finding(code="no-resource", message=message, path=task.path)
        else:
            message = f"Requesting undefined resource {name}."
            yield Finding(code="unknown-resource", message=message, path=f"{task.path}.resource")


def names_are_distinct(case: Case) -> Iterator[Finding]:
    """Names of groups and tasks differ, implicit groups included (step 8)."""
    names = [name for group in case.outline.groups for name in (group.name, *(task.spec.name for task in group.tasks))]
    repeated = repeated_names(names)
    if repeated:
        yield Finding(code="repeated-name", message=repeated_name_message(repeated), path="workflow")


def tasks_are_few_enough(case: Case) -> Iterator[Finding]:
    """The workflow has no more tasks than allowed (step 9)."""
    limit = case.context.config.workflow.max_num_tasks
    if len(case.tasks) > limit:
        message = f"Workflow cannot have more than {limit} tasks."
        yield Finding(code="too-many-tasks", message=message, path="workflow")


def prefixed_labels_are_legal(case: Case) -> Iterator[Finding]:
    """The configured prefix makes no label key illegal (step 10)."""
    try:
        prefixed_labels(case.spec.labels, case.context.config.workflow.labels_config.pod_label_prefix)
    except SpecError as error:
        for problem in error.problems:
            yield Finding(code=problem.code, message=problem.message, path=problem.path)


def labels_follow_policy(case: Case) -> Iterator[Finding]:
    """Labels are as the administrator wants them (step 10); rules that only warn give warnings."""
    rules = label_rules(case.context.config.workflow.labels_config)
    for problem in label_policy_problems(case.spec.labels, rules):
        yield Finding(code=problem.code, message=problem.message, path=problem.path, severity=problem.severity)


def names_are_short_enough(case: Case) -> Iterator[Finding]:
    """Names of the workflow, of groups (implicit ones too) and of tasks keep to the limit (step 11)."""
    limit = case.context.config.workflow.workflow_info.max_name_length
    named = [(case.spec.name, "workflow")]
    for group in case.outline.groups:
        named.append((group.name, group.path))
        named += [(task.spec.name, task.path) for task in group.tasks]
    for name, path in named:
        if (message := name_length_message(name, limit)) is not None:
            yield Finding(code="name-length", message=message, path=f"{path}.name")
