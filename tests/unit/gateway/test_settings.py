"""What flags and variables may say, and what refuses to start."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.settings import IsolationChoice
from gateway.settings import (
    Settings,
    SettingsError,
    check_exposure,
    is_loopback,
    settings_from,
    variable,
)


def test_defaults_are_this_machine_only_and_the_xdg_data_directory() -> None:
    settings = settings_from({"XDG_DATA_HOME": "/data"})
    assert settings.host == "127.0.0.1"
    assert settings.data_dir == Path("/data/argosmo")
    assert settings.database_url == "sqlite:////data/argosmo/argosmo.db"
    assert not settings.authentication


def test_relative_data_home_is_ignored() -> None:
    assert settings_from({"XDG_DATA_HOME": "here", "HOME": "/home/a"}).data_dir == Path("/home/a/.local/share/argosmo")


def test_flags_win_over_the_environment() -> None:
    environ = {"ARGOSMO_PORT": "9000", "ARGOSMO_ISOLATION": "plain", "ARGOSMO_ALLOWED_HOSTS": "a.example, b.example"}
    settings = settings_from(environ, {"port": 0, "host": None})
    assert settings.port == 0
    assert settings.isolation is IsolationChoice.PLAIN
    assert settings.allowed_hosts == ("a.example", "b.example")


@pytest.mark.parametrize("field", sorted(Settings.model_fields))
def test_every_setting_has_a_description_and_a_variable(field: str) -> None:
    assert Settings.model_fields[field].description
    assert variable(field).startswith("ARGOSMO_")


@pytest.mark.parametrize(
    ("environ", "flags", "shown"),
    [
        ({"ARGOSMO_PORT": "many"}, {}, "ARGOSMO_PORT"),
        ({"ARGOSMO_PORT": "70000"}, {}, "ARGOSMO_PORT"),
        ({}, {"port": -1}, "--port"),
        ({}, {"isolation": "none"}, "--isolation"),
        ({"ARGOSMO_PUBLIC_URL": "ftp://x"}, {}, "ARGOSMO_PUBLIC_URL"),
    ],
)
def test_a_wrong_setting_is_named_as_the_user_wrote_it(
    environ: dict[str, str], flags: dict[str, object], shown: str
) -> None:
    with pytest.raises(SettingsError, match=shown):
        settings_from(environ, flags)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "example.com", "127.0.0.1.example.com"])
def test_another_address_needs_authentication(host: str) -> None:
    """design §9: binds to 127.0.0.1 only; anything else refuses to start without configured authentication."""
    with pytest.raises(SettingsError, match="no authentication is configured"):
        check_exposure(settings_from({}, {"host": host}))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost", "LOCALHOST", "a.localhost"])
def test_loopback_needs_none(host: str) -> None:
    assert is_loopback(host)
    check_exposure(settings_from({}, {"host": host}))


def test_a_default_administrator_switches_authentication_on() -> None:
    assert settings_from({"OSMO_DEFAULT_ADMIN_USERNAME": "root"}).authentication


def test_the_password_is_not_shown() -> None:
    assert "geheim" not in repr(settings_from({"OSMO_DEFAULT_ADMIN_PASSWORD": "geheim"}))
