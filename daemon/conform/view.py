"""A data set as the check reads it: every value as its bytes, nothing converted, the data set itself untouched.

pydicom converts an element when it is touched, warns then, with the value in the warning, and writes the converted one
afterwards. What is about to be sent must stay as it is, and a warning would hold patient data, so values are taken raw
(PS3.5 6.2) and read here. Nothing raises: what cannot be read is marked as such.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_keyword, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

BINARY = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "SV": "q", "UV": "Q"}
_NOT_TEXT = (*BINARY, "AT", "OB", "OD", "OF", "OL", "OV", "OW", "UN")
_AMBIGUOUS = {"US or SS": "US", "OB or OW": "OW", "US or OW": "US", "US or SS or OW": "US"}
_MAX_DEPTH = 40  # of sequences in sequences: TID 1500 takes eight


@dataclass(slots=True)
class Attribute:
    """One element. value: its bytes, b"" when empty; items: of a sequence. readable: False when it does not parse."""

    tag: int
    name: str
    vr: str
    value: bytes
    items: tuple[Item, ...] = ()
    readable: bool = True
    _texts: list[str] | None = None

    @property
    def empty(self) -> bool:
        """Whether it has no value (PS3.5 7.4)."""
        if self.vr == "SQ":
            return not self.items
        return not (self.value if self.vr in _NOT_TEXT else self.value.strip(b" \0"))

    @property
    def texts(self) -> list[str]:
        """The values of a text attribute, trimmed, read as Latin-1; [] when empty."""
        if self._texts is None:
            parts = [] if self.empty else self.value.decode("latin-1").split("\\")
            self._texts = [part.strip(" \0") for part in parts]
        return self._texts

    @property
    def numbers(self) -> list[float]:
        """The values as numbers; NaN for what is none."""
        code = BINARY.get(self.vr)
        if code:
            size = struct.calcsize(code)
            whole = self.value[: len(self.value) // size * size]
            return [float(value) for value in struct.unpack(f"<{len(whole) // size}{code}", whole)]
        return [_number(text) for text in self.texts]


@dataclass(slots=True)
class Item:
    """A data set or a sequence item. path: "" for the data set, else as in "ContentSequence[3]"."""

    path: str
    attributes: dict[str, Attribute] = field(default_factory=dict)
    _codes: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.attributes

    def where(self, name: str) -> str:
        """The path of one attribute of the item."""
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        """Whether the attribute is there with a value."""
        return name in self.attributes and not self.attributes[name].empty

    def text(self, name: str) -> str:
        """The attribute's first value as text, "" without one."""
        values = self.texts(name)
        return values[0] if values else ""

    def texts(self, name: str) -> list[str]:
        """The attribute's values as text."""
        return self.attributes[name].texts if name in self.attributes else []

    def whole(self, name: str) -> str:
        """The value of a text attribute in which a backslash is a character (ST, LT, UT)."""
        return self.attributes[name].value.decode("latin-1").strip(" \0") if name in self.attributes else ""

    def numbers(self, name: str) -> list[float]:
        """The attribute's values as numbers; NaN for what is none."""
        return self.attributes[name].numbers if name in self.attributes else []

    def number(self, name: str) -> float:
        """The attribute's one value as a number; NaN unless there is exactly one."""
        values = self.numbers(name)
        return values[0] if len(values) == 1 else math.nan

    def items(self, name: str) -> tuple[Item, ...]:
        """The items of a sequence, () when absent."""
        return self.attributes[name].items if name in self.attributes else ()

    def code(self, name: str) -> tuple[str, str]:
        """(value, scheme) of the first item of a code sequence; ("", "") without one."""
        if name not in self._codes:
            first = next(iter(self.items(name)), Item(""))
            value = first.text("CodeValue") or first.text("LongCodeValue") or first.text("URNCodeValue")
            self._codes[name] = value, first.text("CodingSchemeDesignator")
        return self._codes[name]

    def walk(self) -> Iterator[tuple[Item, Attribute]]:
        """Every attribute at every depth with the item that holds it."""
        for attribute in self.attributes.values():
            yield self, attribute
            for item in attribute.items:
                yield from item.walk()


def view(ds: Dataset) -> Item:
    """The view of a data set."""
    return _view(ds, "", _encodings(ds), 0)


def _view(ds: Dataset, path: str, encodings: list[str], depth: int) -> Item:
    item = Item(path)
    for tag in sorted(ds.keys()):
        attribute = _attribute(ds, tag, item, encodings, depth)
        item.attributes[attribute.name] = attribute
    return item


def _attribute(ds: Dataset, tag: BaseTag, item: Item, encodings: list[str], depth: int) -> Attribute:
    name = _keyword(tag)
    if not name or name in item.attributes:  # private, or the second of a repeating group
        name = f"({tag.group:04X},{tag.elem:04X})"
    made = Attribute(int(tag), name, "UN", b"")
    try:
        found = ds.get_item(tag, keep_deferred=True)
        vr = found.VR or _vr(tag)
        made.vr = _AMBIGUOUS.get(vr, vr)
        if made.vr == "SQ":
            if depth >= _MAX_DEPTH:
                raise ValueError("sequences too deep")
            made.items = _items(found, item.where(name), encodings, depth)
        elif isinstance(found, RawDataElement):
            if found.value is None and found.length:
                raise ValueError("the value was left on disk")
            made.value = found.value or b""
            if not found.is_little_endian and made.vr in BINARY:
                made.value = _swapped(made.value, made.vr)
        else:
            made.value = _encoded(found, made.vr, encodings)
    except Exception:  # noqa: BLE001 - pydicom raises many kinds on broken elements; each means "cannot be read"
        made.readable = False
    return made


def _items(found: DataElement | RawDataElement, path: str, encodings: list[str], depth: int) -> tuple[Item, ...]:
    value = convert_raw_data_element(found, encoding=encodings).value if isinstance(found, RawDataElement) else None
    sequence = found.value if value is None else value
    datasets = sequence if isinstance(sequence, Sequence) else ()
    return tuple(_view(each, f"{path}[{number}]", encodings, depth + 1) for number, each in enumerate(datasets))


def _encoded(element: DataElement, vr: str, encodings: list[str]) -> bytes:
    """The value bytes of an element that somebody has already converted."""
    if element.is_empty:
        return b""
    if isinstance(element.value, bytes):
        return element.value
    element = DataElement(element.tag, vr, element.value, already_converted=True)
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, True
    write_data_element(buffer, element, encodings)
    return buffer.getvalue()[8:]  # tag and length of Implicit VR: 4 + 4 bytes


def _encodings(ds: Dataset) -> list[str]:
    try:
        stated = ds.get_item("SpecificCharacterSet").value if "SpecificCharacterSet" in ds else None
        names = stated.decode("latin-1").split("\\") if isinstance(stated, bytes) else stated
        return convert_encodings(names or None)
    except Exception:  # noqa: BLE001 - a character set that does not exist reads as the default one
        return ["iso8859"]


def _swapped(value: bytes, vr: str) -> bytes:
    size = struct.calcsize(BINARY[vr])
    count = len(value) // size
    return struct.pack(f"<{count}{BINARY[vr]}", *struct.unpack(f">{count}{BINARY[vr]}", value[: count * size]))


def _keyword(tag: BaseTag) -> str:
    try:
        return dictionary_keyword(tag)
    except KeyError:
        return ""


def _vr(tag: BaseTag) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
