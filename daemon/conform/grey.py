"""The grey pipeline and the shutter of a GSPS are the image's own, so that applying it changes no grey value.

PS3.3 C.11.1 Modality LUT, C.11.8 Softcopy VOI LUT, C.11.6 Softcopy Presentation LUT, C.11.12 Shutter; PS3.4 N.2.1. What
the image states illegally (a LUT that does not fit its descriptor, a window of no width) is as if it stated nothing.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping

from daemon.conform.fault import Fault
from daemon.conform.forms import GSPS
from daemon.conform.presentation import images_of
from daemon.conform.subject import Subject
from daemon.conform.view import Item

Lut = tuple[tuple[int, ...], tuple[int, ...]]  # descriptor words, entries
_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")  # C.11.2.1.3
# C.7.6.11
_SHUTTERS: Mapping[str, tuple[str, ...]] = {
    "RECTANGULAR": (
        *("ShutterLeftVerticalEdge", "ShutterRightVerticalEdge"),
        *("ShutterUpperHorizontalEdge", "ShutterLowerHorizontalEdge"),
    ),
    "CIRCULAR": ("CenterOfCircularShutter", "RadiusOfCircularShutter"),
    "POLYGONAL": ("VerticesOfThePolygonalShutter",),
}


def grey(subject: Subject) -> Iterator[Fault]:
    """The three steps from stored to displayed value, then the shutter."""
    if subject.sop_class_uid != GSPS:
        return
    root = subject.root
    shown = {uid for series in root.items("ReferencedSeriesSequence") for uid in images_of(series)}
    sources = [subject.sources[uid] for uid in sorted(shown) if uid in subject.sources]
    shape = root.text("PresentationLUTShape")
    if shape not in ("IDENTITY", "INVERSE"):
        yield Fault("gsps-lut-shape", "PresentationLUTShape", "neither IDENTITY nor INVERSE")
    yield from _rescale_alone(root)
    for source in sources:
        inverse = source.text("PhotometricInterpretation") == "MONOCHROME1"
        if shape != ("INVERSE" if inverse else "IDENTITY"):
            yield Fault("gsps-lut-shape", "PresentationLUTShape", "would invert the image")
        yield from _modality(root, source)
        yield from _shutter(root, source)
    yield from _voi(subject, root, shown)


def _rescale_alone(root: Item) -> Iterator[Fault]:
    rescale = [name in root for name in ("RescaleIntercept", "RescaleSlope", "RescaleType")]
    if any(rescale) and not (all(rescale) and root.has("RescaleType")):
        yield Fault("gsps-modality-lut", "RescaleSlope", "slope, intercept and type come together")
    if any(rescale) and "ModalityLUTSequence" in root:
        yield Fault("gsps-modality-lut", "ModalityLUTSequence", "beside a rescale")
    for lut in root.items("ModalityLUTSequence"):
        if not lut.has("ModalityLUTType") or lut_of(lut) is None:
            yield Fault("gsps-modality-lut", lut.path, "incomplete")


def _modality(root: Item, source: Item) -> Iterator[Fault]:
    if not _seen(source, "ModalityLUTSequence"):
        return
    theirs = _first_lut(source, "ModalityLUTSequence")
    names = ("RescaleSlope", "RescaleIntercept")
    stated = [source.numbers(name) for name in names]
    rescaled = all(stated) and all(math.isfinite(number) for numbers in stated for number in numbers)
    if theirs is not None:
        if _first_lut(root, "ModalityLUTSequence") != theirs:
            yield Fault("gsps-modality-lut", "ModalityLUTSequence", "not the image's Modality LUT")
    elif "ModalityLUTSequence" in root:
        yield Fault("gsps-modality-lut", "ModalityLUTSequence", "the image has no usable one")
    elif rescaled != all(name in root for name in names):
        yield Fault("gsps-modality-lut", "RescaleSlope", "absent where the image has one, or there where it has none")
    elif rescaled and _plain(source.text("RescaleType")) not in ("", root.text("RescaleType")):
        yield Fault("gsps-modality-lut", "RescaleType", "not the image's")
    elif rescaled and not all(
        _near(root.numbers(name), numbers[0]) for name, numbers in zip(names, stated, strict=True)
    ):
        yield Fault("gsps-modality-lut", "RescaleSlope", "not the image's slope and intercept")


def _voi(subject: Subject, root: Item, shown: set[str]) -> Iterator[Fault]:
    """C.11.8: one window or LUT for an image; the image's own where it has one."""
    told: list[str] = []
    for voi in root.items("SoftcopyVOILUTSequence"):
        uids = images_of(voi) or sorted(shown)
        told += uids
        window = voi.has("WindowCenter") and voi.has("WindowWidth")
        if window == ("VOILUTSequence" in voi):
            yield Fault("gsps-voi", voi.path, "one of window and LUT is due")
        width, function = voi.number("WindowWidth"), voi.text("VOILUTFunction") or "LINEAR"
        if window and (function not in _FUNCTIONS or not width >= (1 if function == "LINEAR" else 1e-300)):
            yield Fault("gsps-voi", voi.where("WindowWidth"), "no width, or no function of C.11.2.1.3")
        for uid in uids:
            if uid in subject.sources and not _is_own(voi, subject.sources[uid]):
                yield Fault("gsps-voi", voi.path, "not the image's own window or LUT")
    if len(set(told)) != len(told):
        yield Fault("gsps-voi", "SoftcopyVOILUTSequence", "two for one image")
    for uid in shown - set(told):
        if uid in subject.sources and (_window_of(subject.sources[uid]) or _lut_of_image(subject.sources[uid])):
            yield Fault("gsps-voi", "SoftcopyVOILUTSequence", "the image's window or LUT is left out")


def _is_own(voi: Item, source: Item) -> bool:
    theirs, window = _lut_of_image(source), _window_of(source)
    if not _seen(source, "VOILUTSequence"):
        return True
    if theirs is not None:
        return _first_lut(voi, "VOILUTSequence") == theirs
    if "VOILUTSequence" in voi:
        return False
    if window is None:
        return True  # the picture's own range, which only its pixels know
    same = _near(voi.numbers("WindowCenter"), window[0]) and _near(voi.numbers("WindowWidth"), window[1])
    return same and (voi.text("VOILUTFunction") or "LINEAR") == _function(source)


def _seen(source: Item, name: str) -> bool:
    """Whether an attribute of the image, if it is there, can be read: else there is nothing to hold ours against."""
    return name not in source or source.attributes[name].readable


def _window_of(source: Item) -> tuple[float, float] | None:
    """(centre, width) of the image's first usable window."""
    centres, widths = source.numbers("WindowCenter"), source.numbers("WindowWidth")
    if not centres or not widths or not all(map(math.isfinite, centres + widths)):
        return None
    usable = widths[0] >= 1 if _function(source) == "LINEAR" else widths[0] > 0
    return (centres[0], widths[0]) if usable else None


def _function(source: Item) -> str:
    stated = source.text("VOILUTFunction")
    return stated if stated in _FUNCTIONS else "LINEAR"


def _lut_of_image(source: Item) -> Lut | None:
    return _first_lut(source, "VOILUTSequence")


def _first_lut(item: Item, name: str) -> Lut | None:
    return next((lut_of(lut) for lut in item.items(name)), None)


def lut_of(lut: Item) -> Lut | None:
    """Descriptor and entries of a LUT item; None unless they fit (C.11.1.1). Entries of 8 bits may share a word."""
    descriptor, data = _words(lut, "LUTDescriptor"), _words(lut, "LUTData")
    if len(descriptor) != 3 or descriptor[2] not in range(8, 17):
        return None
    entries = descriptor[0] or 2**16
    if len(data) * 2 in (entries, entries + 1) and descriptor[2] == 8:
        data = tuple(byte for word in data for byte in (word & 0xFF, word >> 8))[:entries]
    return (descriptor, data) if len(data) == entries else None


def _words(item: Item, name: str) -> tuple[int, ...]:
    value = item.attributes[name].value if name in item else b""
    return struct.unpack(f"<{len(value) // 2}H", value[: len(value) // 2 * 2])


def _plain(stated: str) -> str:
    """A text of the image that can be repeated as it is; "" for one that cannot."""
    return stated if len(stated) <= 64 and stated.isascii() and stated.isprintable() else ""


def _near(ours: list[float], theirs: float) -> bool:
    """Whether one DS value is theirs; sixteen characters hold at least eight digits of any number."""
    return len(ours) == 1 and math.isclose(ours[0], theirs, rel_tol=1e-7, abs_tol=1e-12)


def _shutter(root: Item, source: Item) -> Iterator[Fault]:
    """C.7.6.11: each shape complete, as the image has it, and a grey value for what is shut out."""
    shapes = root.texts("ShutterShape")
    if shapes and not 0 <= root.number("ShutterPresentationValue") <= 65535:
        yield Fault("gsps-shutter", "ShutterPresentationValue", "absent")
    for shape in shapes:
        if shape not in _SHUTTERS:
            yield Fault("gsps-shutter", "ShutterShape", "no shape of C.7.6.11")
    for names in _SHUTTERS.values():
        for name in names:
            ours, theirs = root.numbers(name), [float(int(n)) for n in source.numbers(name) if math.isfinite(n)]
            if name in root and ours != theirs:
                yield Fault("gsps-shutter", name, "not the image's shutter")
    for shape in source.texts("ShutterShape"):
        complete = all(len(source.numbers(name)) == _count(name) for name in _SHUTTERS.get(shape, ("",)))
        alone = len(source.texts("ShutterShape")) == 1 and shape != "POLYGONAL"
        if alone and complete and shape not in shapes and _finite(source, _SHUTTERS.get(shape, ())):
            yield Fault("gsps-shutter", "ShutterShape", "the image's shutter is left out")
    for shape in shapes:
        if not all(root.has(name) for name in _SHUTTERS.get(shape, ())):
            yield Fault("gsps-shutter", "ShutterShape", f"{shape} without its edges")


def _count(name: str) -> int:
    return 2 if name == "CenterOfCircularShutter" else 1


def _finite(source: Item, names: tuple[str, ...]) -> bool:
    return all(math.isfinite(number) for name in names for number in source.numbers(name))
