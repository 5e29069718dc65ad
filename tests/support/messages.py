"""ORU messages of ours and order messages of a RIS, made on the spot."""

from __future__ import annotations

from typing import Any

from daemon.core.hl7 import Message, parse
from tests.support.conform import BOX, OTHER, film
from tests.support.reports import make_request
from worker.encode import MESSAGE_WRITERS, EncodedMessage, ReportRequest


def oru(request: ReportRequest | None = None, marking: bool = True) -> EncodedMessage:
    """The message of a request, or of one film with two lesions."""
    return MESSAGE_WRITERS["oru"](request or make_request(film(BOX, OTHER)), marking)


def read(message: EncodedMessage) -> Message:
    """A message, parsed."""
    return parse(message.content.decode())


def omi(
    *,
    control: str = "NW",
    placer: str = "P1",
    filler: str = "F1",
    accession: str = "A1",
    study_uid: str = "1.2.3",
    priority: str = "S",
    patient: str = "T-1",
    control_id: str = "M1",
    at: str = "20260102101010+0000",
    **msh: str,
) -> str:
    """OMI^O23 in version 2.5.1 as IHE RAD TF-2 4.4 has it. msh: other fields of MSH, e.g. f12="2.9"."""
    fields = {"f3": "RIS", "f4": "H", "f9": "OMI^O23^OMI_O23", "f11": "P", "f12": "2.5.1", **msh}
    header = ["MSH", "^~\\&", *(fields.get(f"f{n}", "") for n in (3, 4, 5, 6)), at, "", fields["f9"], control_id]
    header += [fields.get(f"f{n}", "") for n in range(11, 19)]
    return "\r".join(
        [
            "|".join(header),
            f"PID|1||{patient}^^^H^PI||Test^Phantom",
            f"ORC|{control}|{placer}^RIS|{filler}^RIS",
            f"TQ1|1||||||||{priority}^word^HL70485",
            f"OBR|1|{placer}^RIS|{filler}^RIS|36643-5^XR Chest 2 Views^LN",
            f"IPC|{accession}^RIS|RP1|{study_uid}|SPS1",
            "",
        ]
    )


def orm(*groups: dict[str, Any], zds: str = "1.2.3", control_id: str = "M1", at: str = "20260102101010+0000") -> str:
    """ORM^O01 in version 2.3.1 as IHE RAD TF-2 4.4 had it: accession number in OBR-18, priority in ORC-7.6, ZDS."""
    lines = [f"MSH|^~\\&|RIS|H|||{at}||ORM^O01|{control_id}|P|2.3.1", "PID|1||T-1^^^H||Test^Phantom"]
    for group in groups or ({},):
        told = {"control": "NW", "placer": "P1", "filler": "F1", "accession": "A1", "priority": "A"} | group
        lines.append(f"ORC|{told['control']}|{told['placer']}|{told['filler']}||||^^^^^{told['priority']}")
        blank = "|" * 14
        lines.append(f"OBR|1|{told['placer']}|{told['filler']}|1^CHEST^L{blank}{told['accession']}|RP1|SPS1")
    if zds:
        lines.append(f"ZDS|{zds}^RIS^Application^DICOM")
    return "\r".join([*lines, ""])
