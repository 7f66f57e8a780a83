"""Rules of the schema that are more than a type: one rule, one function.

Each takes plain values and says what is wrong, or None; `translator.spec.model` raises it, `translator.spec.findings`
asks again where a broken neighbour kept pydantic from asking.

Source: workflow-spec.md §2.5-§2.12, §6.5.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

from pydantic import ValidationError

from translator.spec.faults import fault, faults_at
from translator.spec.labels import LabelFault
from translator.spec.names import RESERVED_CONTAINER_NAME, container_name

_COMPONENT = r"[^/,;*]+"
_STORAGE_URL = re.compile(
    rf"(?:(?:s3|gs)://{_COMPONENT}(?:/{_COMPONENT})*"
    rf"|(?:azure|tos)://{_COMPONENT}(?:/{_COMPONENT})+"
    rf"|swift://{_COMPONENT}(?:/{_COMPONENT}){{2,}})/*"
    # Ours, for the local engine: whether the backend has it is judged later, as for inputs and outputs.
    r"|file:///[^\x00]+"
)
_WIDE_CHARACTER = re.compile(r"\\\\|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|[^\x00-\x7f]")
_MAX_REGEX_LENGTH = 10_000
_OUTPUT_FILES = "/osmo/data/output/"


def lead_message(group: str, leads: Sequence[bool]) -> str | None:
    """A group of several tasks has exactly one lead; `leads` has one entry per task."""
    count = sum(leads)
    if len(leads) == 1 or count == 1:
        return None
    return f'Group "{group}" has {count} leader(s) but must have exactly one.'


def empty_group_message(group: str) -> str:
    """What to say about a group without tasks."""
    return f'Group "{group}" needs to have at least one task.'


def command_message(task: str) -> str:
    """What to say about an empty `command:`."""
    return f"Container {task} should have at least one command."


def download_type_message(task: str, value: str) -> str:
    """What to say about a `downloadType:` that does not exist."""
    return f'Task "{task}" uses invalid downloadType "{value}". Valid types are: [\'download\']'


def task_list_fault(*, tasks: int, groups: int) -> tuple[str, str] | None:
    """Exactly one of `tasks` and `groups` is filled. Shape: (code, message)."""
    if tasks and groups:
        return "tasks-and-groups", "Cannot use both groups and tasks in the same workflow."
    if not tasks and not groups:
        return "no-tasks", "Workflows need to have at least one group or one task."
    return None


def container_name_message(task: str) -> str | None:
    """No task may take the name of OSMO's own container."""
    if container_name(task) != RESERVED_CONTAINER_NAME:
        return None
    return f'Task "{task}" cannot be named "{RESERVED_CONTAINER_NAME}": the name is reserved. Choose another one.'


def file_path_message(path: str) -> str | None:
    """Files may not stand in `/osmo`, except below the output directory."""
    if path.startswith(_OUTPUT_FILES):
        return None
    first = path.lstrip("/").partition("/")[0]
    if first not in ("", "osmo"):
        return None
    return f'Empty path or adding file to "/osmo" is forbidden for file: {path}'


def repeated_paths(task: str, paths: Sequence[str]) -> list[tuple[int, str]]:
    """A task has one file at a path. Shape: (index of the later file, message)."""
    if len(set(paths)) == len(paths):
        return []
    seen: set[str] = set()
    found = []
    for index, path in enumerate(paths):
        if path in seen:
            message = (
                f'Task "{task}" has multiple files at the same path "{path}". '
                "Each file of a task needs a path of its own."
            )
            found.append((index, message))
        seen.add(path)
    return found


def regex_message(pattern: str) -> str | None:
    """A `regex:` must compile in Python's `re`."""
    if len(pattern) > _MAX_REGEX_LENGTH:
        return f"Invalid regex: it has more than {_MAX_REGEX_LENGTH} characters"
    try:
        with warnings.catch_warnings():
            # Python's hints about future syntax are for programmers, not for the user of a spec.
            warnings.simplefilter("ignore")
            re.compile(_in_ascii(pattern))
    except (re.error, OverflowError) as error:
        return f"Invalid regex: {error}"
    except RecursionError:
        return "Invalid regex: nested too deeply"
    return None


def _in_ascii(pattern: str) -> str:
    # Sets of characters beyond ASCII take Python 8 ms each to compile; what a letter is does not matter to the syntax.
    if pattern.isascii() and "\\" not in pattern:
        return pattern
    return _WIDE_CHARACTER.sub(lambda found: found[0] if found[0] == r"\\" else "z", pattern)


def storage_url_message(url: str) -> str | None:
    """A checkpoint's url must have the shape of a storage location."""
    if _STORAGE_URL.fullmatch(url):
        return None
    return (
        f'Checkpoint url "{url}" is not a storage location. Expected s3://bucket[/path], gs://bucket[/path], '
        "azure://account/container[/path], swift://endpoint/namespace/bucket[/path], tos://endpoint/bucket[/path] or, "
        "on the local engine, file:///absolute/path."
    )


def faults_at_index(title: str, code: str, field: str, found: Sequence[tuple[int, str]]) -> ValidationError:
    """Messages about `field` of entries of a list, for a validator to raise. Shape: `found` holds (index, message)."""
    return faults_at(title, [((index, field), fault(code, message), None) for index, message in found])


def label_faults_at(found: Sequence[LabelFault]) -> ValidationError:
    """What is wrong with labels, for a validator to raise."""
    return faults_at(
        "labels",
        [(() if one.key is None else (str(one.key),), fault("bad-label", one.message), one.key) for one in found],
    )
