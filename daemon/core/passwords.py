"""Passwords of `[[user]]`: plain, or hashed with scrypt (RFC 7914) as `scrypt$N$r$p$salt$hash`, the end in base64."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

_COST, _BLOCK, _LANES = 2**14, 8, 1  # 16 MB and some 50 ms for a try
_MOST_MEMORY = 64 * 2**20  # of a hash that somebody wrote into the settings


def hashed(password: str) -> str:
    """What belongs into the settings in place of the password; another text each time."""
    salt = secrets.token_bytes(16)
    parts = (salt, _scrypt(password, salt, _COST, _BLOCK, _LANES))
    return "$".join(["scrypt", str(_COST), str(_BLOCK), str(_LANES), *(base64.b64encode(p).decode() for p in parts)])


def matches(password: str, kept: str) -> bool:
    """Whether `password` is the one that the settings keep, plain or hashed; how long it takes says nothing."""
    if not kept.startswith("scrypt$"):
        return hmac.compare_digest(password.encode(), kept.encode())
    try:
        cost, block, lanes, salt, digest = _parts(kept)
        return hmac.compare_digest(_scrypt(password, salt, cost, block, lanes), digest)
    except ValueError:
        return False


def well_formed(kept: str) -> bool:
    """Whether `kept` is a password, or a hash that can be computed here."""
    if not kept.startswith("scrypt$"):
        return bool(kept)
    try:
        cost, block, lanes, salt, _ = _parts(kept)
        _scrypt("", salt, cost, block, lanes)
    except ValueError:
        return False
    return True


def _parts(kept: str) -> tuple[int, int, int, bytes, bytes]:
    """Raises ValueError."""
    _, cost, block, lanes, salt, digest = kept.split("$")
    try:
        return int(cost), int(block), int(lanes), base64.b64decode(salt, validate=True), base64.b64decode(digest)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _scrypt(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=cost, r=block, p=lanes, maxmem=_MOST_MEMORY, dklen=32)
