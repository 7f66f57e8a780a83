"""pydantic's words for what is wrong, with what to do about it, in one short sentence.

OSMO's users see pydantic's texts, so each message begins with them.
"""

from __future__ import annotations

from datetime import date
from difflib import get_close_matches
from typing import Final

from pydantic_core import ErrorDetails

from translator.spec.data_model import (
    CheckpointSpec,
    DatasetSource,
    DatasetTarget,
    InputDataset,
    InputTask,
    InputUrl,
    KpiSpec,
    OutputDataset,
    OutputUrl,
)
from translator.spec.model import (
    FileSpec,
    GroupSpec,
    ResourceSpec,
    SpecDocument,
    TaskSpec,
    TimeoutSpec,
    TopologySpec,
    WorkflowSpec,
)
from translator.spec.places import FieldPath

_CODES: Final = {
    "missing": "missing-field",
    "extra_forbidden": "unknown-key",
    "string_pattern_mismatch": "bad-name",
    "greater_than_equal": "out-of-range",
    "less_than_equal": "out-of-range",
    "literal_error": "bad-value",
    "enum": "bad-value",
    # One of ours, which ends like one of pydantic's.
    "bad_download_type": "bad-download-type",
}
_SECTIONS = {
    "workflow": WorkflowSpec,
    "timeout": TimeoutSpec,
    "groups": GroupSpec,
    "tasks": TaskSpec,
    "topology": TopologySpec,
    "files": FileSpec,
    "kpis": KpiSpec,
    "checkpoint": CheckpointSpec,
}
_OLD_FIELDS = ("dataset", "update_dataset", "datasets")
_MAX_SHOWN = 40


def problem_code(pydantic_type: str) -> str:
    """The code of a Problem for one of pydantic's types of errors, or for one of ours."""
    code = _CODES.get(pydantic_type)
    if code is not None:
        return code
    if pydantic_type.endswith(("_type", "_parsing", "_from_float")):
        return "wrong-type"
    return pydantic_type.replace("_", "-")


def advised_message(details: ErrorDetails, path: FieldPath) -> str:
    """The message of a Problem. Shape: one line."""
    message = details["msg"]
    if "message" in details.get("ctx", {}):
        # One of our own, which says it all.
        return message
    match details["type"]:
        case "missing":
            return f"{message}: add `{path[-1]}`."
        case "extra_forbidden":
            return f"{message}: {_unknown_key(path)}"
        case "string_type" if (hint := _string_hint(details["input"])) is not None:
            return f"{message}: {hint}"
        case kind if details["input"] is None and kind.endswith("_type"):
            return f"{message}: it is empty; fill it or remove the key."
        case "string_pattern_mismatch":
            return _pattern_message(message, details["input"], path)
        case "model_type" | "dict_type" | "list_type":
            return f"{message}, not {_shown(details['input'])}."
    return message if message.endswith(".") else f"{message}."


def _unknown_key(path: FieldPath) -> str:
    key = str(path[-1])[:_MAX_SHOWN]
    if key in _OLD_FIELDS:
        return f"`{key}` belongs to an older version of OSMO. Use `dataset:` or `url:` in inputs and outputs instead."
    if key == "localpath":
        return "`localpath` is resolved by the client: submit through it, or put the text in `contents`."
    fields = _known_fields(path)
    close = get_close_matches(key, fields, n=1)
    if close:
        return f"`{key}` is no field here. Did you mean `{close[0]}`?"
    return f"`{key}` is no field here. Known fields: {', '.join(fields)}."


def _known_fields(path: FieldPath) -> list[str]:
    """The YAML names of the fields that stand beside the last step of `path`."""
    holders = [step for step in path[:-1] if isinstance(step, str)]
    if not holders:
        return ["workflow", "default-values", "version"]
    if holders[-1] == "inputs":
        return list({**_fields(InputTask), **_fields(InputUrl), **_fields(InputDataset)})
    if holders[-1] == "outputs":
        return list({**_fields(OutputUrl), **_fields(OutputDataset)})
    if holders[-1] == "dataset":
        return list(_fields(DatasetSource if "inputs" in holders else DatasetTarget))
    if holders[-1] == "resources" or "resources" in holders[-2:]:
        return list(_fields(ResourceSpec)) if holders[-1] != "topology" else list(_fields(TopologySpec))
    return list(_fields(_SECTIONS.get(holders[-1], SpecDocument)))


def _fields(section: type) -> dict[str, None]:
    fields = getattr(section, "model_fields", {})
    return dict.fromkeys(field.alias or name for name, field in fields.items())


def _string_hint(value: object) -> str | None:
    if isinstance(value, bool | int | float | date):
        return f'YAML reads {_shown(value)} as {_kind(value)}; write it in quotes ("…") to mean text.'
    if value is None:
        return "it is empty; fill it or remove the key."
    return None


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"
    return "a number" if isinstance(value, int | float) else "a date"


def _pattern_message(message: str, value: object, path: FieldPath) -> str:
    if path[-1] == "task":
        return f"{message}. Expected TASK, or WORKFLOW_ID:TASK, not {_shown(value)}."
    return (
        f"{message}. {_shown(value)} is no name: expected a letter, then letters, digits, - and _, "
        "a letter or digit at the end."
    )


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    if isinstance(value, dict | list):
        return "a map" if isinstance(value, dict) else "a list"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
