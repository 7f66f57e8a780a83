"""The passport of an attempt's outputs: which files went where, with sizes and SHA-256, and who made them of what.

It is a JSON document of its own beside the intermediate data of the workflow, where no input looks:
`W/<workflow>/.argosmo/passports/<task>/<retry id>.json`. An attempt that wrote nothing has none.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from storage.datasets.manifest import BadManifest, ManifestFile, manifest_of
from storage.faults import StoreError
from storage.keys import Parts, UnsafeName
from storage.lanes import NEVER, StopSign
from storage.memory_files import content_of, memory_file
from storage.stores import StoredObject, Stores
from storage.sums import MovedFile
from storage.urls import Location, parse_location

FORMAT = 1
OURS = ".argosmo"
"""The name beside the tasks of a workflow below which only we write; no task can be called so."""

MOST_FILES = 50_000
"""How many files one place lists; of more there are counts, and it says how many are left out."""

MAX_DOCUMENT_BYTES = 256 * 1024 * 1024


class PassportPlace(msgspec.Struct, frozen=True, kw_only=True):
    """One place that outputs went to.

    Shape: `kind` is intermediate, output, kpi or dataset; `files` by path, relative to `url`; `manifest` is the id that
    a dataset of these very files would have, "" where some are left out. Units: bytes.
    """

    url: str
    kind: str
    file_count: int
    total_bytes: int
    manifest: str = ""
    left_out: int = 0
    files: tuple[ManifestFile, ...] = ()


class Passport(msgspec.Struct, frozen=True, kw_only=True):
    """What one attempt of a task left.

    Shape: `image_digest` is that of the reference, "" where it names none; `complete` is false where an upload failed,
    and then `places` are those that were finished.
    """

    format: int
    workflow_id: str
    workflow_uuid: str
    group: str
    task: str
    task_uuid: str
    retry_id: int
    image: str
    image_digest: str
    complete: bool
    places: tuple[PassportPlace, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Whose passport it is."""

    workflow_id: str
    workflow_uuid: str
    group: str
    task: str
    task_uuid: str
    retry_id: int
    image: str

    def passport(self, places: tuple[PassportPlace, ...], *, complete: bool) -> Passport:
        """The passport of what was uploaded."""
        return Passport(
            format=FORMAT,
            workflow_id=self.workflow_id,
            workflow_uuid=self.workflow_uuid,
            group=self.group,
            task=self.task,
            task_uuid=self.task_uuid,
            retry_id=self.retry_id,
            image=self.image,
            image_digest=self.image.partition("@")[2],
            complete=complete,
            places=places,
        )


@dataclass(slots=True)
class UploadNotes:
    """Takes down what is uploaded to one place. Implements storage.watching.Watch; any thread.

    Shape: `prefix` is what stands between the place and the paths that it is told.
    """

    prefix: Parts = ()
    wants_sums: bool = True
    _files: list[ManifestFile] = field(default_factory=list)
    _count: int = 0
    _bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def found(self, files: int, size: int) -> None:
        """See Watch."""

    def moved(self, size: int) -> None:
        """See Watch."""

    def done(self, file: MovedFile) -> None:
        """See Watch."""
        with self._lock:
            self._count += 1
            self._bytes += file.size
            if len(self._files) < MOST_FILES and _can_be_written(path := "/".join((*self.prefix, *file.parts))):
                self._files.append(ManifestFile(path=path, size=file.size, sha256=file.sha256))

    def place(self, url: str, kind: str) -> PassportPlace:
        """What was taken down."""
        left_out = self._count - len(self._files)
        manifest = ""
        files = tuple(sorted(self._files, key=lambda file: file.parts))
        if not left_out:
            try:
                manifest = manifest_of(files).id
            except BadManifest:
                # An odd path: it is listed all the same, and a dataset could not hold it.
                manifest = ""
        return PassportPlace(
            url=url,
            kind=kind,
            file_count=self._count,
            total_bytes=self._bytes,
            manifest=manifest,
            left_out=left_out,
            files=files,
        )


def passports_beside(kept_url: str) -> str:
    """Where the passports of a task are, from the URL of its intermediate data. Errors: as `parse_location`."""
    location = parse_location(kept_url)
    above, _, task = location.path.rstrip("/").rpartition("/")
    return Location(scheme=location.scheme, path=above).below(OURS, "passports", task).url


def put_passport(stores: Stores, below: Location, passport: Passport, writer: str, stopped: StopSign) -> None:
    """Keep a passport among those of its task. Errors: StoreError; TransferStopped."""
    try:
        with (
            stores.serving(below).target(below, writer) as target,
            memory_file(msgspec.json.encode(passport)) as file,
        ):
            target.put((f"{passport.retry_id}.json",), file, stopped)
    except (OSError, UnsafeName) as error:
        raise StoreError(f"{below.url}: {error}") from error


def fetch_passport(stores: Stores, below: Location, retry_id: int | None, stopped: StopSign = NEVER) -> bytes | None:
    """The document of an attempt's passport, of the latest that has one where None is asked for; None where none is.

    Errors: StoreError; TransferStopped.
    """
    # The slash says that a directory is meant.
    place = Location(scheme=below.scheme, path=f"{below.path.rstrip('/')}/")
    try:
        with stores.serving(place).source(place) as source, memory_file() as file:
            found = _chosen((one for one in source.objects() if isinstance(one, StoredObject)), retry_id)
            if found is None:
                return None
            if found.size > MAX_DOCUMENT_BYTES:
                raise StoreError(f"{below.url}: Expected at most {MAX_DOCUMENT_BYTES} bytes, got {found.size}")
            source.fetch(found, file, stopped)
            return content_of(file)
    except (OSError, UnsafeName) as error:
        raise StoreError(f"{below.url}: {error}") from error


def read_passport(document: bytes) -> Passport:
    """The passport in a document. Errors: StoreError where it is none of this format."""
    try:
        found = _DECODER.decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError(f"Expected a passport of format {FORMAT}: {error}") from error
    if found.format != FORMAT:
        raise StoreError(f"Expected a passport of format {FORMAT}, got {found.format}. Use a newer version of argosmo")
    return found


def _chosen(found: Iterable[StoredObject], retry_id: int | None) -> StoredObject | None:
    by_attempt = {}
    for one in found:
        number, _, ending = one.parts[-1].partition(".")
        if len(one.parts) == 1 and ending == "json" and number.isdecimal():
            by_attempt[int(number)] = one
    if not by_attempt:
        return None
    return by_attempt.get(max(by_attempt) if retry_id is None else retry_id)


def _can_be_written(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


_DECODER = msgspec.json.Decoder(Passport)
