"""What the parameters of all searches share: PS3.18 8.3.4. Messages name parameters, never values."""

from __future__ import annotations

import re

from pydicom.datadict import dictionary_has_tag, keyword_for_tag, tag_for_keyword

from daemon.core.errors import MalformedQuery

MOST_PARAMETERS = 200
LARGEST_NUMBER = 2**31 - 1
LISTS = frozenset({"UI", "CS"})  # VRs whose values hold no comma: it parts the values of a list

_TAG = re.compile(r"[0-9A-Fa-f]{8}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)


def keyword_of(name: str) -> str:
    """Of a keyword or a tag; "" of what PS3.6 does not list."""
    if _TAG.fullmatch(name):
        tag = int(name, 16)
        return keyword_for_tag(tag) if dictionary_has_tag(tag) else ""
    return name if tag_for_keyword(name) is not None else ""


def number_of(name: str, value: str) -> int:
    """The value of a limit or an offset. Raises MalformedQuery."""
    if not _NUMBER.fullmatch(value) or int(value) > LARGEST_NUMBER:
        raise MalformedQuery(f"{name} is not a number from 0 to {LARGEST_NUMBER}")
    return int(value)
