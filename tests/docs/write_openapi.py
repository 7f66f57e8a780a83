"""Writes the OpenAPI document to docs/openapi.json: `python -m tests.docs.write_openapi`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from gateway.main import build, create_app
from gateway.settings import settings_from

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"


def application() -> FastAPI:
    """The application with all its routes; it serves nothing."""
    with tempfile.TemporaryDirectory() as directory:
        gateway = build(settings_from({}, {"data_dir": directory}), runner_of=lambda _name, _backend: None)
        try:
            return create_app(gateway)
        finally:
            gateway.stop()


def document() -> dict[str, Any]:
    """The OpenAPI document of the routes as they are."""
    return application().openapi()


def text(found: dict[str, Any]) -> str:
    """The document as it is stored: keys sorted, so that a change shows as what it is."""
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(document()))
