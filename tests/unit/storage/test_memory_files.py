"""Contents for stores that never touch a disk."""

from __future__ import annotations

import os

import pytest

from storage.memory_files import content_of, memory_file


@pytest.mark.parametrize("has_memfd", [True, False])
def test_what_goes_in_comes_out(has_memfd: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_memfd:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    with memory_file(b"hello") as file:
        assert os.read(file, 10) == b"hello"
        assert content_of(file) == b"hello"
    with memory_file() as empty:
        assert content_of(empty) == b""
