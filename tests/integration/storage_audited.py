"""A program: moves data with hostile names and prints every path that was opened outside of its roots, and the count.

Names come as keys of a store that says what it likes, as links in a tree that a task filled, as names in URLs, as what
regular expressions match, and as paths of datasets.
"""

from __future__ import annotations

import hashlib
import http.server
import itertools
import json
import os
import sys
import tempfile
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from xml.sax.saxutils import escape

import msgspec

from runtime.dataset_moves import DatasetMoves, DatasetPlace
from runtime.move_voice import MoveVoice
from storage.credentials import DataCredential, OneKey
from storage.datasets.client import DatasetClient
from storage.faults import StoreError
from storage.keys import UnsafeName
from storage.local import LocalStore
from storage.patience import Patience
from storage.remote import RemoteStore
from storage.select import selection
from storage.stores import Note, Stores
from storage.transfer import Transfer, Upload
from storage.trees import Tree
from storage.urls import directory_location, parse_location
from storage.watching import UNWATCHED

PARTS = (
    "..",
    ".",
    "",
    "a",
    "...",
    "..\\",
    "%2e%2e",
    "..%2f",
    "~",
    "\0",
    "\n",
    "ü",
    " ",
    "C:",
    "/",
    "link",
    "up",
    "..\x00",
)
PREFIXES = ("", "/", "//", "../", "/etc/", "a/../../", "link/", "up/", "\\", "file:///")
MOST_NAMES = 2500
EVENTS = {
    "os.mkdir": (0,),
    "os.rename": (0, 1),
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.chmod": (0,),
    "os.link": (0, 1),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.utime": (0,),
    "shutil.rmtree": (0,),
}


def names() -> list[str]:
    """Hostile names, more than two thousand of them."""
    joined = (
        prefix + "/".join(parts)
        for length in (1, 2, 3)
        for parts in itertools.product(PARTS, repeat=length)
        for prefix in PREFIXES
    )
    # Some of every kind: neighbours in this order are alike.
    every = sorted(set(joined), key=lambda name: (hash_of(name), name))
    return [*("../" * depth + "etc/passwd" for depth in range(1, 9)), *every][:MOST_NAMES]


def hash_of(name: str) -> int:
    """A number that is the same in every process."""
    return sum(ord(letter) * (place * 31 + 7) for place, letter in enumerate(name)) * 2654435761 % 2**32


class Audit:
    """Notes what is opened or changed while it is on, told apart by where it lies."""

    def __init__(self, roots: tuple[Path, ...]) -> None:
        self.roots = tuple(os.path.realpath(root) for root in roots)
        self.outside: set[str] = set()
        self.inside = 0
        self.is_on = False
        self._here = threading.local()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.is_on or (event != "open" and event not in EVENTS) or getattr(self._here, "busy", False):
            return
        self._here.busy = True
        try:
            for place in (0,) if event == "open" else EVENTS[event]:
                path = arguments[place]
                if isinstance(path, str | bytes | os.PathLike):
                    self._note(os.fsdecode(path))
        finally:
            self._here.busy = False

    def _note(self, path: str) -> None:
        if not os.path.isabs(path):
            # Relative to the descriptor of a tree: one plain name, which cannot lead out; the working directory is
            # empty at the end, or it was none.
            if path in (".", "..", "") or "/" in path:
                self.outside.add(path)
            self.inside += 1
            return
        real = os.path.realpath(path)
        if any(real == root or real.startswith(f"{root}/") for root in self.roots):
            self.inside += 1
        elif not real.startswith(("/dev/", "/proc/", os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix))):
            self.outside.add(path)


@contextmanager
def lying_store(keys: list[str]) -> Iterator[str]:
    """A server whose listing holds these keys, and that has something for whatever is asked."""
    entries = "".join(
        f"<Contents><Key>{escape(urllib.parse.quote(key))}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified>"
        "<ETag>&quot;x&quot;</ETag><Size>4</Size></Contents>"
        for key in keys
    )
    listing = (
        '<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>'
        f"{entries}</ListBucketResult>"
    ).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            lists = "list-type" in self.path
            self._answer(200, listing if lists else b"evil")

        def do_HEAD(self) -> None:
            self._answer(404, b"")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"x"')
            self.send_header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def main(home: str) -> None:
    """Move everything below `home`, and print what was seen."""
    place = Path(home)
    root, store, outside = place / "root", place / "store", place / "outside"
    for directory in (root, store, outside):
        directory.mkdir()
    (outside / "secret").write_text("secret")
    tempfile.tempdir = str(place / "root")
    hostile = names()
    with lying_store([f"p/{name}" for name in hostile]) as url:
        audit = Audit((root, store))
        audit.is_on = True
        notes, files = _from_keys(url, root / "keys")
        uploads = _from_links(hostile, root / "links", store, outside)
        refused = _from_urls(hostile, store)
        matched = _from_regexes(hostile, root / "keys", root / "regex")
        manifests, fetched = _from_datasets(hostile, root / "datasets", store / "datasets")
        audit.is_on = False
    print(
        json.dumps(
            {
                "names": len(hostile),
                "outside": sorted(audit.outside)[:20],
                "audited": audit.inside,
                "left_out": notes,
                "downloaded": files,
                "uploaded": uploads,
                "refused": refused,
                "matched": matched,
                "manifests": manifests,
                "fetched": fetched,
                "secret": (outside / "secret").read_text(),
                "beside": sorted(os.listdir(outside)),
            }
        )
    )


def _from_keys(url: str, into: Path) -> tuple[int, int]:
    key = DataCredential(override_url=url, addressing_style="path", access_key_id="a", access_key="b")
    stores = Stores({"s3": RemoteStore(OneKey(key), Patience(tries=1, first_pause_seconds=0.01))})
    into.mkdir()
    (into / "link").symlink_to("/etc")
    (into / "up").symlink_to("../..")
    transfer = Transfer(stores, threading.Event())
    left_out = files = 0
    with Tree.open(into) as tree:
        # One by one: a name that cannot be made ends a transfer, and the others have to be tried all the same.
        with stores.serving(parse_location("s3://b/p/")).source(parse_location("s3://b/p/")) as source:
            for found in source.objects():
                if isinstance(found, Note):
                    left_out += 1
                    continue
                with suppress(StoreError, OSError, UnsafeName), tree.new_file(found.parts) as target:
                    source.fetch(found, target, threading.Event())
                    files += 1
        with suppress(StoreError):
            transfer.download(parse_location("s3://b/p/"), tree, ("again",), selection(""))
    return left_out, files


def _from_links(hostile: list[str], directory: Path, store: Path, outside: Path) -> int:
    directory.mkdir()
    (directory / "file").write_text("inside")
    targets = [*hostile, str(outside / "secret"), str(outside), "/etc/passwd", "../../outside/secret"]
    for number, target in enumerate(targets):
        with suppress(OSError, ValueError):
            os.symlink(target, directory / f"{number:04}")
    with Tree.open(directory, known_as=("/task",)) as tree:
        transfer = Transfer(Stores({"file": LocalStore()}), threading.Event())
        moved = transfer.upload(tree, Upload(start=()), directory_location(store / "links"), "w")
        for name in hostile:
            with suppress(StoreError, OSError, ValueError):
                os.close(tree.reach(name))
            with suppress(StoreError, OSError, ValueError):
                tree.remove(tuple(name.split("/")))
    assert all(path.read_text() == "inside" for path in (store / "links").rglob("*") if path.is_file())
    return moved.files


def _from_urls(hostile: list[str], store: Path) -> int:
    stores, refused = Stores({"file": LocalStore(roots=(store,))}), 0
    for name in hostile:
        try:
            location = parse_location(f"file://{store}/{name}")
            with stores.serving(location).source(location) as source:
                list(source.objects())
        except (StoreError, OSError, ValueError):
            refused += 1
    return refused


def _from_datasets(hostile: list[str], into: Path, store: Path) -> tuple[int, int]:
    """As paths in manifests, of versions and of outputs; how many manifests were refused, and files fetched."""
    digest = hashlib.sha256(b"evil").hexdigest()
    (store / "blobs/sha256" / digest[:2]).mkdir(parents=True)
    (store / "blobs/sha256" / digest[:2] / digest).write_bytes(b"evil")
    (store / "manifests").mkdir()
    into.mkdir()
    (into / "link").symlink_to("/etc")
    (into / "up").symlink_to("../..")
    client, refused, files = DatasetClient(f"file://{store}"), 0, 0
    for name in hostile:
        entry = {"path": name, "size": 4, "sha256": digest}
        document = msgspec.json.encode({"format": 1, "files": [entry]})
        named = hashlib.sha256(document).hexdigest()
        (store / f"manifests/{named}.json").write_bytes(document)
        try:
            manifest = client.manifest(named)
        except StoreError:
            refused += 1
            continue
        with suppress(StoreError, OSError):
            files += client.download(manifest, into).files
        with suppress(StoreError, OSError):
            files += client.download(manifest, into, path=name).files
    moves = DatasetMoves(writer="w/0", stopped=threading.Event(), voice=MoveVoice(lambda _: None))
    stores = Stores({"file": LocalStore()})
    with Tree.open(into) as tree:
        for name in hostile:
            place = DatasetPlace(index=0, name="d", path=name, url=f"file://{store}", stores=stores)
            with suppress(StoreError, OSError, ValueError):
                moves.store(place, tree, (), "/osmo/data/output", UNWATCHED)
    return refused, files


def _from_regexes(hostile: list[str], source: Path, into: Path) -> int:
    stores, matched = Stores({"file": LocalStore()}), 0
    with Tree.open(into, create=True) as tree:
        for name in (".*", "^", r"\.\./", "(?s).*etc/passwd", *hostile[:200]):
            with suppress(StoreError, ValueError):
                matched += (
                    Transfer(stores, threading.Event())
                    .download(directory_location(source), tree, ("x",), selection(name))
                    .files
                )
    return matched


if __name__ == "__main__":
    main(*sys.argv[1:])
