"""Keys to object stores that this command keeps on this machine, for `argosmo data`. Source: api.md §4.

`config.yaml` (mode 0600) beside `login.yaml`: `auth.data.<endpoint>` holds the values of a data credential.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cli.errors import CliError
from cli.login_file import config_directory, write_own

_FILE = "config.yaml"


def data_keys() -> dict[str, dict[str, str]]:
    """The values by endpoint (`s3://bucket`). Errors: CliError for a file that is not as expected."""
    data = _section(_section(_loaded(), "auth"), "data")
    return {
        str(endpoint): {str(key): str(value) for key, value in _section(data, endpoint).items() if value is not None}
        for endpoint in data
    }


def keep_data_key(endpoint: str, values: Mapping[str, str]) -> None:
    """Keep the values of a data credential. Errors: CliError."""
    document = _loaded()
    auth = dict(_section(document, "auth"))
    auth["data"] = {**_section(auth, "data"), endpoint: dict(values)}
    _write({**document, "auth": auth})


def forget_data_key(endpoint: str) -> None:
    """Forget what is kept for an endpoint, if anything is. Errors: CliError."""
    document = _loaded()
    auth = dict(_section(document, "auth"))
    data = dict(_section(auth, "data"))
    if data.pop(endpoint, None) is not None:
        _write({**document, "auth": {**auth, "data": data}})


def _section(parent: Mapping[object, object], name: object) -> Mapping[object, object]:
    found = parent.get(name)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise CliError(f"{_path()}: expected a map below `{name}`. Correct the file, or remove it.")
    return found


def _loaded() -> dict[object, object]:
    import yaml

    try:
        found = yaml.safe_load(_path().read_text())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CliError(f"{_path()} cannot be read: {error}. Correct the file, or remove it.") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise CliError(f"{_path()}: expected a map. Correct the file, or remove it.")
    return found


def _write(document: Mapping[object, object]) -> None:
    try:
        write_own(_FILE, document)
    except OSError as error:
        raise CliError(f"{_path()} cannot be written: {error.strerror}.") from error


def _path() -> Path:
    return config_directory() / _FILE
