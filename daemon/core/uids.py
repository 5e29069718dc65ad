"""Unique identifiers: PS3.5 section 9.1."""

from __future__ import annotations

import re

# Components of digits separated by dots. Leading zeros are against 9.1, yet real devices send them; they are
# harmless in a file name, so they are taken. Nothing else is: the UID becomes part of an archive key.
_UID = re.compile(r"[0-9]+(\.[0-9]+)*\Z")
MAX_LENGTH = 64


def is_uid(text: str) -> bool:
    """Whether `text` is digits and dots in the form of a UID, at most 64 characters."""
    return len(text) <= MAX_LENGTH and _UID.match(text) is not None
