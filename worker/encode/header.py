"""What every result object starts with: patient, study, series, equipment, SOP common (PS3.3 C.7, C.12.1).

The patient and the study are the source image's, byte for byte; the series and the equipment are ours.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.sr.coding import Code
from pydicom.uid import UID, ExplicitVRLittleEndian

from worker.encode import codes
from worker.encode.carry import carry, keep_raw
from worker.encode.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION
from worker.encode.reading import text
from worker.encode.request import Maker, Reference
from worker.encode.source import Source

MANUFACTURER = "thoraxd"
UNVERIFIED = "AI, unverified"


@dataclass(frozen=True, slots=True)
class Series:
    """The series that an object goes into: the same values for every object and every revision in it."""

    modality: str
    uid: UID
    number: int
    description: str


def start(
    maker: Maker, source: Source, series: Series, sop_class_uid: str, sop_uid: UID, number: int, at: datetime
) -> Dataset:
    """A data set with everything but the object's own modules."""
    ds = Dataset()
    carry(source.header, ds)
    ds.StudyInstanceUID = source.study_uid
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class_uid, sop_uid
    ds.InstanceNumber = number
    ds.InstanceCreationDate, ds.InstanceCreationTime = moment(source, at)
    ds.Modality, ds.SeriesInstanceUID, ds.SeriesNumber = series.modality, series.uid, series.number
    ds.SeriesDescription = series.description
    _equip(ds, maker)
    equipment = Dataset()
    equipment.PurposeOfReferenceCodeSequence = coded(codes.PROCESSING_EQUIPMENT)
    _equip(equipment, maker)
    equipment.StationName = plain(maker.station, 16)
    equipment.ContributionDescription = plain(f"{UNVERIFIED}. Weights SHA-256 {maker.identity.digest}", 1024)
    ds.ContributingEquipmentSequence = Sequence([equipment])
    ds.file_meta = _file_meta(sop_class_uid, sop_uid)
    return ds


def finish(ds: Dataset) -> Dataset:
    """Make the carried values be written as they came; the last thing done to an object."""
    keep_raw(ds)
    return ds


def moment(source: Source, at: datetime) -> tuple[str, str]:
    """DA and TM of `at`: in the source's Timezone Offset From UTC where it states one, else as `at` says it.

    The offset, once in the data set, holds for every date in it (C.12.1), so ours must be told in the same.
    """
    stated = re.fullmatch(r"([+-])(\d\d)([0-5]\d)", text(source.header, "TimezoneOffsetFromUTC"))
    if stated and int(stated[2]) <= 14:
        offset = timedelta(hours=int(stated[2]), minutes=int(stated[3]))
        at = at.astimezone(timezone(-offset if stated[1] == "-" else offset))
    return at.strftime("%Y%m%d"), at.strftime("%H%M%S.%f")


def plain(words: str, limit: int) -> str:
    """`words` in ASCII without backslash or control characters, at most `limit` long: legal in every character set."""
    ascii_words = unicodedata.normalize("NFKD", words).encode("ascii", "replace").decode()
    return re.sub(r"[\x00-\x1f\x7f]+", " ", ascii_words.replace("\\", "/")).strip()[:limit].rstrip()


def coded(concept: Code) -> Sequence:
    """A code sequence with one item (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = (
        concept.value,
        concept.scheme_designator,
        concept.meaning,
    )
    return Sequence([item])


def referenced_sop(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    """An item of the SOP Instance Reference Macro (PS3.3 Table 10-11)."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class_uid, sop_instance_uid
    return item


def by_study(references: Iterable[Reference]) -> Sequence:
    """References as study, series, instance (PS3.3 Table C.17-3), each instance once."""
    tree: dict[str, dict[str, dict[str, str]]] = {}
    for reference in references:
        series = tree.setdefault(reference.study_uid, {}).setdefault(reference.series_uid, {})
        series[reference.sop_instance_uid] = reference.sop_class_uid
    studies = []
    for study_uid, in_study in tree.items():
        study = Dataset()
        study.ReferencedSeriesSequence = Sequence(_in_series(uid, sops) for uid, sops in in_study.items())
        study.StudyInstanceUID = study_uid
        studies.append(study)
    return Sequence(studies)


def _in_series(series_uid: str, sops: dict[str, str]) -> Dataset:
    series = Dataset()
    series.ReferencedSOPSequence = Sequence(referenced_sop(sop_class, sop) for sop, sop_class in sops.items())
    series.SeriesInstanceUID = series_uid
    return series


def _equip(ds: Dataset, maker: Maker) -> None:
    """PS3.3 C.7.5.1 General Equipment: the detector, not the X-ray device."""
    ds.Manufacturer = MANUFACTURER
    ds.ManufacturerModelName = plain(maker.identity.name, 64)
    ds.DeviceSerialNumber = plain(maker.station, 64)
    ds.SoftwareVersions = plain(maker.identity.version, 64)


def _file_meta(sop_class_uid: str, sop_uid: UID) -> FileMetaDataset:
    """PS3.10 7.1, with our implementation rather than pydicom's, whose UID changes with its version."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(sop_class_uid), sop_uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID, meta.ImplementationVersionName = IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION
    return meta
