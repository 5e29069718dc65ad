"""Ledger transactions of the catalogue: every instance is entered with its record, and searched for here."""

from __future__ import annotations

from sqlalchemy import func, select

from daemon.core.catalogue import CatalogueInstance
from daemon.core.query import Query
from daemon.store.database import Database
from daemon.store.schema_catalogue import CatalogueInstanceRow
from daemon.store.searching import search


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
