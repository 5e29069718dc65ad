"""What readers said of results, and what was pulled from where."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from daemon.store.schema import STATE, UID, Base


class FeedbackRow(Base):
    """One reader's verdict on a study or on one lesion of an image; the newest of a reader counts, none is deleted."""

    __tablename__ = "feedback"

    id: Mapped[int] = mapped_column(primary_key=True)
    study_uid: Mapped[str] = mapped_column(ForeignKey("studies.study_uid"), index=True)
    sop_uid: Mapped[str] = mapped_column(UID)  # the image; "": the study as a whole
    lesion: Mapped[int]  # its number on the image, 1, 2, …; 0: the image or study as a whole
    revision: Mapped[int]
    model: Mapped[str]  # digest of the weights that are judged
    verdict: Mapped[str] = mapped_column(STATE)  # Opinion of daemon/store/feedback.py
    reader: Mapped[str] = mapped_column(String(64))
    given_at: Mapped[float]


class PullRow(Base):
    """One study wanted from one source, until it is here or given up."""

    __tablename__ = "pulls"
    __table_args__ = (UniqueConstraint("source", "study_uid"), Index(None, "source", "state", "next_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(64))
    study_uid: Mapped[str] = mapped_column(UID, index=True)
    why: Mapped[str] = mapped_column(STATE)  # Why of daemon/core/pulls.py
    analyse: Mapped[bool]  # False: what comes is kept and set aside
    sender: Mapped[str] = mapped_column(String(16))  # AE title that the source's instances come from
    announced: Mapped[int | None]  # Number of Study Related Instances when it was queued
    state: Mapped[str] = mapped_column(STATE)
    attempts: Mapped[int] = mapped_column(default=0)
    expected: Mapped[int | None]  # instances, as the source says
    fetched: Mapped[int | None]  # of those, how many are here
    next_at: Mapped[float]
    asked_at: Mapped[float]
    finished_at: Mapped[float | None]
    reason: Mapped[str] = mapped_column(default="")
