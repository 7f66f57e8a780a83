"""Whether a spec that is well formed may run where it was submitted: all rules, in OSMO's order.

The rules themselves stand in `structure_rules`, `policy_rules`, `dataset_rules`, `resource_rules`, `credential_rules`,
`token_rules` and `limit_rules`; this module says which class of error and which record each leads to.
Source: workflow-spec.md §1.2 steps 2 and 7 to 19.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from translator.plan import dataset_rules, policy_rules, resource_rules, structure_rules, token_rules
from translator.plan.case import Case, case
from translator.plan.context import PlanContext
from translator.plan.credential_rules import credentials_suffice
from translator.plan.findings import Finding, Judged, Locate, nowhere, warnings_or_error
from translator.plan.limit_rules import user_keeps_to_limits
from translator.plan.outline import Outline, outline
from translator.problems import ErrorCode, Problem
from translator.spec.model import WorkflowSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One check, and what follows where it finds an error.

    Shape: `records_submission` says whether OSMO writes a FAILED_SUBMISSION row.
    """

    check: Callable[[Case], Iterable[Finding]]
    error_code: ErrorCode
    records_submission: bool = False


def validate_plan(
    spec: WorkflowSpec, context: PlanContext, *, locate: Locate = nowhere, outlined: Outline | None = None
) -> tuple[Problem, ...]:
    """Judge `spec` by every rule up to step 17; `resolve` cannot fail on what passes.

    Shape: the warnings, in order, each with its place by `locate`; `outlined` saves working it out again.
    Errors: SpecError with everything found; the first failure in OSMO's order gives message, class and record.
    """
    return _judge(RULES, spec, context, locate, outlined)


def check_user_limits(
    spec: WorkflowSpec, context: PlanContext, *, locate: Locate = nowhere, outlined: Outline | None = None
) -> None:
    """Step 19, after the end of a mere validation: the user's limits by `context.load`. Errors: SpecError."""
    _judge(LIMIT_RULES, spec, context, locate, outlined)


def _judge(
    rules: Iterable[Rule], spec: WorkflowSpec, context: PlanContext, locate: Locate, outlined: Outline | None
) -> tuple[Problem, ...]:
    pool = context.pool_config
    if pool is None:
        return warnings_or_error([_unknown_pool(context)], locate)
    examined = case(spec, context, pool, outlined or outline(spec))
    return warnings_or_error([judged for rule in rules for judged in _judged(rule, examined)], locate)


def _judged(rule: Rule, examined: Case) -> list[Judged]:
    return [
        Judged(
            finding=finding,
            error_code=finding.error_code or rule.error_code,
            records_submission=rule.records_submission,
        )
        for finding in rule.check(examined)
    ]


def _unknown_pool(context: PlanContext) -> Judged:
    finding = Finding(code="unknown-pool", message=f"Pool {context.pool} not found.")
    return Judged(finding=finding, error_code=ErrorCode.USER, records_submission=False)


RULES: tuple[Rule, ...] = (
    Rule(check=structure_rules.inputs_name_earlier_groups, error_code=ErrorCode.SUBMISSION),
    Rule(check=structure_rules.resources_have_platforms, error_code=ErrorCode.RESOURCE),
    Rule(check=structure_rules.topology_keys_are_known, error_code=ErrorCode.SUBMISSION),
    Rule(check=structure_rules.resources_are_defined, error_code=ErrorCode.RESOURCE),
    Rule(check=structure_rules.names_are_distinct, error_code=ErrorCode.USAGE),
    Rule(check=structure_rules.tasks_are_few_enough, error_code=ErrorCode.USER),
    Rule(check=structure_rules.prefixed_labels_are_legal, error_code=ErrorCode.USAGE),
    Rule(check=structure_rules.labels_follow_policy, error_code=ErrorCode.USAGE),
    Rule(check=structure_rules.names_are_short_enough, error_code=ErrorCode.USER, records_submission=True),
    Rule(check=policy_rules.earlier_tasks_exist, error_code=ErrorCode.DATABASE, records_submission=True),
    Rule(check=policy_rules.earlier_tasks_are_finished, error_code=ErrorCode.SUBMISSION, records_submission=True),
    Rule(check=dataset_rules.datasets_exist, error_code=ErrorCode.DATABASE, records_submission=True),
    Rule(check=policy_rules.pool_is_open, error_code=ErrorCode.USAGE),
    Rule(check=policy_rules.backend_knows_priorities, error_code=ErrorCode.USAGE),
    Rule(check=policy_rules.gpus_are_guaranteed, error_code=ErrorCode.USAGE, records_submission=True),
    Rule(check=resource_rules.topology_keys_agree, error_code=ErrorCode.RESOURCE, records_submission=True),
    Rule(check=resource_rules.platforms_exist, error_code=ErrorCode.RESOURCE, records_submission=True),
    Rule(check=resource_rules.cache_sizes_are_legal, error_code=ErrorCode.RESOURCE, records_submission=True),
    Rule(check=resource_rules.static_rules_hold, error_code=ErrorCode.USER, records_submission=True),
    Rule(check=resource_rules.privileges_are_allowed, error_code=ErrorCode.RESOURCE, records_submission=True),
    Rule(check=resource_rules.nodes_can_take_tasks, error_code=ErrorCode.RESOURCE, records_submission=True),
    Rule(check=resource_rules.templates_can_be_rendered, error_code=ErrorCode.RESOURCE, records_submission=True),
    Rule(check=dataset_rules.datasets_are_shared, error_code=ErrorCode.CREDENTIAL, records_submission=True),
    Rule(check=credentials_suffice, error_code=ErrorCode.CREDENTIAL, records_submission=True),
    Rule(check=token_rules.file_paths_stay_legal, error_code=ErrorCode.USAGE, records_submission=True),
    Rule(check=token_rules.tokens_name_something, error_code=ErrorCode.USAGE),
)
"""The order is OSMO's; within a step, that in which OSMO would meet them."""

LIMIT_RULES: tuple[Rule, ...] = (Rule(check=user_keeps_to_limits, error_code=ErrorCode.USER),)
