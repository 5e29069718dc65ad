"""Specific Character Set (0008,0005) names defined terms (PS3.3 C.12.1.1.2); pydicom takes a Python codec's name too.

That reads what some senders write, "utf8" or "latin1". But two codecs of internet host names take time with the square
of a text's length: a name of four megabytes would cost an hour. To import this module has pydicom read the default
character set in their place, in this process.
"""

from __future__ import annotations

import codecs
from typing import Any

from pydicom.dataelem import RawDataElement
from pydicom.hooks import hooks, raw_element_value
from pydicom.multival import MultiValue

_CHARACTER_SET = 0x00080005
_SLOW = frozenset({"idna", "punycode"})


def _converted(raw: RawDataElement, data: dict[str, Any], **options: Any) -> None:
    raw_element_value(raw, data, **options)
    terms = data["value"]
    if raw.tag == _CHARACTER_SET and any(map(_slow, terms if isinstance(terms, MultiValue) else [terms])):
        data["value"] = ""


def _slow(term: object) -> bool:
    try:
        return codecs.lookup(str(term)).name in _SLOW
    except (LookupError, ValueError):  # ValueError: a NUL in it
        return False


hooks.register_callback("raw_element_value", _converted)
