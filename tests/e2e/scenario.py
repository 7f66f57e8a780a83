"""The cases of tests/scenarios as values. `tests/scenarios/README.md` explains the keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[1] / "scenarios"
RUNNERS = ("local", "dummy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One case. `text` is the whole spec, as a user would write it."""

    name: str
    text: str
    expect: Mapping[str, Any]
    runners: tuple[str, ...] = RUNNERS
    set_variables: tuple[str, ...] = ()
    set_string_variables: tuple[str, ...] = ()
    env_vars: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    priority: str = "NORMAL"
    settings: Mapping[str, Any] = field(default_factory=dict)
    pool: Mapping[str, Any] = field(default_factory=dict)
    cancel: Mapping[str, Any] | None = None
    dummy: Mapping[str, Any] = field(default_factory=dict)
    advance_seconds: float = 0
    then: Mapping[str, Any] | None = None
    pace: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    objects: Mapping[str, Any] = field(default_factory=dict)
    store: str = "directory"
    key: str = ""
    datasets: Mapping[str, str] = field(default_factory=dict)

    @property
    def on_s3(self) -> bool:
        """Whether `$SHARED` has to be in an object store, also on this machine."""
        return self.store == "s3"

    def paced(self, *, slow: bool) -> dict[str, str]:
        """What stands for `$NAME` where time is meant: quick, or slow where a start takes seconds."""
        return {name: values[slow] for name, values in self.pace.items()}


def scenarios() -> Iterator[Scenario]:
    """All cases, file by file. Errors: KeyError where a case lacks its name or its expectation."""
    for path in sorted(FOLDER.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            yield _scenario(document)


def spec_text(document: Mapping[str, Any]) -> str:
    """The spec of a case, or of its second step."""
    if "file" in document:
        return str(document["file"])
    return yaml.safe_dump({"workflow": document["workflow"]}, sort_keys=False, allow_unicode=True, width=10_000)


_KNOWN = {
    "case",
    "rule",
    "runners",
    "workflow",
    "file",
    "set",
    "set_string",
    "set_env",
    "labels",
    "priority",
    "settings",
    "pool",
    "cancel",
    "dummy",
    "advance",
    "expect",
    "then",
    "pace",
    "objects",
    "store",
    "key",
    "datasets",
}


def _scenario(document: Mapping[str, Any]) -> Scenario:
    if unknown := set(document) - _KNOWN:
        raise KeyError(f"{document.get('case')}: unknown keys {sorted(unknown)}")
    return Scenario(
        name=document["case"],
        text=spec_text(document),
        expect=document["expect"],
        runners=tuple(document.get("runners", RUNNERS)),
        set_variables=tuple(document.get("set", ())),
        set_string_variables=tuple(document.get("set_string", ())),
        env_vars=tuple(document.get("set_env", ())),
        labels=tuple(document.get("labels", ())),
        priority=document.get("priority", "NORMAL"),
        settings=document.get("settings", {}),
        pool=document.get("pool", {}),
        cancel=document.get("cancel"),
        dummy=document.get("dummy", {}),
        advance_seconds=document.get("advance", 0),
        then=document.get("then"),
        pace={name: (str(quick), str(slow)) for name, (quick, slow) in document.get("pace", {}).items()},
        objects=document.get("objects", {}),
        store=document.get("store", "directory"),
        key=document.get("key", "writer" if document.get("store") == "s3" else ""),
        datasets=document.get("datasets", {}),
    )
