"""The studies that one key of a search leaves, where they are few: then these alone are looked at.

Where no key leaves few, the search goes through the studies from the newest on and soon has its page: what the index of
a key finds would all have to be sorted first. No database knows beforehand which of the two it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from daemon.core.query import Like, Match, OneOf, Words
from daemon.store.patterns import like
from daemon.store.schema_catalogue import CatalogueSeriesRow, CatalogueStudyRow, CatalogueWordRow

FEW = 500
# Keys whose columns have an index of their own.
INDEXED: Mapping[str, Any] = {
    "AccessionNumber": CatalogueStudyRow.accession_number,
    "PatientID": CatalogueStudyRow.patient_id,
    "PatientName": CatalogueStudyRow.patient_name_key,
}


def few(session: Session, matches: Mapping[str, Match]) -> Sequence[str] | None:
    """UIDs of all studies that can match, at most FEW; None where no key leaves so few."""
    for found in _selections(matches, session.get_bind().dialect.name):
        uids = session.scalars(found.limit(FEW + 1)).all()
        if len(uids) <= FEW:
            return uids
    return None


def begins(match: Match | None) -> bool:
    """Whether it says how the value begins, so that an index finds it."""
    return isinstance(match, OneOf) or (isinstance(match, Like) and match.pattern[0] not in "*?")


def _selections(matches: Mapping[str, Match], dialect: str) -> Iterator[Select[Any]]:
    """UIDs of studies by one key each, from an index."""
    of_name: Any = CatalogueWordRow.word
    for keyword, column in INDEXED.items():
        match = matches.get(keyword)
        if isinstance(match, OneOf):
            yield select(CatalogueStudyRow.study_uid).where(column.in_(match.values))
        elif isinstance(match, Like) and begins(match):
            yield select(CatalogueStudyRow.study_uid).where(like(column, match.pattern, dialect))
        elif isinstance(match, Words):
            for word in match.words:
                yield select(CatalogueWordRow.study_uid).where(like(of_name, f"{word}*", dialect))
    match = matches.get("ModalitiesInStudy")
    if isinstance(match, OneOf) and match != OneOf(("",)) and not set("*?") & set("".join(match.values)):
        yield select(CatalogueSeriesRow.study_uid).where(CatalogueSeriesRow.modality.in_(match.values))
