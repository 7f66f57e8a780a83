"""Names of objects that are ours and nobody's data: inputs and downloads leave them out."""

from __future__ import annotations

from storage.keys import Parts

PROBE_PREFIX = ".argosmo-probe-"
"""How objects begin that are put and removed at once, to find out whether a place may be written to."""


def is_reserved(parts: Parts) -> bool:
    """Whether an object with this path is ours."""
    return parts[-1].startswith(PROBE_PREFIX)
