"""A Secondary Capture: an 8-bit picture of a film with the result burned in (PS3.3 A.8.1, C.7.6.1, C.7.6.3, C.8.6)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from daemon.conform.fault import Fault
from daemon.conform.forms import SECONDARY_CAPTURE
from daemon.conform.report_words import is_statement
from daemon.conform.subject import Subject
from daemon.conform.view import Item

# What an 8-bit grey picture of one frame says (C.7.6.3.1)
_GREY: Mapping[str, float] = {
    "SamplesPerPixel": 1, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0
}  # fmt: skip
_CONVERSIONS = ("DV", "DI", "DF", "WSD", "SD", "SI", "DRW", "SYN")  # C.8.6.1
_BRIGHT, _DARK = 180, 60  # of the letters of the banner and what is behind them
_BANNER_ROWS = 40
_SIDES = ("Rows", "Columns")
_LARGEST = 20  # times the film's longer side: a long reason why there is no result takes many lines


def capture(subject: Subject) -> Iterator[Fault]:
    """The picture's format and what is said of it."""
    if subject.sop_class_uid != SECONDARY_CAPTURE:
        return
    root = subject.root
    for name, value in _GREY.items():
        if root.number(name) != value:
            yield Fault("sc-pixel-format", name, f"not {value:g}")
    if root.text("PhotometricInterpretation") != "MONOCHROME2":
        yield Fault("sc-pixel-format", "PhotometricInterpretation", "not MONOCHROME2")
    if root.texts("ImageType")[:2] != ["DERIVED", "SECONDARY"]:
        yield Fault("sc-image-type", "ImageType", "not DERIVED\\SECONDARY")
    if root.text("ConversionType") not in _CONVERSIONS:
        yield Fault("sc-conversion", "ConversionType", "no term of C.8.6.1")
    if root.text("BurnedInAnnotation") != "YES":
        yield Fault("sc-burned-in", "BurnedInAnnotation", "not YES, though the result is burned in")
    for name in ("ImageComments", "DerivationDescription"):
        if subject.ours and not is_statement(root.whole(name)):
            yield Fault("statement", name, "does not say that this is AI and unverified")
    yield from _picture(subject)
    yield from _window(root)
    yield from _source(subject)


def _picture(subject: Subject) -> Iterator[Fault]:
    root = subject.root
    rows, columns = root.number("Rows"), root.number("Columns")
    if not (rows > 0 and columns > 0):
        yield Fault("sc-pixels", "Rows", "no size")
        return
    pixels = root.attributes["PixelData"].value if "PixelData" in root else b""
    size = int(rows * columns)
    if len(pixels) != size + size % 2:
        yield Fault("sc-pixels", "PixelData", f"{len(pixels)} bytes, not Rows x Columns")
        return
    top = int(min(rows, max(_BANNER_ROWS, max(rows, columns) / 20)))  # letters grow with the film
    band = pixels[: int(columns) * top]
    if subject.ours and not (max(band) >= _BRIGHT and min(band) <= _DARK):
        yield Fault("sc-banner", "PixelData", "nothing is written at the top of the picture")


def _window(root: Item) -> Iterator[Fault]:
    """C.11.2: what is burned in must be seen: the window, if any, is the identity."""
    window = root.number("WindowCenter"), root.number("WindowWidth")
    if ("WindowWidth" in root or "WindowCenter" in root) and window != (128, 256):
        yield Fault("sc-window", "WindowWidth", "not the identity on 0 to 255")
    for name in ("RescaleSlope", "RescaleIntercept", "VOILUTSequence", "ModalityLUTSequence"):
        if name in root:
            yield Fault("sc-window", name, "the picture is to be shown as it is")


def _source(subject: Subject) -> Iterator[Fault]:
    """C.7.6.1: the one image that it is of, and how it lies in it."""
    root = subject.root
    named = root.items("SourceImageSequence")
    if len(named) != 1 and subject.ours:
        yield Fault("sc-source", "SourceImageSequence", "not one source image")
    for item in named:
        if subject.ours and not item.items("PurposeOfReferenceCodeSequence"):
            yield Fault("sc-source", item.where("PurposeOfReferenceCodeSequence"), "absent or empty")
        source = subject.sources.get(item.text("ReferencedSOPInstanceUID"))
        if source is None:
            continue
        if root.texts("PatientOrientation") != ([] if _without_film(root) else usable_orientation(source)):
            yield Fault("sc-orientation", "PatientOrientation", "not the source image's")
        yield from _as_large(root, source)
        lossy = source.text("LossyImageCompression")
        if lossy == "01" and root.text("LossyImageCompression") != "01" and not _without_film(root):
            yield Fault("sc-lossy", "LossyImageCompression", "once lossy, always lossy (C.7.6.1.1.5)")
    spacing = root.numbers("PixelSpacing")
    if "PixelSpacing" in root and not (len(spacing) == 2 and all(0 < number < math.inf for number in spacing)):
        yield Fault("sc-spacing", "PixelSpacing", "not two positive numbers")
    if root.has("PixelSpacingCalibrationType") and not root.has("PixelSpacingCalibrationDescription"):
        yield Fault("sc-spacing", "PixelSpacingCalibrationDescription", "absent beside the calibration's type (10.7.1)")


def usable_orientation(source: Item) -> list[str]:
    """Patient Orientation where it is two directions (C.7.6.1.1.1), else []."""
    stated = source.texts("PatientOrientation")
    usable = len(stated) == 2 and all(each and set(each) <= set("APRLHF") for each in stated)
    return stated if usable else []


def _as_large(root: Item, source: Item) -> Iterator[Fault]:
    """The film is 1:1 or scaled, with a band above it and margins: in mm, no smaller and not much larger.

    Band and margins grow with the film's longer side, so a strip of a film has a picture many times its width.
    """
    ours, theirs = root.numbers("PixelSpacing"), source.numbers("PixelSpacing")
    if len(ours) == 2 and len(theirs) == 2 and min(theirs) > 0:
        sizes = [source.number(name) * theirs[place] for place, name in enumerate(_SIDES)]
        for place, name in enumerate(_SIDES):
            if min(sizes) > 0 and not 0.98 * sizes[place] <= root.number(name) * ours[place] <= _LARGEST * max(sizes):
                yield Fault("sc-spacing", "PixelSpacing", f"{name} are not as long as the source image's")


def _without_film(root: Item) -> bool:
    """Whether the picture says that it holds no pixels of the film."""
    return "no pixels" in root.whole("DerivationDescription")
