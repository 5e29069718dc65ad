"""Orders as an HL7 v2 sender told them: what they say of urgency.

Numbers of orders and patients are here, and in the catalogue, so that the two can be joined.
"""

from __future__ import annotations

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from daemon.store.schema import STATE, UID, Base


class OrderRow(Base):
    """One order, as its last message left it; of an order for several studies, one for each."""

    __tablename__ = "orders"
    __table_args__ = (Index(None, "received_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sender: Mapped[str]  # MSH-3 and MSH-4
    placer_number: Mapped[str] = mapped_column(index=True)  # ORC-2
    filler_number: Mapped[str] = mapped_column(index=True)  # ORC-3
    accession_number: Mapped[str] = mapped_column(index=True)
    study_uid: Mapped[str] = mapped_column(UID, index=True)
    patient_id: Mapped[str]
    urgency: Mapped[str] = mapped_column(STATE)  # STAT | HIGH | MEDIUM | LOW; "": not said
    control: Mapped[str] = mapped_column(STATE)  # ORC-1 of the last message
    message_id: Mapped[str]  # MSH-10 of the last message
    message_at: Mapped[float]  # MSH-7: an older message does not undo a newer
    received_at: Mapped[float]


class OrderMessageRow(Base):
    """One message that was taken, for a while: so that a repetition is known."""

    __tablename__ = "order_messages"
    __table_args__ = (Index(None, "received_at"),)

    sender: Mapped[str] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(primary_key=True)  # MSH-10
    digest: Mapped[str] = mapped_column(String(64))  # SHA-256 of the message, hex
    received_at: Mapped[float]
