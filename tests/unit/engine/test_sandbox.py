"""What sandboxes are put together from: mounts, layouts, command lines, and where files go."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from engine.files import File
from engine.sandbox import layout as layouts
from engine.sandbox.bubblewrap import BoxDirectory, Extras, make_directories, sandbox_argv
from engine.sandbox.layout import Layer, Layout, LayoutKind, Link, Shown, pieces_layout, read_only_layout, whole_layout
from engine.sandbox.mounts import Mount, parse_mounts
from engine.sandbox.placing import UnplaceableFile, fits_ready_sandbox, place

MOUNTINFO = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
28 27 0:25 / /mnt/with\040blank ro,nosuid shared:5 - tmpfs none rw,size=4k
29 27 8:1 / /home rw,relatime master:1 shared:2 - xfs /dev/sda1 rw
30 27 8:2 / /home rw,relatime - btrfs /dev/sdb1 rw
nonsense
"""


def test_mountinfo() -> None:
    """Source: proc_pid_mountinfo(5)."""
    assert parse_mounts(MOUNTINFO) == (
        Mount(path="/", kind="ext4", read_only=False),
        Mount(path="/home", kind="btrfs", read_only=False),
        Mount(path="/mnt/with blank", kind="tmpfs", read_only=True),
        Mount(path="/proc", kind="proc", read_only=False),
    )


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small machine in a directory; paths below are those of the directory."""
    for directory in ("etc/ssl", "usr/bin", "data/a", "data/b", "opt"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "data/file").touch()
    (tmp_path / "data/namespace").touch()
    (tmp_path / "data/a").chmod(0o1777)
    monkeypatch.setattr(layouts, "OWN_PATHS", (f"{tmp_path}/opt",))
    return tmp_path


def test_pieces_are_the_largest_directories_without_mounts(machine: Path) -> None:
    mounts = [
        Mount(path=f"{machine}/data/b/deep", kind="ext4", read_only=False),
        Mount(path=f"{machine}/opt/x", kind="ext4", read_only=False),
        Mount(path=f"{machine}/etc", kind="ext4", read_only=True),
        # A namespace that a network tool holds by a name: nothing for tasks, and gone when its container is.
        Mount(path=f"{machine}/data/namespace", kind="nsfs", read_only=False),
    ]
    found = [piece for piece in pieces_layout(mounts, ()).pieces if piece.path.startswith(f"{machine}/")]
    assert found == [
        Link(f"{machine}/bin", "usr/bin"),
        Layer(f"{machine}/data/a", 0o1777),
        # Nothing is in there but the mount, which this machine does not really have.
        Shown(f"{machine}/data/file"),
        Shown(f"{machine}/etc"),
        Layer(f"{machine}/usr"),
    ]


def test_mounts_of_other_containers_get_no_layer() -> None:
    """Runtimes keep the file systems of containers in directories that nobody else may list."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        Path(directory).chmod(0o755)
        runtime = Path(directory, "containerd")
        Path(runtime, "rootfs").mkdir(parents=True)
        runtime.chmod(0o711)
        mounts = [Mount(path=f"{runtime}/rootfs", kind="overlay", read_only=False)]
        assert [piece.path for piece in whole_layout(mounts, ()).pieces] == ["/"]
        at_home = whole_layout(mounts, (), home=directory)
        assert [piece.path for piece in at_home.pieces] == ["/", f"{runtime}/rootfs"]


def test_a_whole_layout_has_a_layer_per_file_system(machine: Path) -> None:
    mounts = [
        Mount(path="/", kind="ext4", read_only=False),
        Mount(path=f"{machine}/data", kind="ext4", read_only=False),
        Mount(path=f"{machine}/etc", kind="ext4", read_only=True),
        Mount(path=f"{machine}/data/file", kind="ext4", read_only=False),
        Mount(path=f"{machine}/usr", kind="cgroup2", read_only=False),
        Mount(path=f"{machine}/opt", kind="ext4", read_only=False),
    ]
    found = whole_layout(mounts, (str(machine), f"{machine}/data", f"{machine}/none"), home=str(machine))
    assert [piece.path for piece in found.layers] == ["/", f"{machine}/data"]
    assert [piece.path for piece in found.pieces if isinstance(piece, Shown)] == [
        f"{machine}/etc",
        f"{machine}/data/file",
    ]
    assert found.hidden == (str(machine),)


def test_a_layer_can_be_given_up() -> None:
    layout = Layout(kind=LayoutKind.PIECES, pieces=(Layer("/usr"), Layer("/etc")))
    assert layout.without_layer("/usr").pieces == (Shown("/usr"), Layer("/etc"))
    assert layout.without_layer("/usr").read_only_paths == ("/usr",)


def test_the_command_line(tmp_path: Path) -> None:
    layout = Layout(
        kind=LayoutKind.PIECES, pieces=(Layer("/usr"), Link("/bin", "usr/bin"), Shown("/etc")), hidden=("/home/x",)
    )
    box = BoxDirectory("/box")
    argv = sandbox_argv("/bwrap", layout, box, Extras(mounts=[("/a", "/b")], files=[("/box/files/0", "/f")]))
    text = " ".join(argv)
    assert text.startswith("/bwrap --unshare-pid --die-with-parent --cap-drop ALL --info-fd 3 --bind /box/root / ")
    assert (
        "--overlay-src /usr --overlay /box/upper0 /box/work0 /usr --symlink usr/bin /bin --ro-bind-try /etc /etc"
        in text
    )
    assert "--bind /box/tmp /tmp --bind /box/osmo /osmo --tmpfs /home/x --bind /a /b --ro-bind /box/files/0 /f" in text
    assert text.endswith("--chdir / -- cat")


def test_what_went_away_since_the_start_is_left_out(tmp_path: Path) -> None:
    """Directories of containers come and go in `/run`; no task may fail for it."""
    here = Layer(str(tmp_path))
    layout = Layout(kind=LayoutKind.PIECES, pieces=(Layer(f"{tmp_path}/gone"), here, Shown(f"{tmp_path}/gone-file")))
    text = " ".join(sandbox_argv("/bwrap", layout, BoxDirectory("/box"), Extras()))
    assert f"--overlay-src {tmp_path} --overlay /box/upper1 /box/work1 {tmp_path}" in text
    assert f"{tmp_path}/gone " not in text
    assert f"--ro-bind-try {tmp_path}/gone-file" in text


@pytest.fixture
def box(tmp_path: Path) -> BoxDirectory:
    """The directory of a sandbox with a layer over `<tmp>/host`."""
    (tmp_path / "host/sub").mkdir(parents=True)
    (tmp_path / "host/sub").chmod(0o750)
    (tmp_path / "host/link").symlink_to("sub")
    made = BoxDirectory(str(tmp_path / "box"))
    make_directories(layered(tmp_path), made)
    return made


def layered(tmp_path: Path) -> Layout:
    """A layer over `<tmp>/host`, and `<tmp>/shown` that cannot be written."""
    return Layout(kind=LayoutKind.PIECES, pieces=(Layer(f"{tmp_path}/host"), Shown(f"{tmp_path}/shown")))


def test_files_go_to_the_layer_that_shows_them(
    tmp_path: Path, box: BoxDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This test lives in /tmp itself, which sandboxes have of their own.
    monkeypatch.setattr("engine.sandbox.placing.below", lambda path, top: _inside(path, top, tmp_path))
    monkeypatch.setattr("engine.sandbox.placing.at_or_below", lambda path, top: _inside(f"{path}/", top, tmp_path))
    files = [
        File(f"{tmp_path}/host/sub/new/f", b"1"),
        File(f"{tmp_path}/host/link/g", b"2"),
        File("/osmo/data/x", b"3"),
        File("tmp/../tmp/y", b"4"),
        File("/nowhere/z", b"5"),
    ]
    placed = place(files, layered(tmp_path), box)
    upper = Path(box.upper(0))
    assert (upper / "sub/new/f").read_bytes() == b"1"
    assert (upper / "sub/g").read_bytes() == b"2"
    assert (upper / "sub").stat().st_mode & 0o777 == 0o750
    assert Path(box.osmo, "data/x").read_bytes() == b"3"
    assert Path(box.temporary, "y").read_bytes() == b"4"
    assert Path(box.root, "nowhere/z").read_bytes() == b"5"
    assert Path(box.root, "nowhere/z").stat().st_mode & 0o777 == 0o644
    assert placed.mounted == []


def _inside(path: str, directory: str, place: Path) -> bool:
    return path.startswith(directory.rstrip("/") + "/") and not (directory == "/tmp" and path.startswith(f"{place}/"))


def test_without_layers_files_are_mounted_and_their_directories_opened(tmp_path: Path) -> None:
    box = BoxDirectory(str(tmp_path / "box"))
    layout = read_only_layout(())
    make_directories(layout, box)
    placed = place([File("/etc/new.conf", b"x"), File("/dev/shm/y", b"y")], layout, box)
    assert placed.mounted == [(f"{box.files}/0", "/etc/new.conf"), (f"{box.files}/1", "/dev/shm/y")]
    assert placed.opened == {"/etc"}
    opened = read_only_layout((), placed.opened)
    assert Shown("/etc") not in opened.pieces
    assert Shown("/etc/passwd") in opened.pieces


@pytest.mark.parametrize("path", ["/proc/x", "/sys/x", "/etc", "/", ".."])
def test_files_that_cannot_be_placed(tmp_path: Path, path: str) -> None:
    box = BoxDirectory(str(tmp_path / "box"))
    layout = Layout(kind=LayoutKind.WHOLE, pieces=(Layer("/"),))
    make_directories(layout, box)
    with pytest.raises(UnplaceableFile):
        place([File(path, b"")], layout, box)


def test_which_files_a_ready_sandbox_can_take() -> None:
    assert fits_ready_sandbox([File("/tmp/a", b""), File("/osmo/data/output/b", b"")])
    assert fits_ready_sandbox([])
    assert not fits_ready_sandbox([File("/tmp/../etc/a", b"")])
