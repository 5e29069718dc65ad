"""Times as a person gives them on the command line."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str, now: datetime) -> float:
    """Seconds since the epoch, UTC, of an ISO 8601 time, or of "90m", "12h", "7d" before `now` (timezone-aware).

    A time without a zone is in `now`'s. Raises ValueError.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago:
            return (now - timedelta(**{_UNITS[ago[2]]: float(ago[1])})).timestamp()
        at = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is neither a time such as 2026-11-21T08:00 nor an age such as 12h") from None
    return (at if at.tzinfo else at.replace(tzinfo=now.tzinfo)).timestamp()
