"""What a header says of body part and view, weighed: codes before descriptions, the image's own before the study's.

PS3.3 C.7.3.1 (Body Part Examined), C.8.11.2 (Anatomic Region), C.8.11.5 (View Code), C.7.6.1.1.1 (Patient Orientation).
Reasons hold words of this file only, never a value that the sender wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from pydicom import Dataset

from daemon.core import eligibility_terms as terms
from daemon.core.attributes import items, values, word
from daemon.core.eligibility_terms import names, plain


class Part(StrEnum):
    """What a header names as the body part; MIXED when it names the chest and something else."""

    CHEST = "chest"
    OTHER = "other"
    MIXED = "mixed"


class View(StrEnum):
    """The projection that a header names."""

    FRONTAL = "frontal"
    LATERAL = "lateral"
    OBLIQUE = "oblique"
    DECUBITUS = "decubitus"
    LORDOTIC = "lordotic"


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


def code(item: Dataset) -> str:
    """The code value of a coded entry, PS3.3 8.1."""
    return word(item, "CodeValue") or word(item, "LongCodeValue")


def texts(header: Dataset, keywords: tuple[str, ...]) -> Iterator[str]:
    """The texts of attributes and of the code items in them, made plain."""
    for keyword in keywords:
        nested = items(header, keyword) if keyword.endswith("Sequence") else ()
        found = [text for item in nested for name in _NESTED_TEXTS for text in values(item, name)]
        for value in found if keyword.endswith("Sequence") else values(header, keyword):
            if text := plain(str(value)):
                yield text


def _part_named(text: str) -> tuple[Part, str] | None:
    """The body part that a plain text names."""
    others = [part for part, words in terms.OTHER_PARTS.items() if names(text, words)]
    if names(text, terms.UNDECIDED_PARTS):
        return Part.MIXED, ""
    if names(text, terms.CHEST) and "spine" not in others:  # "thoracic spine" is no chest
        return (Part.MIXED if others else Part.CHEST), ""
    return (Part.OTHER, others[0]) if others else None


def _summary(found: list[tuple[Part, str]]) -> tuple[Part, str] | None:
    """One answer of several: MIXED when they differ."""
    kinds = {part for part, _ in found}
    if not kinds:
        return None
    return found[0] if len(kinds) == 1 else (Part.MIXED, "")


def body_part(header: Dataset) -> tuple[Part | None, str]:
    """The part by Body Part Examined and Anatomic Region (C.8.11.2, C.7.3.1), else by descriptions."""
    coded = [_part_named(text) for text in texts(header, ("BodyPartExamined",))]
    for item in items(header, "AnatomicRegionSequence"):
        in_chest = code(item) in terms.CHEST_CODES
        meaning = " ".join(plain(str(value)) for value in values(item, "CodeMeaning"))
        coded.append((Part.CHEST, "") if in_chest else _part_named(meaning))
    structured = _summary([part for part in coded if part])
    series = _summary([part for part in map(_part_named, texts(header, SERIES_TEXTS)) if part])
    study = _summary([part for part in map(_part_named, texts(header, STUDY_TEXTS)) if part])
    told = series or study
    contradiction = (Part.MIXED, "the header names the chest and another body part")
    if structured is None:
        if told is None:
            return None, "the header names no body part"
        structured = told
    elif (structured[0] is Part.OTHER and told and told[0] is Part.CHEST) or (
        structured[0] is Part.CHEST and series and series[0] is Part.OTHER
    ):
        return contradiction
    if structured[0] is Part.OTHER:
        return Part.OTHER, f"body part: {structured[1]}"
    return (Part.CHEST, "") if structured[0] is Part.CHEST else contradiction


def _views_named(text: str, *, codes: bool = False) -> View | None:
    """The one view that a plain text names; None for "PA and lateral", which describes two films."""
    if names(text, terms.DECUBITUS):
        return View.DECUBITUS
    lateral = (*terms.LATERAL, *terms.LATERAL_CODES) if codes else terms.LATERAL
    table = ((View.FRONTAL, terms.FRONTAL), (View.LATERAL, lateral), (View.OBLIQUE, terms.OBLIQUE))
    found = [view for view, words in table if names(text, words)]
    if names(text, terms.LORDOTIC) and found in ([], [View.FRONTAL]):
        return View.LORDOTIC
    return found[0] if len(found) == 1 else None


SET_ASIDE_VIEWS = frozenset({View.LATERAL, View.OBLIQUE, View.DECUBITUS})


def _coded_views(header: Dataset) -> set[View]:
    """View Position (C.8.1.1, C.8.11.5) and View Code Sequence (CID 4010)."""
    found = {_views_named(text, codes=True) for text in texts(header, ("ViewPosition",))}
    tables = (
        (View.FRONTAL, terms.FRONTAL_CODES),
        (View.LATERAL, terms.LATERAL_VIEW_CODES),
        (View.OBLIQUE, terms.OBLIQUE_CODES),
    )
    for item in items(header, "ViewCodeSequence"):
        known = [view for view, codes in tables if code(item) in codes]
        meaning = " ".join(plain(str(value)) for value in values(item, "CodeMeaning"))
        found.add(known[0] if known else _views_named(meaning))
    return {view for view in found if view}


def _view_by_orientation(header: Dataset) -> set[View]:
    """Patient Orientation (C.7.6.1.1.1): which way rows and columns run in the patient."""
    directions = [str(value).strip().upper()[:1] for value in values(header, "PatientOrientation")]
    if len(directions) != 2:
        return set()
    plane = {
        {"L": "x", "R": "x", "A": "y", "P": "y", "H": "z", "F": "z"}.get(direction, "") for direction in directions
    }
    return {frozenset("xz"): {View.FRONTAL}, frozenset("yz"): {View.LATERAL}}.get(frozenset(plane), set())


def view_of(header: Dataset) -> tuple[View | None, str]:
    """The view by its codes, else by series texts and orientation, else by study texts.

    A lateral that an operator chose stands, whatever a default Patient Orientation says: of the two mistakes,
    analysing a lateral is the worse. A frontal that something contradicts is a question for the picture.
    """
    coded = _coded_views(header)
    told = {
        view for view in (_views_named(text) for text in texts(header, (*SERIES_TEXTS, "BodyPartExamined"))) if view
    }
    hints = told | _view_by_orientation(header)
    if coded and View.FRONTAL not in coded:
        best = coded
    elif coded == {View.FRONTAL}:
        best = coded | (hints & SET_ASIDE_VIEWS)
    else:
        best = coded or hints
    best = best or {view for view in (_views_named(text) for text in texts(header, STUDY_TEXTS)) if view}
    aside = best & SET_ASIDE_VIEWS
    if aside and aside == best:
        view = min(aside)
        return view, f"{view} view"
    if best == {View.FRONTAL} and not _stored_turned(header):
        return View.FRONTAL, ""
    if aside:
        return None, "the header contradicts itself about the view"
    if View.LORDOTIC in best:
        return View.LORDOTIC, "lordotic view"
    return None, "stored turned" if best else "the header names no view"


def _stored_turned(header: Dataset) -> bool:
    """Rows that do not run across the patient, or columns that run to the head: a frontal film not stored upright."""
    directions = [str(value).strip().upper()[:1] for value in values(header, "PatientOrientation")]
    return len(directions) == 2 and (directions[0] in ("H", "F") or directions[1] == "H")
