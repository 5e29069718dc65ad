"""Orders as an HL7 v2 sender told them: what they say of urgency."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from daemon.store.schema import STATE, UID, Base


class OrderRow(Base):
    """One order, as its last message left it."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    sender: Mapped[str]  # MSH-3 and MSH-4
    placer_number: Mapped[str] = mapped_column(index=True)  # ORC-2
    filler_number: Mapped[str] = mapped_column(index=True)  # ORC-3
    accession_number: Mapped[str] = mapped_column(index=True)
    study_uid: Mapped[str] = mapped_column(UID, index=True)
    patient_id: Mapped[str]
    urgency: Mapped[str] = mapped_column(STATE)  # STAT | HIGH | MEDIUM | LOW
    control: Mapped[str] = mapped_column(STATE)  # ORC-1 of the last message
    message_id: Mapped[str]  # MSH-10 of the last message
    message_at: Mapped[float]  # MSH-7: an older message does not undo a newer
    received_at: Mapped[float]
