"""Values of VR DT (PS3.5 6.2), as moments in UTC: a value that says less than a second is a range of moments."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from daemon.core.errors import MalformedQuery

_FORM = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.\d{1,6})?)?)?)?)?)?([+-]\d{4})?", re.ASCII
)


def date_time(seconds: float) -> str:
    """A DT in UTC, to the second, with its offset, of seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S+0000")


def seconds_of(text: str) -> float | None:
    """Seconds since the epoch of the first moment that a DT can mean; without an offset it is in UTC. None: no DT."""
    found = first(text)
    return datetime.strptime(found, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp() if found else None


def first(text: str) -> str:
    """YYYYMMDDHHMMSS in UTC of the first moment that a DT can mean, "" for what is no DT."""
    return _moment(text.strip(), last=False)


def last(text: str) -> str:
    """Of the last moment."""
    return _moment(text.strip(), last=True)


def date_time_range(keyword: str, text: str) -> tuple[str, str]:
    """(first, last) of the matching text of a DT key, "" where open. Raises MalformedQuery.

    A hyphen between two values may also begin an offset from UTC: the first reading that makes sense is taken.
    """
    if first(text):
        return first(text), last(text)
    for at in (place for place, sign in enumerate(text) if sign == "-"):
        low, high = text[:at].strip(), text[at + 1 :].strip()
        if (low or high) and (not low or first(low)) and (not high or last(high)):
            return first(low), last(high)
    raise MalformedQuery(f"{keyword}: not a date and time YYYYMMDDHHMMSS or a range of them")


@lru_cache(4096)
def _moment(text: str, *, last: bool) -> str:
    found = _FORM.fullmatch(text)
    if found is None:
        return ""
    rest = 59 if last else 0
    try:
        year, month = int(found[1]), int(found[2] or (12 if last else 1))
        day = int(found[3] or (monthrange(year, month)[1] if last else 1))
        hour, minute, second = int(found[4] or (23 if last else 0)), int(found[5] or rest), int(found[6] or rest)
        offset = found[7] or "+0000"
        ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:])) * (-1 if offset[0] == "-" else 1)
        at = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC) - ahead  # 60: a leap second
    except (ValueError, OverflowError):
        return ""
    return f"{at.year:04}{at:%m%d%H%M%S}"
