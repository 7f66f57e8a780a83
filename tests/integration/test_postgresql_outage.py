"""PostgreSQL goes away for a moment: connections are made anew, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from gateway.ports.faults import StoreUnavailable
from gateway.store.engines import open_engines
from gateway.store.session import open_store
from tests.workplace import chain, group, plan, workplace
from translator.lifecycle.words import WorkflowStatus

pytestmark = pytest.mark.xdist_group("postgresql")


def disconnect_all(url: str) -> None:
    """End every other connection to the database, as a restart of the server does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_the_mirror_goes_on_after_a_disconnection(tmp_path: Path, postgres_emptied: str) -> None:
    with workplace(tmp_path, url=postgres_emptied) as place:
        first = place.submit(*chain(3))
        disconnect_all(postgres_emptied)
        second = place.submit_plan(plan(*chain(3), name="second"))
        disconnect_all(postgres_emptied)
        place.advance(20)
        third = place.submit_plan(plan(group("a"), name="third"))
        assert {place.record(uuid).status for uuid in (first, second, third)} == {WorkflowStatus.COMPLETED}
        assert place.mirror.parked == {}


def test_a_session_that_is_cut_says_that_it_may_be_tried_again(postgres_emptied: str) -> None:
    store = open_store(postgres_emptied)

    def write() -> None:
        with store.writing() as writes:
            writes.set_profile("alice", pool="gpu")
            disconnect_all(postgres_emptied)
            writes.set_profile("alice", pool="cpu")

    with pytest.raises(StoreUnavailable):
        write()
    with store.reading() as reads:
        assert reads.profile("alice").pool is None
    store.close()


def test_no_server_is_a_database_that_cannot_be_used_now(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        open_store(f"postgresql:///nothing?host={tmp_path}&user=nobody")


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:///:memory:", "nonsense", ""])
def test_another_kind_of_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///<path>"):
        open_engines(url)
