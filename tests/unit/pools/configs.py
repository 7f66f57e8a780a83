"""Configurations that tests read from text."""

from __future__ import annotations

from textwrap import dedent

from pools.config import parse_config
from pools.model import Config, ConfigError, ConfigProblem, ConfigSeverity


def read(**files: str) -> Config:
    """The configuration in the files; a file's name without `.yaml`."""
    return parse_config({f"{name}.yaml": dedent(text).encode() for name, text in files.items()})


def problems(**files: str) -> list[ConfigProblem]:
    """What keeps the files from being used."""
    try:
        read(**files)
    except ConfigError as error:
        return [problem for problem in error.problems if problem.severity is ConfigSeverity.ERROR]
    raise AssertionError("the configuration was accepted")
