"""A translation as a Python program: Workflows by Hera's builders, everything else as it is.

Running the program prints the objects in the order of creation as JSON; they are the same ones. Source: design §10.
"""

from __future__ import annotations

from collections.abc import Iterator

from hera.workflows import models
from pydantic import BaseModel

from templates.merge import Json, JsonObject
from translator.argo.objects import DependentObject, WorkflowObject
from translator.argo.python_source import Call, Expression, call, formatted
from translator.argo.translation import Translation

_HEAD = '''"""Objects of one run, by Hera 7.1. Run this file to print them as JSON, in the order of creation.

Replace the uid of all owners by that of the created Workflow, and the placeholders in Secrets by values.
"""

import json

from hera.workflows import DAG, Container, Parameter, Suspend, Task, Workflow
from hera.workflows import models as m


def manifest(workflow, pending_timeouts):
    """The Workflow as a dict. Hera does not know pendingTimeout of Argo 4.1, so that is put in here."""
    built = json.loads(workflow.build().model_dump_json(exclude_none=True, by_alias=True))
    for template in built["spec"]["templates"]:
        template.pop("failFast", None)  # of a DAG it stands in the DAG
        if template["name"] in pending_timeouts:
            template["pendingTimeout"] = pending_timeouts[template["name"]]
    return built


objects = []
'''

_TAIL = """
if __name__ == "__main__":
    print(json.dumps(objects))
"""


def hera_source(translation: Translation) -> str:
    """The program. Same translation, same text."""
    return "\n".join([_HEAD, *(_object_source(made) for made in translation.objects()), _TAIL])


def _object_source(made: WorkflowObject | DependentObject) -> str:
    if isinstance(made, DependentObject):
        return f"# {made.kind} {made.name}\nobjects.append(\n    {formatted(made.owned(), 4)}\n)\n"
    manifest = models.Workflow.model_validate_json(made.body)
    pending = {
        str(template["name"]): template["pendingTimeout"]
        for template in _templates(made.manifest)
        if "pendingTimeout" in template
    }
    lines = [f"# Workflow {made.name}", f"with {formatted(_workflow(manifest), 0)} as workflow:"]
    for template in manifest.spec.templates or []:
        lines += _template(template)
    lines.append(f"objects.append(manifest(workflow, {formatted({**pending}, 4)}))\n")
    return "\n".join(lines)


def _workflow(manifest: models.Workflow) -> Call:
    """The Workflow without its templates. Metadata and spec are arguments side by side, as Hera has them."""
    fields = {**_fields(manifest.metadata), **_fields(manifest.spec)}
    fields.pop("templates", None)
    return call("Workflow", {"api_version": manifest.api_version, "kind": manifest.kind, **fields})


def _template(template: models.Template) -> Iterator[str]:
    if template.dag is not None:
        yield f"    with {formatted(call('DAG', {'name': template.name, 'fail_fast': template.dag.fail_fast}), 4)}:"
        for task in template.dag.tasks:
            yield f"        {formatted(_task(task), 8)}"
    elif template.suspend is not None:
        yield f"    {formatted(call('Suspend', {'name': template.name}), 4)}"
    else:
        yield f"    {formatted(_container(template), 4)}"


def _task(task: models.DAGTask) -> Call:
    fields = {"name": task.name, "template": task.template, **_fields(task)}
    if task.arguments is not None and task.arguments.parameters:
        fields["arguments"] = {parameter.name: parameter.value for parameter in task.arguments.parameters}
    return call("Task", fields)


def _container(template: models.Template) -> Call:
    """A pod template. Hera writes the template's and the container's fields side by side."""
    fields = _fields(template)
    for name in ("container", "metadata", "inputs"):
        fields.pop(name, None)
    metadata = _fields(template.metadata) if template.metadata else {}
    parameters = (template.inputs.parameters if template.inputs else None) or []
    inputs = [call("Parameter", {"name": parameter.name}) for parameter in parameters]
    container = _fields(template.container) if template.container else {}
    named = {"name": template.name, **({"inputs": inputs} if inputs else {})}
    return call("Container", {**named, **metadata, **container, **fields})


def _fields(model: BaseModel) -> dict[str, Expression]:
    """The fields of a model that are set, by the names that Python has for them."""
    return {
        name: _expression(value) for name in type(model).model_fields if (value := getattr(model, name)) is not None
    }


def _expression(value: object) -> Expression:
    if isinstance(value, BaseModel):
        root = getattr(value, "root", None)
        return _expression(root) if root is not None else call(f"m.{type(value).__name__}", _fields(value))
    if isinstance(value, dict):
        return {str(key): _expression(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_expression(item) for item in value]
    if isinstance(value, str | int | float):
        return value
    raise TypeError(f"no Python text for a {type(value).__name__}")


def _templates(manifest: JsonObject) -> Iterator[JsonObject]:
    spec = manifest.get("spec")
    templates: Json = spec.get("templates") if isinstance(spec, dict) else None
    for template in templates if isinstance(templates, list) else []:
        if isinstance(template, dict):
            yield template
