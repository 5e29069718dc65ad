"""The name of a study in a URL: its Study Instance UID, sealed.

A UID identifies a patient's study to all who read the hospital's systems, and URLs end up in histories and proxies'
logs. The seal is AES-SIV (RFC 5297), deterministic: the same study has the same name while home/web.secret is kept.
"""

from __future__ import annotations

import base64
import binascii
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from daemon.core.uids import is_uid

_LONGEST = 128


class Tokens:
    """Names of studies under one secret."""

    def __init__(self, secret: bytes) -> None:
        self._seal = AESSIV(hmac.digest(secret, b"study", "sha256"))

    def of(self, study_uid: str) -> str:
        """The study's name: letters, digits, - and _."""
        return base64.urlsafe_b64encode(self._seal.encrypt(study_uid.encode(), None)).decode().rstrip("=")

    def study_uid(self, token: str) -> str | None:
        """The study of this name; None where no study can have it."""
        if len(token) > _LONGEST:
            return None
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            uid = self._seal.decrypt(raw, None).decode("ascii")
        except (binascii.Error, InvalidTag, ValueError):
            return None
        return uid if is_uid(uid) else None
