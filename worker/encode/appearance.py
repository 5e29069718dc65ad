"""What else of an image's look a GSPS must repeat, or it is lost when the GSPS is applied: shutter and overlays.

PS3.3 C.7.6.11 Display Shutter, C.11.12 Presentation State Shutter, C.11.7 Overlay Activation. Collimator edges
left unshuttered glare, and the side marker of some devices is an overlay.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from worker.encode.reading import decimals, texts
from worker.encode.source import Source

OVERLAY_LAYER = "IMAGE_OVERLAY"

# C.7.6.11: what each shape needs, and with how many values (0: any even number from six on)
_SHUTTERS: Mapping[str, Mapping[str, int]] = {
    "RECTANGULAR": {
        "ShutterLeftVerticalEdge": 1,
        "ShutterRightVerticalEdge": 1,
        "ShutterUpperHorizontalEdge": 1,
        "ShutterLowerHorizontalEdge": 1,
    },
    "CIRCULAR": {"CenterOfCircularShutter": 2, "RadiusOfCircularShutter": 1},
    "POLYGONAL": {"VerticesOfThePolygonalShutter": 0},
}


def copy_shutter(ds: Dataset, source: Source) -> None:
    """Copy the image's shutter, black, when it is complete; an incomplete one is no shutter."""
    shapes = texts(source.header, "ShutterShape")
    values: dict[str, list[int]] = {}
    for shape in shapes:
        for keyword, count in _SHUTTERS.get(shape, {"ShutterShape": 1}).items():
            numbers = [int(number) for number in decimals(source.header, keyword)]
            if len(numbers) != count and (count or len(numbers) < 6 or len(numbers) % 2):
                return
            values[keyword] = numbers
    if not values:
        return
    ds.ShutterShape = list(shapes)
    for keyword, numbers in values.items():
        setattr(ds, keyword, numbers if len(numbers) > 1 else numbers[0])
    ds.ShutterPresentationValue = 0


def activate_overlays(ds: Dataset, source: Source) -> bool:
    """Show the image's own overlay planes, each in OVERLAY_LAYER; whether it has any."""
    groups = [group for group in range(0x6000, 0x6020, 2) if Tag(group, 0x3000) in source.header]
    for group in groups:
        tag = Tag(group, 0x1001)
        ds[tag] = DataElement(tag, "CS", OVERLAY_LAYER)
    return bool(groups)
