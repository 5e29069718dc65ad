"""Faults of the Imaging Measurement Report: rows of its templates, and what viewers look for in it."""

from __future__ import annotations

from copy import deepcopy

from pydicom import Dataset
from pydicom.sequence import Sequence

from tests.support.faults.mutation import (
    DOCUMENTS,
    SRS,
    Mutation,
    a_code,
    code,
    drop,
    in_node,
    move,
    node,
    nodes,
    put,
    text_item,
    without_node,
)

REGION, GROUP, TRACKING, TRACKING_UID, CERTAINTY = "111030", "125007", "112039", "112040", "111012"
AIR = ("sr air",)


def one_tracking_uid(ds: Dataset) -> None:
    first, second = list(nodes(ds, TRACKING_UID))[:2]
    second.UID = first.UID


def tracked_by_the_object(ds: Dataset) -> None:
    node(ds, TRACKING_UID).UID = ds.SOPInstanceUID


def other_side(ds: Dataset) -> None:
    node(ds, "272741003").ConceptCodeSequence = a_code("7771000", "SCT", "Left")


def silent(ds: Dataset) -> None:
    for item in list(ds.ContentSequence):
        if item.ValueType == "TEXT" and "unverified" in item.TextValue:
            drop(ds, item)


def undecided(ds: Dataset) -> None:
    node(ds, "111017").ConceptCodeSequence = a_code("111241", "DCM", "All algorithms succeeded; without findings")


def a_copy_moved(ds: Dataset) -> None:
    move(node(node(ds, CERTAINTY, "NUM"), "", "SCOORD"), 1, 0)


def backwards(item: Dataset) -> None:
    item.ContentSequence = Sequence(list(item.ContentSequence)[::-1])


def childless(item: Dataset) -> None:
    del item.ContentSequence


def unmade(ds: Dataset) -> None:
    number = node(node(ds, "C0034375"), CERTAINTY)
    number.ContentSequence = Sequence(number.ContentSequence[:1])


def other_weights(ds: Dataset) -> None:
    parameter = next(item for item in nodes(ds, "111002") if "SHA-256" in item.TextValue)
    parameter.TextValue = "Weights SHA-256: " + "cd" * 32


def unlibraried(ds: Dataset) -> None:
    node(ds, "111028").ContentTemplateSequence[0].TemplateIdentifier = "1601"


def said() -> Dataset:
    return text_item("AI result, unverified.")


MUTATIONS: tuple[Mutation, ...] = (
    Mutation("sr: root's template gone", "PS3.3 C.18.8", (*DOCUMENTS[:4], "kos"), put("ContentTemplateSequence", None)),
    Mutation(
        "sr: root's Template Identifier gone",
        "PS3.3 C.18.8",
        AIR,
        lambda ds: put("TemplateIdentifier", None)(ds.ContentTemplateSequence[0]),
    ),
    Mutation(
        "sr: Mapping Resource wrong",
        "PS3.3 C.18.8",
        SRS,
        lambda ds: put("MappingResource", "SDM")(ds.ContentTemplateSequence[0]),
    ),
    Mutation(
        "sr: root is another report",
        "PS3.16 CID 7021",
        SRS,
        lambda ds: put("ConceptNameCodeSequence", a_code("111036", "DCM", "Mammography CAD Report"))(ds),
    ),
    Mutation("sr: language gone", "PS3.16 TID 1204", DOCUMENTS[:5], without_node("121049")),
    Mutation("sr: observer type gone", "PS3.16 TID 1001", (*SRS, "text-sr"), without_node("121005")),
    Mutation("sr: observer's UID gone", "PS3.16 TID 1004", (*SRS, "text-sr"), without_node("121012")),
    Mutation(
        "sr: observer is a person",
        "PS3.16 TID 1001",
        SRS,
        in_node("121005", "CODE", put("ConceptCodeSequence", a_code("121006", "DCM", "Person"))),
    ),
    Mutation("sr: procedure reported gone", "PS3.16 TID 1500", SRS, without_node("121058")),
    Mutation("sr: Image Library gone", "OHIF throws", SRS, without_node("111028")),
    Mutation("sr: Image Library empty", "PS3.16 TID 1600", SRS, without_node("126200")),
    Mutation(
        "sr: Image Library tells other Rows",
        "PS3.16 TID 1602",
        SRS,
        in_node("110910", "NUM", lambda item: put("NumericValue", "511")(item.MeasuredValueSequence[0])),
    ),
    Mutation("sr: Imaging Measurements gone", "PS3.16 TID 1500", SRS, without_node("126010")),
    Mutation(
        "sr: group without template",
        "Orthanc Stone throws",
        SRS,
        in_node(GROUP, "CONTAINER", put("ContentTemplateSequence", None)),
    ),
    Mutation(
        "sr: group of another template",
        "PS3.16 TID 1410",
        SRS,
        in_node(GROUP, "CONTAINER", lambda item: put("TemplateIdentifier", "1411")(item.ContentTemplateSequence[0])),
    ),
    Mutation("sr: group without Tracking Identifier", "PS3.16 TID 1410", SRS, without_node(TRACKING)),
    Mutation("sr: group without Tracking UID", "PS3.16 TID 1410; OHIF throws", SRS, without_node(TRACKING_UID)),
    Mutation("sr: two groups with one Tracking UID", "OHIF merges them", SRS, one_tracking_uid),
    Mutation("sr: Tracking UID is the document's", "PS3.16 TID 1410", SRS, tracked_by_the_object),
    Mutation("sr: Completion Flag PARTIAL", "results.md 5.1", SRS, put("CompletionFlag", "PARTIAL")),
    Mutation("sr: Instance Number 0", "results.md 5.1", SRS, put("InstanceNumber", 0)),
    Mutation("sr: the order gone", "PS3.3 C.17.2, type 1C", SRS, put("ReferencedRequestSequence", None)),
    Mutation(
        "sr: another algorithm version", "results.md 5.1", SRS, in_node("111003", "TEXT", put("TextValue", "9.9"))
    ),
    Mutation("sr: another observer", "PS3.16 TID 1004", SRS, in_node("121015", "TEXT", put("TextValue", "other"))),
    Mutation(
        "sr: Tracking UID that is none", "PS3.5 9.1", SRS, in_node(TRACKING_UID, "UIDREF", put("UID", "lesion 1"))
    ),
    Mutation("sr: group without finding", "PS3.16 TID 1410", SRS, without_node("121071")),
    Mutation("sr: group without algorithm", "PS3.16 TID 4019", SRS, without_node("111001")),
    Mutation("sr: group without algorithm version", "PS3.16 TID 4019", SRS, without_node("111003")),
    Mutation("sr: group without region", "PS3.16 TID 1410", SRS, without_node(REGION)),
    Mutation(
        "sr: group with two certainties",
        "results.md 5.1",
        SRS,
        in_node(GROUP, "CONTAINER", lambda item: item.ContentSequence.append(deepcopy(node(item, CERTAINTY)))),
    ),
    Mutation(
        "sr: a row of no template",
        "PS3.16 TID 1410",
        SRS,
        in_node(GROUP, "CONTAINER", lambda i: i.ContentSequence.append(text_item("x", ("121071", "DCM", "Finding")))),
    ),
    Mutation(
        "sr: geometric purpose of no context group",
        "PS3.16 CID 219",
        SRS,
        in_node("130400", "CODE", put("ConceptCodeSequence", a_code("27925004", "SCT", "Nodule"))),
    ),
    Mutation("sr: the other side", "PS3.16 CID 244", SRS, other_side),
    Mutation(
        "sr: summary of no context group",
        "PS3.16 CID 6047",
        SRS,
        in_node("111017", "CODE", put("ConceptCodeSequence", a_code("111222", "DCM", "Succeeded"))),
    ),
    Mutation("sr: summary against its words", "PS3.16 CID 6047", SRS, undecided),
    Mutation("sr: no comment says AI, unverified", "results.md 5", SRS, silent),
    Mutation(
        "stone: region's image named otherwise",
        "Orthanc Stone skips it",
        ("sr stone",),
        lambda ds: code(
            node(ds, REGION, "SCOORD").ContentSequence[0],
            "ConceptNameCodeSequence",
            CodeValue="260753009",
            CodingSchemeDesignator="SCT",
            CodeMeaning="Source",
        ),
    ),
    Mutation(
        "ohif: no region under the number",
        "cornerstone adapters find none",
        ("sr ohif",),
        in_node(CERTAINTY, "NUM", put("ContentSequence", None)),
    ),
    Mutation("ohif: the copy of the region is elsewhere", "cornerstone adapters", ("sr ohif",), a_copy_moved),
    Mutation("sr: first lesion gone", "results.md 5.1", SRS, without_node(GROUP)),
    Mutation(
        "sr: a lesion's comment gone", "results.md 5.1", SRS, lambda ds: drop(ds, node(node(ds, GROUP), "121106"))
    ),
    Mutation("sr: rows in another order", "PS3.16 TID 1410", SRS, in_node(GROUP, "CONTAINER", backwards)),
    Mutation("sr: the study's result on no image", "PS3.16 TID 1500", SRS, in_node("111017", "CODE", childless)),
    Mutation("sr: the study's number of no algorithm", "PS3.16 TID 4019", SRS, unmade),
    Mutation("sr: weights of another digest", "results.md 5.1", SRS, other_weights),
    Mutation("sr: Image Library without sizes", "PS3.16 TID 1602", SRS, without_node("110911")),
    Mutation("sr: Image Library of another template", "PS3.16 TID 1600", SRS, unlibraried),
    Mutation("sr: two comments on the document", "results.md 5.1", SRS, lambda ds: ds.ContentSequence.append(said())),
)
