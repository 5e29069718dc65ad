"""Identifiers of the Query/Retrieve service: which keys they hold, and which are refused with A900.

PS3.4 C.4.1.1.3 (query), C.4.2.1.4 and C.4.3.1.4 (retrieval), C.6.1.1 and C.6.2.1 (levels and unique keys). Hierarchical
behaviour only (C.4.1.3.1, C.4.2.2.1): the unique key of every level above is there, with one value. Relational
queries and retrievals need an extended negotiation that is not offered. Texts name keys, never values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from pydicom import DataElement, Dataset
from pydicom.uid import UID
from pynetdicom.dsutils import decode

from daemon.core.catalogue import ATTRIBUTES, Level
from daemon.core.catalogue import LEVELS as CATALOGUE_LEVELS
from daemon.core.query import searchable
from daemon.core.uids import is_uid
from daemon.dimse.contexts import QUERY_RETRIEVE_SCP

RetrieveLevel = Literal["PATIENT", "STUDY", "SERIES", "IMAGE"]
_PATIENT_ROOT: tuple[RetrieveLevel, ...] = ("PATIENT", "STUDY", "SERIES", "IMAGE")
LEVELS: Mapping[str, tuple[RetrieveLevel, ...]] = {
    model.uid: _PATIENT_ROOT if model.name.startswith("Patient Root") else _PATIENT_ROOT[1:]
    for model in QUERY_RETRIEVE_SCP
}
UNIQUE_KEYS: Mapping[RetrieveLevel, str] = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
PATIENT_KEYS = frozenset({"PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"})
# Of the identifier itself, no keys.
_NO_KEYS = frozenset({"SpecificCharacterSet", "QueryRetrieveLevel", "RetrieveAETitle", "InstanceAvailability"})

IDENTIFIER_DOES_NOT_MATCH = 0xA900
OUT_OF_RESOURCES = 0xA700
UNABLE_TO_PROCESS = 0xC000
LONGEST_IDENTIFIER = 256 * 1024  # bytes: what is small on the wire is large in memory
MOST_UIDS = 1000  # in one list


class Refused(Exception):  # noqa: N818  named by what is said of the request
    """A request that is answered with the failure `status`; the text holds no value of the requestor's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Sought:
    """A query. search_level: where the catalogue looks; a patient is found by the studies."""

    level: RetrieveLevel
    search_level: Level
    matches: Mapping[str, str]  # by keyword, or "Sequence.Keyword"
    returned: tuple[str, ...]  # the same, what the responses are to hold
    all_supported: bool  # False: some key is not supported for matching or existence (FF01)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A retrieval. uids: those at `level`, one or more; above: the unique keys of the levels above."""

    level: RetrieveLevel
    uids: tuple[str, ...]
    above: Mapping[str, str]


def parsed(content: BytesIO | None, transfer_syntax_uid: str) -> Dataset:
    """An identifier as it was sent. Raises Refused."""
    if content is None:
        raise Refused(IDENTIFIER_DOES_NOT_MATCH, "no identifier")
    if content.getbuffer().nbytes > LONGEST_IDENTIFIER:
        raise Refused(OUT_OF_RESOURCES, f"the identifier is longer than {LONGEST_IDENTIFIER} bytes")
    syntax = UID(transfer_syntax_uid)
    try:
        return decode(content, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
    except Exception as error:  # pydicom has no closed set of errors for broken bytes
        raise Refused(UNABLE_TO_PROCESS, f"the identifier does not parse ({type(error).__name__})") from error


def sought(identifier: Dataset, model_uid: str) -> Sought:
    """What a C-FIND identifier asks. Raises Refused."""
    texts = dict(_keys(identifier))
    level = _level(texts, model_uid)
    for keyword in _keys_above(level, model_uid):
        _single(keyword, texts)
    search_level: Level = "STUDY" if level == "PATIENT" else level
    matchable = PATIENT_KEYS if level == "PATIENT" else searchable(search_level)
    known = PATIENT_KEYS if level == "PATIENT" else frozenset(_known(search_level))
    keys = {name: text for name, text in texts.items() if name not in _NO_KEYS}
    if any(text.count("\\") >= MOST_UIDS for text in keys.values()):
        raise Refused(OUT_OF_RESOURCES, f"more than {MOST_UIDS} values of one key")
    supported = all(name in matchable or (name in known and not text) for name, text in keys.items())
    unique = (UNIQUE_KEYS[level], *_keys_above(level, model_uid))
    returned = tuple(dict.fromkeys((*unique, *(name for name in keys if name in known))))
    matches = {name: text for name, text in keys.items() if name in matchable and text}
    return Sought(level, search_level, matches, returned, supported)


def wanted(identifier: Dataset, model_uid: str) -> Wanted:
    """What a C-MOVE or C-GET identifier asks. Raises Refused."""
    texts = dict(_keys(identifier))
    level = _level(texts, model_uid)
    above = {keyword: _single(keyword, texts) for keyword in _keys_above(level, model_uid)}
    if level == "PATIENT":
        return Wanted(level, (_single("PatientID", texts),), above)
    keyword = UNIQUE_KEYS[level]
    uids = tuple(dict.fromkeys(filter(None, (uid.strip() for uid in texts.get(keyword, "").split("\\")))))
    if not uids or not all(map(is_uid, uids)):
        raise Refused(IDENTIFIER_DOES_NOT_MATCH, f"{keyword}: neither a UID nor a list of UIDs")
    if len(uids) > MOST_UIDS:
        raise Refused(OUT_OF_RESOURCES, f"more than {MOST_UIDS} values of {keyword}")
    return Wanted(level, uids, above)


def _known(level: Level) -> Iterator[str]:
    levels = CATALOGUE_LEVELS[: CATALOGUE_LEVELS.index(level) + 1]
    return (name for name, attribute in ATTRIBUTES.items() if attribute.level in levels)


def _level(texts: Mapping[str, str], model_uid: str) -> RetrieveLevel:
    asked, levels = texts.get("QueryRetrieveLevel", ""), LEVELS[model_uid]
    found = next((level for level in levels if level == asked), None)
    if found is None:
        raise Refused(IDENTIFIER_DOES_NOT_MATCH, f"QueryRetrieveLevel is none of {', '.join(levels)}")
    return found


def _keys_above(level: RetrieveLevel, model_uid: str) -> list[str]:
    levels = LEVELS[model_uid]
    return [UNIQUE_KEYS[above] for above in levels[: levels.index(level)]]


def _single(keyword: str, texts: Mapping[str, str]) -> str:
    """The one value of a unique key (C.2.2.2.1, single value matching). Raises Refused."""
    text = texts.get(keyword, "").strip()
    fits = is_uid(text) if keyword != "PatientID" else text and not set(text) & set("*?\\")
    if not fits:
        raise Refused(IDENTIFIER_DOES_NOT_MATCH, f"{keyword} must have one value: no relational behaviour")
    return text


def _keys(ds: Dataset) -> Iterator[tuple[str, str]]:
    """Keyword, or "Sequence.Keyword", and matching text; what has no keyword comes by its tag. Raises Refused."""
    for tag in list(ds.keys()):  # not elements: each is parsed below, with its own fault
        if tag.element == 0:  # group lengths
            continue
        try:
            element = ds[tag]
            if element.VR == "SQ":
                yield from _inner_keys(element)
            else:
                yield element.keyword or str(tag), _text(element)
        except Refused:
            raise
        except Exception as error:  # a value that is none of its VR; a private or unknown one among them
            raise Refused(IDENTIFIER_DOES_NOT_MATCH, f"the value of {tag} cannot be read") from error


def _inner_keys(element: DataElement) -> Iterator[tuple[str, str]]:
    items = list(element.value or [])
    if len(items) > 1:  # C.2.2.2.6
        raise Refused(IDENTIFIER_DOES_NOT_MATCH, f"{element.keyword or element.tag} has more than one item")
    inner = [key for item in items for key in _keys(item)]
    if not inner:  # universal: all that is known of it
        names = [name for name in ATTRIBUTES if name.startswith(f"{element.keyword}.")]
        inner = [(name.partition(".")[2], "") for name in names] or [("", "")]
    for keyword, text in inner:
        yield f"{element.keyword or element.tag}.{keyword}", text


def _text(element: DataElement) -> str:
    value = element.value
    if value is None:
        return ""
    several = not isinstance(value, str | bytes) and hasattr(value, "__iter__") and element.VM > 1
    return "\\".join(str(item) for item in value) if several else str(value).strip()
