"""What all parts of a session share: one connection in one transaction, and where the two databases differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, Table, false, func
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store.texts import clean

# The largest number of an INTEGER column; larger ones cannot even be asked for.
_LARGEST = 2**31 - 1
# Above any number of rows; a larger offset or limit finds as little or as much.
MOST_ROWS = 2**62


def equals(column: ColumnElement[int], number: int) -> ColumnElement[bool]:
    """Whether the column holds the number, which may be one that no column can hold."""
    return column == number if -_LARGEST <= number <= _LARGEST else false()


class Connected:
    """One open transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_sqlite = connection.dialect.name == "sqlite"

    def _one_of(
        self, column: ColumnElement[str], wanted: Sequence[str], *, selective: bool = True
    ) -> ColumnElement[bool]:
        """Whether the column is one of the values; `selective`: the fewer rows are left, the better to start from.

        SQLite has no figures about its tables: for values that most rows may have it would gather all of these rows
        and sort them, instead of reading an index in the order of the list until the page is full. An expression in
        place of the column keeps it from that.
        """
        values = [clean(str(value)) for value in wanted]
        if self._is_sqlite and not selective:
            return column.op("||")("").in_(values)
        return column.in_(values)

    def _contains(self, column: ColumnElement[str], literal: str) -> ColumnElement[bool]:
        """Whether the column has the literal text in it, case and all."""
        position: ColumnElement[int]
        position = func.instr(column, literal) if self._is_sqlite else func.strpos(column, literal)
        return position > 0

    def _matches(self, column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
        """Whether the whole column is like the pattern, in which `*` is any run of characters; case and all."""
        if self._is_sqlite:
            # LIKE ignores case there; GLOB does not, and its other wildcards are made literal.
            return column.op("GLOB", is_comparison=True)(
                "".join(f"[{letter}]" if letter in "?[" else letter for letter in pattern)
            )
        escaped = "".join(f"\\{letter}" if letter in "\\%_" else letter for letter in pattern)
        return column.like(escaped.replace("*", "%"), escape="\\")

    def _insert_new(self, table: Table) -> Insert:
        """An INSERT that leaves rows alone which exist already."""
        if self._is_sqlite:
            return sqlite.insert(table).on_conflict_do_nothing()
        return postgresql.insert(table).on_conflict_do_nothing()

    def _upsert(self, table: Table, values: dict[str, Any], replaced: Iterable[str]) -> None:
        """Insert a row, or replace some columns of the one with its primary key."""
        keys = [column.name for column in table.primary_key]
        if self._is_sqlite:
            lite = sqlite.insert(table).values(values)
            self._connection.execute(
                lite.on_conflict_do_update(index_elements=keys, set_={name: lite.excluded[name] for name in replaced})
            )
            return
        big = postgresql.insert(table).values(values)
        self._connection.execute(
            big.on_conflict_do_update(index_elements=keys, set_={name: big.excluded[name] for name in replaced})
        )
