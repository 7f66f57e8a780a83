"""What a client does to a spec before it sends it: local files go in, and nothing gets rendered twice.

Source: workflow-spec.md §3.7; the server renders what it is sent, tokens must resolve inside local files, other Jinja
in them must not (§10.14).
"""

from __future__ import annotations

from collections.abc import Mapping

from translator.problems import SpecError
from translator.spec.document import open_spec
from translator.spec.dump import yaml_text
from translator.spec.jinja_text import literal_template
from translator.spec.local_files import ReadFile, inlined
from translator.spec.templating import Renderer
from translator.spec.values import NO_VALUES, Values


def bundle(source: bytes, *, values: Values = NO_VALUES, renderer: Renderer, read_file: ReadFile) -> str:
    """The text to send for a spec file: YAML with one key `workflow`, rendered, with local files in it.

    Shape: a template that renders to exactly that, with special tokens in place; `values.labels` and
    `values.environment` are left to the request.
    Errors: SpecError, for a file that cannot be read too.
    """
    opened = open_spec(source, values, renderer)
    if not isinstance(opened.value, Mapping):
        problem = opened.places.problem((), "yaml-syntax", "Workflow spec is not properly formatted: expected a map.")
        raise SpecError([problem])
    document, faults = inlined(opened.value, read_file)
    if faults:
        raise SpecError([opened.places.problem(fault.path, fault.code, fault.message) for fault in faults])
    return literal_template(yaml_text(document))


def needs_bundling(source: str) -> bool:
    """Whether a file may name local files; a file that does not is best sent as it is."""
    return "localpath" in source
