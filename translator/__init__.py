"""The pure core: OSMO YAML in, Plan and Argo objects out; facts in, OSMO status words out.

Nothing in this package reads a clock, a disk, the network, the environment or a database.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from translator.translate import translate_yaml

__all__ = ["translate_yaml"]


def __getattr__(name: str) -> object:
    """`translate_yaml`, loaded when it is asked for: it brings Hera, which the rest of the package does without."""
    if name in __all__:
        return getattr(importlib.import_module("translator.translate"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
