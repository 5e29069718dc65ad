"""Single faults seeded into a valid ORU, with the rule that must catch each: changes of text, for it is no object."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple


class TextFault(NamedTuple):
    """One fault. rule: by which it must be caught. marking: of the message that it is seeded into."""

    name: str
    rule: str
    change: Callable[[str], str]
    marking: bool = True


def swap(old: str, new: str, count: int = 1) -> Callable[[str], str]:
    """Replaces a text, which must be there."""

    def change(text: str) -> str:
        assert old in text, old
        return text.replace(old, new, count)

    return change


def field(segment: str, number: int, value: str) -> Callable[[str], str]:
    """Sets a field of the first segment that begins so; of MSH by its number less one."""

    def change(text: str) -> str:
        lines = text.split("\r")
        place = next(n for n, line in enumerate(lines) if line.startswith(segment))
        fields = lines[place].split("|")
        fields[number] = value
        lines[place] = "|".join(fields)
        return "\r".join(lines)

    return change


def drop(segment: str) -> Callable[[str], str]:
    """Takes a segment out and numbers the others anew."""

    def change(text: str) -> str:
        lines = text.split("\r")
        lines.remove(next(line for line in lines if line.startswith(segment)))
        return renumbered("\r".join(lines))

    return change


def renumbered(text: str) -> str:
    """OBX-1 in order."""
    numbers = iter(range(1, 1000))
    return re.sub(r"(?m)(?<=\r)OBX\|\d+", lambda _: f"OBX|{next(numbers)}", text)


def added(obx: str) -> Callable[[str], str]:
    """One more observation."""
    tail = "|||||P|||20261121020304+0000||||THORAXD^thoraxd\r"
    return lambda text: text + f"OBX|{text.count(chr(13) + 'OBX') + 1}|{obx}{tail}"


FAULTS = (
    TextFault("frame: a line feed", "hl7-frame", lambda text: text.replace("\r", "\r\n")),
    TextFault("frame: no end of the last segment", "hl7-frame", lambda text: text[:-1]),
    TextFault("frame: the end of a frame within", "hl7-frame", swap("THORAXD", "THO\x1c")),
    TextFault("message: no MSH", "hl7-message", lambda text: text[1:]),
    TextFault("structure: no OBR", "hl7-structure", drop("OBR")),
    TextFault("structure: PV1 before PID", "hl7-structure", swap("PID|1", "PV1|1|U\rPID|1")),
    TextFault("escape: a backslash", "hl7-escape", swap("thoraxd detector", "thoraxd\\detector")),
    TextFault("escape: a delimiter", "hl7-source", swap("Test^Phantom", "Test&^Phantom")),
    TextFault("header: final version", "hl7-header", swap("|P|2.5.1|", "|P|2.3.1|")),
    TextFault("header: another event", "hl7-header", swap("ORU^R01^ORU_R01", "ORM^O01^ORM_O01")),
    TextFault("header: a training message", "hl7-header", swap("|P|2.5.1|", "|T|2.5.1|")),
    TextFault("header: no control ID", "hl7-header", field("MSH", 9, "")),
    TextFault("header: a long control ID", "hl7-header", field("MSH", 9, "A" * 21)),
    TextFault("header: an address", "hl7-header", field("MSH", 4, "RIS")),
    TextFault("header: another character set", "hl7-header", field("MSH", 17, "8859/1")),
    TextFault("time: without its offset", "hl7-time", lambda text: text.replace("020304+0000", "020304")),
    TextFault("time: of the result", "hl7-time", field("OBR", 22, "20200101000000+0000")),
    TextFault("order: no filler number", "hl7-order", lambda text: field("OBR", 3, "")(field("ORC", 3, "")(text))),
    TextFault("order: two filler numbers", "hl7-order", field("OBR", 3, "A2")),
    TextFault("order: a new one", "hl7-order", field("ORC", 1, "NW")),
    TextFault("order: no procedure", "hl7-order", field("OBR", 4, "")),
    TextFault("order: of the laboratory", "hl7-order", field("OBR", 24, "LAB")),
    TextFault("status: final", "hl7-status", field("OBR", 25, "F")),
    TextFault("status: a final observation", "hl7-status", field("OBX|4", 11, "F")),
    TextFault("status: an observation of its own", "hl7-status", field("OBX|3", 11, "C")),
    TextFault("obx: numbered twice", "hl7-set-id", swap("OBX|3|", "OBX|2|")),
    TextFault("obx: unknown code", "hl7-code", swap("111012^Certainty", "111047^Certainty")),
    TextFault("obx: code of another scheme", "hl7-code", swap("Finding^DCM||90.0", "Finding^LN||90.0")),
    TextFault("obx: no value", "hl7-value", swap("|90.0|", "||")),
    TextFault("obx: twice", "hl7-sub-id", added("ST|111001^Algorithm Name^DCM||thoraxd detector")),
    TextFault("number: 187 %", "hl7-number", swap("|90.0|", "|187.0|")),
    TextFault("number: no number", "hl7-number", swap("|90.0|", "|ninety|")),
    TextFault("number: no unit", "hl7-number", swap("%^Percent^UCUM", "1^Ratio^UCUM")),
    TextFault("number: another than the words", "hl7-number", swap("|90.0|", "|60.0|")),
    TextFault("number: of a lesion", "hl7-number", swap("|87.0|", "|37.0|")),
    TextFault("number: none", "hl7-number", drop("OBX|4")),
    TextFault("flag: normal above the cut", "hl7-flag", swap("|<30.0|A|", "|<30.0|N|")),
    TextFault("flag: of the result", "hl7-flag", field("OBX|3", 8, "N")),
    TextFault("summary: negative", "hl7-summary", swap("111242^", "111241^")),
    TextFault("summary: of nothing", "hl7-summary", swap("111242^", "999999^")),
    TextFault("summary: twice", "hl7-once", added("CWE|111017^CAD Processing and Findings Summary^DCM|9|111242^x^DCM")),
    TextFault("statement: not AI", "statement", swap("AI, unverified. ", "Radiologist: ")),
    TextFault("statement: verified", "statement", swap("marked, unverified", "marked, verified")),
    TextFault("weights: none", "hl7-weights", swap("Weights SHA-256: ab", "Weights SHA-256: zz")),
    TextFault("model: no name", "hl7-once", drop("OBX|12")),
    TextFault("lesion: without its code", "hl7-lesion", drop("OBX|6")),
    TextFault(
        "lesion: one fewer than told", "hl7-lesion", lambda text: drop("OBX|9")(drop("OBX|9")(drop("OBX|9")(text)))
    ),
    TextFault("source: another patient", "hl7-source", swap("T-1^^^", "T-2^^^")),
    TextFault("source: another name", "hl7-source", swap("Test^Phantom", "Phantom^Test")),
    TextFault("source: another birth date", "hl7-source", swap("19600101", "19600102")),
    TextFault("source: another sex", "hl7-source", field("PID", 8, "F")),
    TextFault("source: another accession number", "hl7-source", field("OBR", 18, "A2")),
    TextFault("source: another study", "hl7-source", field("OBX|1", 5, "1.2.3.4")),
    TextFault("triage: a lesion", "no-location", added("CWE|121071^Finding^DCM|1.1|27925004^Nodule^SCT"), False),
    TextFault("triage: a side", "no-location", swap("unverified||", "left lung, unverified||"), False),
    TextFault("triage: a lesion's name", "no-location", swap("film 1: AI", "film 1: nodule, AI"), False),
    TextFault("triage: columns", "no-location", swap("film 1: AI", "film 1, columns 5 to 9: AI"), False),
    TextFault("triage: a box as a range", "no-location", swap("|<30.0|", "|50.0, 60.0, 120.0, 140.0|"), False),
)
