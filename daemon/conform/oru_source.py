"""A message names the patient, the order and the study of its source images: HL7 2.5.1 3.4.2, 4.5.3; IHE RAD TF-2 4.4.

Values are read here by pydicom, which knows the image's character set; a value that it cannot read is not compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydicom import Dataset

from daemon.conform.fault import Fault
from daemon.core.attributes import items, values
from daemon.core.hl7 import Message

_STUDY = "113014"


def agrees_with(message: Message, sources: Sequence[Dataset]) -> Iterator[Fault]:
    """Held against the image that fits best: the images of one study need not agree among themselves."""
    yield from min((list(_against(message, source)) for source in sources), key=len)


def _against(message: Message, source: Dataset) -> Iterator[Fault]:
    pid, obr = message.first("PID"), message.first("OBR")
    studies = [obx.text(5) for obx in message.named("OBX") if obx.text(3) == _STUDY]
    if studies != [_text(source, "StudyInstanceUID")]:
        yield Fault("hl7-source", "OBX", "not the study of the source image")
    request = next(iter(items(source, "RequestAttributesSequence")), Dataset())
    accession = _text(source, "AccessionNumber") or _text(request, "AccessionNumber")
    sex = _text(source, "PatientSex")
    birth = _text(source, "PatientBirthDate")
    for where, ours, theirs in (
        ("PID-3", pid.text(3), _text(source, "PatientID")),
        ("PID-5", _name(pid.repetitions(5)[0]), _name_of(source)),
        ("PID-7", pid.text(7), birth if len(birth) == 8 and birth.isdigit() else ""),
        ("PID-8", pid.text(8), sex if sex in ("M", "F", "O") else "U"),
        ("OBR-18", obr.text(18), accession),
    ):
        if ours != theirs and "�" not in theirs:
            yield Fault("hl7-source", where, "differs from the source image's")


def _text(source: Dataset, keyword: str) -> str:
    found = values(source, keyword)
    return str(found[0]).strip(" \0") if found else ""


def _name(parts: list[str]) -> tuple[str, ...]:
    """An XPN in the order of a PN: family, given, middle, prefix, suffix."""
    family, given, middle, suffix, prefix = [*parts[:5], *[""] * (5 - len(parts[:5]))]
    return family, given, middle, prefix, suffix


def _name_of(source: Dataset) -> tuple[str, ...]:
    alphabetic = _text(source, "PatientName").split("=")[0].split("^")
    parts = [part.strip(" \0") for part in alphabetic[:5]]
    return (*parts, *[""] * (5 - len(parts)))
