"""Statements for many rows at once, or for each submission, compiled once a database.

SQLAlchemy works the values of each row over anew, which for wide rows costs more than the database does; here the
columns' types say once what is to be done with which value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Delete, Dialect, Insert, Select, Table, Update, bindparam

from gateway.store.states import Values

_Row = tuple[Any, ...] | Values
_Convert = Callable[[Any], Any]


def columns_of(table: Table, names: Iterable[str]) -> dict[str, Any]:
    """For `values` of a statement: each column is given under its own name."""
    return {name: bindparam(name, type_=table.c[name].type) for name in names}


class Prepared:
    """A statement all of whose values are named by `bindparam`, with their types."""

    def __init__(self, statement: Insert | Update | Delete | Select[Any]) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Carry it out for each row. Shape: a row has a value for every name. Errors: as `Connection.execute`."""
        if not rows:
            return
        compiled = self._for(connection.dialect)
        connection.exec_driver_sql(compiled.text, [compiled.row(values) for values in rows])

    def number(self, connection: Connection, values: Values) -> int:
        """The one number that it gives back for these values. Errors: as `Connection.execute`."""
        compiled = self._for(connection.dialect)
        found: int = connection.exec_driver_sql(compiled.text, compiled.row(values)).scalar_one()
        return found

    def _for(self, dialect: Dialect) -> _Compiled:
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _Compiled(self._statement, dialect)
        return compiled


class _Compiled:
    """The statement in the words of one database."""

    def __init__(self, statement: Insert | Update | Delete | Select[Any], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        found = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in compiled.binds.items()}
        self._converts: dict[str, _Convert] = {name: one for name, one in found.items() if one is not None}
        fixed = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        self._fixed: Values = {
            name: self._converts[name](value) if name in self._converts else value for name, value in fixed.items()
        }
        for name in fixed:
            self._converts.pop(name, None)
        names: Sequence[str] | None = getattr(compiled, "positiontup", None)
        self._in_order = itemgetter(*names) if names is not None and len(names) > 1 else None
        self._only = names[0] if names is not None and len(names) == 1 else None

    def row(self, values: Values) -> _Row:
        """One row as the driver takes it."""
        row = {**values, **self._fixed}
        for name, convert in self._converts.items():
            value = row[name]
            if value is not None:
                row[name] = convert(value)
        if self._in_order is not None:
            ordered: tuple[Any, ...] = self._in_order(row)
            return ordered
        return row if self._only is None else (row[self._only],)
