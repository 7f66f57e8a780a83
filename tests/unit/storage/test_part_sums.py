"""The sums of large files before they are sent, and how their parts and ranges are cut."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from storage.connections import Connections
from storage.faults import TransferStopped
from storage.lanes import NEVER
from storage.multipart import MIB, LargeFile, part_bytes_of
from storage.part_sums import part_sums
from storage.patience import Patience
from storage.reading import _cut, _range_bytes, _ranges_at_once
from storage.s3_signature import S3Keys
from storage.s3_wire import S3Wire
from storage.sums import FileSum


def test_the_sums_are_those_of_the_bytes_that_are_sent(tmp_path: Path) -> None:
    """A part is signed with the sum that was taken before; the store compares."""
    data = bytes(range(256)) * (25 * 4096 + 3)
    (tmp_path / "file").write_bytes(data)
    with (tmp_path / "file").open("rb") as source:
        sums = part_sums(source.fileno(), len(data), part_bytes_of(len(data)), NEVER)
        content = FileSum(size=len(data), sha256=hashlib.sha256(data).hexdigest())
        file = LargeFile(key="k", source=source.fileno(), content=content, part_sums=sums)
        pieces = [file.part(number) for number in file.parts]
        bodies = [data[piece.start : piece.start + piece.size] for piece in pieces]
        read = [piece.add_to(hashlib.sha256()) for piece in pieces]
    assert b"".join(bodies) == data
    assert [hashlib.sha256(body).hexdigest() for body in bodies] == read == list(sums)


@pytest.mark.parametrize(("size_mib", "at_once"), [(16, 3), (256, 3), (1024, 5), (4096, 8), (1_000_000, 8)])
def test_the_longer_an_upload_the_more_of_its_parts_are_under_way(size_mib: int, at_once: int) -> None:
    """Of what breaks off only a small share is sent again."""
    file = LargeFile(key="k", source=0, content=FileSum(size=size_mib * MIB, sha256=""))
    assert file.parts_at_once == at_once


@pytest.mark.parametrize(("size_mib", "most"), [(16, 3), (32, 3), (100, 10), (256, 26), (4096, 256)])
def test_never_more_than_half_of_an_upload_is_under_way(size_mib: int, most: int) -> None:
    """What a break costs far away."""
    file = LargeFile(key="k", source=0, content=FileSum(size=size_mib * MIB, sha256=""))
    assert file.most_at_once == most


@pytest.mark.parametrize("size_mib", [20, 32, 64, 100, 256, 500, 1024, 100_000])
@pytest.mark.parametrize("parts", [0, 4, 52, 128])
def test_far_away_no_more_than_a_third_of_a_download_is_under_way(size_mib: int, parts: int) -> None:
    size = size_mib * MIB
    cut = _cut(0, size, _range_bytes(size, f'"abc-{parts}"' if parts else ""), Connections(20))
    assert cut.at_once <= cut.most <= 20
    assert cut.far_step <= 4 * MIB
    assert cut.most * cut.far_step <= size / 3


def test_taking_sums_can_be_stopped(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    stopped = threading.Event()
    stopped.set()
    with (tmp_path / "file").open("rb") as source, pytest.raises(TransferStopped):
        part_sums(source.fileno(), 1, MIB, stopped)


@pytest.mark.parametrize(("url", "signs"), [("http://store", True), ("https://store", False)])
def test_large_bodies_are_signed_where_nothing_else_guards_them(url: str, signs: bool) -> None:
    keys = S3Keys(access_key_id="a", secret="s")
    assert S3Wire(url=url, prefix="/b", keys=keys, patience=Patience()).is_plain is signs


@pytest.mark.parametrize(
    ("size_mib", "etag", "wanted_mib"),
    [
        (1024, '"abc-128"', 8),
        (256, '"abc-52"', 5),
        (512, '"abc-103"', 10),
        # Of a broken transfer no more than a small share is fetched again.
        (64, '"abc-8"', 1),
        (1024, '"abc"', 10),
        (16, "", 1),
    ],
)
def test_ranges_are_the_parts_of_the_object_where_they_are_small_enough(
    size_mib: int, etag: str, wanted_mib: int
) -> None:
    assert _range_bytes(size_mib * MIB, etag) == wanted_mib * MIB


@pytest.mark.parametrize("size_mib", [20, 32, 64, 100, 256, 500, 1024, 100_000])
@pytest.mark.parametrize("parts", [0, 4, 52, 128])
def test_what_is_under_way_behind_the_first_range_is_a_small_share(size_mib: int, parts: int) -> None:
    """A download that is cut at half is taken up with 55 % of its bytes at most."""
    step = _range_bytes(size_mib * MIB, f'"abc-{parts}"' if parts else "")
    at_once = _ranges_at_once(size_mib * MIB, step)
    assert 2 <= at_once <= 3
    assert (at_once - 1) * step <= 0.05 * size_mib * MIB
