"""The files that a spec names with `localpath`, put into it because a server cannot read this machine's disk.

Source: workflow-spec.md §3.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cli.errors import CliError
from translator.spec.dump import yaml_text
from translator.spec.jinja_text import literal_template
from translator.spec.loader import YamlFault, load
from translator.spec.local_files import inlined


class LocalFiles(dict[str, str]):
    """The texts of files by the names that a spec gives them, each read when it is first asked for.

    Shape: names are relative to the spec's directory. Errors on look-up: OSError, UnicodeError.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory

    def __missing__(self, name: str) -> str:
        text = self[name] = (self._directory / name).read_text(encoding="utf-8")
        return text


def with_local_files(text: str, directory: Path) -> str:
    """The spec to send: its local files in it, and written so that no server renders what came out of them.

    Shape: special tokens (`{{output}}`) in the files stay tokens. A text that is no YAML is given back as it is: the
    server says what is wrong with it, and where.
    Errors: CliError naming every file that cannot be put in.
    """
    try:
        document = load(text).value
    except YamlFault:
        return text
    if not isinstance(document, Mapping):
        return text
    filled, faults = inlined(document, LocalFiles(directory).__getitem__)
    if faults:
        raise CliError("\n".join(fault.message for fault in faults))
    return literal_template(yaml_text(filled))
