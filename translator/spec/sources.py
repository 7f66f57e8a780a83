"""Which kind an entry of `inputs:` or `outputs:` is, and what to say of one that is none.

Source: workflow-spec.md §2.7; datasets: §10.20, which we support as an extension.
"""

from __future__ import annotations

from translator.spec.faults import fault

_OLD_KEYS = ("update_dataset", "folder")


def input_source(entry: object) -> object:
    """`entry`, if it is a map with exactly one of `task`, `url` and `dataset`, or already a checked entry.

    Errors: `unknown-input`, `dataset`.
    """
    if isinstance(entry, dict):
        _refuse_old(entry, "inputs")
        if ("task" in entry) + ("url" in entry) + ("dataset" in entry) != 1:
            raise fault("unknown-input", "An input needs exactly one of the keys `task`, `url` and `dataset`.")
    return entry


def input_kind(entry: object) -> str:
    """The tag of the entry's kind in the model's union."""
    if _has(entry, "task"):
        return "task input"
    return "dataset input" if _has(entry, "dataset") else "url input"


def output_destination(entry: object) -> object:
    """`entry`, unless it has both `url` and `dataset`. Errors: `unknown-output`, `dataset`."""
    if isinstance(entry, dict):
        _refuse_old(entry, "outputs")
        if "url" in entry and "dataset" in entry:
            raise fault("unknown-output", "An output needs exactly one of the keys `url` and `dataset`.")
    return entry


def output_kind(entry: object) -> str:
    """The tag of the entry's kind in the model's union."""
    return "dataset output" if _has(entry, "dataset") else "url output"


def _has(entry: object, key: str) -> bool:
    return key in entry if isinstance(entry, dict) else hasattr(entry, key)


def _refuse_old(entry: dict[object, object], where: str) -> None:
    for key in _OLD_KEYS:
        if key in entry:
            raise fault(
                "dataset",
                f"`{key}` in {where} belongs to an older version of OSMO and is not supported. "
                "Use `dataset:` with a name, or `url:` with a storage location, instead.",
            )
