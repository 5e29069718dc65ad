"""Ledger transactions of the catalogue: every instance is entered with its record, and searched for here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, literal, select

from daemon.core.catalogue import CatalogueEntry, CatalogueInstance
from daemon.core.query import Query
from daemon.store.cataloguing import Filed, enter
from daemon.store.database import Database
from daemon.store.schema import InstanceRow, OutputRow, StudyRow
from daemon.store.schema_catalogue import CatalogueInstanceRow
from daemon.store.searching import search


@dataclass(frozen=True, slots=True)
class Missing:
    """One archived instance that the catalogue does not have; `hidden`: withdrawn."""

    sop_uid: str
    study_uid: str
    series_uid: str
    sop_class_uid: str
    key: str
    result: bool
    hidden: bool


class Catalogue:
    """What QIDO-RS, WADO-RS and query/retrieve ask."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def search(self, query: Query) -> list[dict[str, str | int | list[str]]]:
        """The matches, the newest study first: values by keyword, absent where unknown numbers, else "".

        Raises MalformedQuery.
        """
        with self._database.read() as session:
            return search(session, query)

    def instances(
        self, study_uid: str, series_uid: str | None = None, sop_uid: str | None = None
    ) -> list[CatalogueInstance]:
        """The instances of a study, a series or one instance, in the order of their series and Instance Numbers."""
        row = CatalogueInstanceRow
        found = select(*(getattr(row, name) for name in CatalogueInstance.__slots__)).where(
            row.study_uid == study_uid, row.hidden.is_(False)
        )
        if series_uid is not None:
            found = found.where(row.series_uid == series_uid)
        if sop_uid is not None:
            found = found.where(row.sop_uid == sop_uid)
        order = (row.series_uid, func.length(row.instance_number), row.instance_number, row.sop_uid)
        with self._database.read() as session:
            return [CatalogueInstance(*values) for values in session.execute(found.order_by(*order))]

    def missing(self, after: str, limit: int) -> list[Missing]:
        """At most `limit` instances and results on record that are not here: those of the next UIDs behind `after`."""
        found: list[Missing] = []
        with self._database.read() as session:
            for statement, table in _absent():
                rows = session.execute(statement.where(table.sop_uid > after).order_by(table.sop_uid).limit(limit))
                found += (Missing(*row) for row in rows)
        return sorted(found, key=lambda missing: missing.sop_uid)[:limit]

    def missing_count(self) -> int:
        """How many there are."""
        with self._database.read() as session:
            counts = (select(func.count()).select_from(statement.subquery()) for statement, _ in _absent())
            return sum(session.scalar(count) or 0 for count in counts)

    def enter(self, missing: Missing, transfer_syntax_uid: str, size: int, entry: CatalogueEntry) -> bool:
        """Enter one of them; False when somebody else did, or withdrew it meanwhile."""
        with self._database.write() as session:
            session.get_one(StudyRow, missing.study_uid, with_for_update=True)
            if missing.result and session.get_one(OutputRow, missing.sop_uid).withdrawn != missing.hidden:
                return False
            filed = Filed(
                missing.study_uid,
                missing.series_uid,
                missing.sop_uid,
                missing.sop_class_uid,
                transfer_syntax_uid,
                missing.key,
                size,
                result=missing.result,
                hidden=missing.hidden,
            )
            return enter(session, filed, entry)


def _absent() -> Iterator[tuple[Select[Any], Any]]:
    """Records without an entry, as the columns of Missing; a result that is no object has no SOP class."""
    for table, result, hidden in ((InstanceRow, False, literal(False)), (OutputRow, True, OutputRow.withdrawn)):
        columns = (table.sop_uid, table.study_uid, table.series_uid, table.sop_class_uid, table.key)
        entered = select(CatalogueInstanceRow.sop_uid).where(CatalogueInstanceRow.sop_uid == table.sop_uid)
        absent: Any = select(*columns, literal(result), hidden)
        yield absent.where(~entered.exists(), table.sop_class_uid != ""), table
