"""The pages name every setting, route and metric of the gateway, and nothing that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.api.metrics import Measures, Metrics
from gateway.settings import Settings, settings_from, variable
from tests.docs.write_openapi import document

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("field", sorted(Settings.model_fields))
def test_settings_are_documented(field: str) -> None:
    row = next(line for line in (DOCS / "settings.md").read_text().splitlines() if f"`{variable(field)}`" in line)
    default = getattr(settings_from({}), field)
    if isinstance(default, int | float):
        assert f"`{default:g}`" in row or f"`{default}`" in row, row


def test_no_setting_is_made_up() -> None:
    named = set(re.findall(r"`(ARGOSMO_\w+)`", (DOCS / "settings.md").read_text()))
    assert named == {variable(field) for field in Settings.model_fields}


def test_routes_are_documented() -> None:
    page = (DOCS / "api.md").read_text()
    rows = set()
    for methods, path in re.findall(r"^\| ([A-Z, ]+) `(/[^`]+)` \|", page, re.MULTILINE):
        rows |= {(method.strip(), path) for method in methods.split(",")}
    routes = {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}
    assert rows == routes


def test_metrics_are_documented() -> None:
    page = Metrics(Measures).page().decode()
    exported = {name for name in re.findall(r"^# TYPE (\w+) ", page, re.MULTILINE) if not name.endswith("_created")}
    documented = set(re.findall(r"^\| `(argosmo_\w+)` \|", (DOCS / "api.md").read_text(), re.MULTILINE))
    assert documented == exported
