"""Rules about special tokens: what they make of file paths, and which of them name nothing.

Source: workflow-spec.md §2.11, §3.5, §10.2, §10.3.
"""

from __future__ import annotations

from collections.abc import Iterator

from translator.plan.case import Case, sample_tokens
from translator.plan.findings import Finding
from translator.plan.tokens import substituted, tokens_in_question
from translator.problems import Severity
from translator.spec.rules import file_path_message, repeated_paths


def file_paths_stay_legal(case: Case) -> Iterator[Finding]:
    """A file's path is legal, and its own, after its tokens are replaced too (OSMO fails later, while creating it)."""
    for group, task in case.outline.members():
        written = [file.path for file in task.spec.files]
        if "{{" not in "".join(written):
            continue
        tokens = sample_tokens(group, task)
        paths = [substituted(path, tokens) for path in written]
        for index, path in enumerate(paths):
            message = file_path_message(path)
            if message is not None and path != written[index]:
                yield Finding(code="forbidden-path", message=message, path=f"{task.path}.files[{index}].path")
        for index, message in repeated_paths(task.spec.name, paths):
            yield Finding(code="repeated-path", message=message, path=f"{task.path}.files[{index}].path")


def tokens_name_something(case: Case) -> Iterator[Finding]:
    """A token that names nothing stays as it is written, which is worth a warning."""
    for group, task in case.outline.members():
        asked = tokens_in_question(task.spec)
        if not asked:
            continue
        tokens = sample_tokens(group, task)
        for name, place in sorted(asked.items()):
            if tokens.value(name) is not None:
                continue
            token = f"{{{{{name}}}}}"
            message = f"Token {token} of task {task.spec.name} names nothing and is left as it is written."
            yield Finding(
                code="unresolved-token",
                message=f"{message} {_advice(token)}",
                path=f"{task.path}.{place}",
                severity=Severity.WARNING,
            )


def _advice(token: str) -> str:
    if "host:" in token:
        return "Tasks of the same group can be named."
    if "input:" in token:
        return "Inputs are named by their index, or by the name of their task."
    return "It has no value; use {{workflow_id}} for a name of the run."
