"""Every field of workflow-spec.md §2.2-§2.13: its default, what it takes as what, what it refuses in which words.

The id of a test is its row: "2.6 image: 5" is `image: 5` in the table of §2.6. Rules between fields are in
test_spec_model.py; where each row of §2 and §11 is proved, tests/conformance/rows.yaml says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest
from pydantic import BaseModel

from tests.unit.spec.specs import parsed, refused
from translator.problems import ErrorCode
from translator.spec.data_model import (
    CheckpointSpec,
    DatasetSource,
    DatasetTarget,
    InputTask,
    InputUrl,
    KpiSpec,
    OutputUrl,
)
from translator.spec.model import (
    DEFAULT_RESOURCE,
    FileSpec,
    GroupSpec,
    RequirementType,
    ResourceSpec,
    TaskSpec,
    TimeoutSpec,
    TopologySpec,
    WorkflowSpec,
)

TASK = "{name: t, image: i, command: [c]}"
REQUIRED = object()

_EMPTY = "it is empty; fill it or remove the key."
_STRING = "Input should be a valid string"
_LIST = "Input should be a valid list"
_MAP = "Input should be a valid dictionary"
_BOOL = "Input should be a valid boolean"
_INT = "Input should be a valid integer"
_NAME = "String should match pattern '^[a-zA-Z]([a-zA-Z0-9_-]*[a-zA-Z0-9])?$'"

# "Booleans are converted to strings only in environment, exitActions and credentials; elsewhere rejected."
NO_TEXT = {
    "true": f"{_STRING}: YAML reads True as a boolean; write it in quotes",
    "no": f"{_STRING}: YAML reads False as a boolean; write it in quotes",
    "2024-01-01": f"{_STRING}: YAML reads 2024-01-01 as a date; write it in quotes",
    "": f"{_STRING}: {_EMPTY}",
    "[a]": f"{_STRING}.",
    "{a: b}": f"{_STRING}.",
}
# "In TaskSpec, File and ResourceSpec numbers are converted to strings. In workflow-level fields they are not."
NO_EXACT_TEXT = {
    **NO_TEXT,
    "5": f"{_STRING}: YAML reads 5 as a number; write it in quotes",
    "1.5": f"{_STRING}: YAML reads 1.5 as a number; write it in quotes",
}
ANY_TEXT = {"a b": "a b", "''": "", "'5'": "5", "'true'": "true"}
TEXT_OR_NUMBER = {**ANY_TEXT, "5": "5", "1.5": "1.5", "007": "7"}
# "`null` is not absent for a typed field."
NO_LIST = {
    "": f"{_LIST}: {_EMPTY}",
    "a": f"{_LIST}, not 'a'.",
    "5": f"{_LIST}, not 5.",
    "{a: b}": f"{_LIST}, not a map.",
}
NO_LIST_OF_TEXTS = {
    **NO_LIST,
    "[true]": f"{_STRING}: YAML reads True as a boolean",
    "[a, null]": f"{_STRING}: {_EMPTY}",
    "[[a]]": f"{_STRING}.",
}
TEXTS = {"[]": [], "[a, 'b c', '']": ["a", "b c", ""], "[42, 1.5]": ["42", "1.5"]}
NO_MAP = {
    "": f"{_MAP}: {_EMPTY}",
    "a": f"{_MAP}, not 'a'.",
    "5": f"{_MAP}, not 5.",
    "[a]": f"{_MAP}, not a list.",
}
# "Bool fields accept pydantic's usual spellings."
FLAG = {
    **dict.fromkeys(("true", "yes", "on", "1", "1.0", "'true'", "'yes'", "'on'", "'y'", "'t'", "'1'", "'TRUE'"), True),
    **dict.fromkeys(("false", "no", "off", "0", "'false'", "'no'", "'off'", "'n'", "'f'", "'0'", "'False'"), False),
}
NO_FLAG = {
    "": f"{_BOOL}: {_EMPTY}",
    "2": f"{_BOOL}, unable to interpret input.",
    "maybe": f"{_BOOL}, unable to interpret input.",
    "''": f"{_BOOL}, unable to interpret input.",
    "1.5": f"{_BOOL}.",
    "[true]": f"{_BOOL}.",
}
NAMES = {"a": "a", "A": "A", "a1": "a1", "a-b_C2": "a-b_C2", "osmo-init": "osmo-init"}
NO_NAME = {
    **NO_EXACT_TEXT,
    **dict.fromkeys(("''", "1a", "-a", "_a", "a-", "a_", "a b", "a.b", "a/b", "é", "'a:b'", '"a\\n"'), _NAME),
}
# "name: 5" of a task is the text "5" and then no name.
NO_TASK_NAME = {
    **{value: message for value, message in NO_NAME.items() if value not in ("5", "1.5")},
    **dict.fromkeys(("5", "1.5"), _NAME),
    **dict.fromkeys(("osmo-ctrl", "OSMO_CTRL"), 'Task "{}" cannot be named "osmo-ctrl"'),
}
NO_DATASET = dict.fromkeys(("''", "'a b'", "-a", "a/b", "'{{workflow_id}}'"), "Expected the name of a dataset")
REGEXES = {"''": "", "'.*'": ".*", "'^a/(b|c)$'": "^a/(b|c)$"}
NO_REGEX = {**NO_EXACT_TEXT, "'('": "Invalid regex: ", "'*'": "Invalid regex: ", "'[a'": "Invalid regex: "}
_DURATION = "Cannot recognize duration: {}. Only support ISO 8601 (e.g. PT10S) or xd, xh, xm, xs, xms, xus"
TIMEOUTS = {
    "60": timedelta(minutes=1),
    "1.5": timedelta(seconds=1.5),
    "true": timedelta(seconds=1),
    "10m": timedelta(minutes=10),
    "PT1H": timedelta(hours=1),
    "0": None,
    "": None,
}
NO_DURATION = {
    value: _DURATION.format(value.strip("'")) for value in ("''", "'60'", "1h30m", "1.5h", "1w", "10M", "P1W", "pt1h")
}
COUNTS = {"4": 4, "'4'": 4, "1.0": 1, "'1.0'": 1, "0": 0}
NO_COUNT = {
    "1.5": f"{_INT}, got a number with a fractional part.",
    "'1.5'": f"{_INT}, unable to parse string as an integer.",
    "500m": f"{_INT}, unable to parse string as an integer.",
    "''": f"{_INT}, unable to parse string as an integer.",
    "-1": "Input should be greater than or equal to 0.",
    "[1]": f"{_INT}.",
}


def _no_quantity(field: str) -> dict[str, str]:
    units = {f"1{unit}": f"Resource {field} field has invalid unit: {unit}" for unit in ("GB", "gi", "Pi", "kb")}
    values = {value: f"Resource {field} field has invalid value {value}" for value in ("-1Gi", "Gi", ".5Gi", "1 Gi")}
    return {"true": f"{_STRING}: YAML reads True", "[1Gi]": f"{_STRING}.", **units, **values}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A field. Shape: `takes` is {YAML: value of the attribute}, `refuses` {YAML: how the message begins}."""

    default: object
    takes: Mapping[str, object]
    refuses: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table of §2.

    Shape: `frame` holds the section at `@`, which stands at `path`; `least` is what it needs; `find` takes it out.
    """

    number: str
    model: type[BaseModel]
    frame: str
    path: str
    least: Mapping[str, str]
    find: Callable[[WorkflowSpec], object]
    fields: Mapping[str, Row]

    def text(self, **fields: str) -> str:
        """A spec with these fields in the section; one that is `-` is left out."""
        body = {**self.least, **fields}
        shown = ", ".join(f"{name}: {value}" for name, value in body.items() if value != "-")
        return self.frame.replace("@", f"{{{shown}}}")

    def value(self, text: str, field: str) -> object:
        """The value of a field of the section of an accepted spec."""
        found = self.find(parsed(text).spec)
        names = {info.alias or name: name for name, info in self.model.model_fields.items()}
        return getattr(found, names[field])


def _in_task(entry: str) -> str:
    return f"workflow: {{name: w, tasks: [{{name: t, image: i, command: [c], {entry}}}]}}"


_TASK_PATH = "workflow.tasks[0]"
_RESOURCE_FRAME = f"workflow: {{name: w, tasks: [{TASK}], resources: {{default: @}}}}"

SECTIONS = [
    Section(
        number="2.2",
        model=WorkflowSpec,
        frame="workflow: @",
        path="workflow",
        least={"name": "w", "tasks": f"[{TASK}]"},
        find=lambda spec: spec,
        fields={
            "name": Row(default=REQUIRED, takes=NAMES, refuses=NO_NAME),
            "labels": Row(
                default={},
                takes={"{}": {}, "{a: b}": {"a": "b"}},
                refuses=dict.fromkeys(
                    ("", "a", "5", "[a]", "{5: a}"), "Workflow labels must be a map of string keys to string values."
                ),
            ),
            "tasks": Row(
                default=REQUIRED,
                takes={},
                refuses={**NO_LIST, "[a]": f"{_MAP} or instance of TaskSpec, not 'a'.", "[null]": _MAP},
            ),
            "groups": Row(default=[], takes={"[]": []}, refuses={**NO_LIST, "[a]": f"{_MAP} or instance of GroupSpec"}),
            "resources": Row(
                default={DEFAULT_RESOURCE: ResourceSpec()},
                takes={
                    "{'any text': {}, default: {cpu: 1}}": {"any text": ResourceSpec(), "default": ResourceSpec(cpu=1)}
                },
                refuses={**NO_MAP, "{default: }": _MAP, "{default: 5}": _MAP, "{5: {}}": f"{_STRING}: YAML reads 5"},
            ),
            "timeout": Row(
                default=TimeoutSpec(),
                takes={"{}": TimeoutSpec()},
                refuses={"": _MAP, "60": _MAP, "1h": _MAP, "[1h]": _MAP},
            ),
            "pool": Row(default="", takes=ANY_TEXT, refuses=NO_EXACT_TEXT),
            "backend": Row(default="", takes=ANY_TEXT, refuses=NO_EXACT_TEXT),
        },
    ),
    Section(
        number="2.3",
        model=TimeoutSpec,
        frame=f"workflow: {{name: w, tasks: [{TASK}], timeout: @}}",
        path="workflow.timeout",
        least={},
        find=lambda spec: spec.timeout,
        fields={
            "exec_timeout": Row(default=None, takes=TIMEOUTS, refuses=NO_DURATION),
            "queue_timeout": Row(default=None, takes=TIMEOUTS, refuses=NO_DURATION),
        },
    ),
    Section(
        number="2.5",
        model=GroupSpec,
        frame="workflow: {name: w, groups: [@]}",
        path="workflow.groups[0]",
        least={"name": "g", "tasks": f"[{TASK}]"},
        find=lambda spec: spec.groups[0],
        fields={
            "name": Row(default=REQUIRED, takes=NAMES, refuses=NO_NAME),
            "tasks": Row(
                default=REQUIRED,
                takes={},
                refuses={**NO_LIST, "[]": 'Group "g" needs to have at least one task.', "[a]": _MAP},
            ),
            "barrier": Row(default=True, takes=FLAG, refuses=NO_FLAG),
            "ignoreNonleadStatus": Row(default=True, takes=FLAG, refuses=NO_FLAG),
        },
    ),
    Section(
        number="2.6",
        model=TaskSpec,
        frame="workflow: {name: w, tasks: [@]}",
        path=_TASK_PATH,
        least={"name": "t", "image": "i", "command": "[c]"},
        find=lambda spec: spec.tasks[0],
        fields={
            "name": Row(default=REQUIRED, takes=NAMES, refuses=NO_TASK_NAME),
            "image": Row(default=REQUIRED, takes={**TEXT_OR_NUMBER, "'Not/An Image'": "Not/An Image"}, refuses=NO_TEXT),
            "command": Row(
                default=REQUIRED,
                takes={value: texts for value, texts in TEXTS.items() if texts},
                refuses={**NO_LIST_OF_TEXTS, "[]": "Container t should have at least one command."},
            ),
            "args": Row(default=[], takes=TEXTS, refuses=NO_LIST_OF_TEXTS),
            "environment": Row(
                default={},
                takes={
                    "{}": {},
                    "{A: x, B: 5, C: 1.5, D: true, E: no, F: ''}": {
                        "A": "x",
                        "B": "5",
                        "C": "1.5",
                        "D": "True",
                        "E": "False",
                        "F": "",
                    },
                },
                refuses={
                    **NO_MAP,
                    "{A: }": f"{_STRING}: {_EMPTY}",
                    "{A: [b]}": f"{_STRING}.",
                    "{A: {b: c}}": f"{_STRING}.",
                    "{A: 2024-01-01}": f"{_STRING}: YAML reads 2024-01-01 as a date",
                },
            ),
            "files": Row(default=[], takes={"[]": []}, refuses={**NO_LIST, "[a]": _MAP, "[null]": _MAP}),
            "inputs": Row(default=[], takes={"[]": []}, refuses={**NO_LIST, "[a]": _MAP, "[null]": _MAP}),
            "outputs": Row(default=[], takes={"[]": []}, refuses={**NO_LIST, "[a]": _MAP, "[null]": _MAP}),
            "kpis": Row(default=[], takes={"[]": []}, refuses={**NO_LIST, "[a]": _MAP, "[null]": _MAP}),
            "checkpoint": Row(default=[], takes={"[]": []}, refuses={**NO_LIST, "[a]": _MAP, "[null]": _MAP}),
            "credentials": Row(
                default={},
                takes={
                    "{}": {},
                    "{a: /d, b: {K: k}, c: 5, d: true}": {"a": "/d", "b": {"K": "k"}, "c": "5", "d": "True"},
                },
                refuses={
                    "": "credentials must be a str or dict, got NoneType",
                    "a": "credentials must be a str or dict, got str",
                    "[a]": "credentials must be a str or dict, got list",
                    "{a: [b]}": "credential value for a must be a str or dict, got list",
                    "{a: }": "credential value for a must be a str or dict, got NoneType",
                    "{a: {B: [c]}}": "credential key mapping value for a.B must be a scalar, got list",
                    "{a: {B: {c: d}}}": "credential key mapping value for a.B must be a scalar, got dict",
                    "{a: {B: }}": "credential key mapping value for a.B must be a scalar, got NoneType",
                },
            ),
            "resource": Row(default="default", takes=TEXT_OR_NUMBER, refuses=NO_TEXT),
            "lead": Row(default=False, takes=FLAG, refuses=NO_FLAG),
            "privileged": Row(default=False, takes=FLAG, refuses=NO_FLAG),
            "hostNetwork": Row(default=False, takes=FLAG, refuses=NO_FLAG),
            "volumeMounts": Row(default=[], takes=TEXTS, refuses=NO_LIST_OF_TEXTS),
            "downloadType": Row(
                default=None,
                takes={"download": "download", "": None},
                refuses={
                    **{
                        value: f'Task "t" uses invalid downloadType "{value}". Valid types are: [\'download\']'
                        for value in ("mount", "Download")
                    },
                    **dict.fromkeys(("5", "true", "[download]"), "Input should be 'download'."),
                },
            ),
            "cacheSize": Row(
                default=None,
                takes={**TEXT_OR_NUMBER, "90%": "90%", "": None},
                refuses={value: message for value, message in NO_TEXT.items() if value},
            ),
            "exitActions": Row(
                default=(),
                takes={"{}": ()},
                refuses={
                    **dict.fromkeys(("", "a", "[a]"), "exitActions of task t must be a map of action to exit codes."),
                    "{RESTART: 1}": "Invalid exit action RESTART for task t.",
                    "{FAIL: '1, 2'}": "Invalid exit codes 1, 2 for action FAIL for task t.",
                    "{FAIL: -1}": "Invalid exit codes -1 for action FAIL for task t.",
                },
            ),
            "resources": Row(
                default=ResourceSpec(),
                takes={"{cpu: 1}": ResourceSpec(cpu=1)},
                refuses={"": _MAP, "a": _MAP, "[a]": _MAP},
            ),
            "backend": Row(default="", takes=TEXT_OR_NUMBER, refuses=NO_TEXT),
        },
    ),
    Section(
        number="2.6 kpis",
        model=KpiSpec,
        frame=_in_task("kpis: [@]"),
        path=f"{_TASK_PATH}.kpis[0]",
        least={"index": "i", "path": "p"},
        find=lambda spec: spec.tasks[0].kpis[0],
        fields={
            "index": Row(default=REQUIRED, takes=ANY_TEXT, refuses=NO_EXACT_TEXT),
            "path": Row(default=REQUIRED, takes=ANY_TEXT, refuses=NO_EXACT_TEXT),
        },
    ),
    Section(
        number="2.7 task input",
        model=InputTask,
        frame=_in_task("inputs: [@]"),
        path=f"{_TASK_PATH}.inputs[0]",
        least={"task": "a"},
        find=lambda spec: spec.tasks[0].inputs[0],
        fields={
            "task": Row(
                default=REQUIRED,
                takes={"NAME": "NAME", "wf-12:NAME": "wf-12:NAME"},
                refuses={
                    **NO_EXACT_TEXT,
                    **dict.fromkeys(
                        ("''", "'a:b:c'", "':a'", "'a:'", "':'"), "String should match pattern '^[^:]+(:[^:]+)?$'"
                    ),
                },
            ),
            "regex": Row(default="", takes=REGEXES, refuses=NO_REGEX),
        },
    ),
    Section(
        number="2.7 url input",
        model=InputUrl,
        frame=_in_task("inputs: [@]"),
        path=f"{_TASK_PATH}.inputs[0]",
        least={"url": "u"},
        find=lambda spec: spec.tasks[0].inputs[0],
        fields={
            # "`url` must only be a string at schema level; scheme and shape are judged at step 17."
            "url": Row(default=REQUIRED, takes={**ANY_TEXT, "'ftp://x'": "ftp://x"}, refuses=NO_EXACT_TEXT),
            "regex": Row(default="", takes=REGEXES, refuses=NO_REGEX),
        },
    ),
    Section(
        number="2.7 url output",
        model=OutputUrl,
        frame=_in_task("outputs: [@]"),
        path=f"{_TASK_PATH}.outputs[0]",
        least={"url": "u"},
        find=lambda spec: spec.tasks[0].outputs[0],
        fields={
            "url": Row(default=REQUIRED, takes={**ANY_TEXT, "'ftp://x'": "ftp://x"}, refuses=NO_EXACT_TEXT),
            "regex": Row(default="", takes=REGEXES, refuses=NO_REGEX),
        },
    ),
    Section(
        number="2.7 dataset input",
        model=DatasetSource,
        frame=_in_task("inputs: [{dataset: @}]"),
        path=f"{_TASK_PATH}.inputs[0].dataset",
        least={"name": "d"},
        find=lambda spec: getattr(spec.tasks[0].inputs[0], "dataset"),  # noqa: B009  of any kind of input
        fields={
            "name": Row(
                default=REQUIRED,
                takes={"d": "d", "'d:1'": "d:1", "d:latest": "d:latest", "R.x_1-b:v1.2": "R.x_1-b:v1.2"},
                refuses={**NO_EXACT_TEXT, **NO_DATASET, "'d:0'": "Expected a version", "'d:'": "Expected a tag"},
            ),
            "path": Row(
                default="",
                takes=ANY_TEXT,
                refuses={**NO_EXACT_TEXT, "../a": "Expected a path", "a/..": "Expected a path"},
            ),
            "regex": Row(default="", takes=REGEXES, refuses=NO_REGEX),
        },
    ),
    Section(
        number="2.7 dataset output",
        model=DatasetTarget,
        frame=_in_task("outputs: [{dataset: @}]"),
        path=f"{_TASK_PATH}.outputs[0].dataset",
        least={"name": "d"},
        find=lambda spec: getattr(spec.tasks[0].outputs[0], "dataset"),  # noqa: B009  of any kind of output
        fields={
            "name": Row(
                default=REQUIRED,
                takes={"d": "d", "5": "5", "R.x_1-b": "R.x_1-b"},
                refuses={**NO_TEXT, **NO_DATASET, "'d:1'": "Expected the name of a dataset"},
            ),
            "path": Row(default="", takes=TEXT_OR_NUMBER, refuses=NO_TEXT),
            "regex": Row(default="", takes={**REGEXES, "5": "5"}, refuses={"'('": "Invalid regex: "}),
            "labels": Row(default={}, takes={"{}": {}, "{a: b, c: 5}": {"a": "b", "c": "5"}}, refuses=NO_MAP),
            "metadata": Row(
                default={},
                takes={"{}": {}, "{a: {b: [1, 2.5, null, true, x]}}": {"a": {"b": [1, 2.5, None, True, "x"]}}},
                refuses={**NO_MAP, "{a: 2024-01-01}": "input was not a valid JSON value"},
            ),
        },
    ),
    Section(
        number="2.9",
        model=ResourceSpec,
        frame=_RESOURCE_FRAME,
        path="workflow.resources.default",
        least={},
        find=lambda spec: spec.resources["default"],
        fields={
            "cpu": Row(default=None, takes=COUNTS, refuses=NO_COUNT),
            "gpu": Row(default=None, takes=COUNTS, refuses=NO_COUNT),
            "memory": Row(
                default=None, takes={"1Gi": "1Gi", "1024": "1024", "1.5T": "1.5T"}, refuses=_no_quantity("memory")
            ),
            "storage": Row(
                default=None, takes={"1Gi": "1Gi", "1024": "1024", "1.5T": "1.5T"}, refuses=_no_quantity("storage")
            ),
            "platform": Row(
                default=None,
                takes=TEXT_OR_NUMBER,
                refuses={value: message for value, message in NO_TEXT.items() if value},
            ),
            "nodesExcluded": Row(default=[], takes=TEXTS, refuses=NO_LIST_OF_TEXTS),
            "topology": Row(default=[], takes={"[]": []}, refuses={**NO_LIST, "[a]": _MAP, "[null]": _MAP}),
        },
    ),
    Section(
        number="2.9 topology",
        model=TopologySpec,
        frame=_RESOURCE_FRAME.replace("@", "{topology: [@]}"),
        path="workflow.resources.default.topology[0]",
        least={"key": "zone"},
        find=lambda spec: spec.resources["default"].topology[0],
        fields={
            "key": Row(default=REQUIRED, takes=ANY_TEXT, refuses=NO_EXACT_TEXT),
            "group": Row(default="default", takes=ANY_TEXT, refuses=NO_EXACT_TEXT),
            "requirementType": Row(
                default=RequirementType.REQUIRED,
                takes={"required": RequirementType.REQUIRED, "preferred": RequirementType.PREFERRED},
                refuses=dict.fromkeys(("", "5", "Required", "maybe"), "Input should be 'required' or 'preferred'"),
            ),
        },
    ),
    Section(
        number="2.11",
        model=FileSpec,
        frame=_in_task("files: [@]"),
        path=f"{_TASK_PATH}.files[0]",
        least={"path": "/a", "contents": "c"},
        find=lambda spec: spec.tasks[0].files[0],
        fields={
            "path": Row(
                default=REQUIRED,
                takes={
                    "/a/b": "/a/b",
                    "a": "a",
                    "5": "5",
                    "/osmo2": "/osmo2",
                    "/osmo/data/output/m": "/osmo/data/output/m",
                    "'{{output}}/m'": "{{output}}/m",
                },
                refuses={
                    **NO_TEXT,
                    **{
                        f"'{path}'": f'Empty path or adding file to "/osmo" is forbidden for file: {path}'
                        for path in ("", "/", "//", "/osmo", "osmo/x", "//osmo//x", "/osmo/data/output")
                    },
                },
            ),
            "contents": Row(default=REQUIRED, takes={**TEXT_OR_NUMBER, "'%%'": "%%"}, refuses=NO_TEXT),
            "base64": Row(default=False, takes=FLAG, refuses=NO_FLAG),
        },
    ),
    Section(
        number="2.12",
        model=CheckpointSpec,
        frame=_in_task("checkpoint: [@]"),
        path=f"{_TASK_PATH}.checkpoint[0]",
        least={"path": "/a", "url": "'s3://b'", "frequency": "1m"},
        find=lambda spec: spec.tasks[0].checkpoint[0],
        fields={
            "path": Row(
                default=REQUIRED,
                takes={"/a/b": "/a/b", "a/*": "/a/*", "'{{output}}/c'": "{{output}}/c"},
                refuses=NO_EXACT_TEXT,
            ),
            "url": Row(
                default=REQUIRED,
                takes={f"'{url}'": url for url in ("s3://b", "gs://b/p/", "azure://a/c", "swift://e/n/b", "tos://e/b")},
                refuses={
                    **NO_EXACT_TEXT,
                    **{
                        f"'{url}'": f'Checkpoint url "{url}" is not a storage location.'
                        for url in (
                            "",
                            "ftp://b",
                            "s3://",
                            "s3://a,b",
                            "azure://a",
                            "swift://e/n",
                            "tos://e",
                            "http://b",
                        )
                    },
                },
            ),
            "frequency": Row(
                default=REQUIRED,
                takes={"90": timedelta(seconds=90), "1m": timedelta(minutes=1), "PT1.9S": timedelta(seconds=1)},
                refuses={**NO_DURATION, "true": "Cannot recognize duration: True."},
            ),
            "regex": Row(default="", takes=REGEXES, refuses=NO_REGEX),
        },
    ),
]


def _rows() -> Iterator[tuple[Section, str, Row]]:
    for section in SECTIONS:
        for name, row in section.fields.items():
            yield section, name, row


def _shown(value: str) -> str:
    return value.encode("unicode_escape").decode() or "empty"


@pytest.mark.parametrize(
    ("section", "field", "default"),
    [pytest.param(s, name, row.default, id=f"{s.number} {name}: left out") for s, name, row in _rows()],
)
def test_a_field_that_is_left_out(section: Section, field: str, default: object) -> None:
    text = section.text(**{field: "-"})
    if default is not REQUIRED:
        assert section.value(text, field) == default
        return
    problem = refused(text).problems[0]
    if (section.number, field) == ("2.2", "tasks"):
        assert problem.message == "Workflows need to have at least one group or one task."
    elif section.model in (InputTask, InputUrl) and field in ("task", "url"):
        assert problem.message == "An input needs exactly one of the keys `task`, `url` and `dataset`."
    else:
        assert (problem.path, problem.message) == (f"{section.path}.{field}", f"Field required: add `{field}`.")


@pytest.mark.parametrize(
    ("section", "field", "value", "expected"),
    [
        pytest.param(s, name, value, expected, id=f"{s.number} {name}: {_shown(value)}")
        for s, name, row in _rows()
        for value, expected in row.takes.items()
    ],
)
def test_a_field_takes(section: Section, field: str, value: str, expected: object) -> None:
    found = section.value(section.text(**{field: value}), field)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("section", "field", "value", "message"),
    [
        pytest.param(s, name, value, message, id=f"{s.number} {name}: {_shown(value)}")
        for s, name, row in _rows()
        for value, message in row.refuses.items()
    ],
)
def test_a_field_refuses(section: Section, field: str, value: str, message: str) -> None:
    """One problem, in the field, in pydantic's words or OSMO's own; 'resource unit errors: 400 RESOURCE' (§1.2)."""
    error = refused(section.text(**{field: value}))
    (problem,) = error.problems
    assert problem.message.startswith(message.replace("{}", value))
    assert problem.path.startswith(f"{section.path}.{field}")
    expected = ErrorCode.RESOURCE if message.startswith("Resource ") else ErrorCode.USAGE
    assert error.error_code is expected


@pytest.mark.parametrize("section", [pytest.param(s, id=f"{s.number} an unknown key") for s in SECTIONS])
def test_unknown_keys(section: Section) -> None:
    """'Every model forbids unknown keys (Extra inputs are not permitted).'"""
    (problem,) = refused(section.text(unknown="1")).problems
    assert (problem.path, problem.code) == (f"{section.path}.unknown", "unknown-key")
    assert problem.message.startswith("Extra inputs are not permitted: ")


@pytest.mark.parametrize(
    ("section", "field", "other"),
    [
        pytest.param(s, info.alias, name, id=f"{s.number} {info.alias}: not `{name}`")
        for s in SECTIONS
        for name, info in s.model.model_fields.items()
        if info.alias is not None
    ],
)
def test_a_field_has_one_spelling(section: Section, field: str, other: str) -> None:
    (problem,) = refused(section.text(**{other: "1"})).problems
    assert (problem.path, problem.code) == (f"{section.path}.{other}", "unknown-key")
    assert f"Did you mean `{field}`?" in problem.message


@pytest.mark.parametrize("section", [pytest.param(s, id=f"{s.number} complete") for s in SECTIONS])
def test_the_tables_have_every_field(section: Section) -> None:
    assert set(section.fields) == {info.alias or name for name, info in section.model.model_fields.items()}
