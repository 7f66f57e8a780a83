"""Puts what the sidecar imports into one directory: our packages, and the wheels that it needs, as they are locked.

python -m runtime.image.packages DIRECTORY
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements/runtime.lock"
WHEELS = ("msgspec", "obstore")
OURS = ("runtime", "storage", "translator")


def install_packages(directory: Path, python: str = sys.executable) -> None:
    """Fill a directory; `python` is the interpreter that wheels are chosen for. Errors: CalledProcessError."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as wanted:
        wanted.write(locked(LOCK.read_text(), WHEELS))
        wanted.flush()
        flags = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile"]
        quiet = ["-q", "--disable-pip-version-check", "--no-warn-script-location", "--root-user-action", "ignore"]
        subprocess.run(
            [python, "-m", "pip", "install", *quiet, *flags, "--target", str(directory), "-r", wanted.name], check=True
        )
    for name in OURS:
        ignored = shutil.ignore_patterns("__pycache__", "*.go", "go.mod", "image", "wrapper", "testdata")
        shutil.copytree(ROOT / name, directory / name, ignore=ignored, dirs_exist_ok=True)


def locked(lock: str, names: tuple[str, ...]) -> str:
    """The entries of a lock file for some packages, with their hashes. Errors: LookupError for one that is missing."""
    entries: list[str] = []
    for name in names:
        found = re.search(
            rf"^{re.escape(name)}==\S+(?: ;[^\\\n]*)? \\\n(?:    --hash=\S+(?: \\)?\n)+", lock, re.MULTILINE
        )
        if found is None:
            raise LookupError(f"Expected {name} in {LOCK}; run `make lock`")
        entries.append(found[0])
    return "".join(entries)


if __name__ == "__main__":
    install_packages(Path(sys.argv[1]))
