"""Requests to the encoder, made on the spot: headers as they come from the archive, and findings on them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from pydicom import Dataset, dcmread

from model.findings import Box, Findings, Lesion, ModelIdentity
from tests.support.builders import make_cxr
from worker.encode import Encoded, ReportRequest, SourceImage, encode

IDENTITY = ModelIdentity("thoraxd detector", "0.1.0", "ab" * 32, "sensitivity 0.95 on held-out films")
ANALYSED_AT = datetime(2026, 11, 21, 2, 3, 4, 567000, tzinfo=UTC)
KINDS = (("sr", "air"), ("sr", "stone"), ("sr", "ohif"), ("gsps", ""))


def make_header(*, rows: int = 512, columns: int = 400, **film: Any) -> Dataset:
    """The header of a film of rows x columns as the archive gives it: raw, without pixels.

    The picture itself is small whatever the size says, since no encoder sees it.
    """
    film_bytes = BytesIO()
    made = make_cxr(rows=16, columns=16, **film)
    made.Rows, made.Columns = rows, columns
    made.save_as(film_bytes, enforce_file_format=True)
    return reread(film_bytes.getvalue())


def reread(file: bytes) -> Dataset:
    """A DICOM file's data set without pixels, its elements raw."""
    return dcmread(BytesIO(file), stop_before_pixels=True)


def make_findings(*boxes: Box, width: int = 400, height: int = 512, probability: float = 0.9) -> Findings:
    """Findings with a shown nodule of 0.87, 0.77, … in each box, and one lesion that is not shown."""
    shown = [Lesion(box, 0.87 - 0.1 * number, "Nodule", shown=True) for number, box in enumerate(boxes)]
    hidden = Lesion((1.0, 1.0, 9.0, 9.0), 0.05, "Mass", shown=False)
    return Findings(width, height, probability, 0.3, (*shown, hidden))


def make_image(*boxes: Box, probability: float = 0.9, header: Dataset | None = None, **film: Any) -> SourceImage:
    """An analysed image."""
    header = header if header is not None else make_header(**film)
    found = make_findings(*boxes, width=header.Columns, height=header.Rows, probability=probability)
    return SourceImage(header, digest_of(header), found)


def digest_of(header: Dataset) -> str:
    """Stands for the digest of the archived bytes: another image, another digest."""
    return hashlib.sha256(str(header.SOPInstanceUID).encode()).hexdigest()


def make_request(*images: SourceImage, **changes: Any) -> ReportRequest:
    """A request on these images, or on one film with a nodule."""
    of = images or (make_image((50.25, 60.5, 120.75, 140.125)),)
    return ReportRequest(**{"images": of, "identity": IDENTITY, "analysed_at": ANALYSED_AT, "revision": 1, **changes})


def one(request: ReportRequest, kind: str, profile: str = "air", marking: bool = True) -> Encoded:
    """The one object of a kind."""
    (made,) = encode(request, kind, profile or "air", marking)
    return made


def written(request: ReportRequest, kind: str, profile: str = "air", marking: bool = True) -> Dataset:
    """The one object of a kind, written and read back."""
    return reread(one(request, kind, profile, marking).to_bytes())
