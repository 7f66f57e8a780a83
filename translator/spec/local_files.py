"""Local files of a spec: `localpath:` entries replaced by the texts of the files they name.

Source: workflow-spec.md §3.7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from translator.spec.places import FieldPath

ReadFile = Callable[[str], str]
"""Gives the text of a file; raises OSError, KeyError or UnicodeError where it cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFileFault:
    """An entry of `files:` that cannot be filled in."""

    path: FieldPath
    code: str
    message: str


def inlined(
    document: Mapping[object, object], read_file: ReadFile
) -> tuple[Mapping[object, object], list[LocalFileFault]]:
    """The document with `contents` for each `localpath`, and what went wrong; the given document is not changed."""
    faults: list[LocalFileFault] = []

    def file_entry(entry: object, path: FieldPath) -> object:
        if not isinstance(entry, Mapping) or "localpath" not in entry:
            return entry
        result = _contents(entry, path, read_file)
        if isinstance(result, LocalFileFault):
            faults.append(result)
            return entry
        return {
            ("contents" if key == "localpath" else key): result if key == "localpath" else value
            for key, value in entry.items()
        }

    def task(entry: object, path: FieldPath) -> object:
        return _with_entries(entry, "files", path, file_entry)

    def group(entry: object, path: FieldPath) -> object:
        return _with_entries(entry, "tasks", path, task)

    workflow = _with_entries(document.get("workflow"), "tasks", ("workflow",), task)
    workflow = _with_entries(workflow, "groups", ("workflow",), group)
    changed = document if workflow is document.get("workflow") else {**document, "workflow": workflow}
    return changed, faults


def _with_entries(node: object, field: str, path: FieldPath, change: Callable[[object, FieldPath], object]) -> object:
    """`node` with every entry of its list `field` changed; `node` itself where nothing changed."""
    entries = node.get(field) if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping) or not isinstance(entries, list):
        return node
    changed = [change(entry, (*path, field, index)) for index, entry in enumerate(entries)]
    if all(new is old for new, old in zip(changed, entries, strict=True)):
        return node
    return {**node, field: changed}


def _contents(entry: Mapping[object, object], path: FieldPath, read_file: ReadFile) -> str | LocalFileFault:
    place = (*path, "localpath")
    name = entry["localpath"]
    if "contents" in entry:
        return LocalFileFault(
            path=place,
            code="contents-and-localpath",
            message="Files tag dont support contents and localpath together",
        )
    if not isinstance(name, str):
        return LocalFileFault(path=place, code="wrong-type", message="localpath must be the path of a file.")
    try:
        return read_file(name)
    except UnicodeError:
        message = f"The file {name} is not UTF-8 text. Inject other files base64-encoded, in `contents`."
        return LocalFileFault(path=place, code="bad-encoding", message=message)
    except IsADirectoryError:
        message = f"The path {name} is a directory. localpath takes single files only."
        return LocalFileFault(path=place, code="not-a-file", message=message)
    except (OSError, LookupError):
        return LocalFileFault(path=place, code="missing-file", message=f"The file/path {name} does not exist!")
