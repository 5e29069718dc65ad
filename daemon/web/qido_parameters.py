"""The parameters of a search: PS3.18 8.3.4, as a Query.

A name that is no parameter and no attribute is ignored, and the client is told (8.3: an origin server ignores what it
does not know); a value that has not the form of its parameter is refused. Messages name attributes and never repeat
what a client wrote: it may name a patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from daemon.core.catalogue import ATTRIBUTES, Level
from daemon.core.errors import MalformedQuery
from daemon.core.query import searchable
from daemon.web.parameters import LISTS, MOST_PARAMETERS, keyword_of, number_of

ALL = "all"

# emptyvaluematching and multiplevaluematching: what they ask for is done without them too (8.3.4.5, 8.3.4.6).
_FLAGS = frozenset({"fuzzymatching", "emptyvaluematching", "multiplevaluematching"})
_NUMBERS = frozenset({"limit", "offset"})
_NEGOTIATION = frozenset({"accept", "charset"})  # 8.3.3


@dataclass(frozen=True, slots=True)
class Search:
    """What a client asks for."""

    matches: Mapping[str, str]  # matching text by keyword
    included: frozenset[str]  # keywords, and "all"
    ignored: tuple[str, ...]  # keys that are not matched at this level; "": a name or tag that PS3.6 does not list
    fuzzy: bool
    limit: int | None
    offset: int


def search_of(parameters: Iterable[tuple[str, str]], level: Level, fixed: Mapping[str, str]) -> Search:
    """The search that (name, value) pairs describe; `fixed` are the UIDs of the path. Raises MalformedQuery."""
    matches, included, ignored, said = dict(fixed), set[str](), [], dict[str, str]()
    for place, (name, value) in enumerate(parameters, start=1):
        if place > MOST_PARAMETERS:
            raise MalformedQuery(f"more than {MOST_PARAMETERS} parameters")
        if name == "includefield":
            included |= _included(value)
        elif name in _FLAGS | _NUMBERS:
            _once(name, name in said)
            said[name] = value
        elif name not in _NEGOTIATION:
            keyword = _attribute(name)
            _once(keyword, keyword in fixed)
            if keyword in searchable(level):
                _match(matches, keyword, value)
            else:
                ignored.append(keyword)
    flags = {name: _flag(name, said.get(name, "false")) for name in _FLAGS}
    return Search(
        matches=matches,
        included=frozenset(included),
        ignored=tuple(dict.fromkeys(ignored)),
        fuzzy=flags["fuzzymatching"],
        limit=number_of("limit", said["limit"]) if "limit" in said else None,
        offset=number_of("offset", said.get("offset", "0")),
    )


def _match(matches: dict[str, str], keyword: str, value: str) -> None:
    """Add one key; UIDs may come one by one (each is another value of the list)."""
    vr = ATTRIBUTES[keyword].vr
    text = value.replace(",", "\\") if vr in LISTS else value
    if keyword in matches and vr == "UI" and matches[keyword] and text:
        text = f"{matches[keyword]}\\{text}"
    else:
        _once(keyword, keyword in matches)
    matches[keyword] = text


def _once(name: str, again: bool) -> None:
    if again:
        raise MalformedQuery(f"{name} is given twice")


def _included(value: str) -> set[str]:
    names = [name.strip() for name in value.split(",")]
    return {ALL if name == ALL else _attribute(name) for name in names if name}


def _attribute(name: str) -> str:
    """The keyword of a keyword or tag, dotted inside sequences; "" of what PS3.6 does not list."""
    keywords = [keyword_of(part) for part in name.split(".")]
    return ".".join(keywords) if all(keywords) else ""


def _flag(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise MalformedQuery(f"{name} is neither true nor false")
    return value.lower() == "true"
