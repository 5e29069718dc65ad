"""The ledger's tables (SQLAlchemy 2).

Times are seconds since the epoch, UTC. There is no patient data here: UIDs, codes and reasons only; who the patient
is stands in the archived instances and in the catalogue (schema_catalogue.py). A schema change and its migration
belong in one commit.
"""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, MetaData, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

UID = String(64)
STATE = String(16)


class Base(DeclarativeBase):
    """Constraint names are fixed, so that migrations can name them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class StudyRow(Base):
    """One study; `state` moves only through daemon/core/states.py."""

    __tablename__ = "studies"
    __table_args__ = (
        Index(None, "state", "last_instance_at"),
        Index(None, "awaits_proof"),
        Index(None, "awaits_place"),
        Index(None, "received_at"),
    )

    study_uid: Mapped[str] = mapped_column(UID, primary_key=True)
    state: Mapped[str] = mapped_column(STATE)
    reason: Mapped[str] = mapped_column(default="")
    revision: Mapped[int] = mapped_column(default=1)  # 1, 2, …: one more whenever images follow after a report
    received_at: Mapped[float]
    last_instance_at: Mapped[float]
    completed_at: Mapped[float | None]
    analysed_at: Mapped[float | None]  # the date in this revision's result objects: fixed, so that retries agree
    settled_at: Mapped[float | None]
    probability: Mapped[float | None]  # triage probability 0..1: the highest of its images
    positive: Mapped[bool | None]  # whether any image is above the operating point
    not_analysed: Mapped[str] = mapped_column(default="")  # why none of its images could be analysed; "" if any was
    unserved: Mapped[str] = mapped_column(default="")  # destinations for which this revision has no result, and why
    withdrawals: Mapped[int] = mapped_column(default=0)  # how often its results were rejected
    # DELIVERED, and some destination has still to prove it: so that the settle loop need not look at all delivered ones
    awaits_proof: Mapped[bool] = mapped_column(default=False)
    findings: Mapped[str] = mapped_column(default="")  # names of those that decided its place, one a line
    awaits_place: Mapped[bool] = mapped_column(default=False)  # its place in the reading worklist is to be decided anew


class InstanceRow(Base):
    """One received instance, as archived."""

    __tablename__ = "instances"

    sop_uid: Mapped[str] = mapped_column(UID, primary_key=True)
    study_uid: Mapped[str] = mapped_column(ForeignKey("studies.study_uid"), index=True)
    series_uid: Mapped[str] = mapped_column(UID)
    sop_class_uid: Mapped[str] = mapped_column(UID)
    transfer_syntax_uid: Mapped[str] = mapped_column(UID)
    key: Mapped[str]  # where the archive keeps it
    digest: Mapped[str] = mapped_column(String(64))  # SHA-256 of the archived file, hex
    size: Mapped[int]
    received_at: Mapped[float]
    calling_ae: Mapped[str] = mapped_column(String(16))
    eligibility: Mapped[str] = mapped_column(STATE)  # Kind of daemon/core/eligibility.py
    reason: Mapped[str] = mapped_column(default="")


class JobRow(Base):
    """Work for a Celery worker. The row is the job; the message is only a wake-up."""

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("kind", "study_uid", "subject"),
        Index(None, "state", "sent_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(STATE)  # analyse | report | reject
    study_uid: Mapped[str] = mapped_column(ForeignKey("studies.study_uid"), index=True)
    subject: Mapped[str] = mapped_column(UID)  # analyse: SOP Instance UID; report: the revision; reject: the withdrawal
    state: Mapped[str] = mapped_column(STATE)
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[float]
    sent_at: Mapped[float | None]
    attempts: Mapped[int] = mapped_column(default=0)  # how often a worker has claimed it
    owner: Mapped[str] = mapped_column(default="")
    lease_until: Mapped[float | None]
    finished_at: Mapped[float | None]
    seconds: Mapped[float | None]
    answer: Mapped[str] = mapped_column(default="")  # analyse: findings and model identity; reject: its reason; JSON


class OutputRow(Base):
    """One result object, as archived. Its bytes never change."""

    __tablename__ = "outputs"

    sop_uid: Mapped[str] = mapped_column(UID, primary_key=True)
    study_uid: Mapped[str] = mapped_column(ForeignKey("studies.study_uid"), index=True)
    series_uid: Mapped[str] = mapped_column(UID)
    sop_class_uid: Mapped[str] = mapped_column(UID)
    kind: Mapped[str] = mapped_column(STATE)  # OUTPUTS of daemon/sections.py, or rejection
    profile: Mapped[str] = mapped_column(STATE)  # air | stone | ohif, "" where it makes no difference
    marking: Mapped[bool]
    source_sop_uid: Mapped[str] = mapped_column(UID, default="")
    revision: Mapped[int]
    key: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[float]
    withdrawn: Mapped[bool] = mapped_column(default=False)  # named in a rejection note


class DeliveryRow(Base):
    """One result object on its way to one destination."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("destination", "sop_uid"),
        Index(None, "destination", "state", "next_at"),
        Index(None, "commitment", "destination", "state", "next_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    destination: Mapped[str] = mapped_column(String(64))
    sop_uid: Mapped[str] = mapped_column(ForeignKey("outputs.sop_uid"))
    study_uid: Mapped[str] = mapped_column(ForeignKey("studies.study_uid"), index=True)
    state: Mapped[str] = mapped_column(STATE)
    attempts: Mapped[int] = mapped_column(default=0)
    refusals: Mapped[int] = mapped_column(default=0)  # answers that refused it or, later, missed it
    created_at: Mapped[float]
    retry_since: Mapped[float]  # since when it is being tried: created_at, or the last replay
    next_at: Mapped[float]  # not to be sent (SENT: not to be proven) before; a claim moves it forward as its lease
    sent_at: Mapped[float | None]
    status: Mapped[int | None]  # the last C-STORE status (PS3.7 Annex C), or the Failure Reason of a STOW-RS response
    reason: Mapped[str] = mapped_column(default="")
    commitment: Mapped[bool] = mapped_column(default=False)  # whether proof of arrival is wanted
    committed_at: Mapped[float | None]


class CommitmentRequestRow(Base):
    """One storage commitment transaction that we asked a destination for (PS3.4 J.3.2). Kept: a result may be late."""

    __tablename__ = "commitment_requests"

    transaction_uid: Mapped[str] = mapped_column(UID, primary_key=True)
    destination: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[float]
    reported_at: Mapped[float | None]  # when its last result came


class CommitmentReferenceRow(Base):
    """One object in such a transaction."""

    __tablename__ = "commitment_references"

    transaction_uid: Mapped[str] = mapped_column(ForeignKey("commitment_requests.transaction_uid"), primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id"), primary_key=True)


class PromiseRow(Base):
    """One storage commitment transaction that a modality asked us for, until its result is told."""

    __tablename__ = "promises"
    __table_args__ = (
        UniqueConstraint("transaction_uid", "calling_ae"),
        Index(None, "state", "next_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    transaction_uid: Mapped[str] = mapped_column(UID)
    calling_ae: Mapped[str] = mapped_column(String(16))
    asked: Mapped[str]  # JSON: [[SOP Class UID, SOP Instance UID], …]
    asked_at: Mapped[float]
    state: Mapped[str] = mapped_column(STATE)  # PromiseState of daemon/core/states.py
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[float]  # its result is not to be told before
    told_at: Mapped[float | None]
    reason: Mapped[str] = mapped_column(default="")  # why it is not told yet, or never was
