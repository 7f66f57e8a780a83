"""The objects of a configuration directory as they stand in its files, each with its place, not yet understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pools.marked_yaml import MarkedYaml, Path, YamlProblem, marked_yaml
from pools.model import ConfigProblem, ConfigSeverity
from pools.references import Finding, Place

SECTIONS = (
    "service",
    "workflow",
    "backends",
    "pools",
    "pod_templates",
    "group_templates",
    "resource_validations",
    "backend_tests",
    "roles",
    "nodes",
)
_SINGLE_SECTIONS = ("service", "workflow")
_SECTIONS_WITH_NAMES_INSIDE = ("backends", "pools", "backend_tests", "roles", "nodes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One object as it stands in a file."""

    file: str
    document: MarkedYaml
    path: Path
    value: object


@dataclass(slots=True)
class Reading:
    """What has been read so far."""

    single: dict[str, Entry] = field(default_factory=dict)
    named: dict[str, dict[str, Entry]] = field(default_factory=lambda: {section: {} for section in SECTIONS})
    problems: list[ConfigProblem] = field(default_factory=list)

    def placed(self, finding: Finding) -> ConfigProblem:
        """`finding` with file and line."""
        section, *below = finding.place
        entry = self.named.get(str(section), {}).get(str(below[0])) if below else None
        if section == "nodes" and below:
            entry = list(self.named["nodes"].values())[int(below[0])]
        if entry is None:
            return ConfigProblem(message=finding.message, path=_dotted(finding.place), severity=finding.severity)
        return problem_at(
            entry, (*entry.path, *below[1:]), finding.message, severity=finding.severity, shown=finding.place
        )

    def refuse(self, entry: Entry, path: Path, message: str, *, shown: Place) -> None:
        """Note an error at a path of the entry's file."""
        self.problems.append(problem_at(entry, path, message, shown=shown))


def read(files: Mapping[str, bytes]) -> Reading:
    """Everything that the files hold, in the order of their names, with what was wrong with their form."""
    reading = Reading()
    for name in sorted(files):
        _collect(name, marked_yaml(files[name]), reading)
    return reading


def problem_at(
    entry: Entry,
    path: Path,
    message: str,
    *,
    shown: Place,
    severity: ConfigSeverity = ConfigSeverity.ERROR,
) -> ConfigProblem:
    """A problem at `path` of the entry's file; `shown` is the path that the reader sees."""
    mark = entry.document.mark(path)
    return ConfigProblem(
        message=message,
        path=_dotted(shown),
        file=entry.file,
        line=None if mark is None else mark.line,
        column=None if mark is None else mark.column,
        severity=severity,
    )


def _collect(file: str, document: MarkedYaml, reading: Reading) -> None:
    reading.problems += [_yaml_problem(file, problem) for problem in document.problems]
    if document.value is None:
        return
    whole = Entry(file=file, document=document, path=(), value=document.value)
    if not isinstance(document.value, Mapping):
        reading.refuse(whole, (), f"Expected sections at the top level: {', '.join(SECTIONS)}.", shown=())
        return
    for key, value in document.value.items():
        section = str(key)
        entry = Entry(file=file, document=document, path=(section,), value=value)
        if section not in SECTIONS:
            message = f'Unknown section "{section}". Expected one of {", ".join(SECTIONS)}.'
            reading.refuse(entry, (section,), message, shown=(section,))
        elif value is None:
            continue
        elif section in _SINGLE_SECTIONS:
            _collect_single(section, entry, reading)
        else:
            _collect_named(section, entry, reading)


def _collect_single(section: str, entry: Entry, reading: Reading) -> None:
    earlier = reading.single.get(section)
    if earlier is not None:
        message = f'Section "{section}" stands in {earlier.file} already. Put all of it in one file.'
        reading.refuse(entry, entry.path, message, shown=entry.path)
    elif not isinstance(entry.value, Mapping):
        reading.refuse(entry, entry.path, f'Section "{section}" must be a mapping.', shown=entry.path)
    else:
        reading.single[section] = entry


def _collect_named(section: str, entry: Entry, reading: Reading) -> None:
    for name, path, value in _named_values(section, entry, reading):
        found = Entry(file=entry.file, document=entry.document, path=path, value=value)
        earlier = reading.named[section].get(name)
        if earlier is None:
            reading.named[section][name] = found
            continue
        mark = earlier.document.mark(earlier.path)
        where = f"{earlier.file}:{mark.line}" if mark is not None else earlier.file
        message = f'"{name}" is defined in {where} already. Keep one definition.'
        reading.refuse(found, path, message, shown=(section, name))


def _named_values(section: str, entry: Entry, reading: Reading) -> Iterator[tuple[str, Path, object]]:
    """The objects of a section, written as a map by name or as a list of objects with `name`."""
    if isinstance(entry.value, Mapping):
        for key, value in entry.value.items():
            name = str(key)
            yield name, (*entry.path, name), _with_name(value, name, section)
    elif isinstance(entry.value, list):
        for index, value in enumerate(entry.value):
            path = (*entry.path, index)
            named = value.get("name") if isinstance(value, Mapping) else None
            if isinstance(named, str) and named:
                yield named, path, value
            else:
                reading.refuse(entry, path, f'Entry {index} of "{section}" needs a `name`.', shown=path)
    else:
        message = f'Section "{section}" must map names to objects, or list objects with a `name`.'
        reading.refuse(entry, entry.path, message, shown=entry.path)


def _with_name(value: object, name: str, section: str) -> object:
    carries_name = section in _SECTIONS_WITH_NAMES_INSIDE
    return {**value, "name": name} if carries_name and isinstance(value, Mapping) else value


def _yaml_problem(file: str, problem: YamlProblem) -> ConfigProblem:
    return ConfigProblem(
        message=problem.message,
        path=_dotted(problem.path),
        file=file,
        line=None if problem.mark is None else problem.mark.line,
        column=None if problem.mark is None else problem.mark.column,
    )


def _dotted(place: Place) -> str:
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
