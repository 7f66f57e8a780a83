"""Manifests of datasets: the same files are the same bytes, and nothing that is none is taken for one."""

from __future__ import annotations

import hashlib

import pytest

from storage.datasets.manifest import BadManifest, ManifestFile, is_digest, manifest_id, manifest_of, read_manifest

A, B = "a" * 64, "b" * 64


def file(path: str, size: int = 1, sha256: str = A) -> ManifestFile:
    """A file."""
    return ManifestFile(path=path, size=size, sha256=sha256)


def document(*entries: str) -> bytes:
    """A document with some entries."""
    return f'{{"format":1,"files":[{",".join(entries)}]}}'.encode()


def entry(path: str, size: str = "1", sha256: str = A) -> str:
    """An entry of a document."""
    return f'{{"path":"{path}","size":{size},"sha256":"{sha256}"}}'


def test_the_same_files_in_any_order_are_the_same_document() -> None:
    """'The same files make the same bytes, hence the same id, whoever writes them.'"""
    files = [file("b"), file("a/c"), file("a-b", sha256=B), file("a/b")]
    made = manifest_of(files)
    assert made.document == manifest_of(reversed(files)).document
    assert [each.path for each in made.files] == ["a/b", "a/c", "a-b", "b"]
    assert made.id == hashlib.sha256(made.document).hexdigest()
    assert read_manifest(made.document, made.id) == made
    assert (made.size, made.digests) == (4, {A: 1, B: 1})


def test_a_document_can_be_made_by_hand() -> None:
    """The format is a contract: other tools write it too."""
    assert manifest_of([file("a"), file("é/b", 0, B)]).document == document(entry("a"), entry("é/b", "0", B))
    assert manifest_of([]).document == document()


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (b"", "Expected a manifest of format 1"),
        (b"[" * 100_000, "Expected a manifest of format 1"),
        (b"\xff", "Expected a manifest of format 1"),
        (b'{"format":2,"files":[]}', "Use a newer version"),
        (b'{"format":1,"files":[],"more":1}', "unknown field"),
        (b'{"format":1, "files":[]}', "as argosmo writes it"),
        (b'{"files":[],"format":1}', "as argosmo writes it"),
        (document(entry("")), r"files\[0\]"),
        (document(entry("a"), entry("..")), r"files\[1\] \('..'\)"),
        (document(entry("/etc/passwd")), "relative name"),
        (document(entry("a/../b")), "relative name"),
        (document(entry("a//b")), "relative name"),
        (document(entry("a/.")), "relative name"),
        (document(entry("a\\u0000b")), "relative name"),
        (document(entry("x" * 4097)), "longer than 4096"),
        (document(entry("a", "-1")), "size"),
        (document(entry("a", "1.5")), "int"),
        (document(entry("a", "1", A.upper())), "64 hexadecimal digits"),
        (document(entry("a", "1", A + "\\n")), "64 hexadecimal digits"),
        (document(entry("b"), entry("a")), "in the order"),
        (document(entry("a"), entry("a")), "comes twice"),
        (document(entry("a"), entry("a/b")), "a is a file"),
    ],
)
def test_what_is_no_manifest_is_refused_with_its_place(bad: bytes, said: str) -> None:
    """'Path law: as storage/trees (no traversal, no odd roots); … clear errors with the place.'"""
    with pytest.raises(BadManifest, match=said):
        read_manifest(bad)


def test_another_document_is_not_the_one_asked_for() -> None:
    """A manifest's own SHA-256 is its id."""
    with pytest.raises(BadManifest, match="changed or damaged"):
        read_manifest(document(), manifest_id(b"other"))


def test_a_file_cannot_stand_below_a_file() -> None:
    """Also where names of other files sort between them."""
    with pytest.raises(BadManifest, match="nothing can stand below"):
        manifest_of([file("a"), file("a-b"), file("a/b")])


def test_a_name_that_is_no_utf8_is_refused() -> None:
    """JSON has no words for it."""
    with pytest.raises(BadManifest, match="UTF-8"):
        manifest_of([file("a\udcff")])


@pytest.mark.parametrize(("text", "good"), [(A, True), (A[1:], False), (A.upper(), False), ("g" * 64, False)])
def test_digests(text: str, good: bool) -> None:
    """64 hexadecimal digits in lower case."""
    assert is_digest(text) is good
