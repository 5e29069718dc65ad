"""The grey pipeline of a GSPS: what the image itself says, repeated, so that applying the GSPS changes no grey value.

PS3.3 C.11.1 Modality LUT, C.11.8 Softcopy VOI LUT, C.11.6 Softcopy Presentation LUT; PS3.4 N.2.1. A GSPS replaces the
image's own transformations, Photometric Interpretation included, so each must be said again.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence as AnySequence

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from worker.encode.carry import keep_raw
from worker.encode.header import plain
from worker.encode.reading import decimals, element, items, tag_of, text, texts, unsigned
from worker.encode.request import SourceImage
from worker.encode.source import Source

_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")  # C.11.2.1.3


def grey_pipeline(ds: Dataset, image: SourceImage, reference: Dataset) -> None:
    """Add the Modality LUT, VOI LUT and Presentation LUT modules for `image`."""
    source = Source(image.header)
    _modality(ds, source)
    voi = _voi_lut(source) or _window(source) or _range_window(image)
    if voi is not None:
        voi.ReferencedImageSequence = Sequence([reference])
        ds.SoftcopyVOILUTSequence = Sequence([voi])
    ds.PresentationLUTShape = "INVERSE" if source.inverted else "IDENTITY"


def _modality(ds: Dataset, source: Source) -> None:
    """C.11.1: the sequence, or rescale; neither when the image has neither."""
    lut = _lut(source, "ModalityLUTSequence")
    if lut is not None:
        found = items(source.header, "ModalityLUTSequence")[0]
        lut.ModalityLUTType = plain(text(found, "ModalityLUTType"), 64) or "US"
        ds.ModalityLUTSequence = Sequence([lut])
        return
    if decimals(source.header, "RescaleSlope") and decimals(source.header, "RescaleIntercept"):
        ds.RescaleIntercept = _decimal(source.header, "RescaleIntercept")
        ds.RescaleSlope = _decimal(source.header, "RescaleSlope")
        ds.RescaleType = plain(text(source.header, "RescaleType"), 64) or "US"


def _voi_lut(source: Source) -> Dataset | None:
    """The image's first VOI LUT; a GSPS holds one (C.11.8). It is preferred to a window, which then approximates it."""
    lut = _lut(source, "VOILUTSequence")
    if lut is None:
        return None
    voi = Dataset()
    voi.VOILUTSequence = Sequence([lut])
    return voi


def _window(source: Source) -> Dataset | None:
    """The image's first window, in its own decimal strings."""
    widths, centres = decimals(source.header, "WindowWidth"), decimals(source.header, "WindowCenter")
    function = text(source.header, "VOILUTFunction")
    function = function if function in _FUNCTIONS else "LINEAR"
    least = 1.0 if function == "LINEAR" else 0.0  # C.11.2.1.2: at least 1, or above 0
    if not widths or not centres or widths[0] < least or widths[0] <= 0:
        return None
    voi = Dataset()
    voi.WindowCenter, voi.WindowWidth = _decimal(source.header, "WindowCenter"), _decimal(source.header, "WindowWidth")
    explanation = plain(text(source.header, "WindowCenterWidthExplanation"), 64)
    if explanation:
        voi.WindowCenterWidthExplanation = explanation
    if function != "LINEAR":
        voi.VOILUTFunction = function
    return voi


def _range_window(image: SourceImage) -> Dataset | None:
    """The picture's own range as a window for an image that states none.

    Without one the standard shows the whole range that the bits could hold, which leaves a 12-bit picture in 16 bits
    nearly black; every viewer stretches such a picture itself, until a GSPS tells it not to.
    """
    if image.modality_range is None:
        return None
    low, high = image.modality_range
    if not high > low:
        return None
    voi = Dataset()
    # C.11.2.1.2.1 LINEAR maps centre - 0.5 - (width - 1) / 2 to black and centre - 0.5 + (width - 1) / 2 to white
    voi.WindowCenter, voi.WindowWidth = f"{(low + high + 1) / 2:.10g}", f"{high - low + 1:.10g}"
    return voi


def _lut(source: Source, keyword: str) -> Dataset | None:
    """The first item of a LUT sequence with descriptor, data and explanation; None unless they fit (C.11.1.1)."""
    found = next(iter(items(source.header, keyword)), None)
    if found is None:
        return None
    descriptor, data = _words(found, "LUTDescriptor"), _words(found, "LUTData")
    if len(descriptor) != 3 or descriptor[2] not in range(8, 17):
        return None
    entries = descriptor[0] or 2**16
    if len(data) * 2 in (entries, entries + 1) and descriptor[2] == 8:  # two 8-bit entries to a word
        data = tuple(byte for word in data for byte in (word & 0xFF, word >> 8))[:entries]
    if len(data) != entries:
        return None
    # The second word is in the type of the stored values, and a sequence in implicit VR does not say which that was.
    signed = unsigned(source.header, "PixelRepresentation") == 1
    lut, tag, words = Dataset(), tag_of("LUTDescriptor"), struct.pack("<3H", *descriptor)
    lut[tag] = RawDataElement(tag, "SS" if signed else "US", len(words), words, 0, False, True)
    explanation = plain(text(found, "LUTExplanation"), 64)
    if explanation:
        lut.LUTExplanation = explanation
    lut[tag_of("LUTData")] = DataElement(tag_of("LUTData"), "OW", struct.pack(f"<{len(data)}H", *data))
    keep_raw(lut)
    return lut


def _words(item: Dataset, keyword: str) -> tuple[int, ...]:
    """The 16-bit words of a US, SS or OW attribute, unsigned."""
    found = element(item, keyword)
    if found is None or found.value is None:
        return ()
    value = found.value
    if isinstance(value, bytes):
        order = ">" if isinstance(found, RawDataElement) and not found.is_little_endian else "<"
        return struct.unpack(f"{order}{len(value) // 2}H", value[: len(value) // 2 * 2])
    many = value if isinstance(value, AnySequence) else [value]
    return tuple(int(word) & 0xFFFF for word in many)


def _decimal(header: Dataset, keyword: str) -> str:
    """The first value of a DS attribute, as the header spells it unless it is too long for DS (PS3.5 6.2)."""
    spelled = texts(header, keyword)[0]
    return spelled if len(spelled) <= 16 else f"{float(spelled):.9g}"
