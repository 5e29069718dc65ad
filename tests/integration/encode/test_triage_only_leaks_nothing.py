"""Triage-only output says of the film, never of a place in it: searched element by element, and compared byte for byte.

US 21 CFR 892.2080 (triage) against 892.2070 (detection): a device cleared for the first may not direct attention to a
location. The search looks for what a lesion is: corners, centre, size (in pixels, millimetres, shares and percent of
the film), name, side. The comparison is stronger: whatever the lesions are, the objects are the same bytes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.dataelem import DataElement

from model.findings import Box, Findings, Lesion
from tests.support.builders import make_cxr, write
from tests.support.form_cases import FORMS, LABELS, Seen, heat_of, source_image
from tests.support.reports import make_request, reread
from worker.encode import Encoded, ReportRequest, encode
from worker.encode.codes import FINDINGS

ROWS, COLUMNS, SPACING = 611, 433, 0.1537
# Chosen so that no number of a header, code or UID of ours is within rounding of one of them.
LESIONS = (
    Lesion((37.31, 263.77, 93.53, 387.19), 0.7731, "Mass", shown=True),
    Lesion((271.63, 341.37, 397.83, 463.91), 0.6647, "Pneumothorax", shown=True),
    Lesion((287.29, 57.43, 349.57, 121.61), 0.5853, "Zebra growth", shown=True),
)
FILM_PROBABILITIES = (0.97, 0.03, 0.999)
WORDS = (*(name.lower() for name in FINDINGS), "zebra", "lesion", "marked", "left", "right", "upper", "lower", "side")
CODES = {finding.code.value for finding in FINDINGS.values()} | {
    *("112033", "363698007", "272741003", "7771000", "24028007", "G-C171", "130400", "112039", "112040", "111030"),
    *(finding.site.value for finding in FINDINGS.values()),
}
PLACES = ("GraphicData", "GraphicObjectSequence", "CompoundGraphicSequence", "AnchorPoint", "TrackingUID", "TrackingID")
# What makes no statement on places even with marking: it selects films.
WITHOUT_PLACES = {"kos"}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Three films of one study, one of them MONOCHROME1, one of another shape."""
    folder = tmp_path_factory.mktemp("films")
    first = make_cxr(rows=ROWS, columns=COLUMNS, pixel_spacing=(SPACING, SPACING), PatientAge="005Y")
    same: dict[str, Any] = {
        "study_uid": first.StudyInstanceUID,
        "pixel_spacing": (SPACING, SPACING),
        "PatientAge": "005Y",
    }
    others = (
        make_cxr(rows=ROWS, columns=COLUMNS, photometric="MONOCHROME1", InstanceNumber=2, **same),
        make_cxr(rows=ROWS, columns=COLUMNS, view="AP", sop_class="CR", InstanceNumber=3, **same),
    )
    return tuple(write(ds, folder / f"{number}.dcm") for number, ds in enumerate((first, *others)))


def request_on(films: tuple[Path, ...], *lesions: tuple[Lesion, ...]) -> ReportRequest:
    """A request whose films have these lesions; the films' own probabilities are always 0.97, 0.03 and 0.99."""
    images = []
    for film, probability, found in zip(films, FILM_PROBABILITIES, lesions, strict=True):
        names = {lesion.label: lesion.probability for lesion in found}
        findings = Findings(COLUMNS, ROWS, probability, 0.3, found, names, heat_of(found, COLUMNS, ROWS))
        images.append(replace(source(film), findings=findings))
    return make_request(*images)


source = cache(lambda film: source_image(film, Seen(0.5)))


def files(made: tuple[Encoded, ...]) -> list[bytes]:
    return [one.to_bytes() for one in made]


boxes = st.tuples(
    st.floats(0, COLUMNS - 20, width=32), st.floats(0, ROWS - 20, width=32), st.floats(2, 19), st.floats(2, 19)
).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
lesions = st.builds(Lesion, boxes, st.floats(0.01, 0.99), st.sampled_from(LABELS), shown=st.booleans())
of_film = st.lists(lesions, max_size=5).map(tuple)


@pytest.mark.parametrize(("kind", "profile"), FORMS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(found=st.tuples(of_film, of_film, of_film))
def test_whatever_the_lesions_are_the_bytes_are_the_same(films, kind, profile, found) -> None:  # type: ignore[no-untyped-def]
    reference = files(encode(request_on(films, (), (), ()), kind, profile, marking=False))

    assert files(encode(request_on(films, *found), kind, profile, marking=False)) == reference


@pytest.mark.parametrize(("kind", "profile"), [form for form in FORMS if form[0] not in WITHOUT_PLACES])
def test_with_marking_they_are_not(films: tuple[Path, ...], kind: str, profile: str) -> None:
    """The comparison can tell: other places give other bytes where places are said."""
    moved = tuple(
        replace(lesion, box=(lesion.box[0] + 9, *lesion.box[1:2], lesion.box[2] + 9, lesion.box[3]))
        for lesion in LESIONS
    )
    one, other = (files(encode(request_on(films, found, (), ()), kind, profile)) for found in (LESIONS, moved))

    assert len(one) == len(other) and one != other


@pytest.mark.parametrize(("kind", "profile"), FORMS)
def test_no_element_holds_a_place_or_a_name(films: tuple[Path, ...], kind: str, profile: str) -> None:
    for made in encode(request_on(films, LESIONS, LESIONS[:2], LESIONS[1:]), kind, profile, marking=False):
        assert list(leaks(reread(made.to_bytes()))) == []


@pytest.mark.parametrize(("kind", "profile"), [form for form in FORMS if form[0] in ("sr", "gsps", "chest-cad-sr")])
def test_the_search_finds_them_where_they_are(films: tuple[Path, ...], kind: str, profile: str) -> None:
    found = [
        leak
        for made in encode(request_on(films, LESIONS, (), ()), kind, profile)
        for leak in leaks(reread(made.to_bytes()))
    ]

    assert any("37.31" in leak for leak in found) and any("mass" in leak for leak in found)
    assert any("GraphicData" in leak for leak in found)


@pytest.mark.parametrize("hidden", ["37.3", "93 px", "0.431", "x = 43.2 %", "14.37 mm", "in the LEFT lung", "2 marked"])
def test_the_search_finds_a_place_in_a_private_text(hidden: str) -> None:
    ds, item = Dataset(), Dataset()
    block = item.private_block(0x0099, "SOMEBODY", create=True)
    block.add_new(0x10, "LT", f"see {hidden}")
    ds.ContentSequence = [item]

    assert list(leaks(ds))


@pytest.mark.parametrize(("vr", "coding"), [("OF", "<f"), ("OD", "<d"), ("UN", "<f"), ("FD", "")])
def test_the_search_finds_a_place_in_private_numbers(vr: str, coding: str) -> None:
    ds = Dataset()
    value = struct.pack(coding, 387.19) if coding else 387.19
    ds.private_block(0x0099, "SOMEBODY", create=True).add_new(0x10, vr, value)

    assert list(leaks(ds))


def leaks(ds: Dataset) -> Iterator[str]:
    """What in the object, at any depth, tells of a lesion: the element and what it holds."""
    for element in ds.iterall():
        if element.keyword in PLACES:
            yield element.keyword
        if element.keyword == "ValueType" and element.value in ("SCOORD", "SCOORD3D", "TCOORD"):
            yield str(element.value)
        if element.VR not in ("SQ", "UI") and element.keyword not in COPIED:
            yield from (f"{element.tag} {element.keyword}: {told}" for told in _told(element))


# What is copied from the film, LUTs that hold every number there is, and a text's alignment: left to the comparison.
COPIED = {"LUTData", "PixelData", "PatientOrientation", "BoundingBoxTextHorizontalJustification"}


def _told(element: DataElement) -> Iterator[str]:
    values = element.value if element.VM > 1 else [element.value]
    for value in values:
        if element.keyword == "CodeValue" and value in CODES:
            yield f"code {value}"
        if isinstance(value, bytes):
            yield from (f"number {n}" for n in _numbers_in(value) if _is_of_a_lesion(n))
            value = value.decode("latin-1")
        text = str(value or "").lower()
        yield from (f"word {word}" for word in WORDS if re.search(rf"\b{word}", text))
        yield from (f"number {n}" for n in re.findall(r"\d+\.?\d*", text) if _is_of_a_lesion(float(n), n))


def _numbers_in(value: bytes) -> Iterator[float]:
    """A byte string as 32-bit and as 64-bit floats."""
    for coding, size in (("<f", 4), ("<d", 8)):
        yield from (number for (number,) in struct.iter_unpack(coding, value[: len(value) // size * size]))


def _is_of_a_lesion(number: float, spelled: str = "") -> bool:
    """Whether a number is one of a lesion's, cut off or rounded as its spelling shows.

    A share of the film says something only from two decimals on, and a small number only from one on.
    """
    decimals = len(spelled.partition(".")[2]) if spelled else 4
    told = (known for known in KNOWN if decimals >= 2 or known >= (20 if decimals == 0 else 1.5))
    return any(abs(number - known) < max(10.0**-decimals, 1e-3) for known in told)


def _known(box: Box) -> Iterator[float]:
    """Corners, centre, width and height of a box: in pixels, millimetres, shares and percent of the film."""
    x0, y0, x1, y1 = box
    for along, across in (((x0, x1, (x0 + x1) / 2, x1 - x0), COLUMNS), ((y0, y1, (y0 + y1) / 2, y1 - y0), ROWS)):
        for number in along:
            yield from (number, number * SPACING, number / across, 100 * number / across)


KNOWN = tuple(
    number for lesion in LESIONS for number in (*_known(lesion.box), lesion.probability, 100 * lesion.probability)
)
