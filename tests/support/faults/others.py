"""Faults of Secondary Captures, Key Object Selections, Chest CAD SRs, Basic Text SRs, Parametric Maps, and leaks."""

from __future__ import annotations

from copy import deepcopy

from pydicom import Dataset
from pydicom.sequence import Sequence

from tests.support.faults.mutation import (
    SRS,
    Mutation,
    a_code,
    in_node,
    move,
    node,
    open_up,
    put,
    shared,
    text_item,
    without_node,
)

SC, KOS, CAD, TEXT, PM = ("sc",), ("kos",), ("chest-cad-sr",), ("text-sr",), ("parametric-map",)
TRIAGE = tuple(f"{name} triage" for name in (*SRS, "gsps", "chest-cad-sr", "text-sr", "kos", "sc"))


def twice(ds: Dataset) -> None:
    ds.ContentSequence.append(deepcopy(ds.ContentSequence[-1]))


def blank_top(ds: Dataset) -> None:
    ds.PixelData = bytes(ds.Columns * 60) + ds.PixelData[ds.Columns * 60 :]


def nothing_found(ds: Dataset) -> None:
    node(ds, "111017").ConceptCodeSequence = a_code("111241", "DCM", "All algorithms succeeded; without findings")


def outside(ds: Dataset) -> None:
    sentence = next(item for item in ds.ContentSequence[-1].ContentSequence if "columns" in item.TextValue)
    sentence.TextValue = sentence.TextValue.replace("columns 50", "columns 950").replace("of 400", "of 1400")


def mapping(ds: Dataset) -> Dataset:
    return shared(ds).RealWorldValueMappingSequence[0]


def narrow_window(ds: Dataset) -> None:
    shared(ds).FrameVOILUTSequence[0].WindowWidth = "2"


def unquantified(ds: Dataset) -> None:
    del mapping(ds).QuantityDefinitionSequence[0].ConceptCodeSequence


def private(value: str) -> object:
    def change(ds: Dataset) -> None:
        ds.private_block(0x0009, "THORAXD", create=True).add_new(0x01, "LT", value)

    return change


def a_graphic(ds: Dataset) -> None:
    """A box in a place where nobody looks: the contributing equipment."""
    item = ds.ContributingEquipmentSequence[0]
    item.GraphicData, item.GraphicType = [1.0, 1.0, 9.0, 1.0, 9.0, 9.0, 1.0, 9.0, 1.0, 1.0], "POLYLINE"


def an_icon(ds: Dataset) -> None:
    icon = Dataset()
    icon.Rows = icon.Columns = 8
    icon.PixelData = bytes(64)
    icon["PixelData"].VR = "OB"
    ds.IconImageSequence = Sequence([icon])


MUTATIONS: tuple[Mutation, ...] = (
    Mutation("sc: MONOCHROME1", "PS3.3 C.7.6.3", SC, put("PhotometricInterpretation", "MONOCHROME1")),
    Mutation("sc: 16 bits allocated", "PS3.3 C.7.6.3", SC, put("BitsAllocated", 16)),
    Mutation("sc: High Bit", "PS3.3 C.7.6.3", SC, put("HighBit", 15)),
    Mutation("sc: pixels cut short", "PS3.3 C.7.6.3", SC, lambda ds: put("PixelData", ds.PixelData[:-100])(ds)),
    Mutation("sc: other Columns than the pixels", "PS3.3 C.7.6.3", SC, lambda ds: put("Columns", ds.Columns + 2)(ds)),
    Mutation("sc: burned in and not said so", "PS3.3 C.7.6.1", SC, put("BurnedInAnnotation", "NO")),
    Mutation("sc: called an original", "PS3.3 C.7.6.1.1.2", SC, put("ImageType", ["ORIGINAL", "PRIMARY"])),
    Mutation("sc: Conversion Type gone", "PS3.3 C.8.6.1, type 1", SC, put("ConversionType", None)),
    Mutation("sc: no source image", "results.md 5.4", SC, put("SourceImageSequence", None)),
    Mutation("sc: banner gone", "results.md 5.4", SC, blank_top),
    Mutation("sc: other orientation", "PS3.3 C.7.6.1.1.1", SC, put("PatientOrientation", ["R", "F"])),
    Mutation("sc: window that hides", "PS3.3 C.11.2", SC, put("WindowWidth", "10")),
    Mutation("sc: comment without AI, unverified", "results.md 5.4", SC, put("ImageComments", "abnormal, 90 %")),
    Mutation("sc: spacing of a larger film", "PS3.3 10.7.1", SC, put("PixelSpacing", [7.0, 7.0])),
    Mutation("sc: lossy or not in a word", "PS3.3 C.7.6.1.1.5", SC, put("LossyImageCompression", "NO")),
    Mutation(
        "kos: title of no context group",
        "PS3.16 CID 7010",
        KOS,
        put("ConceptNameCodeSequence", a_code("126000", "DCM", "Imaging Measurement Report")),
    ),
    Mutation(
        "kos: a rejection's title",
        "IHE RAD TF-3 4.66",
        KOS,
        put("ConceptNameCodeSequence", a_code("113001", "DCM", "Rejected for Quality Reasons")),
    ),
    Mutation(
        "rejection: a selection's title",
        "IHE RAD TF-3 4.66",
        ("rejection",),
        put("ConceptNameCodeSequence", a_code("113000", "DCM", "Of Interest")),
    ),
    Mutation("kos: refers to an image twice", "PS3.16 TID 2010", KOS, twice),
    Mutation(
        "kos: refers to nothing",
        "PS3.16 TID 2010",
        KOS,
        lambda ds: put("ContentSequence", Sequence(ds.ContentSequence[:-1]))(ds),
    ),
    Mutation(
        "kos: a number in it",
        "PS3.3 Table A.35.4-2",
        KOS,
        lambda ds: ds.ContentSequence.append(text_item("0.9", ("111012", "DCM", "Certainty of Finding"))),
    ),
    Mutation(
        "kos: an image as COMPOSITE",
        "PS3.16 TID 2010",
        KOS,
        lambda ds: put("ValueType", "COMPOSITE")(ds.ContentSequence[-1]),
    ),
    Mutation(
        "kos: description without AI, unverified",
        "results.md 5.4",
        KOS,
        in_node("113012", "TEXT", put("TextValue", "abnormal")),
    ),
    Mutation(
        "rejection: evidence of one object gone",
        "PS3.3 C.17.6.2",
        ("rejection",),
        lambda ds: ds.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence.pop(),
    ),
    Mutation(
        "cad: another root",
        "PS3.16 TID 4100",
        CAD,
        put("ConceptNameCodeSequence", a_code("126000", "DCM", "Imaging Measurement Report")),
    ),
    Mutation(
        "cad: rows in another order",
        "PS3.16 TID 4100, order significant",
        CAD,
        lambda ds: put("ContentSequence", Sequence([*ds.ContentSequence[:2], *ds.ContentSequence[:1:-1]]))(ds),
    ),
    Mutation("cad: Summary of Analyses gone", "PS3.16 TID 4100", CAD, without_node("111065")),
    Mutation("cad: findings, and a summary without", "PS3.16 CID 6047", CAD, nothing_found),
    Mutation(
        "cad: detections failed, and a summary of success",
        "PS3.16 CID 6042",
        CAD,
        in_node("111064", "CODE", put("ConceptCodeSequence", a_code("111224", "DCM", "Failed"))),
    ),
    Mutation("cad: no Rendering Intent", "PS3.16 TID 4104", CAD, without_node("111056")),
    Mutation(
        "cad: Rendering Intent of no context group",
        "PS3.16 CID 6034",
        CAD,
        in_node("111056", "CODE", put("ConceptCodeSequence", a_code("111222", "DCM", "Succeeded"))),
    ),
    Mutation(
        "cad: finding of no context group",
        "PS3.16 CID 6101",
        CAD,
        in_node("111059", "CODE", put("ConceptCodeSequence", a_code("111222", "DCM", "Succeeded"))),
    ),
    Mutation(
        "cad: centre outside its outline",
        "PS3.16 TID 4107",
        CAD,
        in_node("111010", "SCOORD", lambda item: move(item, 150, 150)),
    ),
    Mutation("cad: no centre", "PS3.16 TID 4107", CAD, without_node("111010")),
    Mutation("cad: outline not closed", "PS3.16 TID 4107", CAD, in_node("111041", "SCOORD", open_up)),
    Mutation(
        "cad: a detection on no image",
        "PS3.16 TID 4017",
        CAD,
        lambda ds: put(
            "ContentSequence", Sequence([i for i in node(ds, "111022").ContentSequence if i.ValueType != "IMAGE"])
        )(node(ds, "111022")),
    ),
    Mutation(
        "text: a number in it",
        "PS3.3 Table A.35.1-2",
        TEXT,
        lambda ds: put("ValueType", "NUM")(ds.ContentSequence[-1].ContentSequence[0]),
    ),
    Mutation(
        "text: a sentence without unverified",
        "results.md 5",
        TEXT,
        lambda ds: put("TextValue", "abnormal")(ds.ContentSequence[-1].ContentSequence[0]),
    ),
    Mutation("text: a place outside the image", "results.md 5", TEXT, outside),
    Mutation("text: findings gone", "PS3.16 CID 7001", TEXT, without_node("59776-5")),
    Mutation("pm: pixels cut short", "PS3.3 C.7.6.3", PM, lambda ds: put("PixelData", ds.PixelData[:-2])(ds)),
    Mutation(
        "pm: no Real World Value Mapping",
        "PS3.3 Table A.75-2",
        PM,
        lambda ds: put("RealWorldValueMappingSequence", None)(shared(ds)),
    ),
    Mutation(
        "pm: values to 1000 %", "PS3.3 C.7.6.16.2.11", PM, lambda ds: put("RealWorldValueSlope", 0.1)(mapping(ds))
    ),
    Mutation(
        "pm: unit gone", "PS3.3 C.7.6.16.2.11", PM, lambda ds: put("MeasurementUnitsCodeSequence", None)(mapping(ds))
    ),
    Mutation("pm: window that hides", "PS3.3 C.7.6.16.2.10", PM, narrow_window),
    Mutation("pm: not of the film's chest", "PS3.3 C.7.6.1.1.1", PM, put("PatientOrientation", ["R", "F"])),
    Mutation("pm: a quantity without its code", "PS3.3 C.7.6.16.2.11", PM, unquantified),
    Mutation("pm: two frames said, one there", "PS3.3 C.7.6.16", PM, put("NumberOfFrames", 2)),
    Mutation(
        "pm: dimension that is not declared",
        "PS3.3 C.7.6.17",
        PM,
        lambda ds: put("DimensionOrganizationUID", "1.2.3")(ds.DimensionIndexSequence[0]),
    ),
    Mutation(
        "pm: larger than its film",
        "PS3.3 C.7.6.16.2.1",
        PM,
        lambda ds: put("PixelSpacing", [1.0, 1.0])(shared(ds).PixelMeasuresSequence[0]),
    ),
    Mutation(
        "pm: derived from nothing",
        "PS3.3 C.7.6.16.2.6",
        PM,
        lambda ds: put("SourceImageSequence", None)(shared(ds).DerivationImageSequence[0]),
    ),
    Mutation(
        "pm: no frame type", "PS3.3 C.8.32.3", PM, lambda ds: put("ParametricMapFrameTypeSequence", None)(shared(ds))
    ),
    Mutation(
        "triage: a box in words",
        "21 CFR 892.2080",
        TRIAGE,
        put("SeriesDescription", "AI, unverified: triage (104, 210)"),
    ),
    Mutation(
        "triage: a side in words", "21 CFR 892.2080", TRIAGE, put("SeriesDescription", "AI, unverified: triage, left")
    ),
    Mutation("triage: a box in private text", "21 CFR 892.2080", TRIAGE, private("box [104, 210, 150, 260]")),
    Mutation("triage: a lesion in private text", "21 CFR 892.2080", TRIAGE, private("2 lesions marked")),
    Mutation("triage: a graphic in the equipment", "21 CFR 892.2080", TRIAGE[:3], a_graphic),
    Mutation("triage: a thumbnail", "21 CFR 892.2080", TRIAGE, an_icon),
    Mutation("triage: laterality of the series", "21 CFR 892.2080", TRIAGE, put("Laterality", "L")),
    Mutation(
        "triage: a lesion's name in the comment",
        "21 CFR 892.2080",
        TRIAGE[:3],
        lambda ds: put("TextValue", "AI: nodule, 87 %, unverified")(ds.ContentSequence[-1]),
    ),
    Mutation(
        "triage: a finding's code",
        "21 CFR 892.2080",
        TRIAGE[:3],
        in_node("111012", "NUM", put("ConceptNameCodeSequence", a_code("27925004", "SCT", "Nodule"))),
    ),
)
