"""Studies wanted from another archive: what is looked for there, what of it is wanted, and how far it is.

Pure. Values name patients: they are compared here, never recorded or logged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Self


class Why(StrEnum):
    """Why a study is pulled. A prior gets no place in the reading worklist."""

    ASKED = "asked"  # by a person, by its UID, accession number or patient: as it is
    CHOSEN = "chosen"  # by a day or a schedule: what the source's settings want of it
    PRIOR = "prior"  # for comparison


class PullState(StrEnum):
    """Of one study from one source."""

    WAITING = "WAITING"
    DONE = "DONE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for, at study level: "" matches everything. days: YYYYMMDD, or a range of them."""

    study_uid: str = ""
    patient_id: str = ""
    accession_number: str = ""
    days: str = ""
    modality: str = ""

    @property
    def keys(self) -> dict[str, str]:
        """The same by keyword."""
        return {
            "StudyInstanceUID": self.study_uid,
            "PatientID": self.patient_id,
            "AccessionNumber": self.accession_number,
            "StudyDate": self.days,
            "ModalitiesInStudy": self.modality,
        }


@dataclass(frozen=True, slots=True)
class FoundStudy:
    """A study there. instances: as the archive says, of any kind; modalities: () where it does not say."""

    study_uid: str
    patient_id: str
    date: str
    time: str
    description: str
    modalities: tuple[str, ...]
    instances: int | None

    @classmethod
    def read(cls, text: Callable[[str], str]) -> Self:
        """text: the values of an attribute by its keyword, parted by backslashes; "" for none."""
        count = text("NumberOfStudyRelatedInstances")
        return cls(
            text("StudyInstanceUID"),
            text("PatientID"),
            text("StudyDate"),
            text("StudyTime"),
            text("StudyDescription"),
            tuple(filter(None, text("ModalitiesInStudy").split("\\"))),
            int(count) if count.isdecimal() else None,
        )


@dataclass(frozen=True, slots=True)
class FoundInstance:
    """An instance of a study there, with what its series says. sop_class_uid: "" where the archive does not say."""

    series_uid: str
    sop_uid: str
    sop_class_uid: str
    modality: str
    body_part: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What a source's settings want of its studies."""

    modalities: Collection[str]
    body_parts: Collection[str]
    descriptions: Sequence[str]

    def wants_study(self, study: FoundStudy) -> bool:
        """By what is known without its series."""
        told = not study.modalities or not set(study.modalities).isdisjoint(self.modalities)
        described = study.description.casefold()
        return told and (
            not self.descriptions or any(fnmatchcase(described, wanted.casefold()) for wanted in self.descriptions)
        )

    def wants(self, instance: FoundInstance) -> bool:
        """By its series."""
        part = instance.body_part
        return instance.modality in self.modalities and (not self.body_parts or not part or part in self.body_parts)


def to_fetch(
    listed: Iterable[FoundInstance], taken_classes: Collection[str], choice: Choice | None
) -> list[FoundInstance]:
    """What of a study is to come: of SOP classes that we take, or of an unknown one, and wanted by `choice`."""
    return [
        item
        for item in listed
        if (not item.sop_class_uid or item.sop_class_uid in taken_classes) and (choice is None or choice.wants(item))
    ]


def priors_of(study: FoundStudy, others: Iterable[FoundStudy], choice: Choice, most: int) -> list[FoundStudy]:
    """The newest `most` studies of the same patient that are older than `study`."""
    moment = (study.date, study.time)
    older = {
        other.study_uid: other
        for other in others
        if other.patient_id == study.patient_id
        and other.study_uid != study.study_uid
        and (other.date, other.time) <= moment
        and choice.wants_study(other)
    }
    return sorted(older.values(), key=lambda other: (other.date, other.time), reverse=True)[:most]
