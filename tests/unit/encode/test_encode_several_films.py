"""Several films in one study: which is which, in what order they are told, and how their own objects are numbered."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from daemon.conform import Expected, faults
from tests.support.content_items import everything
from tests.support.reports import make_header, make_image, make_request, one, written
from worker.encode import SourceImage, encode
from worker.encode.source import Source

STUDY = {"study_uid": "1.2.3"}
BOX = (50.25, 60.5, 120.75, 140.125)


def film(probability: float, *, series: Any = 1, image: Any = 1, **film: Any) -> SourceImage:
    return make_image(BOX, probability=probability, SeriesNumber=series, InstanceNumber=image, **STUDY, **film)


def film_lines(request: Any, kind: str, marking: bool = True) -> list[str]:
    said = [item.TextValue for item in everything(written(request, kind, marking=marking)) if item.ValueType == "TEXT"]
    return [line for line in said if line.startswith("film ") and "lesion" not in line]


@pytest.mark.parametrize("kind", ["sr", "text-sr", "chest-cad-sr"])
def test_films_are_told_by_number_then_time_whatever_their_uids_and_however_they_are_listed(kind: str) -> None:
    films = (
        film(0.40, series=2, image=2, AcquisitionDate="20260101", series_uid="1.2.9"),
        film(0.50, series=2, image=10, AcquisitionDateTime="20260101090000", series_uid="1.2.8"),
        film(0.60, series=2, image=10, ContentDate="20260101", ContentTime="100000", series_uid="1.2.7"),
        film(0.70, series=10, image=1, series_uid="1.2.6"),
        film(0.80, series=None, image=3, series_uid="1.2.5"),
        film(0.90, series=None, image=None, series_uid="1.2.4"),
    )

    for listed in (films, films[::-1], films[3:] + films[:3]):
        lines = film_lines(make_request(*listed), kind)

        assert [line.split("AI:")[0] for line in lines] == [
            "film 1 (series 2, image 2): ",
            "film 2 (series 2, image 10): ",
            "film 3 (series 2, image 10): ",
            "film 4 (series 10, image 1): ",
            "film 5 (image 3): ",
            "film 6: ",
        ]
        assert [f"{share} %" in line for share, line in zip((40, 50, 60, 70, 80, 90), lines, strict=True)] == [True] * 6


def test_films_that_nothing_but_their_uids_tells_apart_keep_one_order() -> None:
    films = [film(0.5, series_uid=f"1.2.{number}") for number in (7, 5, 6)]

    written_as = {one(make_request(*listed), "sr").to_bytes() for listed in permutations(films)}

    assert len(written_as) == 1


@pytest.mark.parametrize("marking", [True, False])
def test_lesions_keep_their_short_names_and_the_check_agrees(marking: bool) -> None:
    request = make_request(film(0.9, series=3), film(0.2, series=4), make_unread())
    headers = [image.header for image in request.images]

    for kind in ("sr", "text-sr", "chest-cad-sr"):
        ds = written(request, kind, marking=marking)
        said = " ".join(item.TextValue for item in everything(ds) if item.ValueType == "TEXT")

        assert faults(ds, headers, Expected(kind, "air" if kind == "sr" else "", marking)) == []
        assert ("film 2 lesion 1" in said) == marking
        assert "film 2 (series 4, image 1): AI: " in said and "film 3 (series 5, image 1): AI: not analysed" in said


def test_the_only_film_of_a_study_is_not_numbered() -> None:
    assert film_lines(make_request(film(0.9)), "text-sr")[0].startswith("film 1: AI: abnormal, 90 %")


@pytest.mark.parametrize("kind", ["gsps", "sc"])
def test_films_that_are_each_number_one_of_their_series_give_objects_of_different_numbers(kind: str) -> None:
    first, second = film(0.9, series=1), film(0.9, series=2)

    alone = {item.source_sop_uid: item.to_bytes() for image in (first, second) for item in encode(
        make_request(image), kind)}  # fmt: skip
    together = encode(make_request(first, second), kind)

    assert sorted(item.dataset.InstanceNumber for item in together) == [1001, 2001]
    assert len({item.dataset.SeriesInstanceUID for item in together}) == 1
    assert {item.source_sop_uid: item.to_bytes() for item in together} == alone


@pytest.mark.parametrize(
    ("series", "image", "number"),
    [(3, 0, 3000), (3, 999, 3999), (3, 1000, 1000), (0, 7, 7), (2147483, 647, 2147483647), (2147483, 648, 648),
     (None, 7, 7), (7, None, 1), (None, None, 1), (-1, 7, 7)],
)  # fmt: skip
def test_the_number_of_a_films_objects_follows_from_the_film_alone(series: Any, image: Any, number: int) -> None:
    assert Source(make_header(SeriesNumber=series, InstanceNumber=image)).number == number


def make_unread() -> SourceImage:
    return SourceImage(make_header(SeriesNumber=5, InstanceNumber=1, **STUDY), "1", None, "the pixels are broken")
