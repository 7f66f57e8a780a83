"""What a user reads in the log about the data of his task: the same words wherever the task runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from storage.probe import Access
from storage.transfer import Moved

NO_FILES = "No Files in Output Folder"


@dataclass(frozen=True, slots=True)
class MoveVoice:
    """Says what was moved. Shape: `say` takes one line, from any thread."""

    say: Callable[[str], None]

    def access_failed(self, access: Access, url: str, error: Exception) -> None:
        """A place is not open."""
        self.say(f"No {access} access to {url}: {error}")

    def downloaded(self, index: int, origin: str, moved: Moved) -> None:
        """An input is there."""
        self._tell(f"Downloaded input {index} from {origin}", moved)
        if not moved.files:
            self.say(f"Warning: input {index} from {origin} is empty")

    def download_failed(self, index: int, error: Exception) -> None:
        """An input could not be had."""
        self.say(f"Download of input {index} failed: {error}")

    def uploaded(self, url: str, moved: Moved) -> None:
        """Outputs are at one of their places."""
        self._tell(f"Uploaded to {url}", moved)

    def upload_failed(self, error: Exception) -> None:
        """Outputs could not be uploaded."""
        self.say(f"Upload failed: {error}")

    def passport_failed(self, error: Exception) -> None:
        """The passport of the outputs could not be kept."""
        self.say(f"Warning: the passport of the outputs could not be kept: {error}")

    def dataset_stored(self, name: str, url: str, moved: Moved) -> None:
        """An output is stored as files of a dataset."""
        self._tell(f"Stored for dataset {name} at {url}", moved)

    def dataset_empty(self, name: str, path: str) -> None:
        """There is nothing to be stored for a dataset."""
        self.say(f"Warning: dataset {name} gets no version: there is no file {_at(path)}in the output folder")

    def nothing_to_upload(self) -> None:
        """The output directory is empty."""
        self.say(NO_FILES)

    def kpi_missing(self, index: str, path: str) -> None:
        """A KPI's file was not written."""
        self.say(f"Warning: KPI {index}: there is no {path} in the output folder")

    def checkpoint_uploaded(self, name: str, url: str, moved: Moved) -> None:
        """A checkpoint, or one match of its glob, is at its place."""
        self._tell(f"Checkpoint {name} uploaded to {url}", moved)

    def checkpoint_failed(self, path: str, error: Exception) -> None:
        """A checkpoint could not be uploaded."""
        self.say(f"Upload of checkpoint {path} failed: {error}")

    def _tell(self, what: str, moved: Moved) -> None:
        self.say(f"{what}: {moved.files} file{'' if moved.files == 1 else 's'}, {moved.bytes} bytes")
        for note in moved.notes:
            self.say(f"Warning: {note}")


def _at(path: str) -> str:
    return f"at {path} " if path else ""
