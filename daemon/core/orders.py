"""Orders as HL7 v2 tells them: values, and what its codes mean here (HL7 2.5.1 tables 0119, 0485, 0038)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from daemon.core.priority import URGENCIES, Urgency

# Table 0485 (TQ1-9, and ORC-7.6, OBR-27.6 before version 2.5), and the words that some senders write in its place.
# A callback is of the report, not of its hour; PRN has no hour at all.
_URGENCY: Mapping[str, Urgency] = {
    "S": "STAT", "STAT": "STAT",
    "A": "HIGH", "ASAP": "HIGH", "URGENT": "HIGH", "P": "HIGH", "T": "HIGH",
    "C": "MEDIUM",
    "R": "LOW", "ROUTINE": "LOW", "PRN": "LOW",
}  # fmt: skip
_WITHIN = re.compile(r"T[SMHDWL]\d+")  # timing critical: within so many seconds, minutes, …
# Table 0119. Those that end an order:
WITHDRAWN = ("CA", "OC", "CR", "DC", "OD", "DR")
CONTROLS = frozenset(
    (
        *("NW", "XO", "XX", "XR", "SC", "SN", "SR", "SS", "NA", "NR", "OK", "OE", "OF", "OH", "OP", "OR", "PA", "CH"),
        *("RE", "RF", "RL", "RO", "RP", "RQ", "RR", "RU", "HD", "HR", "FU", "AF", "DE", "DF", "LI", "MC", "PY", "PR"),
        *("UA", "UC", "UD", "UF", "UH", "UM", "UN", "UR", "UX"),
        *WITHDRAWN,
    )
)
_ENDED = ("CA", "DC", "RP")  # ORC-5, table 0038: the order is cancelled, discontinued, replaced


@dataclass(frozen=True, slots=True)
class Order:
    """One order of a message, for one study. Empty where the message does not say."""

    placer_number: str
    filler_number: str
    accession_number: str
    study_uid: str
    patient_id: str
    urgency: Urgency | None
    control: str  # ORC-1


@dataclass(frozen=True, slots=True)
class OrderMessage:
    """One message of a sender. message_at: MSH-7, seconds since the epoch, UTC. digest: SHA-256 of its bytes, hex."""

    sender: str  # MSH-3 and MSH-4
    message_id: str  # MSH-10
    message_at: float
    digest: str
    orders: tuple[Order, ...]


def urgency_of(codes: Iterable[str]) -> Urgency | None:
    """The most urgent of these priority codes; None where none of them is known."""
    told = {_URGENCY.get(code.upper(), "HIGH" if _WITHIN.fullmatch(code.upper()) else None) for code in codes}
    return next((urgency for urgency in URGENCIES if urgency in told), None)


def control_of(control: str, status: str) -> str:
    """ORC-1, or CA where the order's status (ORC-5) says that it has ended."""
    return "CA" if status in _ENDED else control
