"""A translation written down: as JSON, YAML, Python, or only its receipt.

Source: design §10, `argosmo translate`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

import msgspec
import yaml

from templates.merge import JsonObject
from translator.argo.hera_source import hera_source
from translator.argo.objects import PLACEHOLDER_UID, DependentObject, WorkflowObject
from translator.argo.translation import Translation


class Form(StrEnum):
    """How a translation may be written."""

    JSON = "json"
    YAML = "yaml"
    HERA = "hera"
    RECEIPT = "receipt"


def written(translation: Translation, form: Form) -> bytes:
    """The translation in one form; same translation, same bytes.

    Shape: `json` is `{"objects": [in the order of creation], "receipt": […]}`, `yaml` one document an object, `hera` a
    Python program that prints the objects as JSON, `receipt` the list of entries. Owners have a placeholder as uid.
    """
    match form:
        case Form.JSON:
            objects = [_raw(made) for made in translation.objects()]
            return msgspec.json.encode({"objects": objects, "receipt": translation.receipt})
        case Form.YAML:
            return yaml.dump_all(
                manifests(translation), Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=120
            ).encode()
        case Form.HERA:
            return hera_source(translation).encode()
        case Form.RECEIPT:
            return msgspec.json.encode(translation.receipt)
        case _:
            assert_never(form)


def manifests(translation: Translation, uid: str = PLACEHOLDER_UID) -> list[JsonObject]:
    """All objects as mappings, in the order of creation, with `uid` as that of every owner."""
    return [made.manifest if isinstance(made, WorkflowObject) else made.owned(uid) for made in translation.objects()]


def _raw(made: WorkflowObject | DependentObject) -> msgspec.Raw | JsonObject:
    return msgspec.Raw(made.body) if isinstance(made, WorkflowObject) else made.owned()


_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
