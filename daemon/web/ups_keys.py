"""The parameters of a search for work items, and the filter of a subscription: PS3.18 8.3.4, 11.9 and 11.10, as keys.

A search ignores names that it does not know (8.3), and says so; a filter must be understood, for it stays.
Messages name attributes, never values.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydicom import DataElement, Dataset
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword

from daemon.core.errors import MalformedQuery
from daemon.core.ups_matching import Search
from daemon.web.parameters import LISTS, MOST_PARAMETERS, keyword_of, number_of

MOST_RESULTS = 1000  # of one response
_WITHOUT_EFFECT = frozenset({"accept", "charset", "emptyvaluematching", "multiplevaluematching"})
NOT_FUZZY = "The fuzzymatching parameter is not supported. Only literal matching has been performed."  # 8.3.4.2
IGNORED = "A parameter that is no known attribute was ignored."


def search_of(parameters: Iterable[tuple[str, str]]) -> tuple[Search, list[str]]:
    """The search that (name, value) pairs describe, and what the client must be told of it.

    A limit above MOST_RESULTS is that. Raises MalformedQuery.
    """
    keys, fields, numbers, everything = Dataset(), set[str](), {"offset": 0, "limit": MOST_RESULTS}, False
    said: dict[str, None] = {}
    for place, (name, value) in enumerate(parameters, start=1):
        if place > MOST_PARAMETERS:
            raise MalformedQuery(f"more than {MOST_PARAMETERS} parameters")
        if name == "includefield":
            names = [part.strip() for part in value.split(",") if part.strip()]
            everything = everything or "all" in names
            fields |= {keyword_of(part.split(".")[0]) for part in names if part != "all"} - {""}
        elif name in numbers:
            numbers[name] = number_of(name, value)
        elif name == "fuzzymatching":
            said |= {NOT_FUZZY: None} if value.lower() == "true" else {}
        elif not all(map(keyword_of, name.split("."))):
            said |= {} if name in _WITHOUT_EFFECT else {IGNORED: None}
        else:
            _put(keys, name, value)
    limit = min(numbers["limit"], MOST_RESULTS)
    return Search(keys, None if everything else frozenset(fields), True, numbers["offset"], limit), list(said)


def filter_of(text: str) -> Dataset:
    """A comma-separated list of attribute=value (11.10.1.2). Raises MalformedQuery."""
    keys = Dataset()
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not equals:
            raise MalformedQuery("filter: not a list of attribute=value")
        _put(keys, name.strip(), value)
    return keys


def _put(keys: Dataset, name: str, value: str) -> None:
    """One key; "Sequence.Attribute" is an attribute of the key's only item (PS3.4 C.2.2.2.6)."""
    *sequences, last = [_keyword(part) for part in name.split(".")]
    holder = keys
    for sequence in sequences:
        if dictionary_VR(sequence) != "SQ":
            raise MalformedQuery(f"{sequence} is no sequence")
        if sequence not in holder:
            setattr(holder, sequence, [Dataset()])
        holder = holder[sequence].value[0]
    if last in holder:
        raise MalformedQuery(f"{last} is given twice")
    vr = dictionary_VR(last)
    if vr == "SQ":
        setattr(holder, last, [])
        return
    text = value.replace(",", "\\") if vr in LISTS else value
    tag = tag_for_keyword(last)
    assert tag is not None
    try:
        holder[tag] = DataElement(tag, vr, text or None, validation_mode=IGNORE)
    except (ValueError, TypeError, OverflowError) as error:
        raise MalformedQuery(f"{last}: not a value of its VR") from error


def _keyword(name: str) -> str:
    """Of a keyword or a tag. Raises MalformedQuery."""
    keyword = keyword_of(name)
    if not keyword:
        raise MalformedQuery("a name is neither a DICOM keyword nor a tag")
    return keyword
