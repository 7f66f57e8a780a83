"""Rules of the schema that are more than a type: one rule, one function.

Each takes plain values and says what is wrong, or None; `translator.spec.model` raises it, `translator.spec.findings`
asks again where a broken neighbour kept pydantic from asking.

Source: workflow-spec.md §2.5-§2.12, §6.5.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

from translator.spec.names import RESERVED_CONTAINER_NAME, container_name

_COMPONENT = r"[^/,;*]+"
_STORAGE_URL = re.compile(
    rf"(?:(?:s3|gs)://{_COMPONENT}(?:/{_COMPONENT})*"
    rf"|(?:azure|tos)://{_COMPONENT}(?:/{_COMPONENT})+"
    rf"|swift://{_COMPONENT}(?:/{_COMPONENT}){{2,}})/*"
)
_OUTPUT_FILES = "/osmo/data/output/"


def lead_message(group: str, leads: Sequence[bool]) -> str | None:
    """A group of several tasks has exactly one lead; `leads` has one entry per task."""
    count = sum(leads)
    if len(leads) == 1 or count == 1:
        return None
    return f'Group "{group}" has {count} leader(s) but must have exactly one.'


def container_name_message(task: str) -> str | None:
    """No task may take the name of OSMO's own container."""
    if container_name(task) != RESERVED_CONTAINER_NAME:
        return None
    return f'Task "{task}" cannot be named "{RESERVED_CONTAINER_NAME}": the name is reserved. Choose another one.'


def file_path_message(path: str) -> str | None:
    """Files may not stand in `/osmo`, except below the output directory."""
    if path.startswith(_OUTPUT_FILES):
        return None
    parts = [part for part in path.split("/") if part]
    if parts and parts[0] != "osmo":
        return None
    return f'Empty path or adding file to "/osmo" is forbidden for file: {path}'


def repeated_path_message(task: str, path: str) -> str:
    """What to say about a second file of a task at the same path."""
    return (
        f'Task "{task}" has multiple files at the same path "{path}". Each file of a task needs a path of its own.'
    )


def regex_message(pattern: str) -> str | None:
    """A `regex:` must compile in Python's `re`."""
    try:
        with warnings.catch_warnings():
            # Python's hints about future syntax are for programmers, not for the user of a spec.
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, OverflowError) as error:
        return f"Invalid regex: {error}"
    except RecursionError:
        return "Invalid regex: nested too deeply"
    return None


def storage_url_message(url: str) -> str | None:
    """A checkpoint's url must have the shape of a storage location."""
    if _STORAGE_URL.fullmatch(url):
        return None
    return (
        f'Checkpoint url "{url}" is not a storage location. Expected s3://bucket[/path], gs://bucket[/path], '
        "azure://account/container[/path], swift://endpoint/namespace/bucket[/path] or tos://endpoint/bucket[/path]."
    )
