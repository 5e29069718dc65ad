"""Objects for the check before sending: every form, on films of every odd kind, each with what was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from daemon.conform import Expected
from model.findings import Box, Findings, HeatMap
from tests.support.reports import IDENTITY, make_image, make_request, reread
from worker.encode import WRITERS, Reference, ReportRequest, SourceImage, encode
from worker.encode.rejection import RejectionRequest, rejection_note
from worker.encode.request import Encoded

BOX, OTHER = (50.25, 60.5, 120.75, 140.125), (260.0, 200.0, 380.0, 300.0)
REJECTION = "rejection"


@dataclass(frozen=True)
class Case:
    """One object as it lies in the archive, the headers of its study, and what the destination asked for."""

    name: str
    dataset: Dataset
    sources: tuple[Dataset, ...]
    expected: Expected


def picture(rows: int, columns: int) -> NDArray[np.float32]:
    """A film's pixels: a slope."""
    return np.linspace(0, 1, rows * columns, dtype=np.float32).reshape(rows, columns)


def drawn(image: SourceImage) -> SourceImage:
    """The image with pixels and, where it was analysed, a heat map: what forms that draw ask for."""
    rows, columns = int(image.header.get("Rows") or 512), int(image.header.get("Columns") or 400)
    found: Findings | None = image.findings
    if found:
        found = replace(found, heat=HeatMap(4, 3, tuple(number / 12 for number in range(12))))
    return replace(image, findings=found, picture=lambda: picture(rows, columns))


def film(*boxes: Box, **attributes: Any) -> SourceImage:
    """An analysed film, of 512 x 400 pixels unless told otherwise."""
    return drawn(make_image(*boxes, **attributes))


def variants() -> Iterator[tuple[str, str, bool]]:
    """(kind, profile, marking) of everything that a destination can ask for."""
    for kind in WRITERS:
        for profile in ("air", "stone", "ohif") if kind == "sr" else ("",):
            for marking in (True, False):
                yield kind, profile, marking


def objects(request: ReportRequest, only: tuple[str, ...] = ()) -> Iterator[Case]:
    """Every object of the request, of all forms or of some."""
    headers = tuple(image.header for image in request.images)
    for kind, profile, marking in variants():
        if only and kind not in only:
            continue
        for made in encode(request, kind, profile or "air", marking):
            name = " ".join(filter(None, (kind, profile, "" if marking else "triage")))
            yield Case(name, written(made), headers, Expected(kind, profile, marking))


def written(made: Encoded) -> Dataset:
    """The object as the deliver loop reads it, with its pixels."""
    return dcmread(BytesIO(made.to_bytes()))


def rejected(header: Dataset, *objects_: Dataset) -> Case:
    """The rejection note of some results."""
    references = tuple(
        Reference(ds.SOPClassUID, ds.SOPInstanceUID, ds.SeriesInstanceUID, ds.StudyInstanceUID) for ds in objects_
    )
    at = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    note = rejection_note(RejectionRequest(header, references, "quality", "wrong film", at, 1, IDENTITY, "THORAXD"))
    made = Encoded(REJECTION, "", True, "", note)
    return Case(REJECTION, reread(made.to_bytes()), (header,), Expected(REJECTION))


def valid() -> dict[str, Case]:
    """One valid object of every form and flavour, by name: two lesions on one film."""
    image = film(BOX, OTHER, TimezoneOffsetFromUTC="+0100")
    found = {case.name: case for case in objects(make_request(image))}
    found[REJECTION] = rejected(image.header, *(case.dataset for case in found.values()))
    return found
