"""Which instances are analysed: frontal chest radiographs of people, for presentation.

Header rules only, no pixels; every rule is a row with its reason and its clause. A header may lie, so nothing here
is the last word for a film: ELIGIBLE means "analyse, the picture check may still veto", ASK_PICTURE "the headers do
not settle it, the picture check decides", SET_ASIDE "not analysed, for this reason". Reasons hold words of this file
only, never a value that the sender wrote: a name can stand anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pydicom import Dataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
)

from daemon.core import eligibility_terms as terms
from daemon.core.attributes import integer, items, values, word
from daemon.core.eligibility_evidence import (
    SERIES_TEXTS,
    SET_ASIDE_VIEWS,
    STUDY_TEXTS,
    Part,
    View,
    body_part,
    code,
    texts,
    view_of,
)
from daemon.core.eligibility_terms import names, plain


class Kind(StrEnum):
    """What is to be done with an instance."""

    ELIGIBLE = "ELIGIBLE"
    ASK_PICTURE = "ASK_PICTURE"
    SET_ASIDE = "SET_ASIDE"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A kind and its reason, in words for the operator; no patient data."""

    kind: Kind
    reason: str


RADIOGRAPHY_CLASSES = frozenset({ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation})
ANALYSED_CLASSES = RADIOGRAPHY_CLASSES | {SecondaryCaptureImageStorage}
# PS3.3 C.7.3.1.1.1; RG is a film that was digitised, DR and XR are not in the standard but are sent
RADIOGRAPHY = frozenset({"CR", "DX", "RG", "DR", "XR"})
NO_MODALITY = frozenset({"", "OT", "SC", "HC", "SD", "FID", "XC"})
# Image Type value 3 and later (C.8.11.3.1.1, and makers' own): not the film itself, or one of another kind
NOT_THE_FILM = frozenset(
    {
        "LOCALIZER",
        "SUBTRACTION",
        "ENERGY",
        "TOMO",
        "TOMOSYNTHESIS",
        "BONE_SUPPRESSED",
        "BONE_SUPPRESSION",
        "SOFT_TISSUE",
        "BONE",
        "REPORT",
        "DOSE",
        "SCREENSHOT",
        "SCREENSAVE",
        "SCREEN_SAVE",
        "MPR",
        "MIP",
        "PROJECTION_IMAGE",
        "CAD",
        "QA",
        "QC",
    }
)


def judge(header: Dataset) -> Verdict:
    """What is to be done with an instance, by its header alone. Never raises, whatever the values."""
    for rule in REFUSALS:
        if rule.applies(header):
            return Verdict(Kind.SET_ASIDE, rule.reason)
    part, part_reason = body_part(header)
    if part is Part.OTHER:
        return Verdict(Kind.SET_ASIDE, part_reason)
    view, view_reason = view_of(header)
    if view in SET_ASIDE_VIEWS:
        return Verdict(Kind.SET_ASIDE, view_reason)
    open_questions = [
        reason
        for settled, reason in ((part is Part.CHEST, part_reason), (view is View.FRONTAL, view_reason))
        if not settled
    ]
    if _modality(header) in NO_MODALITY and _sop_class(header) not in RADIOGRAPHY_CLASSES:
        open_questions.append("Modality does not say radiography")
    if open_questions:
        return Verdict(Kind.ASK_PICTURE, "; ".join(open_questions))
    return Verdict(Kind.ELIGIBLE, "frontal chest radiograph by its header")


@dataclass(frozen=True, slots=True)
class _Refusal:
    applies: Callable[[Dataset], bool]
    reason: str


def _sop_class(header: Dataset) -> str:
    return word(header, "SOPClassUID")


def _modality(header: Dataset) -> str:
    return word(header, "Modality")


def _for_processing(header: Dataset) -> bool:
    intent = word(header, "PresentationIntentType")
    return _sop_class(header) == DigitalXRayImageStorageForProcessing or intent == "FOR PROCESSING"


def _other_class(header: Dataset) -> bool:
    return bool(_sop_class(header)) and _sop_class(header) not in ANALYSED_CLASSES


def _other_modality(header: Dataset) -> bool:
    return _modality(header) not in RADIOGRAPHY | NO_MODALITY


def _animal(header: Dataset) -> bool:
    """C.7.1.1: species; and what a veterinary practice writes into fields meant for people."""
    codes = {code(item) for item in items(header, "PatientSpeciesCodeSequence")} - {""}
    species = plain(" ".join(map(str, values(header, "PatientSpeciesDescription"))))
    if codes and not codes & terms.HUMAN_CODES:
        return True
    if species and not names(species, terms.HUMAN_WORDS):
        return True
    breed = values(header, "PatientBreedDescription") or items(header, "PatientBreedCodeSequence")
    told = [*texts(header, SERIES_TEXTS), *texts(header, STUDY_TEXTS)]
    practice = [*told, *texts(header, ("InstitutionName", "InstitutionalDepartmentName"))]
    return (
        bool(breed)
        or any(names(text, terms.ANIMALS) for text in told)
        or any(names(text, terms.VETERINARY) for text in practice)
    )


def _not_the_film(header: Dataset) -> bool:
    kinds = {str(value).strip().upper().replace(" ", "_") for value in values(header, "ImageType")}
    return bool(kinds & NOT_THE_FILM)


def _colour(header: Dataset) -> bool:
    photometric = word(header, "PhotometricInterpretation")
    return integer(header, "SamplesPerPixel", 1) != 1 or photometric not in ("", "MONOCHROME1", "MONOCHROME2")


def _several_frames(header: Dataset) -> bool:
    return (integer(header, "NumberOfFrames", 1) or 1) > 1


REFUSALS = (
    _Refusal(_for_processing, "for processing: raw detector values, not a film"),  # C.8.11.1, Presentation Intent
    _Refusal(_other_class, "SOP class is not CR, DX for presentation or Secondary Capture"),  # PS3.4 B.5
    _Refusal(_other_modality, "Modality is not radiography"),  # C.7.3.1.1.1
    _Refusal(_animal, "an animal, or a veterinary practice"),  # C.7.1.1
    _Refusal(_colour, "colour image"),  # C.7.6.3.1.2
    _Refusal(_several_frames, "several frames"),  # C.7.6.6
    _Refusal(_not_the_film, "Image Type says localizer, derived view or report"),  # C.7.6.1.1.2
    _Refusal(lambda header: word(header, "QualityControlImage") == "YES", "quality control image"),  # C.7.6.1
)
