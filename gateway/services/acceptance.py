"""From a parsed spec to an accepted workflow or a record of its refusal: steps 5 to 20 of workflow-spec.md §1.2."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace

from gateway.ports.clock import Clock
from gateway.ports.mirror import MirrorPort
from gateway.ports.records import DocumentKind, NewWorkflow
from gateway.ports.store import Store, Writes
from gateway.schemas.submit import SubmitResponse
from gateway.services.access_check import AccessCheck
from gateway.services.dashboards import Dashboards
from gateway.services.dataset_catalog import dataset_catalog
from gateway.services.dataset_places import DatasetPlaces
from gateway.services.earlier_workflows import earlier_workflows
from gateway.services.errors import Conflict
from gateway.services.links import Links
from gateway.services.nodes import Nodes
from gateway.services.refusals import Refusals
from gateway.services.stored_spec import masked_spec, masked_text
from gateway.services.submission import Contexts, Submission, SubmissionRefused
from pools.model import Config
from translator.garbage import collections_paused
from translator.plan.checks import check_user_limits, validate_plan
from translator.plan.context import PlanContext, UserCredentials, UserLoad
from translator.plan.credential_rules import asks_for_credentials
from translator.plan.datasets import NO_CATALOG
from translator.plan.model import Plan, WorkflowId, WorkflowUuid
from translator.plan.outline import Outline, outline
from translator.plan.resolve import resolve
from translator.problems import Problem, SpecError
from translator.spec.model import WorkflowSpec
from translator.spec.parse import ParsedSpec, parse, render_only
from translator.spec.templating import Renderer

VALID = "Workflow validation succeeded."

# The contexts of a submission once its spec is known.
ContextsOf = Callable[[PlanContext], Contexts]


class Acceptance:
    """Judges specs, and writes what came of it.

    Shape: `credentials` says what a user has stored, `access` tries out where his data lies, `datasets` says where new
    ones go.
    """

    def __init__(
        self,
        *,
        store: Store,
        mirror: MirrorPort,
        clock: Clock,
        renderer: Renderer,
        nodes: Nodes,
        credentials: Callable[[str], UserCredentials],
        access: AccessCheck,
        datasets: DatasetPlaces,
    ) -> None:
        self._store = store
        self._mirror = mirror
        self._clock = clock
        self._renderer = renderer
        self._nodes = nodes
        self._credentials = credentials
        self._access = access
        self._datasets = datasets
        self._refusals = Refusals(store=store, clock=clock, renderer=renderer)

    def dry_run(self, submission: Submission) -> SubmitResponse:
        """The expanded spec; its schema is not checked. Errors: SubmissionRefused."""
        try:
            rendered = render_only(submission.as_template, values=submission.values, renderer=self._renderer)
        except SpecError as error:
            raise self._refusals.before_schema(submission, error) from error
        return SubmitResponse(name=rendered.name, spec=rendered.text)

    def accept(self, submission: Submission, links: Links, contexts_of: ContextsOf) -> SubmitResponse:
        """The workflow that the spec became; or, where only validation was asked for, that it could become one.

        Errors: SubmissionRefused; KeyConflict.
        """
        earlier = self._repeated(submission, links)
        if earlier is not None:
            return earlier
        with collections_paused():
            return self._judged_and_inserted(submission, links, contexts_of)

    def _judged_and_inserted(self, submission: Submission, links: Links, contexts_of: ContextsOf) -> SubmitResponse:
        parsed = self._parsed(submission)
        outlined = outline(parsed.spec)
        contexts = contexts_of(self._context(submission, parsed.spec, outlined))
        warnings = self._judged(submission, parsed, contexts, outlined)
        if submission.validation_only:
            return SubmitResponse(name=parsed.spec.name, logs=VALID, warnings=list(warnings))
        return self._inserted(submission, parsed, contexts, outlined, warnings, links)

    def _parsed(self, submission: Submission) -> ParsedSpec:
        try:
            return parse(
                submission.source,
                values=submission.values,
                renderer=self._renderer,
                is_rendered=submission.is_rendered,
            )
        except SpecError as error:
            raise self._refusals.before_schema(submission, error) from error

    def _context(self, submission: Submission, spec: WorkflowSpec, outlined: Outline) -> PlanContext:
        user = submission.caller.user
        return PlanContext(
            config=submission.config,
            pool=submission.pool,
            owner=user,
            roles=frozenset(submission.caller.roles),
            priority=submission.priority,
            nodes=self._nodes(submission.config),
            earlier_workflows=earlier_workflows(self._store, outlined),
            datasets=dataset_catalog(self._store, spec, self._datasets.default()),
            credentials=self._credentials(user) if asks_for_credentials(outlined.tasks()) else UserCredentials(),
        )

    def _judged(
        self, submission: Submission, parsed: ParsedSpec, contexts: Contexts, outlined: Outline
    ) -> tuple[str, ...]:
        try:
            found = validate_plan(parsed.spec, contexts.judged, locate=_locate(parsed), outlined=outlined)
            user, config = submission.caller.user, submission.config
            datasets = contexts.judged.datasets or NO_CATALOG
            self._access.check(user, outlined.tasks(), config, _locate(parsed), datasets)
        except SpecError as error:
            raise self._refusals.after_schema(submission, error, parsed.spec) from error
        return (*submission.warnings, *_messages(parsed.warnings), *_messages(found))

    def _inserted(
        self,
        submission: Submission,
        parsed: ParsedSpec,
        contexts: Contexts,
        outlined: Outline,
        warnings: tuple[str, ...],
        links: Links,
    ) -> SubmitResponse:
        new_uuid = WorkflowUuid(uuid.uuid4().hex)
        documents = {DocumentKind.SPEC: masked_spec(parsed.spec)}
        if submission.template is not None:
            documents[DocumentKind.TEMPLATE] = masked_text(submission.template, parsed.spec)
        with self._store.writing(durable=True) as writes:
            earlier = _claimed(writes, submission, new_uuid, self._clock)
            if earlier is None:
                self._check_limits(writes, submission, parsed, contexts, outlined)
                number = writes.reserve_number(parsed.spec.name)
                plan = resolve(
                    parsed.spec,
                    contexts.resolved,
                    workflow_id=WorkflowId(f"{parsed.spec.name}-{number}"),
                    workflow_uuid=new_uuid,
                    outlined=outlined,
                )
                beginning = self._mirror.beginning(writes, plan, self._clock.now())
                new = NewWorkflow(
                    plan=plan,
                    state=beginning.state,
                    number=number,
                    documents=documents,
                    instance=beginning.instance,
                    parent=submission.parent,
                    app=submission.app,
                    rsync=submission.config.workflow.plugins_config.rsync.enabled,
                    outputs=_outputs(submission.config, plan),
                )
                writes.insert_workflow(new)
        if earlier is not None:
            return self._reply_for(earlier, submission, links)
        self._mirror.attend_new(new, beginning.run)
        return _reply(plan.workflow_id, plan.backend, submission.config, links, warnings)

    def _check_limits(
        self, writes: Writes, submission: Submission, parsed: ParsedSpec, contexts: Contexts, outlined: Outline
    ) -> None:
        limits = submission.config.workflow.user_workflow_limits
        if not contexts.limited or (limits.max_num_workflows is None and limits.max_num_tasks is None):
            return
        counts = writes.unfinished_counts(submission.caller.user)
        load = UserLoad(workflows=counts.workflows, tasks=counts.tasks)
        try:
            judged = replace(contexts.judged, load=load)
            check_user_limits(parsed.spec, judged, locate=_locate(parsed), outlined=outlined)
        except SpecError as error:
            raise SubmissionRefused(error, workflow_id=parsed.spec.name) from error

    def _repeated(self, submission: Submission, links: Links) -> SubmitResponse | None:
        """The reply to the first request with the same key; None where there was none."""
        if submission.key is None or submission.validation_only:
            return None
        with self._store.reading() as reads:
            earlier = reads.claimed_key(submission.caller.user, submission.key.text, submission.key.digest)
        return None if earlier is None else self._reply_for(earlier, submission, links)

    def _reply_for(self, earlier: WorkflowUuid, submission: Submission, links: Links) -> SubmitResponse:
        with self._store.reading() as reads:
            record = reads.workflow(earlier)
        if record is None:
            raise Conflict("The workflow accepted under this Idempotency-Key was deleted since; use a new key.")
        return _reply(record.workflow_id, record.backend, submission.config, links, ())


def _claimed(writes: Writes, submission: Submission, new_uuid: WorkflowUuid, clock: Clock) -> WorkflowUuid | None:
    """The workflow accepted before under the submission's key; None where the key is new, or there is none."""
    if submission.key is None:
        return None
    return writes.claim_key(submission.caller.user, submission.key.text, submission.key.digest, new_uuid, clock.now())


def _reply(
    workflow_id: str, backend: str | None, config: Config, links: Links, warnings: Iterable[str]
) -> SubmitResponse:
    return SubmitResponse(
        name=workflow_id,
        overview=links.overview(workflow_id),
        logs=links.logs(workflow_id),
        dashboard_url=Dashboards(backends=config.backends).kubernetes(backend, workflow_id),
        warnings=list(warnings),
    )


def _messages(problems: Iterable[Problem]) -> tuple[str, ...]:
    return tuple(problem.message for problem in problems)


def _locate(parsed: ParsedSpec) -> Callable[[str], tuple[int, int] | None]:
    def locate(path: str) -> tuple[int, int] | None:
        line, column = parsed.locate(path)
        return None if line is None or column is None else (line, column)

    return locate


def _outputs(config: Config, plan: Plan) -> str:
    base = config.workflow.workflow_data.base_url
    return f"{base.rstrip('/')}/{plan.workflow_id}" if base else ""
