"""The format of a value: which characters, how long, how many, by VR and VM (PS3.5 6.2, PS3.6)."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from datetime import datetime

from pydicom.datadict import dictionary_VM, dictionary_VR

from daemon.conform.view import BINARY, Attribute

# PS3.5 Table 6.2-1. One value, padding removed. Our own text is ASCII, which every character set of C.12.1.1.2 holds.
_TEXT = r"[ -\[\]-~]"  # printable ASCII without the backslash
_LONG = r"[ -~\r\n\f\t]"
_PATTERNS: Mapping[str, re.Pattern[str]] = {
    vr: re.compile(pattern)
    for vr, pattern in {
        "AE": rf"{_TEXT}{{0,16}}",
        "AS": r"\d{3}[DWMY]",
        "CS": r"[A-Z0-9 _]{0,16}",
        "DS": r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?",
        "IS": r"[+-]?\d{1,12}",
        "LO": rf"{_TEXT}{{0,64}}",
        "LT": rf"{_LONG}{{0,10240}}",
        "PN": rf"{_TEXT}{{0,64}}(={_TEXT}{{0,64}}){{0,2}}",
        "SH": rf"{_TEXT}{{0,16}}",
        "ST": rf"{_LONG}{{0,1024}}",
        "UC": rf"{_TEXT}*",
        "UR": r"[!-~]*",
        "UT": rf"{_LONG}*",
    }.items()
}
_SINGLE = ("LT", "ST", "UR", "UT")  # a backslash is a character of theirs
_UID = re.compile(r"(0|1|2)(\.(0|[1-9]\d*))+")
_LOOSE_UID = re.compile(r"\d+(\.\d+)+")
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?")
_DATE = re.compile(r"\d{8}")
_LOOSE_TIME = {"DT": re.compile(r"\d{4}(\d{2}){0,5}(\.\d{1,6})?([+-]\d{4})?")}


def is_uid(text: str) -> bool:
    """Whether `text` is a UID as PS3.5 9.1 has it; below 2.25 also a UUID's number (B.2)."""
    if len(text) > 64 or not _UID.fullmatch(text):
        return False
    return not text.startswith("2.25.") or (text.count(".") == 2 and int(text[5:]) < 2**128)


def is_loose_uid(text: str) -> bool:
    """Whether `text` could be another device's UID: digits and dots, leading zeros or not."""
    return len(text) <= 64 and bool(_LOOSE_UID.fullmatch(text))


def is_date(text: str) -> bool:
    """Whether `text` is a DA value that is in the calendar."""
    if not _DATE.fullmatch(text):
        return False
    try:
        datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 - a date has no time zone
    except ValueError:
        return False
    return True


def is_time(text: str) -> bool:
    """Whether `text` is a TM value."""
    return bool(_TIME.fullmatch(text))


def is_ascii_text(vr: str, value: str) -> bool:
    """Whether one value of a text VR is legal and ASCII."""
    if vr == "DA":
        return is_date(value)
    if vr == "TM":
        return is_time(value)
    if vr == "UI":
        return is_loose_uid(value)
    if vr in _LOOSE_TIME:
        return bool(_LOOSE_TIME[vr].fullmatch(value))
    if vr == "DS" and len(value) > 16:
        return False
    if vr == "IS" and _PATTERNS[vr].fullmatch(value):
        return -(2**31) <= int(value) < 2**31
    return vr not in _PATTERNS or bool(_PATTERNS[vr].fullmatch(value))


def wrong_format(attribute: Attribute) -> str:
    """What is wrong with the format of one attribute of ours, in words; "" when nothing is. Empty is not wrong here."""
    if not attribute.readable:
        return "cannot be read"
    if attribute.vr != "SQ" and len(attribute.value) % 2:
        return "odd length"
    if attribute.empty or attribute.vr == "SQ":
        return ""
    if attribute.vr in BINARY:
        return _wrong_binary(attribute)
    values = [_whole(attribute)] if attribute.vr in _SINGLE else attribute.texts
    if not all(is_ascii_text(attribute.vr, value) for value in values if value):
        return f"not the format of {attribute.vr}"
    return "" if _fits(attribute, len(values)) else f"{len(values)} values"


def wrong_vr(attribute: Attribute) -> bool:
    """Whether the VR is not the dictionary's."""
    try:
        known = dictionary_VR(attribute.tag)
    except KeyError:
        return False
    return attribute.vr not in known.replace(" or ", " ").split()


def _wrong_binary(attribute: Attribute) -> str:
    if len(attribute.value) % struct.calcsize(BINARY[attribute.vr]):
        return f"not a whole number of {attribute.vr} values"
    numbers = attribute.numbers
    if not all(map(math.isfinite, numbers)):
        return "not a finite number"
    return "" if _fits(attribute, len(numbers)) else f"{len(numbers)} values"


def _whole(attribute: Attribute) -> str:
    return attribute.value.decode("latin-1").rstrip(" \0")


def _fits(attribute: Attribute, count: int) -> bool:
    """Whether the number of values is one that the dictionary allows, "1", "2", "1-3", "1-n", "2-2n"."""
    try:
        least, _, most = dictionary_VM(attribute.tag).partition("-")
    except KeyError:
        return True
    if attribute.vr in ("OB", "OW", "OF", "OD", "UN") or least == "n":
        return True
    if not most:
        return count == int(least)
    if most.endswith("n"):
        step = int(most[:-1] or 1)
        return count >= int(least) and count % step == 0
    return int(least) <= count <= int(most)
