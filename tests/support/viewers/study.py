"""A study for a viewer: films of two shapes and photometric interpretations, with what the detector saw on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.uid import generate_uid

from model.findings import Box
from tests.support.builders import make_cxr, write
from tests.support.form_cases import SEEN, source_image
from tests.support.reports import make_request
from worker.encode import ReportRequest, encode

SPACING = 0.2


@dataclass(frozen=True, slots=True)
class Study:
    """Film files and the request on them."""

    folder: Path
    films: tuple[Path, ...]
    request: ReportRequest

    @property
    def uid(self) -> str:
        """Study Instance UID."""
        return str(self.request.images[0].header.StudyInstanceUID)

    def boxes(self) -> list[list[Box]]:
        """The lesions shown on each film, in its pixels."""
        found = [image.findings for image in self.request.images]
        return [[lesion.box for lesion in one.shown] if one else [] for one in found]

    def write(self, kind: str, profile: str = "", marking: bool = True) -> list[Path]:
        """The objects of one form as files beside the films."""
        paths = []
        for number, made in enumerate(encode(self.request, kind, profile or "air", marking)):
            paths.append(self.folder / f"{kind}-{profile}-{marking}-{number}.dcm")
            paths[-1].write_bytes(made.to_bytes())
        return paths


def make_study(folder: Path, *seen: str) -> Study:
    """A film for each of `seen` (names of form_cases.SEEN), every second one MONOCHROME1 and of another height."""
    uid, films = generate_uid(), []
    for number in range(len(seen)):
        made = make_cxr(
            rows=700 + 60 * (number % 2),
            columns=520,
            photometric="MONOCHROME1" if number % 2 else "MONOCHROME2",
            pixel_spacing=(SPACING, SPACING),
            study_uid=uid,
            InstanceNumber=number + 1,
            SeriesNumber=number + 1,
        )
        films.append(write(made, folder / f"film{number}.dcm"))
    images = [
        source_image(film, SEEN[name], number) for number, (film, name) in enumerate(zip(films, seen, strict=True))
    ]
    return Study(folder, tuple(films), make_request(*images))
