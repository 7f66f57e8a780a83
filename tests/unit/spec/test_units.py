"""The table of durations of workflow-spec.md §2.3, as timeouts and as frequencies."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.spec.specs import refused, task_of, with_fields, with_task, workflow_of
from translator.problems import ErrorCode

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("60", 60 * SECOND),
        ("1.5", 1.5 * SECOND),
        ("true", SECOND),
        ("10:00", 600 * SECOND),
        ("2d", timedelta(days=2)),
        ("3h", timedelta(hours=3)),
        ("10m", timedelta(minutes=10)),
        ("'10 m'", timedelta(minutes=10)),
        ("1_0s", 10 * SECOND),
        ("15s", 15 * SECOND),
        ("1500ms", 1.5 * SECOND),
        ("7us", timedelta(microseconds=7)),
        ("+5m", timedelta(minutes=5)),
        ("P1D", timedelta(days=1)),
        ("PT10S", 10 * SECOND),
        ("PT1.5S", 1.5 * SECOND),
        ("P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("PT0M5S", 5 * SECOND),
    ],
)
def test_durations(value: str, expected: timedelta) -> None:
    timeout = workflow_of(with_fields(f"timeout: {{exec_timeout: {value}, queue_timeout: {value}}}")).timeout
    assert (timeout.exec_timeout, timeout.queue_timeout) == (expected, expected)


@pytest.mark.parametrize("value", ["0", "null", "0s", "PT0S", "false"])
def test_zero_and_null_are_the_default(value: str) -> None:
    assert workflow_of(with_fields(f"timeout: {{exec_timeout: {value}}}")).timeout.exec_timeout is None


@pytest.mark.parametrize(
    "value",
    ["", "60", "1h30m", "1.5h", "1w", "10M", "m", "10min", "P", "PT", "P1W", "P1Y", "P1M", "pt10s", "PT1.5H", "-PT1S"],
)
def test_other_durations_are_refused(value: str) -> None:
    error = refused(with_fields(f"timeout: {{queue_timeout: '{value}'}}"))
    text = f"Cannot recognize duration: {value}. Only support ISO 8601 (e.g. PT10S) or xd, xh, xm, xs, xms, xus"
    assert (error.problems[0].message, error.error_code) == (text, ErrorCode.USAGE)
    assert text in error.message
    assert error.problems[0].path == "workflow.timeout.queue_timeout"


@pytest.mark.parametrize("value", ["[1]", "{a: 1}", "2024-01-01", ".nan", ".inf", f"'{'9' * 60}d'", f"'{'9' * 5000}s'"])
def test_what_is_no_length_of_time_is_refused(value: str) -> None:
    assert refused(with_fields(f"timeout: {{exec_timeout: {value}}}")).problems[0].code == "bad-duration"


@pytest.mark.parametrize("value", ["-1", "-5m", "-0.5"])
def test_negative_durations_are_refused(value: str) -> None:
    # §10.15: accepted upstream, where they expire at once; rejected with 400 here.
    problem = refused(with_fields(f"timeout: {{exec_timeout: {value}}}")).problems[0]
    assert problem.message.startswith(f"Duration {value} is negative.")


@pytest.mark.parametrize(
    ("value", "expected"), [("90", 90), ("1500ms", 1), ("PT1.9S", 1), ("1m", 60), ("0", 1), ("10us", 1)]
)
def test_frequencies_are_whole_seconds_and_never_none(value: str, expected: int) -> None:
    checkpoint = task_of(with_task(f"checkpoint: [{{path: /a, url: 's3://b', frequency: {value}}}]")).checkpoint[0]
    assert checkpoint.frequency == expected * SECOND
