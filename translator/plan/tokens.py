"""The special tokens of a task: `{{workflow_id}}`, `{{output}}`, `{{input:…}}`, `{{host:…}}`.

They are plain text substitution, not a template: no nesting, one pass. A token that names nothing stays as written.
Source: workflow-spec.md §3.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from translator.spec.data_model import DatasetTarget, Input, InputDataset, InputTask, InputUrl, OutputDataset
from translator.spec.model import TaskSpec
from translator.spec.places import PathStep, field_path

OUTPUT_DIRECTORY = "/osmo/data/output"
INPUT_DIRECTORY = "/osmo/data/input"

_TOKEN = re.compile(r"\{\{ *((?:workflow_id|output|uuid)|(?:input|host):[^{}]*?) *\}\}")

_ALWAYS_NAMED = frozenset({"workflow_id", "output"})
_MAY_NAME_NOTHING = re.compile(r"\{\{ *(?:uuid|input:|host:)")


class Tokens:
    """What stands between the braces to its value: the tokens of a group, and those of one of its tasks' inputs."""

    def __init__(self, shared: Mapping[str, str], inputs: Sequence[Input] = ()) -> None:
        self.shared = shared
        self._inputs = inputs

    def value(self, token: str) -> str | None:
        """The value of `token`; None where it names nothing."""
        return self.shared.get(token) or self._directories.get(token)

    @cached_property
    def _directories(self) -> Mapping[str, str]:
        """One or two tokens per input. A repeated task's last input wins."""
        found = {}
        for index, entry in enumerate(self._inputs):
            directory = f"{INPUT_DIRECTORY}/{index}"
            found[f"input:{index}"] = directory
            if isinstance(entry, InputTask):
                found[f"input:{entry.task_name}"] = directory
        return found


def group_tokens(workflow_id: str, hosts: Mapping[str, str]) -> Tokens:
    """The tokens that all tasks of a group share. Shape: `hosts` maps the names of the group's tasks to addresses."""
    tokens = {"workflow_id": workflow_id, "output": OUTPUT_DIRECTORY}
    for task, host in hosts.items():
        tokens[f"host:{task}"] = host
    return Tokens(tokens)


def task_tokens(shared: Tokens, inputs: Sequence[Input]) -> Tokens:
    """The tokens of one task: those of its group, and those of its inputs."""
    return Tokens(shared.shared, inputs) if inputs else shared


def substituted(text: str, tokens: Tokens) -> str:
    """`text` with every known token replaced; blanks inside the braces do not matter."""
    if "{{" not in text:
        return text
    return _TOKEN.sub(lambda match: tokens.value(match[1]) or match[0], text)


def all_substituted(texts: Sequence[str], tokens: Tokens) -> tuple[str, ...]:
    """`substituted` for each of `texts`."""
    return tuple([substituted(text, tokens) if "{{" in text else text for text in texts])


def value_substituted(value: object, tokens: Tokens) -> object:
    """A JSON value with every known token in its texts replaced; keys stay as they are."""
    if isinstance(value, str):
        return substituted(value, tokens)
    if isinstance(value, Mapping):
        return {key: value_substituted(each, tokens) for key, each in value.items()}
    if isinstance(value, list):
        return [value_substituted(each, tokens) for each in value]
    return value


def tokens_in_question(task: TaskSpec) -> dict[str, str]:
    """The tokens anywhere in `task` that may name nothing, each with the place below the task where it stands first.

    Shape: `input:9` to `args[0]`; the place of a key is that of its entry.
    """
    found: dict[str, str] = {}
    if _MAY_NAME_NOTHING.search("\n".join(_texts(task))) is None:
        return found
    for *steps, text in _placed_texts(task):
        for token in _TOKEN.findall(text):
            if token not in _ALWAYS_NAMED and token not in found:
                found[token] = field_path(steps)
    return found


def _texts(task: TaskSpec) -> list[str]:
    """All texts that may hold a token, and some that may not: a quick look, since this is asked of every task."""
    texts = [task.image, *task.command, *task.args, *task.volume_mounts]
    texts += task.environment
    texts += task.environment.values()
    for file in task.files:
        texts += (file.path, file.contents)
    if task.credentials:
        texts += [text for *_, text in _credential_texts(task.credentials)]
    inputs = [entry for entry in task.inputs if entry.regex or not isinstance(entry, InputTask)]
    if inputs or task.outputs or task.kpis or task.checkpoint:
        texts += [text for *_, text in _data_texts(task)]
    return texts


def _placed_texts(task: TaskSpec) -> Iterator[tuple[*tuple[PathStep, ...], str]]:
    """(steps to the text …, the text) of each that may hold a token."""
    yield "image", task.image
    for field, texts in (("command", task.command), ("args", task.args), ("volumeMounts", task.volume_mounts)):
        for index, text in enumerate(texts):
            yield field, index, text
    for name, value in task.environment.items():
        yield "environment", name, name
        yield "environment", name, value
    for index, file in enumerate(task.files):
        yield "files", index, "path", file.path
        if not file.base64:
            yield "files", index, "contents", file.contents
    yield from _credential_texts(task.credentials)
    yield from _data_texts(task)


def _credential_texts(
    credentials: Mapping[str, str | Mapping[str, str]],
) -> Iterator[tuple[*tuple[PathStep, ...], str]]:
    for name, target in credentials.items():
        yield "credentials", name, name
        if isinstance(target, str):
            yield "credentials", name, target
            continue
        for variable, key in target.items():
            yield "credentials", name, variable, variable
            yield "credentials", name, variable, key


def _data_texts(task: TaskSpec) -> Iterator[tuple[*tuple[PathStep, ...], str]]:
    for index, entry in enumerate(task.inputs):
        if isinstance(entry, InputDataset):
            yield "inputs", index, "dataset", "path", entry.dataset.path
            yield "inputs", index, "dataset", "regex", entry.dataset.regex
            continue
        if isinstance(entry, InputUrl):
            yield "inputs", index, "url", entry.url
        yield "inputs", index, "regex", entry.regex
    for index, output in enumerate(task.outputs):
        if isinstance(output, OutputDataset):
            yield from _dataset_texts(index, output.dataset)
            continue
        yield "outputs", index, "url", output.url
        yield "outputs", index, "regex", output.regex
    for index, kpi in enumerate(task.kpis):
        yield "kpis", index, "index", kpi.index
        yield "kpis", index, "path", kpi.path
    for index, checkpoint in enumerate(task.checkpoint):
        yield "checkpoint", index, "path", checkpoint.path
        yield "checkpoint", index, "url", checkpoint.url
        yield "checkpoint", index, "regex", checkpoint.regex


def _dataset_texts(index: int, target: DatasetTarget) -> Iterator[tuple[*tuple[PathStep, ...], str]]:
    yield "outputs", index, "dataset", "path", target.path
    yield "outputs", index, "dataset", "regex", target.regex
    for key, value in target.labels.items():
        yield "outputs", index, "dataset", "labels", key, value
    for key, noted in target.metadata.items():
        for text in _texts_of(noted):
            yield "outputs", index, "dataset", "metadata", key, text


def _texts_of(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts_of(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts_of(each)
