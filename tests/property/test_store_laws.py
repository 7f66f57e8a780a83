"""Laws of the store: rows hold the lifecycle's states exactly, however they got there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ports.records import NewWorkflow
from gateway.ports.runs import StateChange
from gateway.store.log_records import decoded, encoded, records_of, whole_records
from gateway.store.session import SqlStore, open_store
from gateway.store.texts import clean, packed, unpacked
from tests.unit.lifecycle.histories import EVERYTHING, History, histories
from tests.workplace import line
from translator.plan.model import Plan, WorkflowId, WorkflowUuid

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    """One database for all examples."""
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('laws') / 'test.db'}")
    yield opened
    opened.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(histories(EVERYTHING), st.integers(min_value=1, max_value=7))
def test_rows_hold_every_state_of_every_history(store: SqlStore, history: History, step: int) -> None:
    """ "writing only what differs": saved change by change or several at once, what is loaded is the state."""
    number = next(_numbers)
    uuid = WorkflowUuid(f"{number:032}")
    plan: Plan = msgspec.structs.replace(
        history.index.plan, workflow_id=WorkflowId(f"law-{number}"), workflow_uuid=uuid, name="law"
    )
    with store.writing() as writes:
        writes.insert_workflow(NewWorkflow(plan=plan, state=history.before, number=number))
    before = history.before
    for change in [*history.changes[::step], *history.changes[-1:]]:
        with store.writing() as writes:
            writes.save_changes([StateChange(uuid=uuid, fence=0, before=before, after=change.state)])
        before = change.state
        with store.reading() as reads:
            stored = reads.load_run(uuid)
        assert stored is not None
        assert stored.state == before


@given(st.lists(st.tuples(st.text(), st.booleans(), st.integers(min_value=0, max_value=9))), st.data())
def test_a_cut_file_holds_a_prefix_of_the_lines(texts: list[tuple[str, bool, int]], data: st.DataObject) -> None:
    """ "when the process is killed, what is in the file is a prefix of what was taken"."""
    lines = [
        replace(line(clean(text).replace("\n", " "), retry_id=retry_id), system=system)
        for text, system, retry_id in texts
    ]
    whole = encoded(lines)
    cut = whole[: data.draw(st.integers(min_value=0, max_value=len(whole)))]
    kept = [decoded(record) for record in records_of(cut[: whole_records(cut)])]
    assert kept == lines[: len(kept)]
    if cut == whole:
        assert kept == lines


@given(st.binary())
def test_no_bytes_in_a_file_break_a_reader(data: bytes) -> None:
    for record in records_of(data[: whole_records(data)]):
        decoded(record)


@given(st.binary(max_size=5000))
def test_packing_loses_nothing(body: bytes) -> None:
    encoding, stored = packed(body)
    assert unpacked(encoding, stored) == body


@given(st.text(st.characters(codec=None)))
def test_cleaned_text_fits_everywhere(text: str) -> None:
    cleaned = clean(text)
    assert "\0" not in cleaned
    cleaned.encode()
    assert clean(cleaned) == cleaned
    assert len(cleaned) <= len(text)
