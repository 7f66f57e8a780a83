"""What goes into the image is what the lock file names, with its hashes."""

from __future__ import annotations

import pytest

from runtime.image.packages import LOCK, WHEELS, locked


def test_entries_come_with_all_their_hashes() -> None:
    first = "a==1 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n"
    second = "ab==2 ; python_version < '3' \\\n    --hash=sha256:3\n"
    lock = f"{first}    # via x\n{second}"
    assert locked(lock, ("a",)) == first
    assert locked(lock, ("ab",)) == second
    with pytest.raises(LookupError, match="Expected b in"):
        locked(lock, ("b",))


def test_the_sidecars_wheels_are_locked() -> None:
    assert locked(LOCK.read_text(), WHEELS).count("--hash=") > len(WHEELS)
