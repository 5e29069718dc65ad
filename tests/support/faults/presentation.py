"""Faults of Grayscale Softcopy Presentation States."""

from __future__ import annotations

from copy import deepcopy

from pydicom import Dataset
from pydicom.sequence import Sequence

from tests.support.faults.mutation import Mutation, graphic, move, open_up, put, words

GSPS = ("gsps",)


def image_twice(ds: Dataset) -> None:
    images = ds.ReferencedSeriesSequence[0].ReferencedImageSequence
    images.append(deepcopy(images[0]))


def annotated_twice(ds: Dataset) -> None:
    annotation = ds.GraphicAnnotationSequence[0]
    annotation.ReferencedImageSequence = Sequence([annotation.ReferencedImageSequence[0]] * 2)


def one_tracking_uid(ds: Dataset) -> None:
    graphic(ds, 1).TrackingUID = graphic(ds, 0).TrackingUID


def no_place(ds: Dataset) -> None:
    for name in ("BoundingBoxTopLeftHandCorner", "BoundingBoxBottomRightHandCorner", "BoundingBoxAnnotationUnits"):
        del words(ds, 1)[name]


def an_anchor_outside(ds: Dataset) -> None:
    no_place(ds)
    text = words(ds, 1)
    text.AnchorPoint, text.AnchorPointAnnotationUnits, text.AnchorPointVisibility = [900.0, 1.0], "PIXEL", "Y"


def unused_layer(ds: Dataset) -> None:
    layer = Dataset()
    layer.GraphicLayer, layer.GraphicLayerOrder = "SPARE", 2
    ds.GraphicLayerSequence.append(layer)


def unsaid(ds: Dataset) -> None:
    words(ds).UnformattedTextValue = "abnormal, 90 %, 2 marked"


MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "gsps: Number of Graphic Points gone",
        "PS3.3 C.10.5, type 1",
        GSPS,
        lambda ds: put("NumberOfGraphicPoints", None)(graphic(ds)),
    ),
    Mutation(
        "gsps: Number of Graphic Points wrong",
        "PS3.3 C.10.5",
        GSPS,
        lambda ds: put("NumberOfGraphicPoints", 4)(graphic(ds)),
    ),
    Mutation(
        "gsps: layer that is not declared",
        "PS3.3 C.10.5",
        GSPS,
        lambda ds: put("GraphicLayer", "OTHER")(ds.GraphicAnnotationSequence[0]),
    ),
    Mutation("gsps: layer that nothing is in", "PS3.3 C.10.7", GSPS, unused_layer),
    Mutation(
        "gsps: layer without order",
        "PS3.3 C.10.7, type 1",
        GSPS,
        lambda ds: put("GraphicLayerOrder", None)(ds.GraphicLayerSequence[0]),
    ),
    Mutation("gsps: no layers", "PS3.3 C.10.7", GSPS, put("GraphicLayerSequence", None)),
    Mutation(
        "gsps: Graphic Type RECTANGLE",
        "PS3.3 C.10.5.1.1",
        GSPS,
        lambda ds: put("GraphicType", "RECTANGLE")(graphic(ds)),
    ),
    Mutation("gsps: units CM", "PS3.3 C.10.5", GSPS, lambda ds: put("GraphicAnnotationUnits", "CM")(graphic(ds))),
    Mutation(
        "gsps: box in DISPLAY units",
        "PS3.3 C.10.5",
        GSPS,
        lambda ds: put("GraphicAnnotationUnits", "DISPLAY")(graphic(ds)),
    ),
    Mutation("gsps: three dimensions", "PS3.3 C.10.5", GSPS, lambda ds: put("GraphicDimensions", 3)(graphic(ds))),
    Mutation("gsps: box off by the image's width", "PS3.3 C.10.5", GSPS, lambda ds: move(graphic(ds), 400, 0)),
    Mutation("gsps: box not closed", "PS3.3 C.10.5.1.1", GSPS, lambda ds: open_up(graphic(ds))),
    Mutation(
        "gsps: coordinate that is no number",
        "PS3.5 6.2",
        GSPS,
        lambda ds: put("GraphicData", [float("nan"), *list(graphic(ds).GraphicData)[1:]])(graphic(ds)),
    ),
    Mutation(
        "gsps: closed and not said whether filled",
        "PS3.3 C.10.5, type 1C",
        GSPS,
        lambda ds: put("GraphicFilled", None)(graphic(ds)),
    ),
    Mutation("gsps: two boxes with one Tracking UID", "PS3.3 C.10.5", GSPS, one_tracking_uid),
    Mutation(
        "gsps: Tracking ID without UID", "PS3.3 C.10.5, type 1C", GSPS, lambda ds: put("TrackingUID", None)(graphic(ds))
    ),
    Mutation("gsps: text without a place", "PS3.3 C.10.5.1.3", GSPS, no_place),
    Mutation("gsps: anchor outside the image", "PS3.3 C.10.5.1.3", GSPS, an_anchor_outside),
    Mutation(
        "gsps: text's box upside down",
        "PS3.3 C.10.5.1.3",
        GSPS,
        lambda ds: put("BoundingBoxTopLeftHandCorner", [300.0, 500.0])(words(ds, 1)),
    ),
    Mutation(
        "gsps: text's units gone",
        "PS3.3 C.10.5, type 1C",
        GSPS,
        lambda ds: put("BoundingBoxAnnotationUnits", None)(words(ds)),
    ),
    Mutation(
        "gsps: text empty", "PS3.3 C.10.5, type 1", GSPS, lambda ds: put("UnformattedTextValue", "")(words(ds, 1))
    ),
    Mutation(
        "gsps: a label gone",
        "results.md 5.2",
        GSPS,
        lambda ds: ds.GraphicAnnotationSequence[0].TextObjectSequence.pop(),
    ),
    Mutation(
        "gsps: a box gone",
        "results.md 5.2",
        GSPS,
        lambda ds: ds.GraphicAnnotationSequence[0].GraphicObjectSequence.pop(),
    ),
    Mutation("gsps: no text says AI, unverified", "results.md 5.2", GSPS, unsaid),
    Mutation("gsps: no displayed area", "PS3.3 C.10.4", GSPS, put("DisplayedAreaSelectionSequence", None)),
    Mutation(
        "gsps: displayed area outside the image",
        "PS3.3 C.10.4",
        GSPS,
        lambda ds: put("DisplayedAreaBottomRightHandCorner", [401, 512])(ds.DisplayedAreaSelectionSequence[0]),
    ),
    Mutation(
        "gsps: displayed area of a part",
        "results.md 5.2",
        GSPS,
        lambda ds: put("DisplayedAreaTopLeftHandCorner", [100, 100])(ds.DisplayedAreaSelectionSequence[0]),
    ),
    Mutation(
        "gsps: no size mode",
        "PS3.3 C.10.4, type 1",
        GSPS,
        lambda ds: put("PresentationSizeMode", None)(ds.DisplayedAreaSelectionSequence[0]),
    ),
    Mutation(
        "gsps: no aspect ratio",
        "PS3.3 C.10.4, type 1C",
        GSPS,
        lambda ds: put("PresentationPixelAspectRatio", None)(ds.DisplayedAreaSelectionSequence[0]),
    ),
    Mutation(
        "gsps: another aspect ratio",
        "PS3.3 C.10.4",
        GSPS,
        lambda ds: put("PresentationPixelAspectRatio", [2, 1])(ds.DisplayedAreaSelectionSequence[0]),
    ),
    Mutation("gsps: rotation without flip", "PS3.3 C.10.6; DCMTK refuses", GSPS, put("ImageRotation", 90)),
    Mutation("gsps: image listed twice", "PS3.3 C.11.11", GSPS, image_twice),
    Mutation(
        "gsps: another series",
        "PS3.3 C.11.11",
        GSPS,
        lambda ds: put("SeriesInstanceUID", "1.2.3")(ds.ReferencedSeriesSequence[0]),
    ),
    Mutation("gsps: relationship gone", "PS3.3 C.11.11, type 1", GSPS, put("ReferencedSeriesSequence", None)),
    Mutation("gsps: inverts the image", "PS3.4 N.2.1.4", GSPS, put("PresentationLUTShape", "INVERSE")),
    Mutation("gsps: Presentation LUT Shape gone", "PS3.3 C.11.6, type 1C", GSPS, put("PresentationLUTShape", None)),
    Mutation("gsps: window gone", "results.md 5.2", GSPS, put("SoftcopyVOILUTSequence", None)),
    Mutation(
        "gsps: another window",
        "results.md 5.2",
        GSPS,
        lambda ds: put("WindowWidth", "400")(ds.SoftcopyVOILUTSequence[0]),
    ),
    Mutation(
        "gsps: window of no width",
        "PS3.3 C.11.2.1.2",
        GSPS,
        lambda ds: put("WindowWidth", "0")(ds.SoftcopyVOILUTSequence[0]),
    ),
    Mutation("gsps: another rescale", "PS3.3 C.11.1", GSPS, put("RescaleSlope", "2")),
    Mutation("gsps: slope without type", "PS3.3 C.11.1, type 1C", GSPS, put("RescaleType", None)),
    Mutation(
        "gsps: rescale gone",
        "PS3.3 C.11.1",
        GSPS,
        lambda ds: [put(name, None)(ds) for name in ("RescaleSlope", "RescaleIntercept", "RescaleType")] and None,
    ),
    Mutation(
        "gsps: boxes named in another order",
        "results.md 5.2",
        GSPS,
        lambda ds: put("TrackingID", "lesion 2")(graphic(ds)),
    ),
    Mutation(
        "gsps: layer that does not say AI",
        "results.md 5.2",
        GSPS,
        lambda ds: put("GraphicLayerDescription", "Marks")(ds.GraphicLayerSequence[0]),
    ),
    Mutation("gsps: another rescale type", "PS3.3 C.11.1", GSPS, put("RescaleType", "HU")),
    Mutation("gsps: an image twice in an annotation", "PS3.3 C.10.5", GSPS, annotated_twice),
    Mutation("gsps: label in lower case", "PS3.3 C.11.10", GSPS, put("ContentLabel", "ai unverified")),
    Mutation("gsps: label gone", "PS3.3 C.11.10, type 1", GSPS, put("ContentLabel", None)),
    Mutation("gsps: no creator", "PS3.3 C.11.10, type 2", GSPS, put("ContentCreatorName", None)),
    Mutation("gsps: no creation date", "PS3.3 C.11.10, type 1", GSPS, put("PresentationCreationDate", None)),
    Mutation(
        "gsps: shutter that the image has not",
        "PS3.3 C.11.12",
        GSPS,
        lambda ds: (
            [
                put(name, value)(ds)
                for name, value in (
                    ("ShutterShape", "RECTANGULAR"),
                    ("ShutterLeftVerticalEdge", 50),
                    ("ShutterRightVerticalEdge", 99),
                    ("ShutterUpperHorizontalEdge", 50),
                    ("ShutterLowerHorizontalEdge", 99),
                    ("ShutterPresentationValue", 0),
                )
            ]
            and None
        ),
    ),
    Mutation(
        "gsps: annotation of no image",
        "PS3.3 C.10.5",
        GSPS,
        lambda ds: put("ReferencedImageSequence", Sequence([Dataset()]))(ds.GraphicAnnotationSequence[0]),
    ),
)
