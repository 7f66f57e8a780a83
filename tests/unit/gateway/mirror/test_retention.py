"""What the rules say of a workflow, and the thread that acts on them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta

import pytest

from gateway.mirror.retention import RetentionKeeper
from gateway.ports.retention import EndedWorkflow
from gateway.schemas.retention import RetentionReport
from gateway.services.retention import Retention, due_of
from pools.config import parse_config
from pools.model import ConfigError
from pools.retention import RetentionRule
from storage.lanes import StopSign
from tests.workplace import START
from translator.plan.model import WorkflowUuid

DAY = timedelta(days=1)


def ended(labels: Mapping[str, str] | None = None, **changes: bool) -> EndedWorkflow:
    """A workflow of pool `train` that ended at the start of the tests' time."""
    return EndedWorkflow(
        uuid=WorkflowUuid("1" * 32),
        workflow_id="wf-1",
        pool="train",
        backend="local",
        labels=labels or {},
        end_time=START,
        data_removed=changes.get("data_removed", False),
        logs_removed=changes.get("logs_removed", False),
    )


def deeds(rules: list[RetentionRule], days: float, workflow: EndedWorkflow | None = None) -> str:
    """What is due: letters of data, logs, record."""
    due = due_of(rules, workflow or ended(), START + days * DAY)
    return "" if due is None else "".join(letter for letter in "dlr" if getattr(due, _FIELDS[letter]))


_FIELDS = {"d": "data", "l": "logs", "r": "record"}


@pytest.mark.parametrize(
    ("rule", "days", "due"),
    [
        ({}, 1000, ""),
        ({"data_after": "7d"}, 6.9, ""),
        ({"data_after": "7d"}, 7, "d"),
        ({"data_after": "7d", "logs_after": "30d"}, 30, "dl"),
        ({"logs_after": "1d"}, 2, "l"),
        # Without a record nobody would find the rest any more.
        ({"workflows_after": "90d"}, 90, "dlr"),
        ({"pools": ["other"], "data_after": "1d"}, 2, ""),
        ({"pools": ["other", "train"], "data_after": "1d"}, 2, "d"),
        ({"labels": {"keep": "no"}, "data_after": "1d"}, 2, ""),
    ],
)
def test_a_rule_counts_from_the_end(rule: dict[str, object], days: float, due: str) -> None:
    assert deeds([RetentionRule.model_validate(rule)], days) == due


def test_the_first_rule_for_a_workflow_counts_and_no_other() -> None:
    """As firewalls do it: an exception stands before what it is an exception of."""
    rules = [RetentionRule(labels={"keep": "*"}), RetentionRule(labels={"team": "a"}, data_after="1d")]
    assert deeds(rules, 2, ended({"team": "a"})) == "d"
    assert deeds(rules, 2, ended({"team": "b"})) == ""
    assert deeds(rules, 2, ended({"team": "a", "keep": "please"})) == ""


def test_what_is_done_is_not_due_again() -> None:
    rules = [RetentionRule(data_after="1d", logs_after="1d")]
    assert deeds(rules, 2, ended(data_removed=True)) == "l"
    assert deeds(rules, 2, ended(data_removed=True, logs_removed=True)) == ""


def test_a_wrong_rule_is_refused_when_the_configuration_is_read() -> None:
    with pytest.raises(ConfigError, match="Cannot recognize duration: soon"):
        parse_config({"c.yaml": b"workflow: {retention: {rules: [{data_after: soon}]}}"})


class _Failing(Retention):
    """Fails the first time."""

    def every_seconds(self) -> float:
        return 0.001

    def sweep(self, stopped: StopSign) -> RetentionReport:
        looks.append(1)
        if len(looks) == 1:
            raise RuntimeError("the store is away")
        seen.set()
        return RetentionReport(dry_run=False, workflows=[], more=False)


looks: list[int] = []
seen = threading.Event()


def test_a_look_that_fails_is_not_the_last() -> None:
    keeper = RetentionKeeper(_Failing.__new__(_Failing), first_seconds=0.001)
    keeper.start()
    assert seen.wait(20)
    keeper.stop()
    keeper.stop()
