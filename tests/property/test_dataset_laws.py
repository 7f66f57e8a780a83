"""Laws of datasets: what goes in comes out, and a location holds what its manifests name and nothing else."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from storage.datasets.client import DatasetClient
from storage.datasets.manifest import Manifest

NAMES = st.sampled_from(["a", "b", "a-b", "é", "x y", ".h", "a.txt"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
BODIES = st.sampled_from([b"", b"1", b"2", b"same", b"longer contents"])
TREES = st.dictionaries(PATHS, BODIES, max_size=6)


def grown(directory: Path, files: dict[str, bytes]) -> dict[str, bytes]:
    """Make the files that fit beside each other; those that are there."""
    directory.mkdir()
    for name, body in sorted(files.items()):
        path = directory / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        except OSError:
            continue
    return contents(directory)


def contents(directory: Path) -> dict[str, bytes]:
    """What is in a directory."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def blobs(store: Path) -> set[str]:
    """The contents that a location holds, each really what it is called."""
    found = {path.name: path for path in (store / "blobs").rglob("*") if path.is_file()}
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == name for name, path in found.items())
    return set(found)


@given(st.lists(TREES, min_size=1, max_size=3), st.data())
@settings(max_examples=60, deadline=None)
def test_versions_come_and_go(trees: list[dict[str, bytes]], data: st.DataObject) -> None:
    """After each upload and removal: exactly the contents that living manifests name, and each comes out as it was."""
    with tempfile.TemporaryDirectory() as top:
        store, client = Path(top) / "store", DatasetClient(f"file://{top}/store")
        living: dict[Manifest, dict[str, bytes]] = {}
        for number, tree in enumerate(trees):
            files = grown(Path(top) / f"in{number}", tree)
            living[client.upload([Path(top) / f"in{number}"]).manifest] = files
            assert blobs(store) == {digest for manifest in living for digest in manifest.digests}
        for number, (manifest, files) in enumerate(living.items()):
            client.download(client.manifest(manifest.id), Path(top) / f"out{number}")
            assert contents(Path(top) / f"out{number}") == files
        for manifest in data.draw(st.permutations(list(living))):
            del living[manifest]
            client.purge([manifest.id])
            assert blobs(store) == {digest for left in living for digest in left.digests}
            assert all(client.check(left).is_whole for left in living)
