"""The pages in headless Chromium: rows move by themselves, lesions lie where the SR says, and no mouse is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread

from model.findings import Box
from tests.support.builders import make_cxr
from tests.support.reading_room import ReadingRoom, seen
from tests.support.viewers import browser
from tests.support.viewers.browser import Browser

ROWS, COLUMNS = 900, 700
SQUARES: tuple[Box, ...] = ((100.0, 150.0, 240.0, 330.0), (421.0, 503.0, 555.0, 700.0))  # bright on dark: seen by eye
FIRST_ROW = "document.querySelector('tbody tr').textContent"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadingRoom]:
    if absent := browser.missing():
        pytest.skip(f"not installed: {', '.join(absent)}")
    with ReadingRoom(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def squares() -> Dataset:
    """A dark film with a bright square in each of SQUARES."""
    picture = np.full((ROWS, COLUMNS), 0.1)
    for x0, y0, x1, y1 in SQUARES:
        picture[int(y0) : int(y1), int(x0) : int(x1)] = 0.9
    return make_cxr(pixels=picture, patient_name="Square^Sue", patient_id="SQ-1")


@pytest.fixture(scope="module")
def film(room: ReadingRoom) -> Dataset:
    made = squares()
    room.receive(made)
    room.work({made.SOPInstanceUID: seen(made, 0.9, *SQUARES, label="Pneumothorax")})
    return made


@pytest.fixture(scope="module")
def quiet(room: ReadingRoom) -> Dataset:
    made = make_cxr(patient_name="Quiet^Quentin")
    room.receive(made)
    room.work({made.SOPInstanceUID: seen(made, 0.01)})
    return made


def scoords(item: Dataset) -> Iterator[Box]:
    """The boxes round all 2D regions of an SR (PS3.3 C.18.6), in its order."""
    if item.get("ValueType") == "SCOORD":
        points = np.array(item.GraphicData, dtype=np.float64).reshape(-1, 2)
        (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        yield x0, y0, x1, y1
    for child in item.get("ContentSequence", ()):
        yield from scoords(child)


def said_by_the_sr(room: ReadingRoom, film: Dataset) -> list[Box]:
    (report,) = room.ledger.views.studies([film.StudyInstanceUID])
    (one,) = report["outputs"]["sr"]
    return list(dict.fromkeys(scoords(dcmread(one["path"]))))


def outlines(page: Browser) -> list[list[float]]:
    """Corners of each outline in CSS pixels of the window, as the browser places them."""
    return list(
        page.look(
            """[...document.querySelectorAll('#overlay .outline')].map(one => {
            const box = one.getBBox(), to = one.getScreenCTM();
            const at = (x, y) => { const p = new DOMPoint(x, y).matrixTransform(to); return [p.x, p.y]; };
            return [...at(box.x, box.y), ...at(box.x + box.width, box.y + box.height)]; })"""
        )
    )


def film_place(page: Browser) -> tuple[float, float, float]:
    """Left, top and scale of the film as it is drawn."""
    place = page.look("(r => [r.left, r.top, r.width])(document.getElementById('film').getBoundingClientRect())")
    return place[0], place[1], place[2] / COLUMNS


def grey(shot: Path) -> NDArray[np.int16]:
    with Image.open(shot) as opened:
        return np.asarray(opened.convert("RGB"), dtype=np.int16)


def drawn_edges(picture: NDArray[np.int16], row: int, left: int, right: int) -> list[int]:
    """Where, along a row of a screenshot, dark turns bright or back: edges of the film's squares."""
    line = picture[row, left:right].mean(axis=1)
    return [left + int(at) + 1 for at in np.flatnonzero(np.diff((line > 128).astype(int)))]


def opened(page: Browser, room: ReadingRoom, film: Dataset) -> None:
    page.goto(room.url + room.href(film.StudyInstanceUID))
    page.wait(
        "document.querySelectorAll('#overlay .outline').length == 2 && document.getElementById('film').width > 300"
    )


ZOOMS: tuple[tuple[str, ...], ...] = ((), ("+", "+", "+"), ("x",), ("x", "+", "+", "+", "Shift+ArrowLeft"), ("-", "-"))


def test_lesions_are_drawn_where_the_sr_says_at_any_zoom(room: ReadingRoom, film: Dataset, tmp_path: Path) -> None:
    said = said_by_the_sr(room, film)
    assert sorted(said) == sorted(SQUARES)
    with Browser(1200, 900) as page:
        opened(page, room, film)
        for keys in ZOOMS:
            page.press("Backspace", *keys)
            page.look("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            left, top, scale = film_place(page)
            at = [[left + x0 * scale, top + y0 * scale, left + x1 * scale, top + y1 * scale] for x0, y0, x1, y1 in said]
            assert np.array(sorted(outlines(page))) == pytest.approx(np.array(sorted(at)), abs=0.1), keys  # of a pixel

            page.press("l")  # and so do the film's own pixels, seen without the outlines
            check_film(page, page.shot(tmp_path / "film.png"), at)
            page.press("l")
        assert page.complaints == []


def check_film(page: Browser, shot: Path, places: Sequence[Sequence[float]]) -> None:
    """Each bright square of the film begins and ends, within a pixel, at the left and right of its place."""
    picture = grey(shot)
    stage = page.look(
        "(r => [r.left, r.top, r.right, r.bottom])(document.getElementById('stage').getBoundingClientRect())"
    )
    checked = 0
    for x0, y0, x1, y1 in places:
        above, below = max(y0, stage[1]), min(y1, stage[3] - 40)
        within = [edge for edge in (x0, x1) if stage[0] + 2 < edge < stage[2] - 2]
        if below - above > 4:
            left, right = int(max(x0 - 20, stage[0])), int(min(x1 + 20, stage[2]))
            assert drawn_edges(picture, round((above + below) / 2), left, right) == pytest.approx(within, abs=1.0)
            checked += len(within)
    assert checked > 0


def test_a_study_that_arrives_finds_its_place_without_a_reload(room: ReadingRoom, quiet: Dataset) -> None:
    with Browser() as page:
        page.goto(room.url)
        page.wait("document.querySelector('#live.on')")
        loaded = page.navigations
        ill = make_cxr(patient_name="Ill^Ida")
        room.receive(ill)
        page.wait("[...document.querySelectorAll('tbody tr')].some(row => row.textContent.includes('Ill, Ida'))")
        assert "no answer yet" in page.look(
            "[...document.querySelectorAll('tbody tr')].find(r => r.textContent.includes('Ill')).textContent"
        )

        room.work({ill.SOPInstanceUID: seen(ill, 0.99, (10.0, 10.0, 90.0, 90.0), label="Pneumothorax")})
        page.wait(f"{FIRST_ROW}.includes('Ill, Ida') && {FIRST_ROW}.includes('99 %')")

        assert page.look("document.querySelector('tbody tr').classList.contains('fresh')")
        assert "Moved: Ill, Ida, High priority, place 1" in page.look("document.getElementById('said').textContent")
        places = page.look("[...document.querySelectorAll('td.place')].map(cell => cell.textContent)")
        assert places == [str(at + 1) for at in range(len(places))]
        assert page.navigations == loaded and page.complaints == []


def focused(page: Browser) -> str:
    return str(page.look("document.activeElement.textContent"))


def test_everything_can_be_done_with_keys_alone(room: ReadingRoom, film: Dataset, quiet: Dataset) -> None:
    with Browser() as page:
        page.goto(room.url)
        names = page.look("[...document.querySelectorAll('tbody a')].map(link => link.textContent)")
        page.press("j", "j", "k")
        assert focused(page) == names[0]
        page.press("/")
        page.press(*"square", "Enter")
        page.wait("document.querySelectorAll('tbody tr').length == 1")
        assert "Square" not in page.look("location.href") and page.look("location.search") == ""
        page.press("Escape")
        page.wait(f"document.querySelectorAll('tbody tr').length == {len(names)}")
        page.press("?")
        assert page.look("document.getElementById('help').open")
        page.press("Escape", *["j"] * (names.index("Square, Sue") + 1), "Enter")
        page.wait("document.querySelectorAll('#overlay .outline').length == 2")

        before = page.look("document.getElementById('scale').textContent")
        page.press("]", "+", "h", "l", "i")
        page.wait(f"document.getElementById('scale').textContent != {before!r}")
        assert page.look("document.getElementById('preset').value") == "1"
        assert page.look(
            "[...document.querySelectorAll('#heat, #lesions, #invert')].map(b => b.ariaPressed).join()"
        ) == ("true,false,true")
        page.press("a")
        page.wait("document.querySelector('.ai .accepted').ariaPressed == 'true'")
        page.press("r")
        page.wait("document.querySelector('.ai .rejected').ariaPressed == 'true'")
        (kept,) = room.ledger.feedback.of_study(film.StudyInstanceUID)
        assert (kept.verdict, kept.lesion) == ("REJECTED", 0)

        here = page.look("location.pathname")
        page.press("n")
        page.wait(f"location.pathname != {here!r} && document.querySelector('#live.on') != null")
        page.press("p")
        page.wait(f"location.pathname == {here!r} && document.querySelector('#live.on') != null")
        page.press("Escape")
        page.wait("location.pathname == '/' && document.activeElement.textContent == 'Square, Sue'")
        assert page.complaints == []


def test_dragging_changes_window_and_level_and_reset_takes_it_back(room: ReadingRoom, film: Dataset) -> None:
    centre = "[...document.getElementById('film').getContext('2d').getImageData(110, 160, 1, 1).data][0]"
    with Browser(1000, 800) as page:
        opened(page, room, film)
        shown = page.look(centre)
        assert shown == pytest.approx(0.9 * 255, abs=2)  # the film's own window is its whole range
        page.drag(300, 500, 300, 620)
        page.wait("document.getElementById('readout').textContent != ''")
        assert (
            page.look(centre) < shown - 20
            and page.look("document.getElementById('preset').selectedOptions[0].text") == "By hand"
        )
        page.press("Backspace")
        page.wait(f"{centre} == {shown}")


PAGES: dict[str, Any] = {
    "worklist": lambda room, film: "/",
    "study": lambda room, film: room.href(film.StudyInstanceUID),
    "queue": lambda room, film: "/queue",
}


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_serious_and_nothing_sticks_out(
    room: ReadingRoom, film: Dataset, quiet: Dataset, scheme: str
) -> None:
    if absent := browser.missing("axe-core"):
        pytest.skip(f"not installed: {', '.join(absent)}")
    with Browser(scheme=scheme) as page:
        for name, path in PAGES.items():
            page.goto(room.url + path(room, film))
            page.wait("document.querySelector('#live.on')")
            assert page.look("document.documentElement.dataset.theme") == scheme
            for width, height in ((1600, 950), (390, 844)):
                page.size(width, height)
                wrong = [found for found in page.axe() if found["impact"] in ("serious", "critical")]
                assert wrong == [], f"{name}, {width} wide"
                assert page.look("document.documentElement.scrollWidth <= innerWidth"), f"{name} scrolls sideways"
        page.look("document.getElementById('theme').click()")
        page.goto(room.url)
        assert page.look("document.documentElement.dataset.theme") != scheme  # kept by the browser
        assert page.complaints == []


def test_a_person_signs_in_with_keys(tmp_path: Path) -> None:
    if absent := browser.missing("axe-core"):
        pytest.skip(f"not installed: {', '.join(absent)}")
    with ReadingRoom(tmp_path, user=[{"name": "ann", "password": "open"}]) as locked, Browser(900, 700) as page:
        page.goto(f"{locked.url}/queue")
        assert [found for found in page.axe() if found["impact"] in ("serious", "critical")] == []
        page.wait("document.activeElement.name == 'name'")
        page.press(*"ann", "Tab", *"wrong", "Enter")
        page.wait("document.querySelector('[role=alert]') && document.activeElement.name == 'name'")
        page.press(*"ann", "Tab", *"open", "Enter")
        page.wait("location.pathname == '/queue' && document.querySelector('#live.on')")
        assert page.look("document.querySelector('[title=\"Signed in as ann\"]') != null")
