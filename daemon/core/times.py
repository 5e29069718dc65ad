"""Dates and times of data sets as text that sorts: DA is YYYYMMDD, TM is HHMMSS or HHMMSS.F (PS3.5 6.2)."""

from __future__ import annotations

import re
from datetime import date

from daemon.core.errors import MalformedQuery

# The forms with "." and ":" are those of ACR-NEMA, which PS3.5 lets a receiver take.
_DATE = re.compile(r"(\d{4})(?:(\d\d)(\d\d)|\.(\d\d)\.(\d\d))", re.ASCII)
_TIME = re.compile(r"(\d\d)(?::?(\d\d)(?::?(\d\d)(?:\.(\d{1,6}))?)?)?", re.ASCII)


def normal_date(text: str) -> str:
    """YYYYMMDD, or "" for what is no date."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return ""
    digits = "".join(part for part in found.groups() if part)
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return ""
    return digits


def normal_time(text: str) -> str:
    """HHMMSS, with a fraction if it has one, or "" for what is no time; what is not said is 00."""
    return _padded(text, "00", "")


def _padded(text: str, unsaid: str, fraction: str) -> str:
    found = _TIME.fullmatch(text.strip())
    if found is None or found[1] > "23" or (found[2] or "00") > "59" or (found[3] or "00") > "60":
        return ""
    rest = found[4].rstrip("0") if found[4] else fraction
    return found[1] + (found[2] or unsaid) + (found[3] or unsaid) + (f".{rest}" if rest else "")


def date_range(keyword: str, text: str) -> tuple[str, str]:
    """(first, last) of the matching text of a DA key, "" where open. Raises MalformedQuery."""
    low, high = _bounds(keyword, text)
    first, last = normal_date(low), normal_date(high)
    if (low and not first) or (high and not last):
        raise MalformedQuery(f"{keyword}: not a date YYYYMMDD or a range of dates")
    return first, last


def time_range(keyword: str, text: str) -> tuple[str, str]:
    """(first, last) of the matching text of a TM key, "" where open; 10 is from 100000 to 105959.999999.

    Raises MalformedQuery.
    """
    low, high = _bounds(keyword, text)
    first, last = normal_time(low), _padded(high, "59", "999999")
    if (low and not first) or (high and not last):
        raise MalformedQuery(f"{keyword}: not a time HHMMSS or a range of times")
    return first, last


def _bounds(keyword: str, text: str) -> tuple[str, str]:
    """The two sides of "a-b", "a-", "-b"; twice "a" without a hyphen."""
    low, hyphen, high = (part.strip() for part in text.partition("-"))
    if "-" in high or not (low or high):
        raise MalformedQuery(f"{keyword}: not a value or a range")
    return (low, high) if hyphen else (low, low)
