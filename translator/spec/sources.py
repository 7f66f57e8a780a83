"""Which kind an entry of `inputs:` or `outputs:` is, and what to say of one that is none.

Source: workflow-spec.md §2.7; datasets of older versions: §10.20.
"""

from __future__ import annotations

from collections.abc import Mapping

from translator.spec.faults import fault

_DATASET_KEYS = ("dataset", "update_dataset", "folder")


def input_source(entry: object) -> object:
    """`entry`, if it is a map with exactly one of `task` and `url`, or already a checked entry.

    Errors: `unknown-input`, `dataset`.
    """
    if isinstance(entry, Mapping):
        _refuse_datasets(entry, "inputs")
        if ("task" in entry) == ("url" in entry):
            raise fault("unknown-input", "An input needs exactly one of the keys `task` and `url`.")
    return entry


def input_kind(entry: object) -> str:
    """The tag of the entry's kind in the model's union."""
    is_task = "task" in entry if isinstance(entry, Mapping) else hasattr(entry, "task")
    return "task input" if is_task else "url input"


def output_destination(entry: object) -> object:
    """`entry`, unless it is a dataset. Errors: `dataset`."""
    if isinstance(entry, Mapping):
        _refuse_datasets(entry, "outputs")
    return entry


def _refuse_datasets(entry: Mapping[object, object], where: str) -> None:
    for key in _DATASET_KEYS:
        if key in entry:
            raise fault(
                "dataset",
                f"`{key}` in {where} belongs to an older version of OSMO and is not supported. "
                "Use `url:` with a storage location instead.",
            )
