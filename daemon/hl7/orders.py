"""Order messages read: ORM^O01 (HL7 2.5.1 4.4.1), OMG^O19 (4.4.4), OMI^O23 (4.4.6), as far as they say what we use.

Where a field may stand is tabled below: RIS differ, and IHE RAD TF-2 4.4 put them elsewhere in 2.3.1 than in 2.5.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from daemon.core.hl7 import Message, Segment, seconds_of
from daemon.core.orders import CONTROLS, Order, OrderMessage, control_of, urgency_of
from daemon.core.uids import is_uid
from daemon.hl7.refusal import (
    DATA_TYPE_ERROR,
    REQUIRED_FIELD_MISSING,
    SEGMENT_SEQUENCE_ERROR,
    TABLE_VALUE_NOT_FOUND,
    UNSUPPORTED_EVENT,
    UNSUPPORTED_PROCESSING,
    UNSUPPORTED_TYPE,
    UNSUPPORTED_VERSION,
    Refused,
)

ACCEPTED = {"ORM": "O01", "OMG": "O19", "OMI": "O23"}  # MSH-9
VERSIONS = ("2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2")
MAX_ORDERS = 100  # of a message: they are recorded together, and others wait for that
_LONGEST = 199  # of an EI's first component (2.A.28)
Field = tuple[str, int, int]  # segment, field, component
_PRIORITY: tuple[Field, ...] = (("TQ1", 9, 1), ("ORC", 7, 6), ("OBR", 27, 6), ("OBR", 5, 1))
_PLACER: tuple[Field, ...] = (("ORC", 2, 1), ("OBR", 2, 1))
_FILLER: tuple[Field, ...] = (("ORC", 3, 1), ("OBR", 3, 1))
_ACCESSION: tuple[Field, ...] = (("OBR", 18, 1), ("OBR", 3, 1), ("ORC", 3, 1))  # the last two by convention


def order_message(message: Message, content: bytes) -> OrderMessage:
    """What a message says. content: its bytes. Raises Refused."""
    header = message.header
    _supported(header)
    identifier = _needed(header, 10)
    try:
        at = seconds_of(header.text(7))
    except ValueError:
        problem = DATA_TYPE_ERROR if header.text(7) else REQUIRED_FIELD_MISSING
        raise Refused(problem, "MSH", 7) from None
    sender = "|".join(_bounded(header, number) for number in (3, 4))
    patient = message.first("PID")
    return OrderMessage(
        sender,
        identifier,
        at,
        hashlib.sha256(content).hexdigest(),
        tuple(_orders(message, _bounded(patient, 3))),
    )


def _supported(header: Segment) -> None:
    if header.text(9, 1) not in ACCEPTED:
        raise Refused(UNSUPPORTED_TYPE, "MSH", 9)
    if header.text(9, 2) != ACCEPTED[header.text(9, 1)]:
        raise Refused(UNSUPPORTED_EVENT, "MSH", 9)
    if header.text(12) not in VERSIONS:
        raise Refused(UNSUPPORTED_VERSION, "MSH", 12)
    if header.text(11) not in ("P", ""):  # training and debugging messages are of no patient here
        raise Refused(UNSUPPORTED_PROCESSING, "MSH", 11)


def _orders(message: Message, patient_id: str) -> Iterator[Order]:
    groups = list(_groups(message))
    if not 1 <= len(groups) <= MAX_ORDERS or len(message.named("IPC")) > MAX_ORDERS:
        raise Refused(SEGMENT_SEQUENCE_ERROR, "ORC")
    studies = message.named("ZDS")  # IHE RAD TF-2 4.4.4.1.2.4: at the end of the message, of all its orders
    for number, group in enumerate(groups, start=1):
        orc = group[0]
        control = _needed(orc, 1, number)
        if control not in CONTROLS:
            raise Refused(TABLE_VALUE_NOT_FOUND, "ORC", 1, number)
        told = {
            "placer_number": _first(group, _PLACER),
            "filler_number": _first(group, _FILLER),
            "patient_id": patient_id,
            "urgency": urgency_of(_every(group, _PRIORITY)),
            "control": control_of(control, orc.text(5)),
        }
        named = [zds for zds in group if zds.name == "ZDS"] or (studies if len(studies) == 1 else [])
        for accession, study_uid in _studies(group, named):
            if not (accession or study_uid or told["placer_number"]):
                raise Refused(REQUIRED_FIELD_MISSING, "ORC", 2, number)
            yield Order(accession_number=accession, study_uid=study_uid, **told)  # type: ignore[arg-type]


def _groups(message: Message) -> Iterator[list[Segment]]:
    """Each ORC with what follows it up to the next."""
    group: list[Segment] = []
    for each in message.segments[1:]:
        if each.name == "MSH":
            raise Refused(SEGMENT_SEQUENCE_ERROR, "MSH")
        if each.name == "ORC":
            if group:
                yield group
            group = [each]
        elif group:
            group.append(each)
    if group:
        yield group


def _studies(group: Sequence[Segment], named: Sequence[Segment]) -> list[tuple[str, str]]:
    """(accession number, Study Instance UID) of each study of an order: of every IPC, else of the order and its ZDS."""
    general = _first(group, _ACCESSION)
    procedures = [each for each in group if each.name == "IPC"]
    found = [(_bounded(ipc, 1) or general, _uid(ipc, 3)) for ipc in procedures]
    found = found or [(general, next((_uid(zds, 1) for zds in named), ""))]
    return list(dict.fromkeys(found))


def _uid(segment: Segment, number: int) -> str:
    found = segment.text(number)
    if found and not is_uid(found):
        raise Refused(DATA_TYPE_ERROR, segment.name, number)
    return found


def _every(group: Sequence[Segment], fields: Sequence[Field]) -> list[str]:
    """What stands in these fields, in all repetitions."""
    return [
        part[component - 1].strip()
        for name, number, component in fields
        for each in group
        if each.name == name
        for part in each.repetitions(number)
        if len(part) >= component and part[component - 1].strip()
    ]


def _first(group: Sequence[Segment], fields: Sequence[Field]) -> str:
    for name, number, component in fields:
        for each in group:
            if each.name == name and each.text(number, component):
                return _bounded(each, number, component)
    return ""


def _needed(segment: Segment, number: int, sequence: int = 1) -> str:
    found = _bounded(segment, number)
    if not found:
        raise Refused(REQUIRED_FIELD_MISSING, segment.name, number, sequence)
    return found


def _bounded(segment: Segment, number: int, component: int = 1) -> str:
    found = segment.text(number, component)
    if len(found) > _LONGEST or not found.isprintable():
        raise Refused(DATA_TYPE_ERROR, segment.name, number)
    return found
