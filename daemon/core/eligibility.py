"""Which instances are analysed: frontal chest radiographs of people, for presentation.

Header rules only, no pixels; every rule is a row with its reason and its clause. A header may lie, so nothing here
is the last word for a film: ELIGIBLE means "analyse, the picture check may still veto", ASK_PICTURE "the headers do
not settle it, the picture check decides", SET_ASIDE "not analysed, for this reason". Reasons hold words of this file
only, never a value that the sender wrote: a name can stand anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


class _Part(StrEnum):
    CHEST = "chest"
    OTHER = "other"
    MIXED = "mixed"


class _View(StrEnum):
    FRONTAL = "frontal"
    LATERAL = "lateral"
    OBLIQUE = "oblique"
    DECUBITUS = "decubitus"
    LORDOTIC = "lordotic"


RADIOGRAPHY_CLASSES = frozenset({ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation})
ANALYSED_CLASSES = RADIOGRAPHY_CLASSES | {SecondaryCaptureImageStorage}
# PS3.3 C.7.3.1.1.1; RG is a film that was digitised, DR and XR are not in the standard but are sent
RADIOGRAPHY = frozenset({"CR", "DX", "RG", "DR", "XR"})
NO_MODALITY = frozenset({"", "OT", "SC", "HC", "SD", "FID", "XC"})
# Image Type value 3 and later (C.8.11.3.1.1, and makers' own): not the film itself, or one of another kind
NOT_THE_FILM = [
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
]


def judge(header: Dataset) -> Verdict:
    """What is to be done with an instance, by its header alone. Never raises, whatever the values."""
    for rule in REFUSALS:
        if rule.applies(header):
            return Verdict(Kind.SET_ASIDE, rule.reason)
    part, part_reason = _body_part(header)
    if part is _Part.OTHER:
        return Verdict(Kind.SET_ASIDE, part_reason)
    view, view_reason = _view(header)
    if view in _SET_ASIDE_VIEWS:
        return Verdict(Kind.SET_ASIDE, view_reason)
    open_questions = [
        reason
        for settled, reason in ((part is _Part.CHEST, part_reason), (view is _View.FRONTAL, view_reason))
        if not settled
    ]
    if _modality(header) in NO_MODALITY and _sop_class(header) not in RADIOGRAPHY_CLASSES:
        open_questions.append("Modality does not say radiography")
    if open_questions:
        return Verdict(Kind.ASK_PICTURE, "; ".join(open_questions))
    return Verdict(Kind.ELIGIBLE, "frontal chest radiograph by its header")


# --- what is set aside whatever else the header says ---------------------------------------------------------------


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
    codes = {_code(item) for item in items(header, "PatientSpeciesCodeSequence")} - {""}
    species = plain(" ".join(map(str, values(header, "PatientSpeciesDescription"))))
    if codes and not codes & terms.HUMAN_CODES:
        return True
    if species and not names(species, terms.HUMAN_WORDS):
        return True
    breed = values(header, "PatientBreedDescription") or items(header, "PatientBreedCodeSequence")
    told = [*_texts(header, SERIES_TEXTS), *_texts(header, STUDY_TEXTS), *_texts(header, ("InstitutionName",))]
    return bool(breed) or any(names(text, terms.ANIMALS) for text in told)


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


# --- evidence ------------------------------------------------------------------------------------------------------

# What the modality operator chose for this image, and what the order said of the whole study.
SERIES_TEXTS = (
    "SeriesDescription",
    "ProtocolName",
    "AcquisitionDeviceProcessingDescription",
    "AcquisitionProtocolDescription",
    "PerformedProtocolCodeSequence",
)
STUDY_TEXTS = (
    "StudyDescription",
    "ProcedureCodeSequence",
    "RequestedProcedureDescription",
    "RequestedProcedureCodeSequence",
    "PerformedProcedureStepDescription",
    "RequestAttributesSequence",
)
_NESTED_TEXTS = ("CodeMeaning", "ScheduledProcedureStepDescription", "RequestedProcedureDescription")


def _code(item: Dataset) -> str:
    return word(item, "CodeValue") or word(item, "LongCodeValue")


def _texts(header: Dataset, keywords: tuple[str, ...]) -> Iterator[str]:
    """The texts of attributes and of the code items in them, made plain."""
    for keyword in keywords:
        nested = items(header, keyword) if keyword.endswith("Sequence") else ()
        found = [text for item in nested for name in _NESTED_TEXTS for text in values(item, name)]
        for value in found if keyword.endswith("Sequence") else values(header, keyword):
            if text := plain(str(value)):
                yield text


def _part_named(text: str) -> tuple[_Part, str] | None:
    """The body part that a plain text names."""
    others = [part for part, words in terms.OTHER_PARTS.items() if names(text, words)]
    if names(text, terms.UNDECIDED_PARTS):
        return _Part.MIXED, ""
    if names(text, terms.CHEST) and "spine" not in others:  # "thoracic spine" is no chest
        return (_Part.MIXED if others else _Part.CHEST), ""
    return (_Part.OTHER, others[0]) if others else None


def _summary(found: list[tuple[_Part, str]]) -> tuple[_Part, str] | None:
    """One answer of several: MIXED when they differ."""
    kinds = {part for part, _ in found}
    if not kinds:
        return None
    return found[0] if len(kinds) == 1 else (_Part.MIXED, "")


def _body_part(header: Dataset) -> tuple[_Part | None, str]:
    """The part by Body Part Examined and Anatomic Region (C.8.11.2, C.7.3.1), else by descriptions."""
    coded = [_part_named(text) for text in _texts(header, ("BodyPartExamined",))]
    for item in items(header, "AnatomicRegionSequence"):
        in_chest = _code(item) in terms.CHEST_CODES
        meaning = " ".join(plain(str(value)) for value in values(item, "CodeMeaning"))
        coded.append((_Part.CHEST, "") if in_chest else _part_named(meaning))
    structured = _summary([part for part in coded if part])
    series = _summary([part for part in map(_part_named, _texts(header, SERIES_TEXTS)) if part])
    study = _summary([part for part in map(_part_named, _texts(header, STUDY_TEXTS)) if part])
    told = series or study
    contradiction = (_Part.MIXED, "the header names the chest and another body part")
    if structured is None:
        if told is None:
            return None, "the header names no body part"
        structured = told
    elif (structured[0] is _Part.OTHER and told and told[0] is _Part.CHEST) or (
        structured[0] is _Part.CHEST and series and series[0] is _Part.OTHER
    ):
        return contradiction
    if structured[0] is _Part.OTHER:
        return _Part.OTHER, f"body part: {structured[1]}"
    return (_Part.CHEST, "") if structured[0] is _Part.CHEST else contradiction


def _views_named(text: str, *, codes: bool = False) -> _View | None:
    """The one view that a plain text names; None for "PA and lateral", which describes two films."""
    if names(text, terms.DECUBITUS):
        return _View.DECUBITUS
    lateral = (*terms.LATERAL, *terms.LATERAL_CODES) if codes else terms.LATERAL
    table = ((_View.FRONTAL, terms.FRONTAL), (_View.LATERAL, lateral), (_View.OBLIQUE, terms.OBLIQUE))
    found = [view for view, words in table if names(text, words)]
    if names(text, terms.LORDOTIC) and found in ([], [_View.FRONTAL]):
        return _View.LORDOTIC
    return found[0] if len(found) == 1 else None


_SET_ASIDE_VIEWS = frozenset({_View.LATERAL, _View.OBLIQUE, _View.DECUBITUS})


def _coded_views(header: Dataset) -> set[_View]:
    """View Position (C.8.1.1, C.8.11.5) and View Code Sequence (CID 4010)."""
    found = {_views_named(text, codes=True) for text in _texts(header, ("ViewPosition",))}
    tables = (
        (_View.FRONTAL, terms.FRONTAL_CODES),
        (_View.LATERAL, terms.LATERAL_VIEW_CODES),
        (_View.OBLIQUE, terms.OBLIQUE_CODES),
    )
    for item in items(header, "ViewCodeSequence"):
        known = [view for view, codes in tables if _code(item) in codes]
        meaning = " ".join(plain(str(value)) for value in values(item, "CodeMeaning"))
        found.add(known[0] if known else _views_named(meaning))
    return {view for view in found if view}


def _view_by_orientation(header: Dataset) -> set[_View]:
    """Patient Orientation (C.7.6.1.1.1): which way rows and columns run in the patient."""
    directions = [str(value).strip().upper()[:1] for value in values(header, "PatientOrientation")]
    if len(directions) != 2:
        return set()
    plane = {
        {"L": "x", "R": "x", "A": "y", "P": "y", "H": "z", "F": "z"}.get(direction, "") for direction in directions
    }
    return {frozenset("xz"): {_View.FRONTAL}, frozenset("yz"): {_View.LATERAL}}.get(frozenset(plane), set())


def _view(header: Dataset) -> tuple[_View | None, str]:
    """The view by its codes, else by series texts and orientation, else by study texts.

    A lateral that an operator chose stands, whatever a default Patient Orientation says: of the two mistakes,
    analysing a lateral is the worse. A frontal that something contradicts is a question for the picture.
    """
    coded = _coded_views(header)
    told = {
        view for view in (_views_named(text) for text in _texts(header, (*SERIES_TEXTS, "BodyPartExamined"))) if view
    }
    hints = told | _view_by_orientation(header)
    if coded and _View.FRONTAL not in coded:
        best = coded
    elif coded == {_View.FRONTAL}:
        best = coded | (hints & _SET_ASIDE_VIEWS)
    else:
        best = coded or hints
    best = best or {view for view in (_views_named(text) for text in _texts(header, STUDY_TEXTS)) if view}
    aside = best & _SET_ASIDE_VIEWS
    if aside and aside == best:
        view = min(aside)
        return view, f"{view} view"
    if best == {_View.FRONTAL} and not _stored_turned(header):
        return _View.FRONTAL, ""
    if aside:
        return None, "the header contradicts itself about the view"
    if _View.LORDOTIC in best:
        return _View.LORDOTIC, "lordotic view"
    return None, "stored turned" if best else "the header names no view"


def _stored_turned(header: Dataset) -> bool:
    """Rows that do not run across the patient, or columns that run to the head: a frontal film not stored upright."""
    directions = [str(value).strip().upper()[:1] for value in values(header, "PatientOrientation")]
    return len(directions) == 2 and (directions[0] in ("H", "F") or directions[1] == "H")
