"""One object under the check with everything that it is held against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from daemon.conform.view import Item

# Attributes that patient and study bring along (PS3.3 C.7.1, C.7.2, and of C.12.1 what says how to read them): all of
# the groups 0010, 0012 and 0038, and these. They are the source's and not ours.
_CARRIED = frozenset(
    (
        *("SpecificCharacterSet", "TimezoneOffsetFromUTC", "StudyDate", "StudyTime", "AccessionNumber"),
        *("IssuerOfAccessionNumberSequence", "ReferringPhysicianName", "ReferringPhysicianIdentificationSequence"),
        *("ConsultingPhysicianName", "ConsultingPhysicianIdentificationSequence", "StudyDescription"),
        *("PhysiciansOfRecord", "PhysiciansOfRecordIdentificationSequence", "NameOfPhysiciansReadingStudy"),
        *("PhysiciansReadingStudyIdentificationSequence", "ReferencedStudySequence", "ReferencedPatientSequence"),
        *("ProcedureCodeSequence", "AdmittingDiagnosesDescription", "AdmittingDiagnosesCodeSequence"),
        *("StudyInstanceUID", "StudyID", "ReasonForPerformedProcedureCodeSequence"),
    )
)
_CARRIED_GROUPS = (0x0010, 0x0012, 0x0038)


def is_carried(tag: int, name: str) -> bool:
    """Whether a top-level attribute belongs to patient or study."""
    return tag >> 16 in _CARRIED_GROUPS or name in _CARRIED


@dataclass(frozen=True, slots=True)
class Subject:
    """root: the object. meta: its file meta information, None when it has none. sources: the study's images by UID.

    kind, profile: of the form, "" where they cannot be told. marking: False: no location may be in it. ours: whether it
    is known to be of our encoders, and so held to what these promise and not to the standard alone.
    """

    root: Item
    meta: Item | None
    sources: Mapping[str, Item]
    kind: str
    profile: str
    marking: bool
    ours: bool

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID of the object."""
        return self.root.text("SOPClassUID")

    @property
    def modality(self) -> str:
        """Modality of the object."""
        return self.root.text("Modality")

    def own(self) -> Iterator[Item]:
        """The object's attributes that are ours, as the items that hold them; patient, study and order left out."""
        top = Item("")
        for name, attribute in self.root.attributes.items():
            if not is_carried(attribute.tag, name) and name not in _COPIED:
                top.attributes[name] = attribute
        yield top
        for attribute in top.attributes.values():
            for item in attribute.items:
                yield from _below(item)

    def size(self, sop_uid: str) -> tuple[float, float] | None:
        """(columns, rows) of a source image; None when the image is not at hand or does not say."""
        source = self.sources.get(sop_uid)
        if source is None:
            return None
        columns, rows = source.number("Columns"), source.number("Rows")
        return (columns, rows) if columns > 0 and rows > 0 else None


# The order is copied from the image's Request Attributes.
_COPIED = ("ReferencedRequestSequence",)


def _below(item: Item) -> Iterator[Item]:
    yield item
    for attribute in item.attributes.values():
        for inner in attribute.items:
            yield from _below(inner)
