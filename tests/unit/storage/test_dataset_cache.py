"""The cache of contents: bounded, compared with its SHA-256, and never a reason to fail."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from pathlib import Path

import pytest

from storage.datasets.cache import BlobCache
from storage.lanes import NEVER


def keep(cache: BlobCache, body: bytes, writer: str = "w") -> str:
    """Put contents into a cache; their digest."""
    digest = hashlib.sha256(body).hexdigest()
    with tempfile.TemporaryFile() as source:
        source.write(body)
        source.flush()
        cache.keep(digest, len(body), source.fileno(), writer, NEVER)
    return digest


def taken(cache: BlobCache, digest: str, size: int) -> bytes | None:
    """What a cache has of a digest."""
    with tempfile.TemporaryFile() as target:
        if not cache.take(digest, size, target.fileno(), NEVER):
            assert os.fstat(target.fileno()).st_size == 0
            return None
        target.seek(0)
        return target.read()


def test_what_was_kept_is_taken(tmp_path: Path) -> None:
    """And nothing else."""
    cache = BlobCache(directory=tmp_path / "c")
    assert taken(cache, "0" * 64, 0) is None
    digest = keep(cache, b"hello")
    assert taken(cache, digest, 5) == b"hello"


@pytest.mark.parametrize("damage", [b"hellO", b"hell", b""])
def test_damaged_contents_are_not_taken_and_go(tmp_path: Path, damage: bytes) -> None:
    """'what is taken from it is compared with its SHA-256.'"""
    cache = BlobCache(directory=tmp_path)
    digest = keep(cache, b"hello")
    path = tmp_path / digest[:2] / digest
    path.write_bytes(damage)
    assert taken(cache, digest, 5) is None
    assert not path.exists()


def test_the_least_lately_used_goes_first(tmp_path: Path) -> None:
    """'size bound'."""
    cache = BlobCache(directory=tmp_path, most_bytes=10)
    digests = [keep(cache, letter * 4) for letter in (b"a", b"b", b"c")]
    for age, digest in zip((30, 20, 10), digests, strict=True):
        os.utime(tmp_path / digest[:2] / digest, (1_000_000 - age, 1_000_000 - age))
    assert taken(cache, digests[0], 4) == b"aaaa"
    cache.trim()
    assert [taken(cache, digest, 4) for digest in digests] == [b"aaaa", None, b"cccc"]


def test_a_large_cache_is_not_looked_through_each_time(tmp_path: Path) -> None:
    """Only when what was added may not fit any more."""
    cache = BlobCache(directory=tmp_path, most_bytes=10)
    kept = [keep(cache, b"aaaa")]
    cache.trim(4)
    # Nobody says that he added this one.
    kept.append(keep(cache, b"bbbb"))
    kept.append(keep(cache, b"cccc"))
    cache.trim(4)
    assert [taken(cache, digest, 4) is not None for digest in kept] == [True, True, True]
    cache.trim(4)
    assert sum(taken(cache, digest, 4) is not None for digest in kept) == 2


@pytest.mark.parametrize("text", [b"", b"nonsense", b'{"held_bytes":1,"looked_at":0}'])
def test_a_note_that_says_nothing_is_no_reason_to_grow(tmp_path: Path, text: bytes) -> None:
    """It is looked through then."""
    cache = BlobCache(directory=tmp_path, most_bytes=3)
    digest = keep(BlobCache(directory=tmp_path), b"aaaa")
    (tmp_path / ".lock").write_bytes(text)
    cache.trim(1)
    assert taken(cache, digest, 4) is None


def test_what_is_larger_than_the_bound_is_not_kept(tmp_path: Path) -> None:
    """It would only drive out the rest."""
    cache = BlobCache(directory=tmp_path, most_bytes=3)
    assert taken(cache, keep(cache, b"hello"), 5) is None


def test_leftovers_of_killed_processes_go(tmp_path: Path) -> None:
    """After a day; what is being written stays."""
    cache = BlobCache(directory=tmp_path)
    keep(cache, b"x")
    old, new = tmp_path / "ab/.argosmo-part-old", tmp_path / "ab/.argosmo-part-new"
    old.parent.mkdir(exist_ok=True)
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    cache.trim()
    assert (old.exists(), new.exists()) == (False, True)


def test_a_directory_that_cannot_be_made_is_no_reason_to_fail(tmp_path: Path) -> None:
    """'A full disk, or a directory that may not be written, is no reason to fail.'"""
    (tmp_path / "file").touch()
    cache = BlobCache(directory=tmp_path / "file/c")
    assert taken(cache, keep(cache, b"x"), 1) is None
    cache.trim()


def test_several_at_a_time(tmp_path: Path) -> None:
    """'Any number of processes share a directory.' With a bound so small that they drive each other out."""
    bodies = [os.urandom(1000) for _ in range(8)]
    wrong: list[str] = []

    def work(name: str) -> None:
        cache = BlobCache(directory=tmp_path, most_bytes=3000)
        for _ in range(20):
            for body in bodies:
                digest = hashlib.sha256(body).hexdigest()
                if taken(cache, digest, 1000) not in (None, body):
                    wrong.append(digest)
                keep(cache, body, name)
            cache.trim()

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    BlobCache(directory=tmp_path, most_bytes=3000).trim()
    assert sum(path.stat().st_size for path in tmp_path.rglob("[0-9a-f]*") if path.is_file()) <= 3000
