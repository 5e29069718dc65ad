"""How the pages look where it is easy to see whether they do: long names, one film or several, paper."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydicom import Dataset

from tests.support.builders import make_cxr
from tests.support.reading_room import ReadingRoom, seen
from tests.support.viewers import browser
from tests.support.viewers.browser import Browser

WINDOWS = ((1600, 1000), (1280, 720), (820, 1180), (721, 900), (390, 844), (320, 640))  # the last two: telephones
LONG = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaft"  # no place to break at


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadingRoom]:
    if absent := browser.missing():
        pytest.skip(f"not installed: {', '.join(absent)}")
    with ReadingRoom(tmp_path_factory.mktemp("layout")) as opened:
        yield opened


@pytest.fixture(scope="module")
def film(room: ReadingRoom) -> Dataset:
    made = make_cxr(
        patient_name=LONG, patient_id="9" * 64, AccessionNumber="A" * 16, StudyDescription="THORAX_PA_LAT_" * 4
    )
    room.receive(made)
    room.work({made.SOPInstanceUID: seen(made, 0.9, (10.0, 10.0, 50.0, 50.0), label="Pneumothorax")})
    return made


@pytest.fixture(scope="module")
def pair(room: ReadingRoom) -> Dataset:
    """A film that is answered; with it one that is not yet, and one that never will be."""
    made = make_cxr(patient_name="Two^Films")
    uid = made.StudyInstanceUID
    room.receive(made, make_cxr(study_uid=uid, patient_name="Two^Films"), make_cxr(study_uid=uid, view="LL"))
    room.wait_listed(str(uid))
    return made


def test_no_name_is_so_long_that_a_page_must_be_pushed_sideways(room: ReadingRoom, film: Dataset) -> None:
    with Browser() as page:
        for path in ("/", room.href(film.StudyInstanceUID)):
            page.goto(room.url + path)
            page.wait("document.querySelector('#live.on')")
            for width, height in WINDOWS:
                page.size(width, height)
                assert page.look("document.documentElement.scrollWidth <= innerWidth"), f"{path}, {width} wide"
        panel = "document.getElementById('panel')"
        assert page.look(f"{panel}.scrollWidth <= {panel}.clientWidth")


def test_films_are_chosen_from_only_where_there_are_several(room: ReadingRoom, film: Dataset, pair: Dataset) -> None:
    with Browser() as page:
        page.goto(room.url + room.href(film.StudyInstanceUID))
        page.wait("document.querySelectorAll('#overlay .outline').length == 1")
        assert page.look("document.getElementById('strip').getBoundingClientRect().height") == 0

        page.goto(room.url + room.href(pair.StudyInstanceUID))
        page.wait("document.getElementById('strip').getBoundingClientRect().height > 0")
        titles = page.look("[...document.getElementById('strip').children].map(one => one.textContent)")
        assert sorted(title.partition(" · ")[2] for title in titles) == [
            "no answer yet", "no answer yet", "not analysed",
        ]  # fmt: skip


def test_a_dark_page_is_printed_dark_on_white(room: ReadingRoom, film: Dataset) -> None:
    rules = "[...document.styleSheets].flatMap(sheet => [...sheet.cssRules])"
    on_paper = f"{rules}.filter(rule => rule.media?.mediaText == 'print').forEach(rule => rule.media.mediaText = 'all')"
    with Browser(scheme="dark") as page:
        for path in ("/", room.href(film.StudyInstanceUID), "/queue"):
            page.goto(room.url + path)
            page.wait("document.querySelector('#live.on')")
            page.look(on_paper)
            style = "getComputedStyle(document.documentElement)"
            colours = page.look(f"[{style}.color, {style}.backgroundColor]")
            assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"], path
            assert "AI, unverified" in page.look("document.body.innerText")
            assert page.look(
                "[...document.querySelectorAll('.tools, .controls, .verdict')].every(one => !one.clientHeight)"
            )
