"""Where this command keeps the server and the login between calls. Source: api.md §4.

`login.yaml` (mode 0600) in `$ARGOSMO_CONFIG_DIR`, else `$XDG_CONFIG_HOME/argosmo`, else `~/.config/argosmo`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cli.errors import CliError

DEFAULT_URL = "http://127.0.0.1:8000"
_FILE = "login.yaml"
# A directory of its own, so that an `osmo` client beside this one keeps its login.
CONFIG_DIR_VARIABLE = "ARGOSMO_CONFIG_DIR"


@dataclass(frozen=True, slots=True, kw_only=True)
class DevLogin:
    """Who somebody says he is, at a server without authentication."""

    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogin:
    """An access token and the short-lived JWT got for it.

    Shape: `refresh_token` is the access token; posting it to `refresh_url` brings the next `id_token`.
    """

    id_token: str
    refresh_token: str
    refresh_url: str
    username: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A server and an identity there. Shape: `url` has no slash at its end."""

    url: str
    name: str
    identity: DevLogin | TokenLogin


def config_directory() -> Path:
    """The directory of this command's own files."""
    chosen = os.environ.get(CONFIG_DIR_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "argosmo"


def current_login() -> Login:
    """The stored login; the default server under the name of the operating system's user where there is none."""
    return read_login() or default_login()


def default_login() -> Login:
    """What holds before any login: a server on this machine, started with `argosmo serve`."""
    name = operating_system_user()
    return Login(url=DEFAULT_URL, name=name, identity=DevLogin(username=name))


def read_login() -> Login | None:
    """The stored login, None where nobody is logged in. Errors: CliError where the file cannot be understood."""
    path = config_directory() / _FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(path, error) from error
    # Imported late: the five-minute default has no file, and need not wait for a YAML reader.
    import yaml

    try:
        return _login(yaml.safe_load(text))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise _unusable(path, error) from error


def write_login(login: Login) -> None:
    """Store a login, readable for its owner only."""
    write_own(_FILE, _document(login))


def write_own(name: str, document: Mapping[Any, object]) -> None:
    """Write one of this command's own files as YAML, readable for its owner only.

    A reader sees the old file or the new one, never half of one. Errors: OSError.
    """
    import yaml

    directory = config_directory()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    # mkstemp creates with mode 0600.
    descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=f".{name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yaml.safe_dump(dict(document), file, sort_keys=False)
        os.replace(temporary, directory / name)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def remove_login() -> bool:
    """Forget the login; False where there was none."""
    try:
        (config_directory() / _FILE).unlink()
    except FileNotFoundError:
        return False
    return True


def with_id_token(login: Login, token: TokenLogin, id_token: str) -> Login:
    """`login` with a fresh JWT."""
    return replace(login, identity=replace(token, id_token=id_token))


def operating_system_user() -> str:
    """The name under which this process runs."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A user id without an entry in the password file, as containers have them.
        return f"uid-{os.getuid()}"


def _login(document: dict[str, object]) -> Login:
    url, name = document["url"], document.get("name")
    token, dev = document.get("token_login"), document.get("dev_login")
    if isinstance(token, dict):
        return Login(
            url=str(url),
            name=str(name or ""),
            identity=TokenLogin(
                id_token=str(token["id_token"]),
                refresh_token=str(token["refresh_token"]),
                refresh_url=str(token["refresh_url"]),
                username=token.get("username"),
            ),
        )
    if isinstance(dev, dict):
        return Login(url=str(url), name=str(name or ""), identity=DevLogin(username=str(dev["username"])))
    raise KeyError("dev_login or token_login")


def _document(login: Login) -> dict[str, object]:
    match login.identity:
        case DevLogin(username=username):
            identity: dict[str, object] = {"osmo_token": False, "dev_login": {"username": username}}
        case TokenLogin() as token:
            identity = {
                "osmo_token": True,
                "token_login": {
                    "id_token": token.id_token,
                    "refresh_token": token.refresh_token,
                    "refresh_url": token.refresh_url,
                    "client_id": None,
                    "username": token.username,
                },
            }
    return {"url": login.url, "name": login.name, **identity}


def _unusable(path: Path, error: Exception) -> CliError:
    return CliError(f"{path} cannot be used ({error}). Log in again with 'argosmo login URL'.")
