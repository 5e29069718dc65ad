"""The Unified Procedure Step worklist's tables (PS3.4 Annex CC)."""

from __future__ import annotations

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from daemon.store.schema import STATE, UID, Base
from daemon.store.schema_catalogue import BEGINNING


class WorkItemRow(Base):
    """One unified procedure step. `attributes` is the whole data set; the columns are what lists are made from."""

    __tablename__ = "work_items"
    __table_args__ = (
        Index(None, "reading", "state", "due_at", "ups_uid"),
        Index(None, "state", "due_at", "ups_uid"),
        # Those due first, with what people search for by a part of it: such a search reads the index alone.
        Index("ix_work_items_due", "due_at", "ups_uid", "patient_name_key", "patient_id", "accession_number"),
        Index(None, "state", "updated_at"),
    )

    ups_uid: Mapped[str] = mapped_column(UID, primary_key=True)
    study_uid: Mapped[str] = mapped_column(UID, index=True)  # Study Instance UID (0020,000D); "" where it has none
    reading: Mapped[bool]  # made by us, for a study to be read
    revision: Mapped[int]  # reading: of the study
    state: Mapped[str] = mapped_column(STATE)  # Procedure Step State (0074,1000)
    priority: Mapped[str] = mapped_column(STATE)  # Scheduled Procedure Step Priority (0074,1200)
    due_at: Mapped[float]  # by when it is to be read: the order of the list
    arrived_at: Mapped[float]  # since when it waits
    label: Mapped[str]  # Worklist Label (0074,1202)
    patient_name_key: Mapped[str] = mapped_column(BEGINNING, index=True)  # folded, as names are compared
    patient_id: Mapped[str] = mapped_column(BEGINNING, index=True)
    accession_number: Mapped[str] = mapped_column(BEGINNING, index=True)  # of its Referenced Request, or SEVERAL
    transaction_uid: Mapped[str] = mapped_column(UID, default="")  # the lock (0008,1195); "": nobody ever had it
    attributes: Mapped[str]  # DICOM JSON (PS3.18 F)
    created_at: Mapped[float]
    updated_at: Mapped[float]


class SubscriptionRow(Base):
    """One subscriber to one work item, or to all that will be created (PS3.4 CC.2.3)."""

    __tablename__ = "ups_subscriptions"
    __table_args__ = (UniqueConstraint("receiver", "ups_uid"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    receiver: Mapped[str] = mapped_column(String(64))  # AE title
    ups_uid: Mapped[str] = mapped_column(UID, index=True)  # a work item, or a well-known global UID
    deletion_lock: Mapped[bool]
    matching: Mapped[str] = mapped_column(default="")  # filtered global: matching keys, DICOM JSON
    created_at: Mapped[float]


class UpsEventRow(Base):
    """One event report to one subscriber, until it is told (PS3.4 CC.2.4)."""

    __tablename__ = "ups_events"
    __table_args__ = (Index(None, "receiver", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    receiver: Mapped[str] = mapped_column(String(64))
    ups_uid: Mapped[str] = mapped_column(UID)
    event_type: Mapped[int]  # Event Type ID, 1-5
    information: Mapped[str]  # Event Information, DICOM JSON
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[float]  # not to be told before
    created_at: Mapped[float]
