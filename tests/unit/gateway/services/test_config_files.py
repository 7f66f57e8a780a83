"""The configuration in use: what is read when, and what stays when it goes wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.services.config_files import CHECK_SECONDS, ConfigFiles
from pools.model import ConfigError
from pools.shipped import MachineResources

MACHINE = MachineResources(hostname="here", cpu_count=4, memory_bytes=8 << 30, storage_bytes=100 << 30)
ONE = "backends: {b: {engine: local}}\npools: {one: {backend: b, default_platform: p, platforms: {p: {}}}}\n"


class Time:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_check(self) -> None:
        """Go on to where the files are looked at again."""
        self.now += CHECK_SECONDS


def write(directory: Path, name: str, text: str) -> None:
    """Write a file so that its time of change differs from that of any before."""
    path = directory / name
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(0, max(before + 10**9, path.stat().st_mtime_ns)))


def test_without_directory_this_machine_is_the_configuration() -> None:
    config = ConfigFiles(None, MACHINE).current()
    assert list(config.pools) == ["default"]
    assert config.nodes is not None
    assert config.nodes[0].allocatable.cpu == 4


def test_all_yaml_files_are_read_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", ONE)
    write(tmp_path, "b.yml", "pools: {two: {backend: b, default_platform: p, platforms: {p: {}}}}\n")
    write(tmp_path, "c.txt", "not: [read")
    write(tmp_path, ".hidden.yaml", "not: [read")
    (tmp_path / "d.yaml").mkdir()
    assert sorted(ConfigFiles(tmp_path, MACHINE).current().pools) == ["one", "two"]


def test_changes_show_after_the_next_look(tmp_path: Path) -> None:
    time = Time()
    write(tmp_path, "a.yaml", ONE)
    files = ConfigFiles(tmp_path, MACHINE, clock=time)
    write(tmp_path, "a.yaml", ONE.replace("one:", "two:"))
    assert list(files.current().pools) == ["one"], "looked at a moment ago"
    time.pass_check()
    assert list(files.current().pools) == ["two"]
    assert list(files.loaded.pools) == ["two"]


def test_nothing_is_read_again_while_nothing_changes(tmp_path: Path) -> None:
    time = Time()
    write(tmp_path, "a.yaml", ONE)
    files = ConfigFiles(tmp_path, MACHINE, clock=time)
    first = files.current()
    time.pass_check()
    assert files.current() is first


@pytest.mark.parametrize("text", ["pools: [", "pools: {one: {backend: gone}}", "unheard: {}", "\xff"])
def test_the_last_good_state_is_kept(tmp_path: Path, text: str) -> None:
    """design §9: reloaded when it changes, last good kept."""
    time = Time()
    write(tmp_path, "a.yaml", ONE)
    files = ConfigFiles(tmp_path, MACHINE, clock=time)
    write(tmp_path, "a.yaml", text)
    time.pass_check()
    state = files.state()
    assert list(state.config.pools) == ["one"]
    assert state.problems
    write(tmp_path, "a.yaml", ONE)
    time.pass_check()
    assert files.state().problems == ()


def test_a_directory_that_vanishes_and_returns(tmp_path: Path) -> None:
    time = Time()
    directory = tmp_path / "config"
    directory.mkdir()
    write(directory, "a.yaml", ONE)
    files = ConfigFiles(directory, MACHINE, clock=time)
    directory.rename(tmp_path / "away")
    time.pass_check()
    assert "cannot be read" in files.state().problems[0].message
    (tmp_path / "away").rename(directory)
    time.pass_check()
    assert files.state().problems == ()


@pytest.mark.parametrize("text", ["pools: [", "pools: {one: {backend: gone}}"])
def test_what_is_wrong_from_the_start_cannot_be_used(tmp_path: Path, text: str) -> None:
    write(tmp_path, "a.yaml", text)
    with pytest.raises(ConfigError):
        ConfigFiles(tmp_path, MACHINE)


def test_a_directory_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        ConfigFiles(tmp_path / "none", MACHINE)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"#" * (17 * 1024 * 1024))
    with pytest.raises(ConfigError, match="larger than"):
        ConfigFiles(tmp_path, MACHINE)
