"""A search, and what its matching texts mean: PS3.4 C.2.2.2.

Times are compared as daemon/core/times.py writes them, names as daemon/core/catalogue.py folds them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from daemon.core.catalogue import ATTRIBUTES, LEVELS, NUMBERS, Level, clean, fold
from daemon.core.errors import MalformedQuery
from daemon.core.times import date_range, time_range
from daemon.core.uids import is_uid

LONGEST_TEXT = 1024  # characters of one matching text
LONGEST_LIST = 65_000  # of one list of UIDs: 1,000 of them
MOST_STARS = 5  # in one text: what a database does for each more is a power
EMPTY = '""'  # Empty Value Matching, C.2.2.2.7: no value is two quotation marks
_WILD = frozenset({"CS", "LO", "PN", "SH"})  # C.2.2.2.4; of those VRs that are searched here


@dataclass(frozen=True, slots=True)
class Query:
    """A search at one level, by keys of it and of the levels above."""

    level: Level
    matches: Mapping[str, str]  # matching text by keyword or "Sequence.Keyword"; "" matches everything
    wanted: frozenset[str] = frozenset()  # keywords that the answer is to hold
    fuzzy: bool = False  # semantic matching of person names, C.2.2.2.1.1
    limit: int | None = None
    offset: int = 0
    combined: bool = False  # a range of a date and one of its time are one range of moments, C.2.2.2.5.1


@dataclass(frozen=True, slots=True)
class OneOf:
    """Any of these values."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """A pattern with "*" for any characters, or none, and "?" for one."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Between:
    """Not before `low` and not after `high`, both included; "" is no bound. Never an empty value."""

    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Words:
    """Each of these words begins a word of the name."""

    words: tuple[str, ...]


Match = OneOf | Like | Between | Words


def searchable(level: Level) -> frozenset[str]:
    """Keywords that may be keys at this level: its own and those of the levels above, but for what is counted."""
    above = LEVELS[: LEVELS.index(level) + 1]
    return frozenset(
        keyword
        for keyword, attribute in ATTRIBUTES.items()
        if attribute.level in above and keyword not in NUMBERS and not keyword.startswith("NumberOf")
    )


def match_of(keyword: str, text: str, *, fuzzy: bool = False) -> Match | None:
    """What the matching text of a key means; None: it matches everything (C.2.2.2.3).

    Raises MalformedQuery, whose text names the key, not the value.
    """
    vr = ATTRIBUTES[keyword].vr
    if len(re.findall(r"\*+", text)) > MOST_STARS:
        raise MalformedQuery(f"{keyword}: more than {MOST_STARS} wildcards *")
    longest = LONGEST_LIST if vr == "UI" else LONGEST_TEXT
    if len(text) > longest or clean(text) != text.strip():
        raise MalformedQuery(f"{keyword}: the value is longer than {longest} characters or has control characters")
    text = text.strip()
    if not text.strip("*"):
        return None
    if text == EMPTY:
        return OneOf(("",))
    if vr in ("DA", "TM"):
        low, high = (date_range if vr == "DA" else time_range)(keyword, text)
        return Between(low, high)
    if vr == "PN":
        return _name(text, fuzzy=fuzzy)
    found = tuple(value.strip() for value in text.split("\\") if value.strip())
    if not found:
        return None
    if vr == "UI" and not all(map(is_uid, found)):
        raise MalformedQuery(f"{keyword}: not a UID or a list of UIDs")
    if vr in _WILD and len(found) == 1 and _has_wildcard(found[0]):
        return _like(found[0])
    return OneOf(found)


def _name(text: str, *, fuzzy: bool) -> Match | None:
    """C.2.2.2.1 for names: without case and accents, of the first component group, or of any where it is not ASCII."""
    folded = fold(text)
    if fuzzy:
        words = tuple(re.findall(r"\w+", folded))
        return Words(words) if words else None
    pattern = folded.rstrip("^ ")
    if "=" not in pattern and not pattern.isascii():
        pattern = f"*{pattern}"
    return _like(pattern if pattern.endswith("*") else f"{pattern}=*")


def _like(text: str) -> Like:
    return Like(re.sub(r"\*+", "*", text))


def _has_wildcard(text: str) -> bool:
    return "*" in text or "?" in text
