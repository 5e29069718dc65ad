"""Which representation a client accepts: the Accept field and the `accept` query parameter of every DICOMweb request.

PS3.18 8.3.3.1 and 8.7, RFC 9110 12.5.1. A media type of parts is written multipart/related; type="application/dicom".
A range that cannot be read is no range: what a client then gets is decided by the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

MULTIPART = "multipart/related"
DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
OCTETS = "application/octet-stream"

MAX_ACCEPT = 8192  # characters that are read; no client lists more
_TYPE = re.compile(r"\s*([A-Za-z0-9!#$&^_.+*-]+/[A-Za-z0-9!#$&^_.+*-]+)\s*")
# A value should be a token or quoted; type=application/dicom without quotes is neither, and very common.
_PARAMETER = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;\",]*))\s*")


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One media type or range. type and the parameters' names are in lower case; q: 0 (refused) to 1."""

    type: str
    parameters: Mapping[str, str]
    q: float = 1.0

    @property
    def multipart(self) -> bool:
        """Whether parts are asked for."""
        return self.type == MULTIPART

    @property
    def content(self) -> str:
        """The media type of the content: of each part, where it has parts; */* where that is left open."""
        return self.parameters.get("type", "*/*").lower() if self.multipart else self.type

    def covers(self, offer: MediaRange) -> bool:
        """Whether `offer` is what this range asks for; of its parameters only the type of parts counts."""
        if self.multipart and offer.multipart:
            return _within(offer.content, self.content)
        return _within(offer.type, self.type)

    @property
    def precision(self) -> int:
        """The more it says, the more it counts (RFC 9110 12.5.1): */* 0, type/* 1, a media type 2, of parts 3."""
        if self.type == "*/*":
            return 0
        if self.type.endswith("/*"):
            return 1
        return 3 if self.multipart and self.content != "*/*" else 2


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a client accepts, best first; nothing said at all is */*."""

    ranges: tuple[MediaRange, ...]

    @classmethod
    def parse(cls, header: str | None, query: Iterable[str] = ()) -> Self:
        """From the Accept field and the values of the `accept` query parameter, which comes before the field."""
        said = [text for text in query if text.strip()] or [header or ""]
        found = [each for text in said for each in _ranges(text[:MAX_ACCEPT])]
        if not found and not "".join(said).strip():
            found = [MediaRange("*/*", {})]
        return cls(tuple(sorted(found, key=lambda each: -each.q)))

    def quality(self, offer: str) -> float:
        """How welcome a media type is, 0 (not at all) to 1: the most precise range that covers it decides."""
        offered = media_type(offer)
        covering = [each for each in self.ranges if offered is not None and each.covers(offered)]
        return max(covering, key=lambda each: (each.precision, each.q)).q if covering else 0.0

    def best(self, offers: Sequence[str]) -> str | None:
        """The most welcome of `offers`, the first of equals; None where none is (406)."""
        best = max(offers, key=self.quality)  # of equals max takes the first
        return best if self.quality(best) > 0 else None


def media_type(text: str) -> MediaRange | None:
    """One media type with its parameters, e.g. of Content-Type; None where it is none."""
    return next(_ranges(text[:MAX_ACCEPT]), None)


def _within(name: str, pattern: str) -> bool:
    if pattern in ("*/*", name):
        return True
    return pattern.endswith("/*") and name.startswith(pattern[:-1])


def _ranges(text: str) -> Iterator[MediaRange]:
    """The ranges of a list, with those left out that cannot be read."""
    at = 0
    while at < len(text):
        head = _TYPE.match(text, at)
        parameters: dict[str, str] = {}
        if head:
            at = head.end()
            while at < len(text) and text[at] == ";":
                parameter = _PARAMETER.match(text, at + 1)
                if parameter is None:
                    at += 1
                    continue
                name, quoted, plain = parameter.groups()
                parameters.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain)
                at = parameter.end()
        if head and (at == len(text) or text[at] == ","):
            q = _quality(parameters.pop("q", "1"))
            if q is not None:
                yield MediaRange(head.group(1).lower(), parameters, q)
        comma = text.find(",", at)
        at = comma + 1 if comma >= 0 else len(text)


def _quality(text: str) -> float | None:
    return float(text) if re.fullmatch(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", text) else None
