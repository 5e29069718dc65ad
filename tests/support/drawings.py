"""Presentation states made by hand, and what is found in a picture by looking at it: nothing here asks the renderer."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from model.findings import Box
from tests.support.builders import make_cxr
from tests.support.reports import digest_of, make_findings, make_request, one, reread
from worker.encode import SourceImage

Picture = NDArray[np.uint8]
Span = tuple[float, float, float, float]


def file_of(ds: Dataset) -> bytes:
    """The data set as a PS3.10 file."""
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def whole(file: bytes) -> Dataset:
    """A file's data set with its pixels."""
    return dcmread(BytesIO(file))


def make_film(levels: Any = None, **film: Any) -> Dataset:
    """A film, written and read back; levels: its stored values [rows][columns], 8 bits."""
    if levels is not None:
        film = {"pixels": np.asarray(levels, dtype=np.int64), "bits_stored": 8, "bits_allocated": 8} | film
    return whole(file_of(make_cxr(**film)))


def make_state(image: Dataset, **attributes: Any) -> Dataset:
    """A GSPS of one image, pixel for pixel (MAGNIFY 1.0), that states nothing but what it is given."""
    state, reference, area, series = Dataset(), Dataset(), Dataset(), Dataset()
    state.SOPClassUID, state.SOPInstanceUID = GrayscaleSoftcopyPresentationStateStorage, "2.25.77"
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    series.SeriesInstanceUID, series.ReferencedImageSequence = image.SeriesInstanceUID, Sequence([reference])
    state.ReferencedSeriesSequence = Sequence([series])
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [image.Columns, image.Rows]
    area.PresentationSizeMode, area.PresentationPixelMagnificationRatio = "MAGNIFY", 1.0
    area.PresentationPixelAspectRatio = [1, 1]
    state.DisplayedAreaSelectionSequence = Sequence([area])
    state.PresentationLUTShape = "IDENTITY"
    for keyword, value in attributes.items():
        setattr(state, keyword, value)
    return state


def window(centre: float, width: float, **attributes: Any) -> Sequence:
    """A Softcopy VOI LUT Sequence with one window."""
    item = Dataset()
    item.WindowCenter, item.WindowWidth = centre, width
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return Sequence([item])


def lut(entries: Any, bits: int, first: int = 0) -> Dataset:
    """An item with LUT Descriptor and LUT Data."""
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries) % 65536, first, bits])
    item.add_new("LUTData", "OW", np.asarray(entries, dtype="<u2").tobytes())
    return item


def graphic(kind: str, *points: float, units: str = "PIXEL", filled: str = "N") -> Dataset:
    """A Graphic Object Sequence item."""
    item = Dataset()
    item.GraphicAnnotationUnits, item.GraphicDimensions, item.GraphicType = units, 2, kind
    item.NumberOfGraphicPoints, item.GraphicData, item.GraphicFilled = len(points) // 2, list(points), filled
    return item


def words(value: str, box: Box, units: str = "PIXEL", align: str = "LEFT") -> Dataset:
    """A Text Object Sequence item in a bounding box."""
    item = Dataset()
    item.UnformattedTextValue, item.BoundingBoxAnnotationUnits = value, units
    item.BoundingBoxTopLeftHandCorner, item.BoundingBoxBottomRightHandCorner = list(box[:2]), list(box[2:])
    item.BoundingBoxTextHorizontalJustification = align
    return item


def annotated(state: Dataset, *objects: Dataset, layer: str = "MARKS", order: int = 1, **colour: Any) -> Dataset:
    """The state with one more layer and these graphics and texts in it."""
    declared, annotation = Dataset(), Dataset()
    declared.GraphicLayer, declared.GraphicLayerOrder = layer, order
    for keyword, value in colour.items():
        setattr(declared, f"GraphicLayerRecommendedDisplay{keyword}Value", value)
    annotation.GraphicLayer = layer
    annotation.GraphicObjectSequence = Sequence(o for o in objects if "GraphicType" in o)
    annotation.TextObjectSequence = Sequence(o for o in objects if "UnformattedTextValue" in o)
    state.GraphicLayerSequence = Sequence([*state.get("GraphicLayerSequence", []), declared])
    state.GraphicAnnotationSequence = Sequence([*state.get("GraphicAnnotationSequence", []), annotation])
    return state


def encoded(film: Dataset, kind: str, *boxes: Box, profile: str = "air", marking: bool = True) -> Dataset:
    """Our own result on the film, with a nodule in each box, written and read back."""
    header = reread(file_of(film))
    found = make_findings(*boxes, width=int(film.Columns), height=int(film.Rows))
    return whole(one(make_request(SourceImage(header, digest_of(header), found)), kind, profile, marking).to_bytes())


def turn(state: Dataset, degrees: int, flip: str, columns: int, rows: int) -> None:
    """Rotate and flip the whole image: the displayed area's corners are those after the transformation."""
    state.ImageRotation, state.ImageHorizontalFlip = degrees, flip
    corners = [(1, 1), (columns, 1), (columns, rows), (1, rows)]  # clockwise
    first = -degrees // 90
    top_left, top_right, bottom_right, bottom_left = (corners[(first + n) % 4] for n in range(4))
    if flip == "Y":
        top_left, bottom_right = top_right, bottom_left
    area = state.DisplayedAreaSelectionSequence[0]
    area.DisplayedAreaTopLeftHandCorner = list(top_left)
    area.DisplayedAreaBottomRightHandCorner = list(bottom_right)


def amber(picture: Picture) -> NDArray[np.bool_]:
    """Where the colour of our marks is, [H, W]: much red, three quarters of it green, little blue."""
    red, green, blue = (picture[..., channel].astype(int) for channel in range(3))
    return (red > 190) & (abs(green - 0.75 * red) < 45) & (blue < 0.55 * red)


def lines(on: NDArray[np.bool_], least: int = 30) -> tuple[list[float], list[float]]:
    """(rows, columns) at which straight lines of more than `least` pixels run: the middle of each line's width."""
    return _middles(_longest_run(on) > least), _middles(_longest_run(on.T) > least)


def box_in(on: NDArray[np.bool_], least: int = 30) -> Span:
    """The one rectangle of lines, (x0, y0, x1, y1)."""
    rows, columns = lines(on, least)
    assert len(rows) == 2 and len(columns) == 2, f"not one box: rows {rows}, columns {columns}"
    return columns[0], rows[0], columns[1], rows[1]


def fitted(ours: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """Scale and offset that take our lines to theirs, and the largest miss in their pixels."""
    assert len(ours) == len(theirs), f"{ours} against {theirs}"
    scale, offset = np.polyfit(ours, theirs, 1)
    return float(scale), float(offset), float(np.abs(np.array(ours) * scale + offset - theirs).max())


def _longest_run(on: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The longest run of True in each row."""
    best, current = np.zeros(len(on), dtype=np.int64), np.zeros(len(on), dtype=np.int64)
    for column in on.T:
        current = np.where(column, current + 1, 0)
        best = np.maximum(best, current)
    return best


def _middles(on: NDArray[np.bool_]) -> list[float]:
    at = np.flatnonzero(on)
    groups = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if len(at) else []
    return [float(group[0] + group[-1] + 1) / 2 for group in groups]
