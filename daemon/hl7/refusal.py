"""Why a message is not taken, and the acknowledgement that says so, or that it is (HL7 2.5.1 2.9.2, 2.14.5, 2.14.8)."""

from __future__ import annotations

import uuid
from datetime import datetime

from daemon.core.hl7 import (
    CHARSETS,
    CONTROL_ID_LENGTH,
    ENCODING_CHARACTERS,
    Message,
    components,
    escaped,
    segment,
    time_of,
)

# Table 0357. 1xx: the message is wrong (error, AE); 2xx: it cannot be taken as it is, or not now (reject, AR).
SEGMENT_SEQUENCE_ERROR = "100"
REQUIRED_FIELD_MISSING = "101"
DATA_TYPE_ERROR = "102"
TABLE_VALUE_NOT_FOUND = "103"
UNSUPPORTED_TYPE = "200"
UNSUPPORTED_EVENT = "201"
UNSUPPORTED_PROCESSING = "202"
UNSUPPORTED_VERSION = "203"
INTERNAL_ERROR = "207"
MEANINGS = {
    SEGMENT_SEQUENCE_ERROR: "Segment sequence error",
    REQUIRED_FIELD_MISSING: "Required field missing",
    DATA_TYPE_ERROR: "Data type error",
    TABLE_VALUE_NOT_FOUND: "Table value not found",
    UNSUPPORTED_TYPE: "Unsupported message type",
    UNSUPPORTED_EVENT: "Unsupported event code",
    UNSUPPORTED_PROCESSING: "Unsupported processing id",
    UNSUPPORTED_VERSION: "Unsupported version id",
    INTERNAL_ERROR: "Application internal error",
}
_LONGEST = 199  # of what is told back


class Refused(Exception):  # noqa: N818  named by what the sender must know
    """A message is not taken. error: of table 0357; where: segment, its number of that name, field (0: none)."""

    def __init__(self, error: str, segment: str = "", field: int = 0, sequence: int = 1) -> None:
        super().__init__(f"{error} at {segment}-{field}" if field else f"{error} at {segment}" if segment else error)
        self.error, self.segment, self.field, self.sequence = error, segment, field, sequence

    @property
    def code(self) -> str:
        """MSA-1."""
        return "AE" if self.error.startswith("1") else "AR"


def acknowledgement(request: Message | None, refused: Refused | None, at: datetime) -> bytes:
    """The answer to a message; None: to what is none.

    In the original mode, or, where the message asks for that alone, by the enhanced mode's commit codes.
    """
    header = request.header if request else None
    code = refused.code if refused else "AA"
    if header and header.text(15) in ("AL", "SU", "ER") and header.text(16) == "NE":
        code = f"C{code[1]}"
    fields = {2: ENCODING_CHARACTERS, 7: time_of(at), 9: "ACK", 10: uuid.uuid4().hex[:CONTROL_ID_LENGTH], 11: "P"}
    fields[12], about, charset = "2.5.1", "", ""
    if header:
        for ours, theirs in ((3, 5), (4, 6), (5, 3), (6, 4)):
            fields[ours] = components(*(part[:_LONGEST] for part in header.repetitions(theirs)[0]))
        fields[9] = components("ACK", header.text(9, 2)[:_LONGEST], "ACK" if header.text(9, 2) else "")
        fields[11] = header.text(11) if header.text(11) in ("D", "T") else "P"
        fields[12] = header.text(12) if header.text(12).startswith("2.") and len(header.text(12)) < 6 else "2.5.1"
        about = escaped(header.text(10)[:_LONGEST])
        charset = header.text(18) if header.text(18) in CHARSETS else ""
        fields[18] = charset
    said = [segment("MSH", fields), segment("MSA", {1: code, 2: about})]
    if refused:
        said.append(_error(refused, fields[12]))
    return "".join(f"{each}\r" for each in said).encode(CHARSETS[charset or "UNICODE UTF-8"], "replace")


def _error(refused: Refused, version: str) -> str:
    """ERR: since version 2.5 in fields 2 to 4, before in the first (2.14.5)."""
    named = (refused.error, MEANINGS[refused.error], "HL70357")
    place = [refused.segment, str(refused.sequence), str(refused.field) if refused.field else ""]
    place = place if refused.segment else []
    if version < "2.5":
        return segment("ERR", {1: "^".join([*(place or ["", "", ""]), "&".join(map(escaped, named))])})
    return segment("ERR", {2: "^".join(place).rstrip("^"), 3: components(*named), 4: "E"})
