"""Maps of text in which YAML's numbers and booleans count as text: `environment:` and `credentials:`.

Source: workflow-spec.md §2 (general rules), §2.13.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import PydanticCustomError

from translator.spec.faults import fault, faults_at

CredentialMap = dict[str, str | dict[str, str]]

_Found = list[tuple[tuple[str | int, ...], PydanticCustomError, object]]


def environment_map(value: object) -> object:
    """The environment with booleans as `True` and `False`; numbers and faults are left to pydantic."""
    if not isinstance(value, Mapping):
        return value
    return {name: str(text) if isinstance(text, bool) else text for name, text in value.items()}


def credential_map(value: object) -> CredentialMap:
    """Credentials by name: the directory of their files, or {environment variable: key}.

    Errors: `bad-credential`, all of them at their keys.
    """
    if not isinstance(value, Mapping):
        raise _bad(f"credentials must be a str or dict, got {_type(value)}")
    found: _Found = []
    credentials: CredentialMap = {}
    for name, target in value.items():
        key = str(name)
        if isinstance(target, Mapping):
            credentials[key] = _variables(key, target, found)
        elif _is_scalar(target):
            credentials[key] = str(target)
        else:
            message = f"credential value for {key} must be a str or dict, got {_type(target)}"
            found.append(((key,), _bad(message), target))
    if found:
        raise faults_at("credentials", found)
    return credentials


def _variables(name: str, target: Mapping[object, object], found: _Found) -> dict[str, str]:
    variables = {}
    for variable, key in target.items():
        if _is_scalar(key):
            variables[str(variable)] = str(key)
        else:
            message = f"credential key mapping value for {name}.{variable} must be a scalar, got {_type(key)}"
            found.append(((name, str(variable)), _bad(message), key))
    return variables


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)


def _type(value: object) -> str:
    return type(value).__name__


def _bad(message: str) -> PydanticCustomError:
    return fault("bad-credential", message)
