"""Patient and study attributes, carried byte for byte from the source image into the result.

A PACS files a result by these attributes and a viewer links it by them, so nothing is decoded and re-encoded: the
value bytes are taken as they came, with the Specific Character Set that says how to read them. Our own text is ASCII,
which means the same in every character set of PS3.3 C.12.1.1.2. What identifies patient and study is carried even when
it is illegal, for the image is filed under it; an optional attribute in an illegal format ("76" as an age), or longer
than its VR can be, is left out, for nothing is filed under it and it would make our object as illegal as its source.
"""

from __future__ import annotations

from pydicom import config
from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, validate_value

from worker.encode.reading import items_at, muted, tag_of, texts

# PS3.3 C.7.1.1 Patient and C.7.2.1 General Study: what must be there, empty when it is not known (type 2).
REQUIRED = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"),
)

# VRs with a format of their own; the others are free text.
_FORMATTED = ("AS", "CS", "DA", "DS", "IS", "TM")

_ISSUER = "IssuerOfPatientID"  # part of what identifies, so it is carried whatever it is
_LONGEST = 0xFFFE  # bytes, of a VR with a length of 16 bits (PS3.5 7.1.2)

# What is carried when it is there, module by module.
OPTIONAL = (
    # C.12.1 SOP Common, as far as it says how to read the others
    *("SpecificCharacterSet", "TimezoneOffsetFromUTC"),
    # C.7.1.1 Patient
    *("IssuerOfPatientID", "TypeOfPatientID", "IssuerOfPatientIDQualifiersSequence"),
    *("SourcePatientGroupIdentificationSequence", "GroupOfPatientsIdentificationSequence", "PatientBirthTime"),
    *("PatientBirthDateInAlternativeCalendar", "PatientDeathDateInAlternativeCalendar", "PatientAlternativeCalendar"),
    *("QualityControlSubject", "ReferencedPatientSequence", "OtherPatientIDs", "OtherPatientNames"),
    *("OtherPatientIDsSequence", "EthnicGroup", "PatientComments", "PatientSpeciesDescription"),
    *("PatientSpeciesCodeSequence", "PatientBreedDescription", "PatientBreedCodeSequence"),
    *("BreedRegistrationSequence", "StrainDescription", "StrainNomenclature", "StrainCodeSequence"),
    *("ResponsiblePerson", "ResponsiblePersonRole", "ResponsibleOrganization", "PatientIdentityRemoved"),
    *("DeidentificationMethod", "DeidentificationMethodCodeSequence"),
    # C.7.1.3 Clinical Trial Subject, C.7.2.3 Clinical Trial Study
    *("ClinicalTrialSponsorName", "ClinicalTrialProtocolID", "ClinicalTrialProtocolName", "ClinicalTrialSiteID"),
    *("ClinicalTrialSiteName", "ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID"),
    *("ClinicalTrialProtocolEthicsCommitteeName", "ClinicalTrialProtocolEthicsCommitteeApprovalNumber"),
    *("ClinicalTrialTimePointID", "ClinicalTrialTimePointDescription", "ConsentForClinicalTrialUseSequence"),
    # C.7.2.1 General Study
    *("ReferringPhysicianIdentificationSequence", "ConsultingPhysicianName"),
    *("ConsultingPhysicianIdentificationSequence", "IssuerOfAccessionNumberSequence", "StudyDescription"),
    *("PhysiciansOfRecord", "PhysiciansOfRecordIdentificationSequence", "NameOfPhysiciansReadingStudy"),
    *("PhysiciansReadingStudyIdentificationSequence",),
    *("ReferencedStudySequence", "ProcedureCodeSequence", "ReasonForPerformedProcedureCodeSequence"),
    # C.7.2.2 Patient Study
    *("AdmittingDiagnosesDescription", "AdmittingDiagnosesCodeSequence", "PatientAge", "PatientSize"),
    *("PatientWeight", "PatientSizeCodeSequence", "PatientBodyMassIndex", "MedicalAlerts", "Allergies"),
    *("SmokingStatus", "PregnancyStatus", "LastMenstrualDate", "PatientState", "Occupation"),
    *("AdditionalPatientHistory", "AdmissionID", "IssuerOfAdmissionIDSequence", "ServiceEpisodeID"),
    *("ServiceEpisodeDescription", "IssuerOfServiceEpisodeIDSequence", "PatientSexNeutered"),
)


def carry(header: Dataset, into: Dataset) -> None:
    """Copy the patient and study attributes of `header`; type 2 ones that it lacks become empty."""
    encodings = encodings_of(header)
    for keyword in (*OPTIONAL, *REQUIRED):
        tag = tag_of(keyword)
        copied = _copied(header, tag, encodings) if tag in header else None
        if keyword in REQUIRED:
            into[tag] = copied or DataElement(tag, dictionary_VR(tag), None)
        elif copied is not None and _is_legal(header, keyword) and (copied.VR != "UN" or keyword == _ISSUER):
            into[tag] = copied


def keep_raw(dataset: Dataset) -> None:
    """Tell pydicom that the raw values in `dataset` are in its own encoding, so that it writes them as they are."""
    with muted():
        own = dataset._character_set
        dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=True, character_encoding=own)


def encodings_of(header: Dataset) -> list[str]:
    """Python's names of the header's character sets; the default repertoire where it names none that exists."""
    stated = list(texts(header, "SpecificCharacterSet")) if _is_readable(header) else []
    with muted():
        return convert_encodings(stated or None)


def _is_legal(header: Dataset, keyword: str) -> bool:
    """Whether an optional attribute is in the format of its VR, as far as the VR has one (PS3.5 6.2)."""
    if keyword == "SpecificCharacterSet":
        return _is_readable(header)
    vr = dictionary_VR(tag_of(keyword))
    if vr not in _FORMATTED:
        return True
    try:
        for value in texts(header, keyword):
            validate_value(vr, value, config.RAISE)
    except ValueError:
        return False
    return True


def _is_readable(header: Dataset) -> bool:
    """Whether a data set can be written with this Specific Character Set, known or not: it is not noise."""
    with muted():
        try:
            convert_encodings(list(texts(header, "SpecificCharacterSet")) or None)
        except (LookupError, ValueError):
            return False
    return True


def copied_item(item: Dataset, encodings: list[str]) -> Dataset:
    """A sequence item with every element carried, at every depth."""
    copy = Dataset(parent_encoding=encodings)
    for tag in sorted(item.keys()):  # iterating a Dataset would convert its elements
        element = None if tag.is_private else _copied(item, tag, encodings)
        if element is not None:
            copy[tag] = element
    keep_raw(copy)
    return copy


def _copied(header: Dataset, tag: BaseTag, encodings: list[str]) -> DataElement | RawDataElement | None:
    """One element with its value bytes unchanged; None for a tag that the standard does not know."""
    found = header.get_item(tag)
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return None
    if vr == "SQ":
        return DataElement(tag, "SQ", Sequence(copied_item(item, encodings) for item in items_at(header, tag)))
    value = (found.value or b"") if isinstance(found, RawDataElement) else _encoded(found, encodings)
    value += b" " * (len(value) % 2) if vr != "UI" else b"\0" * (len(value) % 2)  # PS3.5 7.1.1: even length
    if len(value) > _LONGEST and vr not in EXPLICIT_VR_LENGTH_32:
        vr = "UN"  # PS3.5 6.2.2: only Implicit VR can have brought it, and only as UN can Explicit VR hold it
    return RawDataElement(tag, vr, len(value), value, 0, False, True)


def _encoded(element: DataElement, encodings: list[str]) -> bytes:
    """The value bytes of an element that somebody has already converted."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, True
    with muted():
        write_data_element(buffer, element, encodings)
    return buffer.getvalue()[8:]  # tag and length of Implicit VR: 4 + 4 bytes
