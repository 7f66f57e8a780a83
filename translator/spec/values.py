"""What comes to a spec from outside the file: variables, environment, labels.

Source: workflow-spec.md §1.1, §3.4; splitting of `env_vars`: §10.7.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from translator.problems import Problem, SpecError
from translator.spec.model import WorkflowSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """The options of one submission.

    Shape: all lists are `key=value` texts as they came: `variables` (`--set`), `string_variables` (`--set-string`),
    `environment` (`--set-env`), `labels` (`--label`). `stored_labels` are those of the workflow that is submitted
    again, and take the place of the spec's.
    """

    variables: tuple[str, ...] = ()
    string_variables: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    stored_labels: Mapping[str, str] | None = None


NO_VALUES = Values()


def variables(values: Values) -> tuple[dict[str, object], list[Problem]]:
    """The template variables of `--set` (typed) and `--set-string` (text, wins), and what is wrong with them."""
    found: dict[str, object] = {}
    problems = []
    for assignments, convert in ((values.variables, typed), (values.string_variables, str)):
        for assignment in assignments:
            name, equals, text = assignment.partition("=")
            if equals:
                found[name] = convert(text)
            else:
                message = f"Data {assignment} is incorrectly formatted. Expected key=value."
                problems.append(Problem(code="bad-variable", message=message))
    return found, problems


def typed(text: str) -> int | float | str:
    """What `--set` makes of a value: an int if Python reads one, else a float, else the text; booleans stay text."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def environment(assignments: Iterable[str]) -> dict[str, str]:
    """`K=V` texts as a map, split at the first `=`; a later one wins.

    Errors: SpecError (USAGE) with every text that has no `=` or no name.
    """
    found = {}
    problems = []
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if equals and name:
            found[name] = value
        else:
            message = f"Environment variable {assignment} is incorrectly formatted. Expected KEY=VALUE."
            problems.append(Problem(code="bad-environment", message=message))
    if problems:
        raise SpecError(problems)
    return found


def with_environment(spec: WorkflowSpec, extra: Mapping[str, str]) -> WorkflowSpec:
    """The spec with `extra` in every task's environment, where it wins."""
    if not extra:
        return spec
    groups = [
        group.model_copy(update={"tasks": [task.with_environment(extra) for task in group.tasks]})
        for group in spec.groups
    ]
    tasks = [task.with_environment(extra) for task in spec.tasks]
    return spec.model_copy(update={"groups": groups, "tasks": tasks})
