"""A YAML 1.1 document as plain Python values, with the place of every key and value.

Values equal those of `yaml.safe_load`. Hostile input meets bounds, and everything that is wrong comes back as
`YamlFault` with an offset. An ordinary document is read without its places, and once more with them when one is asked
for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial

from translator.spec.containers import RepeatedKey
from translator.spec.ordinary_yaml import Unusual, ordinary_value
from translator.spec.placed_yaml import PlacedDocument, placed_document
from translator.spec.places import FieldPath
from translator.spec.yaml_bounds import DEFAULT_LIMITS, LoaderLimits, YamlFault

__all__ = ["LoadedDocument", "LoaderLimits", "YamlFault", "load"]


class LoadedDocument:
    """What a text holds.

    Shape: `value` as `yaml.safe_load` gives it; `repeated` the keys that stand in their mapping more than once.
    """

    def __init__(self, value: object, repeated: Sequence[RepeatedKey], placed: Callable[[], PlacedDocument]) -> None:
        self.value = value
        self.repeated = repeated
        self._with_places = placed

    def offset(self, path: FieldPath, *, at_key: bool = False) -> int:
        """Where the value at `path` begins, or the key that leads to it; of the deepest step that exists."""
        return self._placed.places.offset(self._placed.value, path, at_key=at_key)

    @cached_property
    def _placed(self) -> PlacedDocument:
        return self._with_places()


def load(text: str, limits: LoaderLimits = DEFAULT_LIMITS) -> LoadedDocument:
    """The one document in `text`; None as its value where the text is empty.

    Errors: YamlFault.
    Source: YAML 1.1 as PyYAML's safe loader implements it.
    """
    if len(text) > limits.text_length:
        raise YamlFault("yaml-too-large", f"The document has more than {limits.text_length} characters.")
    if len(text) <= limits.scalar_length:
        try:
            return LoadedDocument(ordinary_value(text, limits), (), partial(placed_document, text, limits))
        except Unusual:
            pass
    placed = placed_document(text, limits)
    return LoadedDocument(placed.value, placed.repeated, lambda: placed)
