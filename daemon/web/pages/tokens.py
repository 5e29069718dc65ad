"""The name of a study in a URL: its Study Instance UID, sealed.

A UID identifies a patient's study to all who read the hospital's systems, and URLs end up in histories and proxies'
logs. The seal is deterministic authenticated encryption after RFC 5297 (SIV), with HMAC-SHA-256 in place of AES: the
tag of the text is the initial value of its key stream. The same study has the same name while home/web.secret is kept.
"""

from __future__ import annotations

import base64
import binascii
import hmac

from daemon.core.uids import is_uid

_TAG = 12  # bytes; a forged name opens with a chance of 2^-96
_LONGEST = 128


class Tokens:
    """Names of studies under one secret."""

    def __init__(self, secret: bytes) -> None:
        self._tagging, self._sealing = (_mac(secret, purpose) for purpose in (b"study-tag", b"study-stream"))

    def of(self, study_uid: str) -> str:
        """The study's name: letters, digits, - and _."""
        text = study_uid.encode()
        tag = self._tag(text)
        return base64.urlsafe_b64encode(tag + self._sealed(tag, text)).decode().rstrip("=")

    def study_uid(self, token: str) -> str | None:
        """The study of this name; None where no study can have it."""
        if len(token) > _LONGEST:
            return None
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError):
            return None
        tag = raw[:_TAG]
        text = self._sealed(tag, raw[_TAG:])
        if not hmac.compare_digest(tag, self._tag(text)):
            return None
        uid = text.decode("ascii", "replace")
        return uid if is_uid(uid) else None

    def _tag(self, text: bytes) -> bytes:
        return _mac(self._tagging, text)[:_TAG]

    def _sealed(self, tag: bytes, text: bytes) -> bytes:
        """Its own inverse."""
        stream = b"".join(_mac(self._sealing, tag + bytes([block])) for block in range(len(text) // 32 + 1))
        return bytes(a ^ b for a, b in zip(text, stream, strict=False))


def _mac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")
