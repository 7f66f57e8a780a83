"""What a module logs, whoever used it before in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs


@contextmanager
def heard_logs(module: ModuleType) -> Iterator[list[Any]]:
    """All records, those of the module for certain: an earlier use may have bound its logger `_log` for good."""
    with pytest.MonkeyPatch.context() as patch, capture_logs() as logs:
        patch.setattr(module, "_log", structlog.get_logger(module.__name__))
        yield logs
