"""Viewers show our SRs: how many lesions they draw or make editable, and where; other forms do not break them."""

import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from model.findings import Box
from tests.conftest import skip_where_missing
from tests.support.peers.orthanc import Orthanc, orthanc
from tests.support.viewers import adapters, dwv, ohif
from tests.support.viewers.study import SPACING, make_study

FIVE, ONE, NEGATIVE, UNREAD = "five lesions at the edges", "one lesion", "negative", "not analysed"
PROFILES = ("air", "stone", "ohif")
# What OHIF's adapters make editable: they look for a region under a measurement, where only this flavour has it.
EDITABLE = {"air": 0, "stone": 0, "ohif": 6}


def need(absent: list[str]) -> None:
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")


def outline(points: Sequence[Sequence[float]], scale: float = 1.0, shift: float = 0.0) -> Box:
    """The box round some points, brought to the film's pixels and rounded to a tenth of one."""
    xs, ys = ([round(point[axis] / scale + shift, 1) for point in points] for axis in (0, 1))
    return min(xs), min(ys), max(xs), max(ys)


def rounded(boxes: Sequence[Box]) -> list[Box]:
    return sorted((round(x0, 1), round(y0, 1), round(x1, 1), round(y1, 1)) for x0, y0, x1, y1 in boxes)


@pytest.mark.parametrize("profile", PROFILES)
def test_cornerstones_adapters_make_these_lesions_editable(tmp_path: Path, profile: str) -> None:
    need(adapters.missing())
    study = make_study(tmp_path, FIVE, ONE)

    (said,) = adapters.hydrated(study.write("sr", profile))

    made = said["annotations"]
    assert len(made) == EDITABLE[profile]
    if made:
        assert {one["tool"] for one in made} == {"RectangleROI"} and len({one["tracking"] for one in made}) == 6
        # Cornerstone's plane begins in the middle of the first pixel, SCOORD's at its corner
        assert rounded([outline(one["points"], shift=0.5) for one in made]) == rounded(
            [box for film in study.boxes() for box in film]
        )
        assert all("unverified" in one["label"] for one in made)


@pytest.mark.parametrize("seen", [NEGATIVE, UNREAD])
def test_cornerstones_adapters_read_a_report_without_lesions(tmp_path: Path, seen: str) -> None:
    need(adapters.missing())
    study = make_study(tmp_path, seen)

    for said in adapters.hydrated([file for profile in PROFILES[:2] for file in study.write("sr", profile)]):
        assert said == {"annotations": []}


@pytest.mark.parametrize("profile", PROFILES)
def test_dwv_draws_every_lesion_of_its_film_where_it_is(tmp_path: Path, profile: str) -> None:
    need(dwv.missing())
    study = make_study(tmp_path, FIVE)

    said = dwv.show(study.films[0], *study.write("sr", profile), tmp_path / "dwv")

    assert said["complaints"] == [] and "failure" not in said
    assert rounded([outline(one["points"]) for one in said["annotations"]]) == rounded(study.boxes()[0])
    _, _, wide, high = said["canvas"]
    scale = min(wide / 520, high / 700)
    left, top = (wide - 520 * scale) / 2, (high - 700 * scale) / 2  # the film is fitted into the middle
    drawn = [
        ((d["x"] - left) / scale, (d["y"] - top) / scale, d["width"] / scale, d["height"] / scale)
        for d in said["drawn"]
    ]
    for box, place in zip(sorted(study.boxes()[0]), sorted((x, y, x + w, y + h) for x, y, w, h in drawn), strict=True):
        assert place == pytest.approx(box, abs=1.0)


@pytest.fixture
def pacs(tmp_path: Path) -> Iterator[Orthanc]:
    """An Orthanc with DICOMweb, before which OHIF stands."""
    need(ohif.missing())
    with skip_where_missing(orthanc(tmp_path / "orthanc", dicomweb=True)) as peer:
        yield peer


def fill(pacs: Orthanc, files: Sequence[Path]) -> None:
    for file in files:
        urllib.request.urlopen(f"{pacs.url}/instances", data=file.read_bytes(), timeout=30).close()


def test_ohif_makes_every_lesion_of_both_films_an_editable_rectangle(tmp_path: Path, pacs: Orthanc) -> None:
    study = make_study(tmp_path, FIVE, ONE)
    fill(pacs, [*study.films, *study.write("sr", "ohif")])

    said = ohif.open_report(pacs.url, study.uid, tmp_path / "ohif")

    assert said["offered"] and said["failure"] == "" and not said.get("error")
    drawn = [one for one in said["annotations"] if one["tool"] == "RectangleROI"]
    for image, boxes in zip(study.request.images, study.boxes(), strict=True):
        here = [one for one in drawn if str(image.header.SOPInstanceUID) in one["image"]]
        assert rounded([outline(one["world"], SPACING, 0.5) for one in here]) == rounded(boxes)
    assert len(drawn) == 6 and all("unverified" in one["label"] for one in drawn)


@pytest.mark.parametrize(
    ("seen", "marking", "words"),
    [(UNREAD, True, "AI: study not analysed"), (FIVE, False, "AI: study abnormal, >99 %, unverified")],
)
def test_ohif_reads_out_a_report_without_marks(
    tmp_path: Path, pacs: Orthanc, seen: str, marking: bool, words: str
) -> None:
    study = make_study(tmp_path, seen)
    fill(pacs, [*study.films, *study.write("sr", "ohif", marking)])

    said = ohif.open_report(pacs.url, study.uid, tmp_path / "ohif")

    assert words in said["text"]
    assert not said["offered"] and said["failure"] == "" and not said.get("error") and said["complaints"] == []


def test_ohif_is_not_broken_by_the_other_forms(tmp_path: Path, pacs: Orthanc) -> None:
    """All but the parametric map, of which OHIF 3.12 takes only volumes of 32-bit numbers (docs/conformance.md)."""
    study = make_study(tmp_path, ONE)
    forms = ("gsps", "sc", "kos", "text-sr", "chest-cad-sr")
    fill(pacs, [*study.films, *study.write("sr", "ohif"), *(file for kind in forms for file in study.write(kind))])

    said = ohif.open_all(pacs.url, study.uid, tmp_path / "ohif")

    assert not said.get("error") and [(row["failure"], row["complaints"]) for row in said["rows"]] == [("", [])] * 7
    assert sum(row["offered"] for row in said["rows"]) == 1  # the measurement report
    assert "columns 286 to 426 of 520" in "".join(row["shown"] for row in said["rows"])  # of the text report
