"""From the text of a workflow file to Argo objects, without a server and without a cluster.

What only a server knows (earlier workflows, stored credentials, ids) is not looked at: secrets and the uid of owners
are well-formed placeholders, so that a server-side dry run takes the objects. Source: design §10.
"""

from __future__ import annotations

from dataclasses import replace

from pools.backend import Backend
from pools.model import Config
from pools.shipped import MachineResources, shipped_config
from templates.sandbox import TemplateSandbox
from translator.argo.forms import Form, written
from translator.argo.target import argo_target
from translator.argo.translation import Translation, translate
from translator.garbage import collections_paused
from translator.plan.checks import validate_plan
from translator.plan.context import ADMIN_ROLE, PlanContext
from translator.plan.model import WorkflowId, WorkflowUuid
from translator.plan.outline import Outline, outline
from translator.plan.resolve import resolve
from translator.spec.model import WorkflowSpec
from translator.spec.parse import parse
from translator.spec.values import NO_VALUES, Values

NO_UUID = WorkflowUuid("0" * 32)
"""A server draws one for each submission; here the same file gives the same bytes."""
_OWNER = "user"
_NO_MACHINE = MachineResources(cpu_count=0, memory_bytes=0, storage_bytes=0)
DEFAULT_CONFIG = replace(shipped_config(_NO_MACHINE), nodes=None)
"""The shipped configuration, without nodes to check against: the machine that translates is not the one that runs."""


def translate_yaml(
    source: bytes, *, values: Values | None = None, config: Config | None = None, pool: str = "default"
) -> bytes:
    """The objects of a workflow file and their receipt as JSON; same arguments, same bytes.

    Shape: `{"objects": [in the order of creation, a Workflow first], "receipt": […]}`. Without `config` the shipped one
    counts, and nothing is checked against nodes. Errors: SpecError with everything that is wrong.
    """
    context = PlanContext(
        config=DEFAULT_CONFIG if config is None else config,
        pool=pool,
        owner=_OWNER,
        roles=frozenset({ADMIN_ROLE}),
    )
    with collections_paused():
        return _translated(source, NO_VALUES if values is None else values, context)


def translate_spec(spec: WorkflowSpec, context: PlanContext, outlined: Outline | None = None) -> Translation:
    """The objects of a spec that `validate_plan` has passed, with placeholders for what only a server knows.

    Errors: TranslationError where the pool's policy lets no pod be made.
    """
    on_cluster = replace(context, config=_with_cluster(context))
    number_one = WorkflowId(f"{spec.name}-1")
    plan = resolve(spec, on_cluster, workflow_id=number_one, workflow_uuid=NO_UUID, outlined=outlined)
    return translate(plan, argo_target(on_cluster.backend, context.config.workflow))


def _translated(source: bytes, values: Values, context: PlanContext) -> bytes:
    with TemplateSandbox() as renderer:
        parsed = parse(source, values=values, renderer=renderer)

    def locate(path: str) -> tuple[int, int] | None:
        line, column = parsed.locate(path)
        return None if line is None or column is None else (line, column)

    outlined = outline(parsed.spec)
    validate_plan(parsed.spec, context, locate=locate, outlined=outlined)
    return written(translate_spec(parsed.spec, context, outlined), Form.JSON)


def _with_cluster(context: PlanContext) -> Config:
    """The configuration with the pool's backend as a cluster, should it be this machine's local engine."""
    backend = context.backend
    if not backend.is_local:
        return context.config
    cluster: Backend = backend.model_copy(update={"engine": None})
    pool = context.pool_config
    name = pool.backend if pool is not None else backend.name
    return replace(context.config, backends={**context.config.backends, name: cluster})
