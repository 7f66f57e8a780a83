"""Laws of manifests: what is read was written so, and no document makes the reader do anything but say no."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from storage.datasets.manifest import BadManifest, ManifestFile, manifest_of, read_manifest
from storage.keys import UnsafeName, safe_parts

PARTS = st.sampled_from(["a", "b", "a-b", "a.b", "é", "x y", "..", ".", "", "日本", "\x00", "a\nb", "%2e", "\\"])
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join) | st.text(max_size=20)
DIGESTS = st.sampled_from(["0" * 64, "ab" * 32]) | st.text("0123456789abcdefG", min_size=63, max_size=65)
SIZES = st.integers(-1, 2**64) | st.integers(0, 10)
FILES = st.builds(lambda path, size, sha256: {"path": path, "size": size, "sha256": sha256}, PATHS, SIZES, DIGESTS)
DOCUMENTS = st.builds(
    lambda form, files: {"format": form, "files": files}, st.integers(0, 2), st.lists(FILES, max_size=6)
)


@given(st.binary(max_size=200) | DOCUMENTS.map(msgspec.json.encode))
def test_a_document_is_refused_or_is_the_one_of_its_files(document: bytes) -> None:
    """Whatever comes: BadManifest, or safe paths in order and the very bytes that the files make."""
    try:
        found = read_manifest(document)
    except BadManifest:
        return
    assert manifest_of(found.files).document == document
    paths = [safe_parts(file.path) for file in found.files]
    assert paths == sorted(set(paths))
    assert not any(longer[: len(path)] == path for path in paths for longer in paths if longer != path)


@given(st.lists(PATHS, max_size=6))
def test_what_is_written_can_be_read(paths: list[str]) -> None:
    """A manifest that could be made is read as what it was made of."""
    files = [ManifestFile(path=path, size=len(path), sha256="0" * 64) for path in paths]
    try:
        made = manifest_of(files)
    except BadManifest:
        assert len(set(paths)) < len(paths) or any(map(_unsafe, paths)) or _clash(paths)
        return
    assert read_manifest(made.document, made.id) == made
    assert sorted(file.path for file in made.files) == sorted(paths)


def _unsafe(path: str) -> bool:
    try:
        safe_parts(path).__repr__().encode()
        path.encode()
    except (UnsafeName, UnicodeEncodeError):
        return True
    return False


def _clash(paths: list[str]) -> bool:
    return any(other.startswith(f"{path}/") for path in paths for other in paths)
