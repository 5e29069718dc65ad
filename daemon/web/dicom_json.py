"""A data set in the DICOM JSON Model (PS3.18 Annex F), large values as references to bulk data (F.2.6, 8.7.3.2).

A header is taken as it came from whoever made it: an attribute whose value cannot be read, or has no place in JSON, is
left out, and the others are told.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.filewriter import correct_ambiguous_vr_element
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.valuerep import VR, PersonName

BULK_ABOVE = 1024  # bytes
_BINARY = frozenset({VR.OB, VR.OD, VR.OF, VR.OL, VR.OV, VR.OW, VR.UN})
_INTEGERS = frozenset({VR.IS, VR.SL, VR.SS, VR.SV, VR.UL, VR.US, VR.UV})
_FLOATS = frozenset({VR.DS, VR.FD, VR.FL})
_CHARACTER_SET = 0x00080005
_COMPONENT_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")

Json = dict[str, Any]
BulkUri = Callable[[str], str]  # of a path such as 00880200/1/00281201: tags, and item numbers from 1


def dataset_json(ds: Dataset, bulk_uri: BulkUri, path: str = "") -> Json:
    """The model of `ds`; `path` is that of the item, with a slash at its end, "" for the data set itself."""
    model: Json = {}
    for tag in sorted(ds.keys()):
        if tag.element == 0 or tag.group <= 2:  # group lengths and file meta information are not told
            continue
        try:
            model[key_of(tag)] = _element(ds, tag, bulk_uri, path + key_of(tag))
        except Exception:  # noqa: BLE001  pydicom has no closed set of errors for broken values
            continue
    return model


def encoded(model: object) -> bytes:
    """JSON in UTF-8; a character that has no place there becomes a question mark."""
    return json.dumps(model, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def key_of(tag: BaseTag) -> str:
    """GGGGEEEE."""
    return f"{int(tag):08X}"


def _element(ds: Dataset, tag: BaseTag, bulk_uri: BulkUri, path: str) -> Json:
    element = ds[tag]
    if " or " in element.VR:  # read as Implicit VR: what it is depends on others
        correct_ambiguous_vr_element(element, ds, True)  # in place
    vr = str(element.VR)
    if vr == VR.SQ:
        items = [dataset_json(item, bulk_uri, f"{path}/{number}/") for number, item in enumerate(element.value, 1)]
        return {"vr": vr, "Value": items} if items else {"vr": vr}
    if tag == _CHARACTER_SET:
        return {"vr": "CS", "Value": ["ISO_IR 192"]}  # F.2.2: JSON is in UTF-8
    if element.VM == 0 or element.value in (None, "", b""):
        return {"vr": vr}
    if vr in _BINARY:
        return {"vr": vr} | _binary(element, bulk_uri, path)
    values = list(element.value) if isinstance(element.value, MultiValue | list | tuple) else [element.value]
    return {"vr": vr, "Value": [_value(vr, value) for value in values]}


def _binary(element: DataElement, bulk_uri: BulkUri, path: str) -> Json:
    content = element.value
    if not isinstance(content, bytes):
        raise TypeError("not bytes")
    if len(content) > BULK_ABOVE:
        return {"BulkDataURI": bulk_uri(path)}
    return {"InlineBinary": base64.b64encode(content).decode("ascii")}


def _value(vr: str, value: Any) -> Any:
    if vr == VR.PN:
        groups = PersonName(value).components
        named = zip(_COMPONENT_GROUPS, groups, strict=False)
        return {name: group for name, group in named if group} or None
    if value is None or value == "":
        return None
    if vr in _INTEGERS:
        return int(value)
    if vr in _FLOATS:
        return float(value) if math.isfinite(value) else None
    if vr == VR.AT:
        return f"{int(value):08X}"
    return str(value)
