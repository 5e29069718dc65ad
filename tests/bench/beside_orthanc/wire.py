"""Requests and what matters of their answers, independent of both servers' code."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from email.parser import BytesParser
from io import BytesIO
from typing import Any

import httpx
import numpy as np
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

BOUNDARY = "thoraxd-bench"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. path: below /dicom-web."""

    what: str
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a media type, and a digest of what a client makes of the body, as comparable words."""

    status: int
    media: str
    content: str

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.status), self.media, self.content) if part)


def stow(path: str, parts: list[bytes], media: str = "application/dicom") -> Ask:
    """A STOW-RS request of these parts; `what` is to be set with dataclasses.replace."""
    body = (
        b"".join(f"--{BOUNDARY}\r\nContent-Type: {media}\r\n\r\n".encode() + part + b"\r\n" for part in parts)
        + f"--{BOUNDARY}--\r\n".encode()
    )
    headers = {
        "Content-Type": f'multipart/related; type="{media}"; boundary={BOUNDARY}',
        "Accept": "application/dicom+json",
    }
    return Ask("", "POST", path, headers, body)


def file_of(ds: Dataset) -> bytes:
    """The instance as a Part 10 file."""
    content = BytesIO()
    ds.save_as(content, enforce_file_format=True)
    return content.getvalue()


def ask(client: httpx.Client, base: str, request: Ask) -> tuple[Answer, bytes, str]:
    """The answer, its body and its Content-Type."""
    answer = client.request(request.method, base + request.path, headers=request.headers, content=request.body or None)
    kind = answer.headers.get("Content-Type", "")
    media = kind.split(";")[0].strip().lower()
    if answer.is_error and media != "application/dicom+json":  # words for a person; the status is for the client
        return Answer(answer.status_code, "", ""), answer.content, kind
    if media == "multipart/related":
        inner = re.search(r'type="?([\w/+.-]+)', kind)
        media += f" of {inner[1]}" if inner else ""
    return (
        Answer(answer.status_code, media if answer.content else "", _told(answer.content, kind)),
        answer.content,
        kind,
    )


def _told(body: bytes, kind: str) -> str:
    media = kind.split(";")[0].strip().lower()
    if not body or media in ("text/plain", "text/html"):
        return ""
    if media in ("application/dicom+json", "application/json"):
        return _told_json(json.loads(body))
    if media == "multipart/related":
        parts = split(body, kind)
        return f"{len(parts)} x [{'; '.join(sorted({_told_part(*part) for part in parts}))}]"
    return _told_part(kind, body)


def split(body: bytes, kind: str) -> list[tuple[str, bytes]]:
    """(Content-Type, content) of each part of a multipart/related body."""
    message = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    return [(str(part.get("Content-Type", "")), bytes(part.get_payload(decode=True))) for part in message.get_payload()]


def _told_part(kind: str, content: bytes) -> str:
    media = kind.split(";")[0].strip().lower()
    if media == "application/dicom":
        try:
            ds = dcmread(BytesIO(content))
            return f"{ds.file_meta.TransferSyntaxUID.name}, pixels {_digest(ds.pixel_array.tobytes())}"
        except (InvalidDicomError, AttributeError, ValueError) as error:
            return f"unreadable ({type(error).__name__})"
    if media in ("image/jpeg", "image/png") and b"ftyp" not in content[:16]:
        with Image.open(BytesIO(content)) as picture:
            grey = np.asarray(picture.convert("L"), dtype=float)
        return f"{media} {grey.shape[1]}x{grey.shape[0]}, mean grey {grey.mean():.0f}"
    if media == "application/octet-stream":
        return f"{len(content)} bytes {_digest(content)}"
    return f"{media} of {len(content)} bytes"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]


def _told_json(value: Any) -> str:
    if isinstance(value, list):
        levels = [item for item in value if isinstance(item, dict)]
        keys = sorted({key for item in levels for key in item})
        return f"{len(value)} items, {len(keys)} attributes"
    if isinstance(value, dict) and ("00081199" in value or "00081198" in value):
        stored, failed = (len(value.get(tag, {}).get("Value", [])) for tag in ("00081199", "00081198"))
        reasons = sorted({f"{item['00081197']['Value'][0]:04X}" for item in value.get("00081198", {}).get("Value", [])})
        return f"{stored} stored, {failed} failed{' ' + ','.join(reasons) if reasons else ''}"
    return "object"
