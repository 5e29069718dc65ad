"""HL7 v2 messages as text: segments, fields, escape sequences, character sets, times (HL7 2.5.1, chapter 2).

Delimiters of our own messages are the recommended ones (2.5.4); a message read states its own in MSH-1 and MSH-2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

ORU = "oru"  # the kind of a result that is a message, among the outputs
WITHDRAWAL = "oru-withdrawal"  # the kind of the message that withdraws one
MESSAGES = (ORU, WITHDRAWAL)

ENCODING_CHARACTERS = "^~\\&"
_SPECIAL = {"|": "F", "^": "S", "&": "T", "~": "R", "\\": "E"}  # 2.7.1
_DELIMITER_OF = {letter: place for place, letter in enumerate("FSRET")}  # in MSH-1, MSH-2
_TIME = re.compile(r"(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\.\d{1,4})?([+-]\d{4})?")  # 2.A.77 TS
CONTROL_ID_LENGTH = 20  # MSH-10

# HL7 table 0211 as Python knows them: of these alone no character but a delimiter has a delimiter's byte.
CHARSETS: Mapping[str, str] = {
    "ASCII": "ascii",
    "UNICODE UTF-8": "utf-8",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
}


class MalformedMessage(ValueError):  # noqa: N818  named by what it is
    """No HL7 v2 message; the text says why and holds nothing of it."""


def escaped(text: str) -> str:
    """`text` as a component holds it: delimiters, and control characters that would end a segment, escaped (2.7)."""
    return "".join(
        f"\\{_SPECIAL[char]}\\" if char in _SPECIAL else f"\\X{ord(char):02X}\\" if _is_control(char) else char
        for char in text
    )


def _is_control(char: str) -> bool:
    return char < " " or char == "\x7f"


def components(*texts: str) -> str:
    """A field of these components, escaped, without empty ones at its end."""
    return "^".join(map(escaped, texts)).rstrip("^")


def repeated(*fields: str) -> str:
    """One field of several repetitions, each made already; empty ones left out."""
    return "~".join(filter(None, fields))


def segment(name: str, fields: Mapping[int, str]) -> str:
    """A segment of fields by number, each made already. MSH-1 is the separator itself."""
    if name == "MSH":
        return "|".join(["MSH", *(fields.get(number, "") for number in range(2, max(fields) + 1))])
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


def time_of(at: datetime) -> str:
    """A timezone-aware time to the second, with its offset from UTC (2.A.77)."""
    return at.strftime("%Y%m%d%H%M%S%z")[:19]


def seconds_of(text: str) -> float:
    """Seconds since the epoch, UTC, of a time; one without an offset is this host's. Raises ValueError."""
    found = _TIME.fullmatch(text.strip())
    if not found:
        raise ValueError("not a time")
    year, month, day, hour, minute, second = (int(part) if part else 0 for part in found.groups()[:6])
    at = datetime(year, month or 1, day or 1, hour, minute, second)  # noqa: DTZ001  local, unless it says more
    if found[8]:
        at = at.replace(tzinfo=datetime.strptime(found[8], "%z").tzinfo)
    try:
        return at.timestamp() + float(found[7] or 0)
    except OverflowError as error:
        raise ValueError("not a time") from error


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment. fields[n]: field n as it stands.

    delimiters: of fields, components, repetitions, escape sequences, subcomponents.
    """

    name: str
    fields: tuple[str, ...]
    delimiters: str

    def field(self, number: int) -> str:
        """A field as it stands, "" where there is none."""
        return self.fields[number] if number < len(self.fields) else ""

    def repetitions(self, number: int) -> list[list[str]]:
        """A field as components, in text, of each repetition."""
        return [
            [self._text(part) for part in each.split(self.delimiters[1])]
            for each in self.field(number).split(self.delimiters[2])
        ]

    def text(self, number: int, component: int = 1) -> str:
        """One component of a field's first repetition in text, trimmed; "" where there is none, or HL7's null."""
        parts = self.repetitions(number)[0]
        found = parts[component - 1].strip() if component <= len(parts) else ""
        return "" if found == '""' else found

    def _text(self, part: str) -> str:
        return unescaped(part, self.delimiters)


def unescaped(text: str, delimiters: str) -> str:
    """The text that a component holds. Escape sequences for highlighting and unknown ones say nothing (2.7)."""
    escape = delimiters[3]
    pieces = text.split(escape)
    said = pieces[0]
    for place, piece in enumerate(pieces[1:], start=1):
        inside = place % 2 == 1
        if not inside:
            said += piece
        elif place == len(pieces) - 1:  # never closed: a stray character
            said += escape + piece
        elif piece in _DELIMITER_OF:
            said += delimiters[_DELIMITER_OF[piece]]
        elif re.fullmatch(r"X([0-9A-Fa-f]{2})+", piece):
            said += bytes.fromhex(piece[1:]).decode("latin-1")
        elif piece in (".br", ".sp"):
            said += "\n"
    return said


@dataclass(frozen=True, slots=True)
class Message:
    """One message; the first segment is MSH."""

    segments: tuple[Segment, ...]

    @property
    def header(self) -> Segment:
        """MSH."""
        return self.segments[0]

    def named(self, name: str) -> list[Segment]:
        """Every segment of that name."""
        return [each for each in self.segments if each.name == name]

    def first(self, name: str) -> Segment:
        """The first segment of that name; an empty one where there is none."""
        return next(iter(self.named(name)), Segment(name, (name,), self.header.delimiters))


def parse(text: str) -> Message:
    """Raises MalformedMessage."""
    lines = [line for line in re.split(r"[\r\n]+", text) if line]
    if not lines or not lines[0].startswith("MSH"):
        raise MalformedMessage("it does not begin with MSH")
    # v2.7 adds a fifth encoding character; its first four are those of all versions
    delimiters = lines[0][3:8]
    if len(delimiters) < 5 or len(set(delimiters)) < 5 or any(each.isalnum() or each.isspace() for each in delimiters):
        raise MalformedMessage("MSH-1 and MSH-2 are not five different delimiters")
    segments = []
    for line in lines:
        name, *fields = line.split(delimiters[0])
        if not re.fullmatch(r"[A-Z][A-Z0-9]{2}", name):
            raise MalformedMessage("a segment without a name")
        if name == "MSH":
            fields.insert(0, delimiters[0])
        segments.append(Segment(name, (name, *fields), delimiters))
    return Message(tuple(segments))


def decoded(content: bytes) -> str:
    """The text of a message in the character set that its MSH-18 names; without one, UTF-8 where it is that.

    Raises LookupError for a character set that is not in CHARSETS, UnicodeDecodeError where the bytes are not in it.
    """
    first = re.split(rb"[\r\n]", content, maxsplit=1)[0].decode("latin-1")
    stated = ""
    if len(first) > 8:
        fields = first.split(first[3])
        stated = fields[17].split(first[5])[0].strip() if len(fields) > 17 else ""
    if not stated:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            return content.decode("latin-1")
    return content.decode(CHARSETS[stated])
