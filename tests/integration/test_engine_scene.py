"""What engines in tests report to: a test once waited for what had gone into another memory than the one it held."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.integration.engine_scene import Memory, Router
from translator.plan.model import WorkflowUuid

THREADS = 4


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads that are changed as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("restless")
def test_all_who_ask_first_get_the_same_memory() -> None:
    router = Router()
    together = Barrier(THREADS)

    def asked(number: int) -> Memory:
        together.wait()
        return router.of(WorkflowUuid(str(number)))

    with ThreadPoolExecutor(THREADS) as pool:
        for number in range(300):
            assert len(set(pool.map(asked, [number] * THREADS))) == 1
