"""Statements for many rows write what SQLAlchemy itself would write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import Boolean, Column, Engine, Integer, MetaData, Table, Text, bindparam, create_engine, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.functions import count

from gateway.store.prepared import Prepared
from gateway.store.tables import tasks

TABLE = Table(
    "things",
    MetaData(),
    Column("number", Integer, primary_key=True),
    Column("at", tasks.c.end_time.type),
    Column("is_so", Boolean),
    Column("text", Text),
    Column("kept", Text),
)
CHANGE = (
    update(TABLE)
    .where(TABLE.c.number == bindparam("b_number"), TABLE.c.kept == "yes")
    .values({name: bindparam(name, type_=TABLE.c[name].type) for name in ("at", "is_so", "text")})
)
VALUES = [
    (datetime(2026, 11, 22, 5, 0, 0, 1), True, "100% of :it %(or)s ?"),
    (datetime(1, 1, 1), False, ""),
    (None, None, None),
]


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = create_engine("sqlite://")
    TABLE.metadata.create_all(made)
    with made.begin() as connection:
        for number in range(4):
            connection.execute(TABLE.insert().values(number=number, kept="no" if number == 3 else "yes"))
    yield made
    made.dispose()


def rows() -> list[dict[str, object]]:
    found: list[dict[str, object]] = [
        {"b_number": number, "at": at, "is_so": is_so, "text": text} for number, (at, is_so, text) in enumerate(VALUES)
    ]
    return [*found, {**found[0], "b_number": 3}]


def test_rows_are_as_sqlalchemy_writes_them(engine: Engine) -> None:
    with engine.begin() as connection:
        Prepared(CHANGE).run(connection, rows())
        ours = connection.exec_driver_sql("SELECT * FROM things").all()
        connection.execute(TABLE.update().values(at=None, is_so=None, text=None))
        connection.execute(CHANGE, rows())
        assert connection.exec_driver_sql("SELECT * FROM things").all() == ours
        found = connection.execute(select(TABLE.c.at, TABLE.c.is_so, TABLE.c.text)).all()
    assert [tuple(row) for row in found] == [*VALUES, (None, None, None)]


def test_no_rows_are_no_statement(engine: Engine) -> None:
    with engine.connect() as connection:
        Prepared(CHANGE).run(connection, [])
        assert not connection.in_transaction()


def test_one_value_is_enough(engine: Engine) -> None:
    with engine.begin() as connection:
        Prepared(TABLE.delete().where(TABLE.c.number == bindparam("b_number"))).run(
            connection, [{"b_number": 1}, {"b_number": 2}]
        )
        assert connection.execute(select(TABLE.c.number)).scalars().all() == [0, 3]


def test_a_number_is_given_back(engine: Engine) -> None:
    kept = TABLE.c.kept == bindparam("kept")
    with engine.begin() as connection:
        assert Prepared(select(count()).select_from(TABLE).where(kept)).number(connection, {"kept": "yes"}) == 3
        numbered = TABLE.insert().values(number=bindparam("number"), kept="new").returning(TABLE.c.number)
        assert Prepared(numbered).number(connection, {"number": 7}) == 7
        assert connection.execute(select(TABLE.c.kept).where(TABLE.c.number == 7)).scalar_one() == "new"


def test_signs_of_the_driver_in_a_statement_stay_text() -> None:
    """psycopg reads `%` in a statement; names and texts of users never stand in one."""
    text = str(CHANGE.compile(dialect=postgresql.psycopg.dialect()))  # type: ignore[no-untyped-call]
    assert text.count("%") == text.count("%(")
