"""Studies of odd films with every kind of finding, and the objects of every form that are made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from model.findings import Box, Findings, HeatMap, Lesion
from tests.support.odd_films import FILMS, write_odd
from tests.support.reports import make_request
from worker.encode import WRITERS, Encoded, Reference, ReportRequest, SourceImage, encode
from worker.encode.codes import FINDINGS
from worker.encode.profiles import PROFILES
from worker.encode.rejection import RejectionRequest, rejection_note
from worker.pixels import PixelsUnreadable, film

FORMS = tuple((kind, profile) for kind in WRITERS for profile in (PROFILES if kind == "sr" else ("",)))
LABELS = (*FINDINGS, "Something else")

Relative = tuple[float, float, float, float]
MIDDLE: tuple[Relative, ...] = ((0.55, 0.3, 0.82, 0.47),)
EDGES: tuple[Relative, ...] = (
    *((0.0, 0.0, 0.22, 0.2), (0.81, 0.0, 1.0, 0.23), (0.0, 0.78, 0.19, 1.0), (0.77, 0.8, 1.0, 1.0)),
    (0.31, 0.42, 0.72, 0.55),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the detector said of a film. boxes: of the lesions shown, relative; probability None: not analysed."""

    probability: float | None
    boxes: tuple[Relative, ...] = ()


SEEN: Mapping[str, Seen] = {
    "one lesion": Seen(0.91, MIDDLE),
    "five lesions at the edges": Seen(0.997, EDGES),
    "negative": Seen(0.04),
    "positive without a lesion": Seen(0.62),
    "a lesion below the operating point": Seen(0.21, MIDDLE),
    "not analysed": Seen(None),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One study. later: how many of its images came after the first report, which the second then replaces."""

    name: str
    films: tuple[Path, ...]
    request: ReportRequest
    later: int = 0

    def objects(self) -> Iterator[Encoded]:
        """Every object of every form, with marks and without."""
        for kind, profile in FORMS:
            for marking in (True, False):
                if self.later:
                    first = replace(self.request, images=self.request.images[: -self.later])
                    yield from (before := encode(first, kind, profile or "air", marking))
                    second = replace(self.request, revision=2, predecessors=_replaced(before))
                    yield from encode(second, kind, profile or "air", marking)
                else:
                    yield from encode(self.request, kind, profile or "air", marking)


def rejected(case: Case, made: Sequence[Encoded]) -> Encoded:
    """The note that withdraws these results of a study."""
    request = case.request
    withdrawn = _references(made)
    header, at = request.images[0].header, request.analysed_at
    note = RejectionRequest(header, withdrawn, "quality", "the wrong film", at, 1, request.identity, request.station)
    return Encoded("rejection", "", True, "", rejection_note(note))


def cases(folder: Path, real: Path | None = None) -> Iterator[Case]:
    """Each odd film as a study of its own, then studies of several, then the real films of `real`."""
    names, seen = list(FILMS), list(SEEN)
    for number, name in enumerate(names):
        path = write_odd(name, folder / f"{number:02}.dcm")
        kind = seen[number % len(seen)]
        yield Case(f"{name}: {kind}", (path,), make_request(source_image(path, SEEN[kind], number)))
    for number in range(len(seen)):
        several = [names[number], names[len(seen) + number]]
        kinds = [seen[number], seen[(number + 1) % len(seen)]]
        yield _several(folder, f"several{number}", several, kinds, later=number % 2)
    yield _several(folder, "unread", names[:2], ["not analysed"] * 2, later=0)
    if real is not None:
        for number, path in enumerate(sorted(real.glob("*.dcm"))):
            kind = seen[number % len(seen)]
            yield Case(f"{path.name}: {kind}", (path,), make_request(source_image(path, SEEN[kind], number)))


def source_image(path: Path, seen: Seen, number: int = 0) -> SourceImage:
    """A film file as the encoder gets it, with what was seen on it; `number` chooses the lesions' labels."""
    header = dcmread(path, stop_before_pixels=True)
    try:
        decoded = film(path)
    except PixelsUnreadable:
        seen, decoded = Seen(None), None
    return SourceImage(
        header,
        hashlib.sha256(path.read_bytes()).hexdigest(),
        findings_of(header, seen, number),
        not_analysed="" if seen.probability is not None else "the pixels cannot be read",
        modality_range=decoded.modality_range if decoded else None,
        picture=lambda: decoded.image if decoded else None,
    )


def findings_of(header: Dataset, seen: Seen, number: int = 0) -> Findings | None:
    """The detector's answer in the film's pixels, with one more lesion that is not shown; None when not analysed."""
    if seen.probability is None:
        return None
    wide, high = int(header.Columns), int(header.Rows)
    shown = tuple(
        Lesion(placed(box, wide, high), 0.873 - 0.11 * order, LABELS[(number + order) % len(LABELS)], shown=True)
        for order, box in enumerate(seen.boxes)
    )
    hidden = Lesion(placed((0.1, 0.1, 0.3, 0.2), wide, high), 0.05, "Mass", shown=False)
    heat = heat_of((*shown, hidden), wide, high)
    return Findings(wide, high, seen.probability, 0.3, (*shown, hidden), {"Nodule": 0.31}, heat)


def heat_of(lesions: Sequence[Lesion], wide: int, high: int) -> HeatMap:
    """A map of 40 x 40 cells that is as warm in a lesion as the lesion is probable."""
    middles = [((x + 0.5) * wide / 40, (y + 0.5) * high / 40) for y in range(40) for x in range(40)]
    inside = [[found.probability for found in lesions if _holds(found.box, *middle)] for middle in middles]
    return HeatMap(40, 40, tuple(max(warm, default=0.0) for warm in inside))


def _holds(box: Box, x: float, y: float) -> bool:
    return box[0] <= x < box[2] and box[1] <= y < box[3]


def placed(box: Relative, wide: int, high: int) -> Box:
    """A box relative to the film in its pixels."""
    return box[0] * wide, box[1] * high, box[2] * wide, box[3] * high


def _several(folder: Path, name: str, films: Sequence[str], kinds: Sequence[str], later: int) -> Case:
    """A study of several films of one patient, who is the first film's."""
    study, images, paths = generate_uid(entropy_srcs=[name]), [], []
    for number, (row, kind) in enumerate(zip(films, kinds, strict=True), start=1):
        same = {"study_uid": study, "patient_name": "Test^Several", "SpecificCharacterSet": "ISO_IR 192"}
        path = write_odd(row, folder / f"{name}-{number}.dcm", **same, InstanceNumber=number)
        paths.append(path)
        images.append(source_image(path, SEEN[kind], number))
    title = f"{name}: {' + '.join(kinds)}{', then a revision' if later else ''}"
    return Case(title, tuple(paths), make_request(*images), later)


def _replaced(made: Sequence[Encoded]) -> tuple[Reference, ...]:
    """The study's own objects as references; an image's object is never replaced."""
    return _references([one for one in made if not one.source_sop_uid])


def _references(made: Sequence[Encoded]) -> tuple[Reference, ...]:
    return tuple(
        Reference(ds.SOPClassUID, ds.SOPInstanceUID, ds.SeriesInstanceUID, ds.StudyInstanceUID)
        for ds in (one.dataset for one in made)
    )
