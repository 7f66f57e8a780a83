"""Where new datasets go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pools.model import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetPlaces:
    """The configured place, else a directory of this machine. Shape: `here` is a URL without a slash at its end."""

    config: Callable[[], Config]
    here: str

    def default(self) -> str:
        """The location of a dataset for which nobody said another one."""
        return self.config().workflow.workflow_datasets.location.rstrip("/") or self.here
