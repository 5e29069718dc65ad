"""What readers say of results: accepted or rejected, for a study as a whole, a film, or one lesion on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select

from daemon.store.database import Database
from daemon.store.schema import StudyRow
from daemon.store.schema_feedback import FeedbackRow

_PAGE = 1000


class Opinion(StrEnum):
    """A reader's verdict."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"  # the reader takes back what they said before


@dataclass(frozen=True, slots=True)
class Feedback:
    """One verdict. sop_uid "": the study as a whole; lesion 1, 2, …: by probability on that film, 0: all of it."""

    study_uid: str
    sop_uid: str
    lesion: int
    revision: int
    model: str  # digest of the weights that are judged
    verdict: str
    reader: str  # "" where nobody signs in
    given_at: float  # seconds since the epoch, UTC


class Feedbacks:
    """Verdicts are added, never changed: the newest of a reader on one thing counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(self, feedback: Feedback) -> bool:
        """Put it on record, durably; whether there is such a study."""
        values = {name: getattr(feedback, name) for name in Feedback.__dataclass_fields__}
        with self._database.write() as session:
            if session.get(StudyRow, feedback.study_uid) is None:
                return False
            session.add(FeedbackRow(**values))
            return True

    def of_study(self, study_uid: str) -> list[Feedback]:
        """What counts of one study, the oldest first."""
        newest: dict[tuple[str, str, int], Feedback] = {}
        with self._database.read() as session:
            query = select(FeedbackRow).where(FeedbackRow.study_uid == study_uid).order_by(FeedbackRow.id)
            for row in session.scalars(query):
                newest[row.reader, row.sop_uid, row.lesion] = _value(row)
        standing = (item for item in newest.values() if item.verdict != Opinion.WITHDRAWN)
        return sorted(standing, key=lambda item: item.given_at)

    def all(self) -> Iterator[Feedback]:
        """Every verdict ever given, in order."""
        last = 0
        while True:
            query = select(FeedbackRow).where(FeedbackRow.id > last).order_by(FeedbackRow.id).limit(_PAGE)
            with self._database.read() as session:
                rows = list(session.scalars(query))
            yield from map(_value, rows)
            if len(rows) < _PAGE:
                return
            last = rows[-1].id


def _value(row: FeedbackRow) -> Feedback:
    return Feedback(**{name: getattr(row, name) for name in Feedback.__dataclass_fields__})
