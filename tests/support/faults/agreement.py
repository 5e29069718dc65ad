"""Faults by which an object contradicts itself, a note rejects what is not ours, and words that tell a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy

from pydicom import Dataset
from pydicom.sequence import Sequence

from tests.support.faults.mutation import EVERY, SRS, Mutation, a_code, drop, in_node, node, nodes, put, words

CAD, GSPS, REJECTION, KOS = ("chest-cad-sr",), ("gsps",), ("rejection",), ("kos",)
TRIAGE = tuple(f"{name} triage" for name in (*SRS, "gsps", "chest-cad-sr", "text-sr", "kos", "sc"))
LAW = "21 CFR 892.2080"


def reworded(ds: Dataset, old: str, new: str) -> None:
    """Every text content item with other words."""
    for item in nodes(ds, "", "TEXT"):
        item.TextValue = item.TextValue.replace(old, new)


def other_weights(ds: Dataset) -> None:
    item = ds.ContributingEquipmentSequence[0]
    digest = item.ContributionDescription[-64:]
    item.ContributionDescription = item.ContributionDescription.replace(digest, "0" * 64)


def texts_of(ds: Dataset) -> Iterator[Dataset]:
    yield from (item for item in nodes(ds, "", "TEXT") if "positive at or above" in item.TextValue)


def another_cut(ds: Dataset) -> None:
    for item in texts_of(ds):
        before, _, after = item.TextValue.partition("positive at or above ")
        item.TextValue = f"{before}positive at or above 99.9 %{after.partition('%')[2]}"


def other_headline(ds: Dataset) -> None:
    ds.CompletionFlagDescription = "AI: study no finding above operating point, 3 %, unverified"


def failed_headline(ds: Dataset) -> None:
    ds.CompletionFlagDescription = "AI: study not analysed, unverified"


def turned(rotation: int, flip: str) -> Callable[[Dataset], None]:
    def change(ds: Dataset) -> None:
        ds.ImageRotation, ds.ImageHorizontalFlip = rotation, flip

    return change


def filled(ds: Dataset) -> None:
    ds.GraphicAnnotationSequence[0].GraphicObjectSequence[0].GraphicFilled = "Y"


def line_lower(ds: Dataset) -> None:
    line = words(ds)
    line.BoundingBoxTopLeftHandCorner, line.BoundingBoxBottomRightHandCorner = [0.3, 0.4], [0.6, 0.5]


def label_on_display(ds: Dataset) -> None:
    label = words(ds, 1)
    label.BoundingBoxAnnotationUnits = "DISPLAY"
    label.BoundingBoxTopLeftHandCorner, label.BoundingBoxBottomRightHandCorner = [0.3, 0.4], [0.6, 0.5]


def a_film() -> Dataset:
    """An item that refers to a digital radiograph, which is no form of a result."""
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "IMAGE"
    reference = Dataset()
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    reference.ReferencedSOPInstanceUID = "1.2.3.4.5"
    item.ReferencedSOPSequence = Sequence([reference])
    return item


def rejects_a_film(ds: Dataset) -> None:
    item = a_film()
    ds.ContentSequence.append(item)
    series = ds.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    one = deepcopy(series[0])
    one.SeriesInstanceUID, one.ReferencedSOPSequence = "1.2.3.4", deepcopy(item.ReferencedSOPSequence)
    series.append(one)


def titled(value: str, meaning: str) -> Callable[[Dataset], None]:
    return put("ConceptNameCodeSequence", a_code(value, "DCM", meaning))


def modifier_late(ds: Dataset) -> None:
    first = ds.ContentSequence[0]
    ds.ContentSequence = Sequence([ds.ContentSequence[1], first, *ds.ContentSequence[2:]])


def modifier_gone(ds: Dataset) -> None:
    drop(ds, node(ds, "113011"))


def modified(ds: Dataset) -> None:
    item = Dataset()
    item.RelationshipType, item.ValueType = "HAS CONCEPT MOD", "CODE"
    item.ConceptNameCodeSequence = a_code("113011", "DCM", "Document Title Modifier")
    item.ConceptCodeSequence = a_code("111220", "DCM", "Other failure")
    ds.ContentSequence.insert(0, item)


def unknown_bytes(ds: Dataset) -> None:
    ds.add_new(0x00189999, "UN", b"104\\210\\150\\260 ")


AGREEMENT: tuple[Mutation, ...] = (
    Mutation("agree: another set of weights", "results.md 5.1", ("sr air", "text-sr", "chest-cad-sr"), other_weights),
    Mutation("agree: abnormal below the cut", "results.md 5.1", ("text-sr", *SRS, "kos", "chest-cad-sr"), another_cut),
    Mutation(
        "agree: no finding above the cut",
        "results.md 5.1",
        ("text-sr", "kos"),
        lambda ds: reworded(ds, "abnormal,", "no finding above operating point,"),
    ),
    Mutation("cad: another headline than the summary", "results.md 5.4", CAD, other_headline),
    Mutation("cad: a headline of failure", "results.md 5.4", CAD, failed_headline),
    Mutation(
        "cad: a finding that is not to be shown",
        "PS3.16 CID 6034",
        CAD,
        in_node(
            "111056",
            "CODE",
            put(
                "ConceptCodeSequence",
                a_code("111152", "DCM", "Not for Presentation: Rendering device expected not to present"),
            ),
        ),
    ),
    Mutation("gsps: film turned", "PS3.3 C.10.6", GSPS, turned(90, "N")),
    Mutation("gsps: film flipped", "PS3.3 C.10.6", GSPS, turned(0, "Y")),
    Mutation("gsps: box filled", "PS3.3 C.10.5", GSPS, filled),
    Mutation("gsps: line on the film's middle", "results.md 5.2", ("gsps", "gsps triage"), line_lower),
    Mutation("gsps: label fixed to the display", "PS3.3 C.10.5", GSPS, label_on_display),
    Mutation("study: time zone gone", "PS3.3 C.12.1.1.8", EVERY, put("TimezoneOffsetFromUTC", None)),
    Mutation("rejection: a film of the patient's", "IHE RAD TF-3 4.66", REJECTION, rejects_a_film),
    Mutation(
        "kos: rejects the film",
        "IHE RAD TF-3 4.66",
        KOS,
        titled("113037", "Rejected for Patient Safety Reasons"),
    ),
    Mutation("rejection: no reason for the poor quality", "PS3.16 TID 2010 row 3", REJECTION, modifier_gone),
    Mutation("rejection: reason in another place", "PS3.16 TID 2010 row 3", REJECTION, modifier_late),
    Mutation("kos: a modifier that the title has not", "PS3.16 TID 2010 row 3", KOS, modified),
)
LEAKS: tuple[Mutation, ...] = (
    *(
        Mutation(
            f"triage: {said} in the series' name",
            LAW,
            TRIAGE,
            put("SeriesDescription", f"AI, unverified: triage, {said}"),
        )
        for said in ("LUL", "RML", "2 lesions", "three findings")
    ),
    Mutation(
        "triage: RLL in a comment",
        LAW,
        tuple(name for name in TRIAGE if name not in ("gsps triage", "sc triage")),
        lambda ds: reworded(ds, "unverified", "unverified, RLL"),
    ),
    Mutation(
        "triage: LLL on the film",
        LAW,
        ("gsps triage",),
        lambda ds: put("UnformattedTextValue", f"{words(ds).UnformattedTextValue} LLL")(words(ds)),
    ),
    Mutation("triage: a box as the operator's name", LAW, TRIAGE, put("OperatorsName", "104^210^150^260")),
    Mutation("triage: a box in an unknown attribute", LAW, TRIAGE, unknown_bytes),
)
MUTATIONS = (*AGREEMENT, *LEAKS)
