"""Fifty radiographs of odd kinds, each legal enough to come from a hospital: what every form must be made of.

PS3.3 C.7.6.3 (depth, photometric interpretation), C.10.7 (spacing), C.11.1 and C.11.2 (Modality and VOI LUT), C.7.6.11
(shutter), C.9.2 (overlay), C.12.1.1.2 (character sets; the names are those of PS3.5 Annexes H to K where it has one).
A row is what it adds to a plain film (builders.make_cxr); None takes an attribute away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset

from tests.support.builders import make_cxr, write

SMALL = {"rows": 160, "columns": 128}


def lut(entries: int, bits: int, top: int, **named: str) -> list[Dataset]:
    """A LUT sequence of one straight item; PS3.3 C.11.1.1."""
    item = Dataset()
    item.LUTDescriptor = [entries, 0, bits]
    item.LUTData = np.linspace(0, top, entries).astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    for keyword, value in named.items():
        setattr(item, keyword, value)
    return [item]


def coded(value: str, scheme: str, meaning: str) -> list[Dataset]:
    """A code sequence of one item."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return [item]


def ordered() -> list[Dataset]:
    """A Request Attributes Sequence of two items, the second with an accession number of its own."""
    first, second = Dataset(), Dataset()
    first.RequestedProcedureID, first.ScheduledProcedureStepID = "RP-7", "SPS-7"
    second.RequestedProcedureID, second.ScheduledProcedureStepID = "RP-8", "SPS-8"
    second.AccessionNumber = "ACC-8"
    return [first, second]


def overlay(rows: int, columns: int) -> Iterator[tuple[int, str, Any]]:
    """(element, VR, value) of one overlay plane, a bit for each pixel (C.9.2)."""
    plane = bytes(range(256)) * (rows * columns // 2048 + 1)
    yield from ((0x0010, "US", rows), (0x0011, "US", columns), (0x0040, "CS", "G"), (0x0050, "SS", [1, 1]))
    yield from ((0x0100, "US", 1), (0x0102, "US", 0), (0x3000, "OW", plane[: rows * columns // 16 * 2]))


CR: Mapping[str, Any] = {"sop_class": "CR"}
SC: Mapping[str, Any] = {"sop_class": "SC", "bits_stored": 8, "bits_allocated": 8}
# The DX IOD wants a Modality LUT or the identity rescale, never both (C.8.11.3.1).
NO_RESCALE = {"RescaleIntercept": None, "RescaleSlope": None, "RescaleType": None}
NO_WINDOW = {"WindowCenter": None, "WindowWidth": None}
NO_PATIENT = {
    "PatientAge": None,
    **dict.fromkeys(("PatientID", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime"), ""),
    "AccessionNumber": "",
}
LACKS_TYPE_2 = dict.fromkeys(
    (
        *("PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime"),
        *("AccessionNumber", "ReferringPhysicianName", "PatientOrientation"),
    )
)
RECTANGLE = {
    "ShutterShape": "RECTANGULAR",
    "ShutterLeftVerticalEdge": 5,
    "ShutterRightVerticalEdge": 120,
    "ShutterUpperHorizontalEdge": 7,
    "ShutterLowerHorizontalEdge": 150,
}

FILMS: Mapping[str, Mapping[str, Any]] = {
    # photometric interpretation, depth and sign
    "DX": {},
    "DX, MONOCHROME1": {"photometric": "MONOCHROME1"},
    "CR": CR,
    "CR, MONOCHROME1": {**CR, "photometric": "MONOCHROME1"},
    "SC": SC,
    "SC, MONOCHROME1": {**SC, "photometric": "MONOCHROME1"},
    "DX, 8 bit": {"bits_stored": 8, "bits_allocated": 8},
    "DX, 10 bit, MONOCHROME1": {"bits_stored": 10, "photometric": "MONOCHROME1"},
    "CR, 10 bit": {**CR, "bits_stored": 10},
    "CR, 14 bit, MONOCHROME1": {**CR, "bits_stored": 14, "photometric": "MONOCHROME1"},
    "DX, 14 bit": {"bits_stored": 14},
    "DX, 16 bit": {"bits_stored": 16},
    "CR, 16 bit, signed": {**CR, "bits_stored": 16, "signed": True},
    "DX, 12 bit, signed, MONOCHROME1": {"signed": True, "photometric": "MONOCHROME1"},
    "SC, 12 bit": {**SC, "bits_stored": 12, "bits_allocated": 16},
    # shape and spacing
    "DX, wide": {"rows": 120, "columns": 333},
    "DX, tall, odd numbers, MONOCHROME1": {"rows": 333, "columns": 121, "photometric": "MONOCHROME1"},
    "CR, small": {**CR, "rows": 64, "columns": 48},
    "DX, full size": {"rows": 2022, "columns": 2022},
    "CR, pixels that are not square": {**CR, "pixel_spacing": (0.2, 0.1)},
    "DX, pixels that are not square, MONOCHROME1": {"pixel_spacing": (0.1, 0.3), "photometric": "MONOCHROME1"},
    "CR without spacing": {**CR, "pixel_spacing": None},
    "CR without spacing, MONOCHROME1": {**CR, "pixel_spacing": None, "photometric": "MONOCHROME1"},
    "SC without spacing": {**SC, "pixel_spacing": None},
    "CR with a pixel aspect ratio and no spacing": {**CR, "pixel_spacing": None, "PixelAspectRatio": [2, 1]},
    # the patient's name
    "no name": {"patient_name": ""},
    "CR without the name": {**CR, "PatientName": None},
    "nothing known of the patient": {**CR, "patient_name": "", **NO_PATIENT},
    "Latin-1": {"SpecificCharacterSet": "ISO_IR 100", "patient_name": "Äneas^Rüdiger"},
    "Cyrillic": {"SpecificCharacterSet": "ISO_IR 144", "patient_name": "Люкс^Анна"},
    "Greek": {**CR, "SpecificCharacterSet": "ISO_IR 126", "patient_name": "Διον^Υσιος"},
    "Arabic": {"SpecificCharacterSet": "ISO_IR 127", "patient_name": "قباني^لنزار"},
    "Hebrew": {**SC, "SpecificCharacterSet": "ISO_IR 138", "patient_name": "שרון^דבורה"},
    "Japanese": {
        "SpecificCharacterSet": ["", "ISO 2022 IR 87"], "patient_name": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    },
    "Japanese, half width": {
        **CR, "SpecificCharacterSet": ["ISO 2022 IR 13", "ISO 2022 IR 87"],
        "patient_name": "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    },
    "Korean": {"SpecificCharacterSet": ["", "ISO 2022 IR 149"], "patient_name": "Hong^Gildong=洪^吉洞=홍^길동"},
    "Chinese, GB18030": {**CR, "SpecificCharacterSet": "GB18030", "patient_name": "Wang^XiaoDong=王^小东"},
    "Chinese, UTF-8, five components": {"patient_name": "Wang^Xiao^Dong^Dr^II=王^小^東"},
    "ASCII, no character set": {"SpecificCharacterSet": None},
    # what the header does not say
    "CR without orientation, view and window": {**CR, "PatientOrientation": None, "ViewPosition": None, **NO_WINDOW},
    "SC with an empty orientation": {**SC, "PatientOrientation": ""},
    "CR without type 2 attributes": {**CR, **LACKS_TYPE_2},
    # how it is shown
    "CR, Modality LUT": {
        **CR, **NO_RESCALE, "ModalityLUTSequence": lut(4096, 16, 65535, ModalityLUTType="US"), "bits_stored": 12,
    },
    "CR, VOI LUT": {**CR, "VOILUTSequence": lut(4096, 16, 65535, LUTExplanation="CHEST")},
    "DX, several windows": {
        "WindowCenter": [2048, 1500, 3000], "WindowWidth": [4096, 900, 700],
        "WindowCenterWidthExplanation": ["NORMAL", "SOFT", "HARD"],
    },
    "DX, SIGMOID": {"VOILUTFunction": "SIGMOID", "photometric": "MONOCHROME1"},
    "DX, rectangular shutter": RECTANGLE,
    "CR, circular shutter": {
        **CR, "ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [80, 64], "RadiusOfCircularShutter": 90,
    },
    "CR, overlay": CR,
    "DX, an order, a time zone, AP": {
        "view": "AP", "TimezoneOffsetFromUTC": "+0545", "RequestAttributesSequence": ordered(),
        "ProcedureCodeSequence": coded("36643-5", "LN", "XR Chest 2 Views"),
    },
}  # fmt: skip


def make_odd(name: str, **more: Any) -> Dataset:
    """The film of a row, with `more` on top; with an overlay plane where its name says so."""
    ds = make_cxr(**{**SMALL, **FILMS[name], **more})
    if name.endswith("overlay"):
        for element, vr, value in overlay(ds.Rows, ds.Columns):
            ds.add_new((0x6000, element), vr, value)
    return ds


def write_odd(name: str, path: Path, **more: Any) -> Path:
    """The film of a row as a file."""
    return write(make_odd(name, **more), path)
