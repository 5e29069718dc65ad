"""The ORU^R01 of one study: the result as an HL7 v2.5.1 message, for systems that read no DICOM (HL7 2.5.1 7.3.1).

Like IHE RAD-128 (Send Imaging Result) in its segments and its OBX of the study. Nobody has verified it: OBR-25 is P
(preliminary), C (correction) where it replaces one, and never F. Addresses and character set (MSH-3 to 6, 18) belong to
the destination and are filled in when it is sent, so the archived message is one for all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pydicom.sr.coding import Code

from daemon.core.hl7 import CONTROL_ID_LENGTH, ENCODING_CHARACTERS, ORU, components, escaped, repeated, segment, time_of
from model.findings import Findings, ModelIdentity
from worker.encode import codes, wording
from worker.encode.header import MANUFACTURER, UNVERIFIED
from worker.encode.identity import study_object_uid
from worker.encode.oru_segments import order, patient, visit
from worker.encode.request import EncodedMessage, ReportRequest
from worker.encode.results import Film, Result, results
from worker.encode.sr_document import films_of
from worker.encode.text_sr import lesion_line

# Observation identifiers (OBX-3), the codes of our SR where it has one
STUDY = Code("113014", "DCM", "DICOM Study")  # IHE RAD TF-2 4.128
IMPRESSION = Code("19005-8", "LN", "Radiology Imaging study [Impression] (narrative)")
FINDINGS = Code("59776-5", "LN", "Procedure findings Narrative")
FINDING = Code("121071", "DCM", "Finding")
ALGORITHM_NAME = Code("111001", "DCM", "Algorithm Name")
ALGORITHM_VERSION = Code("111003", "DCM", "Algorithm Version")
ALGORITHM_PARAMETERS = Code("111002", "DCM", "Algorithm Parameters")
# What the summary's code means, for a receiver that knows no DICOM codes
_VERDICTS = {True: Code("10828004", "SCT", "Positive"), False: Code("260385009", "SCT", "Negative")}
_PRELIMINARY, _CORRECTED, _NO_RESULT = "P", "C", "O"  # HL7 tables 0123 and 0085


@dataclass(frozen=True, slots=True)
class Observation:
    """One OBX to be. value: the field, made already.

    sub_id: "" of the study, "2" of film 2, "2.1" of a lesion on it.
    """

    value_type: str
    code: Code
    sub_id: str
    value: str
    units: str = ""
    normal: str = ""  # OBX-7
    flag: str = ""  # OBX-8, HL7 table 0078
    status: str = ""  # OBX-11; "": that of the report


def result_message(request: ReportRequest, marking: bool) -> EncodedMessage:
    """The message; the same request gives the same bytes. Raises CannotEncode."""
    films = films_of(request)
    source = films[0].source
    uid = study_object_uid(request, ORU, source.study_uid, "", marking)
    status = _CORRECTED if request.predecessors else _PRELIMINARY
    said = [
        header(uid, request.analysed_at),
        patient(source),
        visit(),
        *order(source, request.station, status, request.analysed_at),
    ]
    for number, observation in enumerate(_observations(request, films, marking), start=1):
        said.append(_obx(number, observation, status, request.station, request.analysed_at))
    return EncodedMessage(ORU, marking, uid, in_bytes(said))


def header(uid: str, at: datetime) -> str:
    """MSH without addresses. MSH-10 follows from the message's UID: a repetition is known by it."""
    control_id = hashlib.sha256(uid.encode()).hexdigest()[:CONTROL_ID_LENGTH].upper()
    return segment(
        "MSH",
        {
            2: ENCODING_CHARACTERS,
            7: time_of(at),
            9: "ORU^R01^ORU_R01",
            10: control_id,
            11: "P",  # of production
            12: "2.5.1",
            18: "UNICODE UTF-8",
        },
    )


def in_bytes(segments: list[str]) -> bytes:
    """The message, each segment ended by a carriage return (2.5.2)."""
    return "".join(f"{each}\r" for each in segments).encode()


def _observations(request: ReportRequest, films: list[Film], marking: bool) -> Iterator[Observation]:
    study, *_ = results(films, request.identity, marking)
    analysed = sum(film.image.findings is not None for film in films)
    covered = wording.document_line(analysed, len(films), request.set_aside)
    yield Observation("ST", STUDY, "", escaped(films[0].source.study_uid), status=_NO_RESULT)
    yield Observation("TX", IMPRESSION, "", repeated(escaped(f"{UNVERIFIED}. {study.comment}"), escaped(covered)))
    yield from _triage(study, films)
    for number, film in enumerate(films, start=1):
        yield from _on_film(film, str(number), len(films) > 1, marking)
    yield from _made_by(request.identity, study.cut)


def _triage(study: Result, films: list[Film]) -> Iterator[Observation]:
    """The study's category and probability; without an analysed film, that there is none."""
    if study.probability is None or study.cut is None:
        yield Observation("CWE", codes.SUMMARY, "", _coded(study.summary))
        return
    positive = any(film.image.findings.positive for film in films if film.image.findings)
    flag = "A" if positive else "N"
    yield Observation("CWE", codes.SUMMARY, "", f"{_coded(study.summary)}^{_coded(_VERDICTS[positive])}", flag=flag)
    yield _probability(study.probability, study.cut, "", flag)


def _probability(probability: float, cut: float, sub_id: str, flag: str) -> Observation:
    """In percent; what is below the cut is normal."""
    value, normal = f"{wording.percentage(probability):.1f}", f"<{wording.percentage(cut):.1f}"
    return Observation("NM", codes.CERTAINTY, sub_id, value, _coded(codes.PERCENT), normal, flag)


def _on_film(film: Film, sub_id: str, several: bool, marking: bool) -> Iterator[Observation]:
    found = film.image.findings
    if found is None:
        line = wording.not_analysed_line(film.image.not_analysed)
        yield Observation("TX", FINDINGS, sub_id, escaped(f"{film.title}: {line}"))
        return
    flag = "A" if found.positive else "N"
    yield Observation("TX", FINDINGS, sub_id, escaped(f"{film.title}: {wording.film_line(found, marking)}"), flag=flag)
    if several:
        yield _probability(found.probability, found.operating_point, sub_id, flag)
    if marking:
        yield from _lesions(film, found, sub_id)


def _lesions(film: Film, found: Findings, sub_id: str) -> Iterator[Observation]:
    for number, lesion in enumerate(found.shown, start=1):
        own = f"{sub_id}.{number}"
        percent = f"{wording.percentage(lesion.probability):.1f}"
        yield Observation("CWE", FINDING, own, _coded(codes.finding_of(lesion.label).code), flag="A")
        yield Observation("NM", codes.CERTAINTY, own, percent, _coded(codes.PERCENT))
        yield Observation("TX", FINDINGS, own, escaped(lesion_line(film, number, lesion)))


def _made_by(identity: ModelIdentity, cut: float | None) -> Iterator[Observation]:
    """TID 4019, as observations."""
    point = "" if cut is None else wording.operating_point(identity, cut)
    parameters = repeated(escaped(point), escaped(f"Weights SHA-256: {identity.digest}"))
    yield Observation("ST", ALGORITHM_NAME, "", escaped(identity.name))
    yield Observation("ST", ALGORITHM_VERSION, "", escaped(identity.version))
    yield Observation("TX", ALGORITHM_PARAMETERS, "", parameters)


def _obx(number: int, observation: Observation, status: str, station: str, at: datetime) -> str:
    return segment(
        "OBX",
        {
            1: str(number),
            2: observation.value_type,
            3: _coded(observation.code),
            4: observation.sub_id,
            5: observation.value,
            6: observation.units,
            7: escaped(observation.normal),
            8: observation.flag,
            11: observation.status or status,
            14: time_of(at),
            18: components(station, MANUFACTURER),
        },
    )


def _coded(code: Code) -> str:
    """A CE or CWE: identifier, text, name of the coding system."""
    return components(code.value, code.meaning, code.scheme_designator)
