"""Codes of DICOM and of the ledger as a reader says them: names of persons, ages, dates, states, lengths of time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

PRIORITIES: Mapping[str, str] = {"HIGH": "High", "MEDIUM": "Medium", "LOW": "Low"}  # (0074,1200)
SEXES: Mapping[str, str] = {"F": "F", "M": "M", "O": "other"}  # (0010,0040)

# StudyState of daemon/core/states.py: (a word for the list, what it means)
STATES: Mapping[str, tuple[str, str]] = {
    "RECEIVED": ("arriving", "images are still arriving"),
    "ANALYSING": ("being analysed", "complete; at least one image is not answered yet"),
    "ANALYSED": ("being reported", "every image is answered; result objects are being made"),
    "REPORTED": ("analysed", "results are in the archive"),
    "DELIVERING": ("being sent", "results are on their way"),
    "DELIVERED": ("sent", "every destination has accepted every result"),
    "COMMITTED": ("sent and kept", "every destination has confirmed that it keeps the results"),
    "SET_ASIDE": ("not analysed", "nothing in it is a frontal chest radiograph"),
    "FAILED": ("failed", "see the reason"),
    "REJECTED": ("withdrawn", "a person withdrew the results"),
}


def person(name: str) -> str:
    """A Person Name (PS3.5 6.2.1.1) as it is read: the first component group that says something."""
    group = next((part for part in name.split("=") if part.strip("^ ")), "")
    family, given, middle, prefix, suffix = [*(part.strip() for part in group.split("^")), "", "", "", "", ""][:5]
    before = " ".join(part for part in (prefix, given, middle) if part)
    return ", ".join(part for part in (family, before, suffix) if part) or "no name"


def age(birth: str, at: str) -> str:
    """Years between two DA values; "" where either is not known. Below two years in months."""
    born, then = _date(birth), _date(at)
    if born is None or then is None or then < born:
        return ""
    months = (then.year - born.year) * 12 + then.month - born.month - (then.day < born.day)
    return f"{months // 12} y" if months >= 24 else f"{months} mo"


def moment(date_text: str, time_text: str) -> str:
    """DA and TM as 2026-11-21 08:15."""
    day = _date(date_text)
    clock = time_text.replace(":", "")[:4]
    shown = f"{clock[:2]}:{clock[2:]}" if len(clock) == 4 and clock.isdigit() else ""
    return " ".join(part for part in (day.isoformat() if day else "", shown) if part)


def at(seconds: float | None) -> str:
    """An instant in the host's time zone."""
    return "" if seconds is None else datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def instant(seconds: float) -> str:
    """An instant as HTML's <time> takes it."""
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")


def lasting(seconds: float) -> str:
    """A length of time. static/clock.js says it in the same words."""
    minutes = int(max(seconds, 0.0) // 60)
    if minutes < 1:
        return f"{int(max(seconds, 0.0))} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def _date(text: str) -> date | None:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None
