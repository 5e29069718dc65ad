"""Faults of documents: content tree, templates, evidence, codes, regions."""

from __future__ import annotations

from copy import deepcopy

from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from tests.support.faults.mutation import (
    DOCUMENTS,
    SRS,
    Mutation,
    a_code,
    code,
    evidence,
    in_node,
    measured,
    move,
    node,
    open_up,
    put,
)

REGION, GROUP, TRACKING, TRACKING_UID, CERTAINTY = "111030", "125007", "112039", "112040", "111012"
AIR = ("sr air",)
NAN = float("nan")


def twice(ds: Dataset) -> None:
    evidence(ds).ReferencedSOPSequence.append(deepcopy(evidence(ds).ReferencedSOPSequence[0]))


def out_of_evidence(ds: Dataset) -> None:
    evidence(ds).ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "1.2.3.4.5"


def itself_in_evidence(ds: Dataset) -> None:
    own = Dataset()
    own.ReferencedSOPClassUID, own.ReferencedSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    evidence(ds).ReferencedSOPSequence.append(own)


def its_own_predecessor(ds: Dataset) -> None:
    before = deepcopy(ds.CurrentRequestedProcedureEvidenceSequence[0])
    before.ReferencedSeriesSequence[0].SeriesInstanceUID = ds.SeriesInstanceUID
    (one,) = before.ReferencedSeriesSequence[0].ReferencedSOPSequence
    one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    ds.PredecessorDocumentsSequence, ds.InstanceNumber = Sequence([before]), 2


def a_predecessor(ds: Dataset) -> None:
    its_own_predecessor(ds)
    before = ds.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    before.ReferencedSOPInstanceUID, ds.InstanceNumber = "2.25.77", 1


def without_scoord_image(ds: Dataset) -> None:
    del node(ds, REGION, "SCOORD").ContentSequence


def two_scoord_images(ds: Dataset) -> None:
    region = node(ds, REGION, "SCOORD")
    region.ContentSequence = Sequence([*region.ContentSequence, deepcopy(region.ContentSequence[0])])


def verified(ds: Dataset) -> None:
    ds.VerificationFlag = "VERIFIED"


def wordy(item: Dataset) -> None:
    item[0x0040A30A] = RawDataElement(Tag(0x0040A30A), "DS", 4, b"high", 0, False, True)


TREE: tuple[Mutation, ...] = (
    Mutation("sr: Completion Flag gone", "PS3.3 C.17.2, type 1", SRS, put("CompletionFlag", None)),
    Mutation("sr: Verification Flag VERIFIED", "PS3.3 C.17.2", DOCUMENTS[:5], verified),
    Mutation(
        "sr: Performed Procedure Code Sequence gone",
        "PS3.3 C.17.2, type 2",
        SRS,
        put("PerformedProcedureCodeSequence", None),
    ),
    Mutation(
        "sr: Referenced PPS Sequence gone",
        "PS3.3 C.17.1, type 2",
        DOCUMENTS,
        put("ReferencedPerformedProcedureStepSequence", None),
    ),
    Mutation(
        "sr: evidence gone", "PS3.3 C.17.2, type 1C", DOCUMENTS, put("CurrentRequestedProcedureEvidenceSequence", None)
    ),
    Mutation("sr: evidence lists an image twice", "Orthanc Stone throws", DOCUMENTS, twice),
    Mutation("sr: image not in the evidence", "PS3.3 C.17.2", DOCUMENTS, out_of_evidence),
    Mutation("sr: evidence lists the document", "PS3.3 C.17.2", SRS, itself_in_evidence),
    Mutation(
        "sr: evidence of another study",
        "PS3.3 C.17.2",
        DOCUMENTS,
        lambda ds: put("StudyInstanceUID", "1.2.3")(ds.CurrentRequestedProcedureEvidenceSequence[0]),
    ),
    Mutation(
        "sr: evidence of another series",
        "PS3.3 Table C.17-3",
        DOCUMENTS,
        lambda ds: put("SeriesInstanceUID", "1.2.3")(evidence(ds)),
    ),
    Mutation("sr: its own predecessor", "PS3.3 C.17.2", AIR, its_own_predecessor),
    Mutation("sr: predecessor of a first instance", "results.md 5.1", AIR, a_predecessor),
    Mutation(
        "sr: order of another study",
        "PS3.3 C.17.2",
        AIR,
        lambda ds: put("StudyInstanceUID", "1.2.3")(ds.ReferencedRequestSequence[0]),
    ),
    Mutation(
        "sr: item without Value Type",
        "PS3.3 C.17.3",
        DOCUMENTS,
        lambda ds: put("ValueType", None)(ds.ContentSequence[0]),
    ),
    Mutation(
        "sr: item without relationship",
        "PS3.3 C.17.3",
        DOCUMENTS,
        lambda ds: put("RelationshipType", None)(ds.ContentSequence[0]),
    ),
    Mutation(
        "sr: SCOORD has its image INFERRED FROM",
        "PS3.3 Table A.35.3-2",
        SRS,
        lambda ds: put("RelationshipType", "INFERRED FROM")(node(ds, REGION, "SCOORD").ContentSequence[0]),
    ),
    Mutation(
        "sr: region HAS PROPERTIES of a container",
        "PS3.3 Table A.35.3-2",
        SRS,
        in_node(REGION, "SCOORD", put("RelationshipType", "HAS PROPERTIES")),
    ),
    Mutation(
        "sr: finding HAS CONCEPT MOD",
        "PS3.16 TID 1410",
        AIR,
        in_node("121071", "CODE", put("RelationshipType", "HAS CONCEPT MOD")),
    ),
    Mutation(
        "sr: observer CONTAINS", "PS3.16 TID 1001", AIR, in_node("121005", "CODE", put("RelationshipType", "CONTAINS"))
    ),
    Mutation("sr: TEXT without text", "PS3.3 C.17.3.2", AIR, in_node("121013", "TEXT", put("TextValue", None))),
    Mutation(
        "sr: container neither SEPARATE nor CONTINUOUS",
        "PS3.3 C.18.8",
        AIR,
        in_node("126010", "CONTAINER", put("ContinuityOfContent", None)),
    ),
    Mutation(
        "sr: Concept Name gone",
        "PS3.3 C.17.3",
        (*SRS, "text-sr"),
        in_node("121013", "TEXT", put("ConceptNameCodeSequence", None)),
    ),
    Mutation(
        "sr: Code Meaning empty",
        "PS3.3 8.3",
        (*SRS, "chest-cad-sr"),
        in_node("111012", "NUM", lambda item: code(item, "ConceptNameCodeSequence", CodeMeaning="")),
    ),
    Mutation(
        "sr: Code Meaning of another code",
        "PS3.16 Annex D",
        SRS,
        in_node("121071", "CODE", lambda item: code(item, "ConceptCodeSequence", CodeMeaning="Mass")),
    ),
    Mutation(
        "sr: coding scheme wrong",
        "PS3.3 8.2",
        SRS,
        in_node("121071", "CODE", lambda item: code(item, "ConceptCodeSequence", CodingSchemeDesignator="DCM")),
    ),
    Mutation(
        "sr: coding scheme gone",
        "PS3.3 8.2",
        SRS,
        in_node("121071", "CODE", lambda item: code(item, "ConceptCodeSequence", CodingSchemeDesignator=None)),
    ),
    Mutation(
        "sr: digit of a SNOMED CT code",
        "SNOMED CT check digit",
        SRS,
        in_node("121071", "CODE", lambda item: code(item, "ConceptCodeSequence", CodeValue="27925005")),
    ),
    Mutation(
        "sr: DCM code that does not exist",
        "PS3.16 Annex D",
        SRS,
        in_node("130400", "CODE", lambda item: code(item, "ConceptNameCodeSequence", CodeValue="139999")),
    ),
    Mutation(
        "sr: two concept names",
        "PS3.3 C.17.3",
        AIR,
        in_node("121071", "CODE", lambda i: i.ConceptNameCodeSequence.append(i.ConceptNameCodeSequence[0])),
    ),
    Mutation(
        "sr: empty Content Sequence",
        "PS3.3 C.17.3",
        AIR,
        in_node("363698007", "CODE", put("ContentSequence", Sequence())),
    ),
    Mutation("sr: empty content item", "PS3.3 C.17.3", AIR, lambda ds: ds.ContentSequence.append(Dataset())),
)

REGIONS: tuple[Mutation, ...] = (
    Mutation("scoord: no image", "PS3.3 C.18.6", SRS, without_scoord_image),
    Mutation("scoord: two images", "PS3.16 TID 320", SRS, two_scoord_images),
    Mutation(
        "scoord: Graphic Type RECTANGLE",
        "PS3.3 C.18.6.1.2",
        (*SRS, "chest-cad-sr"),
        lambda ds: put("GraphicType", "RECTANGLE")(node(ds, "", "SCOORD")),
    ),
    Mutation("scoord: Graphic Type gone", "PS3.3 C.18.6", SRS, in_node(REGION, "SCOORD", put("GraphicType", None))),
    Mutation(
        "scoord: off by the image's width",
        "PS3.3 C.18.6.1.1",
        (*SRS, "chest-cad-sr"),
        lambda ds: move(node(ds, "", "SCOORD"), 400, 0),
    ),
    Mutation(
        "scoord: above the image", "PS3.3 C.18.6.1.1", SRS, in_node(REGION, "SCOORD", lambda item: move(item, 0, -100))
    ),
    Mutation("scoord: not closed", "PS3.16 TID 1410", SRS, in_node(REGION, "SCOORD", open_up)),
    Mutation(
        "scoord: not a number",
        "PS3.5 6.2",
        SRS,
        in_node(REGION, "SCOORD", lambda i: put("GraphicData", [NAN, *list(i.GraphicData)[1:]])(i)),
    ),
    Mutation(
        "scoord: odd count of coordinates",
        "PS3.3 C.18.6",
        SRS,
        in_node(REGION, "SCOORD", lambda i: put("GraphicData", list(i.GraphicData)[:-1])(i)),
    ),
    Mutation(
        "scoord: no coordinates", "PS3.3 C.18.6, type 1", SRS, in_node(REGION, "SCOORD", put("GraphicData", None))
    ),
    Mutation(
        "scoord: frame of a single-frame image",
        "PS3.3 Table 10-3",
        SRS,
        in_node(
            REGION, "SCOORD", lambda i: put("ReferencedFrameNumber", 3)(i.ContentSequence[0].ReferencedSOPSequence[0])
        ),
    ),
    Mutation(
        "num: 187 %", "PS3.16 TID 1419", (*SRS, "chest-cad-sr"), lambda ds: put("NumericValue", "187")(measured(ds))
    ),
    Mutation(
        "num: a tenth of what the words say", "results.md 5.1", SRS, lambda ds: put("NumericValue", "8.7")(measured(ds))
    ),
    Mutation("num: no value", "PS3.3 C.18.1", SRS, lambda ds: put("NumericValue", None)(measured(ds))),
    Mutation("num: value that is no DS", "PS3.5 6.2", SRS, lambda ds: wordy(measured(ds))),
    Mutation("num: unit gone", "PS3.3 C.18.1", SRS, lambda ds: put("MeasurementUnitsCodeSequence", None)(measured(ds))),
    Mutation(
        "num: another unit",
        "PS3.16 TID 1419; Stone throws",
        SRS,
        lambda ds: put("MeasurementUnitsCodeSequence", a_code("mm", "UCUM", "mm"))(measured(ds)),
    ),
    Mutation(
        "num: unit of no UCUM",
        "PS3.3 C.18.1",
        SRS,
        lambda ds: code(measured(ds), "MeasurementUnitsCodeSequence", CodingSchemeDesignator="99X"),
    ),
)
MUTATIONS = (*TREE, *REGIONS)
