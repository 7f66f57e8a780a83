"""Makes the image without Docker: a root file system from this machine's Python, and an archive of it.

    python -m runtime.image.rootfs --wrapper WRAPPER --root DIRECTORY [--archive FILE --name NAME]

The directory holds the interpreter that runs this script with its standard library, the shared libraries that it
needs, the sidecar's packages, `/wrapper` and `/ctrl`; nothing else, no shell. The archive is an OCI layout with one
layer, for `ctr -n k8s.io images import FILE`, `docker load -i FILE`, `kind load image-archive FILE`. It runs where the
processor is the same as here; releases are built by the Dockerfile.
"""

from __future__ import annotations

import argparse
import compileall
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

from runtime.image.packages import install_packages

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_LEFT_OUT = (
    "__pycache__",
    "config-*",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "sqlite3",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
    "_tkinter*.so",
    "_sqlite3*.so",
    "_test*.so",
)
_CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
_FILES = {
    "etc/passwd": "root:x:0:0:root:/:/ctrl\nnobody:x:65534:65534:nobody:/:/ctrl\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}


def make_root(root: Path, wrapper: Path) -> None:
    """Fill a directory, which must be empty or not there, with the image's files."""
    if root.exists() and any(root.iterdir()):
        raise SystemExit(f"{root} is not empty; choose another directory or remove it")
    for name in ("tmp", "dev", "proc", "sys", "osmo", "etc", "usr/bin"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    for name, text in _FILES.items():
        (root / name).write_text(text)
    _copy_python(root)
    install_packages(root / "opt/argosmo")
    compileall.compile_dir(root / "opt/argosmo", quiet=2, stripdir=str(root), prependdir="/")
    certificates = next((path for path in map(Path, _CERTIFICATES) if path.exists()), None)
    if certificates is not None:
        _put(root, certificates, "etc/ssl/certs/ca-certificates.crt")
    _copy_libraries(root)
    shutil.copy2(wrapper, root / "wrapper")
    script = (Path(__file__).parent / "ctrl").read_text().split("\n", 1)[1]
    (root / "ctrl").write_text(f"#!/usr/bin/python3 -EsSB\n{script}")
    for name in ("wrapper", "ctrl"):
        (root / name).chmod(0o755)


def write_archive(root: Path, name: str, archive: Path) -> None:
    """Write the directory as an OCI image with that name; same files, same bytes."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w", format=tarfile.PAX_FORMAT) as packed:
        for path in sorted(root.rglob("*")):
            packed.add(path, str(path.relative_to(root)), recursive=False, filter=_plain)
    blobs: dict[str, bytes] = {}

    def blob(data: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    layer_blob = blob(layer.getvalue(), "layer.v1.tar")
    config = {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Cmd": ["/ctrl"], "Env": ["PATH=/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [layer_blob["digest"]]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob(_json(config), "config.v1+json"),
        "layers": [layer_blob],
    }
    names = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]}
    index = {"schemaVersion": 2, "manifests": [{**blob(_json(manifest), "manifest.v1+json"), "annotations": names}]}
    with tarfile.open(archive, "w") as out:
        _add(out, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(out, "index.json", _json(index))
        for digest, data in sorted(blobs.items()):
            _add(out, f"blobs/sha256/{digest}", data)


def _copy_python(root: Path) -> None:
    # Where it looks for its library: beside the directory it stands in.
    version = f"python{sysconfig.get_python_version()}"
    executable = Path(sys.base_prefix) / "bin" / version
    _put(root, executable, f"usr/bin/{version}")
    (root / "usr/bin/python3").symlink_to(version)
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix, "base": sys.base_prefix}))
    shutil.copytree(library, root / "usr/lib" / version, ignore=shutil.ignore_patterns(*_LEFT_OUT), symlinks=False)
    compileall.compile_dir(root / "usr/lib" / version, quiet=2, stripdir=str(root), prependdir="/")


def _copy_libraries(root: Path) -> None:
    """All shared libraries that programs and extensions in the directory are linked to, where the loader looks."""
    programs = [*root.glob("usr/bin/python3.*"), *root.rglob("*.so")]
    for library in sorted({found for program in programs for found in _linked(program)}):
        is_loader = re.fullmatch(r"ld-linux.*\.so\.\d+", library.name) is not None
        _put(root, library, str(library).lstrip("/") if is_loader else f"usr/lib/{library.name}")
    # The C library opens these by name when it looks up a host.
    for name in ("libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"):
        for directory in (f"/lib/{platform.machine()}-linux-gnu", "/lib64", "/usr/lib64"):
            if (found := Path(directory) / name).exists():
                _put(root, found, f"usr/lib/{name}")
    for name in ("lib", "lib64"):
        if not (root / name).exists():
            (root / name).symlink_to("usr/lib")


def _linked(program: Path) -> Iterator[Path]:
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        if (found := re.search(r"(?:=> )?(/\S+) \(0x", line)) is not None:
            yield Path(found[1])


def _put(root: Path, source: Path, name: str) -> None:
    target = root / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(os.path.realpath(source), target)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def _add(out: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    out.addfile(entry, io.BytesIO(data))


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wrapper", type=Path, required=True, help="the built wrapper")
    parser.add_argument("--root", type=Path, required=True, help="directory to fill")
    parser.add_argument("--archive", type=Path, help="OCI archive to write")
    parser.add_argument("--name", default="docker.io/library/argosmo-runtime:0.1.0", help="name of the image")
    given = parser.parse_args()
    make_root(given.root, given.wrapper)
    if given.archive is not None:
        write_archive(given.root, given.name, given.archive)


if __name__ == "__main__":
    main()
