"""Template variables as JSON and back, for the way to a worker.

JSON's own types go as they are, except maps: everything else that YAML can hold is a map of one entry, {type: value}.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import date, datetime


def encoded(value: object) -> object:
    """A JSON value from which `decoded` makes `value` again.

    Errors: TypeError for types that no YAML document has.
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list):
        return [encoded(item) for item in value]
    if isinstance(value, Mapping):
        return {"map": [[encoded(key), encoded(item)] for key, item in value.items()]}
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, set | frozenset):
        return {"set": [encoded(item) for item in value]}
    if isinstance(value, tuple):
        return {"tuple": [encoded(item) for item in value]}
    raise TypeError(f"a template variable cannot be of type {type(value).__name__}")


def decoded(value: object) -> object:
    """The value `encoded` was given. Errors: ValueError where it was not made by `encoded`."""
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, body),) = value.items()
    match kind, body:
        case "map", list():
            return {decoded(key): decoded(item) for key, item in body}
        case "set", list():
            return {decoded(item) for item in body}
        case "tuple", list():
            return tuple(decoded(item) for item in body)
        case "datetime", str():
            return datetime.fromisoformat(body)
        case "date", str():
            return date.fromisoformat(body)
        case "bytes", str():
            return base64.b64decode(body)
    raise ValueError(f"unknown type {kind}")
