"""Matching of work items against keys: PS3.4 C.2.2.2 and CC.2.8.3, over whole instances as DICOM JSON.

The same rules as daemon/core/query.py has for the catalogue's columns; here any attribute of an instance may be a key,
in sequences too. A key that has no value matches everything. JSON, because to look at it is fifty times quicker than
to make a data set of it, and a search looks at many.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement

from daemon.core.catalogue import clean, fold, name_key
from daemon.core.date_times import date_time_range, first, seconds_of
from daemon.core.errors import MalformedQuery
from daemon.core.times import date_range, normal_date, normal_time, time_range
from daemon.core.uids import is_uid
from daemon.core.ups import PUSH
from daemon.core.ups_attributes import RETURNED
from daemon.core.ups_checks import DEEPEST, elements, texts

LONGEST_KEY = 1024  # characters
MOST_STARS = 5
_UNMATCHED = frozenset({"SpecificCharacterSet", "TimezoneOffsetFromUTC", "TransactionUID"})
_EXACT = frozenset({"AE", "CS", "LO", "SH", "UI"})  # compared as they are, and written so in the ledger
_NUMBERS = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "UL", "US"})
_WILD = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})  # C.2.2.2.4
# C.2.2.2.5: bounds of a key, and the form in which values are compared with them.
_RANGES: Mapping[str, Callable[[str, str], tuple[str, str]]] = {
    "DA": date_range,
    "TM": time_range,
    "DT": date_time_range,
}
_RANGED_FORMS: Mapping[str, Callable[[str], str]] = {"DA": normal_date, "TM": normal_time, "DT": first}

# Columns of the ledger that hold an attribute's value: as it is, or a name folded.
_COLUMNS: Mapping[str, str] = {
    "SOPInstanceUID": "ups_uid",
    "StudyInstanceUID": "study_uid",
    "ProcedureStepState": "state",
    "ScheduledProcedureStepPriority": "priority",
    "PatientID": "patient_id",
    "PatientName": "patient_name_key",
    "ReferencedRequestSequence.AccessionNumber": "accession_number",
}
SEVERAL = "\\"  # in a column: items of a sequence have several values. No value holds a backslash.

Json = Mapping[str, Any]  # the DICOM JSON model: attributes by GGGGEEEE
# Says whether an attribute, or its absence, matches.
Test = Callable[[Json | None], bool]


@dataclass(frozen=True, slots=True)
class Search:
    """Keys that must match, and what an answer holds. keys: an identifier; fields: None for all attributes."""

    keys: Dataset
    fields: frozenset[str] | None = frozenset()  # keywords, besides the keys
    whole: bool = False  # also every attribute with Return Key Type 1 or 2 (PS3.18 11.9.2)
    offset: int = 0
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What a database can tell of a search beforehand: it may say yes to too many, never no to a match."""

    columns: Mapping[str, tuple[str, ...]]  # the value of each column is one of these
    patterns: Mapping[str, tuple[str, ...]]  # the value of each column is like one of these, with wildcards * and ?
    texts: tuple[str, ...]  # each stands somewhere in the attributes
    due: tuple[float | None, float | None] = (None, None)  # not before, and before; seconds since the epoch


def narrowed(keys: Dataset) -> Narrowed:
    """Single values, lists of UIDs and what stands between wildcards, in sequences too; ranges of the due time."""
    columns: dict[str, tuple[str, ...]] = {}
    patterns: dict[str, tuple[str, ...]] = {}
    parts: list[str] = []
    due: tuple[float | None, float | None] = (None, None)
    for path, key in _leaves(keys):
        wanted, column = [clean(text) for text in _wanted(key)], _COLUMNS.get(path, "")
        wild = any(sign in text for text in wanted for sign in "*?")
        if not wanted or key.keyword in _UNMATCHED or path == "SOPClassUID":  # the same of all, and not written
            continue
        if path == "ExpectedCompletionDateTime":
            low, high = map(seconds_of, date_time_range(path, wanted[0]))
            due = low, None if high is None else high + 1
        elif column and key.VR == "PN":
            patterns[column] = (_name_pattern(wanted[0]),)
        elif column and not wild:
            columns[column] = (*wanted, SEVERAL)
        elif column and len(wanted) == 1:
            patterns[column] = (wanted[0], SEVERAL)
        elif (key.VR in _EXACT or (key.VR == "DA" and re.fullmatch("[0-9]{8}", wanted[0]))) and len(wanted) == 1:
            parts += filter(None, re.split(r"[*?]+", wanted[0]))
    return Narrowed(columns, patterns, tuple(parts), due)


def _leaves(keys: Dataset, inside: str = "") -> Iterator[tuple[str, DataElement]]:
    """Keys that are no sequences, by keyword or "Sequence.Keyword"."""
    for element in elements(keys):
        if element.VR == "SQ":
            for item in element.value[:1]:
                yield from _leaves(item, f"{inside}{element.keyword}.")
        else:
            yield f"{inside}{element.keyword}", element


def identified(ups_uid: str, attributes: Json) -> Json:
    """The attributes with the UIDs that a search result holds."""
    return {
        **attributes,
        "00080016": {"vr": "UI", "Value": [PUSH]},
        "00080018": {"vr": "UI", "Value": [ups_uid]},
    }


def matcher(keys: Dataset) -> Callable[[Json], bool]:
    """Says whether an instance (as `identified` gives it) matches all keys. Raises MalformedQuery."""
    return _all(list(_tests(keys)))


def _all(tests: Sequence[tuple[str, Test]]) -> Callable[[Json], bool]:
    def matches(instance: Json) -> bool:
        return all(test(instance.get(tag)) for tag, test in tests)

    return matches


def answer(search: Search, instance: Json) -> Json:
    """What is returned of an instance: keys of the request, an absent one empty; sequences with all their items."""
    if search.fields is None:
        return instance
    wanted = {str(element.keyword) for element in search.keys} | search.fields
    found = {tag: instance.get(tag, {"vr": vr}) for tag, vr in map(_place, wanted - _UNMATCHED - {""})}
    always = (tag for tag, _ in map(_place, RETURNED) if tag in instance) if search.whole else ()
    return found | {tag: instance[tag] for tag in always}


@lru_cache(1024)
def _place(keyword: str) -> tuple[str, str]:
    """The tag as GGGGEEEE, and the VR."""
    tag = tag_for_keyword(keyword)
    assert tag is not None  # keywords come from pydicom's dictionary
    return f"{tag:08X}", dictionary_VR(tag)


def _tests(keys: Dataset, depth: int = 0) -> Iterable[tuple[str, Test]]:
    if depth > DEEPEST:
        raise MalformedQuery(f"sequences within sequences, more than {DEEPEST} deep")
    for element in elements(keys):
        if element.keyword in _UNMATCHED:
            continue
        if element.VR == "SQ":
            for item in element.value[:1]:  # C.2.2.2.6: a key has one item
                if inner := list(_tests(item, depth + 1)):
                    yield f"{element.tag:08X}", _any_item(_all(inner))
        elif (test := _test(element)) is not None:
            yield f"{element.tag:08X}", test


def _any_item(matches: Callable[[Json], bool]) -> Test:
    """Sequence matching, C.2.2.2.6: some item matches."""

    def test(element: Json | None) -> bool:
        return element is not None and element["vr"] == "SQ" and any(map(matches, element.get("Value") or ()))

    return test


def _test(key: DataElement) -> Test | None:
    """None: universal matching."""
    wanted = _wanted(key)
    if not wanted:
        return None
    if max(map(len, wanted)) > LONGEST_KEY:
        raise MalformedQuery(f"{key.keyword}: the value is longer than {LONGEST_KEY} characters")
    if key.VR in _RANGES:
        return _values(_between(key.keyword, key.VR, wanted[0]))
    if key.VR == "UI":
        if not all(map(is_uid, wanted)):
            raise MalformedQuery(f"{key.keyword}: not a UID or a list of UIDs")
        return _values(frozenset(wanted).__contains__)
    if key.VR == "PN":
        return _values(_like(key.keyword, _name_pattern(wanted[0])), name_key)
    if key.VR in _NUMBERS:
        return _values(frozenset(map(_number, wanted)).__contains__, _number)
    if key.VR in _WILD and any(sign in wanted[0] for sign in "*?"):
        return _values(_like(key.keyword, wanted[0]))
    return _values(frozenset(wanted).__contains__)


def _name_pattern(text: str) -> str:
    folded = fold(text).rstrip("^ ")
    return folded if folded.endswith("*") else f"{folded}="


def _wanted(key: DataElement) -> list[str]:
    """The values of a key that say anything."""
    return [text for text in map(str.strip, texts(key)) if text.strip("*")]


def _values(accepts: Callable[[str], bool], form: Callable[[str], str] = str.strip) -> Test:
    """Any value of the attribute is accepted; one that is absent is not."""

    def test(element: Json | None) -> bool:
        return element is not None and any(accepts(form(_text(value))) for value in element.get("Value") or ())

    return test


def _text(value: object) -> str:
    """A value of the JSON model as text; a name as its component groups (PS3.18 F.2.2)."""
    if isinstance(value, Mapping):
        return "=".join(str(value.get(group, "")) for group in ("Alphabetic", "Ideographic", "Phonetic")).rstrip("=")
    return "" if value is None else str(value)


def _number(text: str) -> str:
    try:
        return str(float(text))
    except ValueError:
        return ""


def _like(keyword: str, pattern: str) -> Callable[[str], bool]:
    if len(re.findall(r"\*+", pattern)) > MOST_STARS:
        raise MalformedQuery(f"{keyword}: more than {MOST_STARS} wildcards *")
    # What stands between two "*" is taken where it first occurs, once for all (the atomic groups): else a text of ten
    # thousand characters is tried in more ways than there is time for, and nothing else in this process runs meanwhile.
    begin, *others = (_expression(part) for part in re.split(r"\*+", pattern))
    between = "".join(f"(?>.*?{part})" for part in others[:-1])
    compiled = re.compile(begin + between + "".join(f".*{part}" for part in others[-1:]), re.DOTALL)
    return lambda text: compiled.fullmatch(text) is not None


def _expression(part: str) -> str:
    return "".join("." if sign == "?" else re.escape(sign) for sign in part)


def _between(keyword: str, vr: str, text: str) -> Callable[[str], bool]:
    low, high = _RANGES[vr](keyword, text)
    form = _RANGED_FORMS[vr]

    def accepts(value: str) -> bool:
        at = form(value)
        return bool(at) and (not low or at >= low) and (not high or at <= high)

    return accepts
