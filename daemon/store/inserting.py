"""Inserting where the key may exist: what both databases write differently from each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def insert_once(session: Session, table: type[Any], values: dict[str, Any]) -> bool:
    """Insert a row unless its key exists; whether it was inserted."""
    key = inspect(table).primary_key[0]
    # RETURNING, because a driver may not know the row count of an insert (psycopg says -1). Core, for its speed.
    statement = _insert(session, table).values(**values).on_conflict_do_nothing().returning(key)
    return session.execute(statement).first() is not None


def insert_missing(session: Session, table: type[Any], rows: Sequence[dict[str, Any]]) -> None:
    """Insert those rows whose keys do not exist."""
    session.execute(_insert(session, table).on_conflict_do_nothing(), rows)


def insert_or_add(
    session: Session, table: type[Any], values: dict[str, Any], added: dict[str, int], returned: Sequence[str]
) -> Row[Any]:
    """Insert a row; where its primary key exists, add `added` to the numbers there. The named columns of the row."""
    columns = table.__table__.c
    statement = _insert(session, table).values(**values)
    changed = {name: columns[name] + number for name, number in added.items()}
    statement = statement.on_conflict_do_update(index_elements=inspect(table).primary_key, set_=changed)
    return session.execute(statement.returning(*(columns[name] for name in returned))).one()


def _insert(session: Session, table: type[Any]) -> Any:
    return _INSERT[session.get_bind().dialect.name](table.__table__)
