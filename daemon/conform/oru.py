"""An ORU^R01 of ours before it is sent: HL7 2.5.1 chapters 2, 4 and 7, what docs/hl7.md promises, and its source.

Held to the message as archived: without addresses, in UTF-8. Words and numbers are held to those of the SR's check.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence

from pydicom import Dataset

from daemon.conform.fault import Expected, Fault
from daemon.conform.oru_source import agrees_with
from daemon.conform.places import tells_a_place
from daemon.conform.report_words import agrees, is_statement
from daemon.core.hl7 import (
    ENCODING_CHARACTERS,
    MESSAGES,
    WITHDRAWAL,
    MalformedMessage,
    Message,
    Segment,
    parse,
    seconds_of,
)

_ORDER = re.compile(r"MSH PID PV1 ORC OBR( OBX)+")
_ESCAPES = re.compile(r"\\(?:[FSTRE]|X(?:[01][0-9A-F]|7F))\\")
_LOCAL_TIME = re.compile(r"\d{14}[+-]\d{4}")
# What every message says of itself (2.14.9)
_FIXED = {
    2: ENCODING_CHARACTERS, 3: "", 4: "", 5: "", 6: "", 9: "ORU^R01^ORU_R01", 11: "P", 12: "2.5.1", 15: "", 16: "",
    18: "UNICODE UTF-8",
}  # fmt: skip
_STATUSES = ("P", "C")  # OBR-25: never F, for nobody has verified it
_TYPES = ("ST", "TX", "NM", "CWE")  # OBX-2
STUDY, IMPRESSION, NARRATIVE, SUMMARY, CERTAINTY, FINDING = (
    *("113014", "19005-8", "59776-5", "111017", "111012", "121071"),
)
NAME, VERSION, PARAMETERS = "111001", "111003", "111002"
_SCHEMES = {IMPRESSION: "LN", NARRATIVE: "LN"}  # of the others DCM
_KNOWN = (STUDY, IMPRESSION, NARRATIVE, SUMMARY, CERTAINTY, FINDING, NAME, VERSION, PARAMETERS)
_ONCE = (STUDY, IMPRESSION, SUMMARY, NAME, VERSION, PARAMETERS)
_WITH, _WITHOUT, _FAILED = ("111242", "111244"), ("111241", "111243"), ("111245",)  # CID 6047
_DIGEST = re.compile(r"Weights SHA-256: [0-9a-f]{64}")
_MARKED = re.compile(r"(\d+) marked")

Rule = Callable[[Message, Expected], Iterator[Fault]]


def message_faults(content: bytes, sources: Sequence[Dataset], expected: Expected) -> list[Fault]:
    """What keeps a message from being sent; [] when it may be. Never raises.

    sources: headers of the study's images as received; without them, what takes them is not checked.
    """
    try:
        text = content.decode()
        if not text.endswith("\r") or set("\n\x0b\x1c") & set(text):
            return [Fault("hl7-frame", "", "a character that would break segments or frames")]
        message = parse(text)
    except (UnicodeDecodeError, MalformedMessage) as error:
        return [Fault("hl7-message", "", f"cannot be read: {type(error).__name__}")]
    found: list[Fault] = []
    for rule in _RULES:
        try:
            found += rule(message, expected)
        except Exception as error:  # noqa: BLE001 - whatever the message holds, the answer is a fault
            found.append(Fault("crash", "", f"{rule.__name__}: {type(error).__name__}"))
    if sources:
        found += agrees_with(message, sources)
    return list(dict.fromkeys(found))


def _observed(message: Message, code: str, sub_id: str | None = None) -> list[Segment]:
    """The OBX of a code; sub_id: with this OBX-4, None: with any."""
    return [obx for obx in message.named("OBX") if obx.text(3) == code and (sub_id is None or obx.text(4) == sub_id)]


def _structure(message: Message, _: Expected) -> Iterator[Fault]:
    """ORU_R01 (7.3.1) with one order and at least one observation; escape sequences whole."""
    names = " ".join(each.name for each in message.segments)
    if not _ORDER.fullmatch(names):
        yield Fault("hl7-structure", "", "not MSH PID PV1 ORC OBR and OBX, in this order")
    for place, each in enumerate(message.segments):
        fields = each.fields[3:] if each.name == "MSH" else each.fields
        if any("\\" in _ESCAPES.sub("", field) for field in fields):
            yield Fault("hl7-escape", f"{each.name}[{place}]", "a backslash that begins no escape sequence")


def _header(message: Message, _: Expected) -> Iterator[Fault]:
    header = message.header
    for number, value in _FIXED.items():
        if header.field(number) != value:
            yield Fault("hl7-header", f"MSH-{number}", "not what every message of ours has")
    if not re.fullmatch(r"[0-9A-F]{20}", header.field(10)):
        yield Fault("hl7-header", "MSH-10", "no control ID of ours")
    yield from _time(header, 7)


def _time(where: Segment, number: int) -> Iterator[Fault]:
    try:
        seconds_of(where.field(number))
        right = bool(_LOCAL_TIME.fullmatch(where.field(number)))
    except ValueError:
        right = False
    if not right:
        yield Fault("hl7-time", f"{where.name}-{number}", "no time to the second with its offset")


def _order(message: Message, _: Expected) -> Iterator[Fault]:
    """ORC and OBR: one order, told alike, with a result that nobody has verified."""
    orc, obr = message.first("ORC"), message.first("OBR")
    if orc.field(1) != "RE" or orc.fields[2:4] != obr.fields[2:4] or not obr.text(3):
        yield Fault("hl7-order", "ORC", "not one order with a filler number, told alike in OBR")
    if not (obr.text(4) and obr.text(4, 3)):
        yield Fault("hl7-order", "OBR-4", "no code of a procedure")
    if obr.field(24) != "RAD":
        yield Fault("hl7-order", "OBR-24", "not RAD")
    if obr.field(25) not in _STATUSES:
        yield Fault("hl7-status", "OBR-25", "neither preliminary nor a correction")
    if obr.field(22) != message.header.field(7):
        yield Fault("hl7-time", "OBR-22", "not the time of the message")


def _observations(message: Message, expected: Expected) -> Iterator[Fault]:
    """Every OBX by itself (7.4.2)."""
    status = "W" if expected.kind == WITHDRAWAL else message.first("OBR").field(25)
    told = set()
    for number, obx in enumerate(message.named("OBX"), start=1):
        where, code = f"OBX[{number}]", obx.text(3)
        if obx.field(1) != str(number):
            yield Fault("hl7-set-id", where, "not numbered in order")
        if code not in _KNOWN or obx.text(3, 3) != _SCHEMES.get(code, "DCM") or not obx.text(3, 2):
            yield Fault("hl7-code", where, "an observation that no result of ours has")
        if obx.field(2) not in _TYPES or not obx.text(5):
            yield Fault("hl7-value", where, "no value, or of another type than ours")
        right = {STUDY: "O", IMPRESSION: message.first("OBR").field(25)}.get(code, status)
        if obx.field(11) != right:
            yield Fault("hl7-status", where, "not the status of the report")
        key = (obx.field(3), obx.field(4))
        if key in told:
            yield Fault("hl7-sub-id", where, "two observations that nobody can tell apart")
        told.add(key)
        yield from _time(obx, 14)
        if code == CERTAINTY:
            yield from _percent(obx, where)


def _percent(obx: Segment, where: str) -> Iterator[Fault]:
    value = _number(obx.field(5))
    if obx.field(2) != "NM" or not 0 <= value <= 100:
        yield Fault("hl7-number", where, "no percentage")
    if (obx.text(6), obx.text(6, 3)) != ("%", "UCUM"):
        yield Fault("hl7-number", where, "not in percent")
    if obx.field(7):
        cut = _number(obx.text(7).removeprefix("<"))
        if math.isnan(cut) or ((obx.field(8) == "A") != (value >= cut) and abs(value - cut) > 0.1):  # rounded, both
            yield Fault("hl7-flag", where, "not what the number and the cut say")


def _number(text: str) -> float:
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else math.nan


def _statement(message: Message, expected: Expected) -> Iterator[Fault]:
    """What the study's result is, told once by each means, and alike; by whom; and that nobody has verified it."""
    for code in _ONCE:
        if len(_observed(message, code)) != 1 or len(_observed(message, code, "")) != 1:
            yield Fault("hl7-once", f"OBX {code}", "not there once, for the study")
    impression = [part[0] for obx in _observed(message, IMPRESSION) for part in obx.repetitions(5)]
    if not impression or not impression[0].startswith("AI, unverified") or not all(map(is_statement, impression)):
        yield Fault("statement", "OBX", "the impression does not begin with AI, unverified")
    if not any(_DIGEST.fullmatch(part[0]) for obx in _observed(message, PARAMETERS) for part in obx.repetitions(5)):
        yield Fault("hl7-weights", "OBX", "does not name the weights")
    if expected.kind == WITHDRAWAL or not impression:
        return
    summary = "".join(obx.text(5) for obx in _observed(message, SUMMARY))
    flag = "".join(obx.field(8) for obx in _observed(message, SUMMARY))
    numbers = _observed(message, CERTAINTY, "")
    if summary not in _WITH + _WITHOUT + _FAILED:
        yield Fault("hl7-summary", "OBX", "no summary of CID 6047")
    if ("study abnormal" in impression[0]) != (summary in _WITH) or ("not analysed (" in impression[0]) != (
        summary in _FAILED
    ):
        yield Fault("hl7-summary", "OBX", "the words tell another result than the code")
    if flag != ("" if summary in _FAILED else "A" if summary in _WITH else "N"):
        yield Fault("hl7-flag", "OBX", "another flag than the result")
    if len(numbers) != (summary not in _FAILED) or any(obx.field(8) != flag for obx in numbers):
        yield Fault("hl7-number", "OBX", "a number without an analysis, or an analysis without its number")
    if any(not agrees(impression[0], _number(obx.field(5))) for obx in numbers):
        yield Fault("hl7-number", "OBX", "the words tell another percentage than the number")


def _films(message: Message, expected: Expected) -> Iterator[Fault]:
    """Each film's line, and its lesions where places are told at all: code, number and words of each."""
    if expected.kind == WITHDRAWAL:
        return
    for obx in _observed(message, NARRATIVE):
        if not is_statement(obx.text(5)):
            yield Fault("statement", "OBX", "a line that does not say that it is AI and unverified")
    lesions = {obx.text(4) for obx in message.named("OBX") if "." in obx.text(4)}
    for sub_id in sorted(lesions):
        numbers, lines = _observed(message, CERTAINTY, sub_id), _observed(message, NARRATIVE, sub_id)
        if not (len(numbers) == len(lines) == len(_observed(message, FINDING, sub_id)) == 1):
            yield Fault("hl7-lesion", f"OBX-4 {sub_id}", "not one code, one number and one line")
        elif not agrees(lines[0].text(5), _number(numbers[0].field(5))):
            yield Fault("hl7-number", f"OBX-4 {sub_id}", "the words tell another percentage than the number")
    for film in _observed(message, NARRATIVE):
        marked = _MARKED.search(film.text(5))
        below = sum(sub_id.startswith(f"{film.text(4)}.") for sub_id in lesions)
        if "." not in film.text(4) and below != (int(marked[1]) if marked else 0):
            yield Fault("hl7-lesion", f"OBX-4 {film.text(4)}", "the words tell another number of lesions")


def _no_place(message: Message, expected: Expected) -> Iterator[Fault]:
    """A result without marking."""
    if expected.marking:
        return
    for number, obx in enumerate(message.named("OBX"), start=1):
        if "." in obx.text(4) or obx.text(3) == FINDING:
            yield Fault("no-location", f"OBX[{number}]", "a lesion")
        named = obx.text(3) in (STUDY, NAME, VERSION)  # a device may be called a nodule detector
        spoken = [*(" ".join(part) for part in obx.repetitions(5)), *obx.fields[6:]] if not named else obx.fields[6:]
        if expected.kind != WITHDRAWAL and any(map(tells_a_place, spoken)):
            yield Fault("no-location", f"OBX[{number}]", "words of a place or a lesion")


def _kind(_: Message, expected: Expected) -> Iterator[Fault]:
    if expected.kind not in MESSAGES:
        yield Fault("hl7-message", "", "another form was asked for")


_RULES: tuple[Rule, ...] = (_kind, _structure, _header, _order, _observations, _statement, _films, _no_place)
