"""What a reader meets in a day, in headless Chromium: rows that stay, late answers, laterals, claimed readings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid

from daemon.core.ups import State
from model.findings import Box
from tests.support.builders import make_cxr
from tests.support.reading_room import ReadingRoom, seen
from tests.support.viewers import browser
from tests.support.viewers.browser import Browser

BOXES: tuple[Box, ...] = ((100.0, 150.0, 240.0, 330.0), (221.0, 303.0, 355.0, 400.0))
OUTLINE = """(one => { const box = one.getBBox(), to = one.getScreenCTM();
    const at = (x, y) => { const p = new DOMPoint(x, y).matrixTransform(to); return [p.x, p.y]; };
    return [...at(box.x, box.y), ...at(box.x + box.width, box.y + box.height)];
})(document.querySelector('#overlay .outline'))"""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadingRoom]:
    if absent := browser.missing():
        pytest.skip(f"not installed: {', '.join(absent)}")
    with ReadingRoom(tmp_path_factory.mktemp("day")) as opened:
        yield opened


@pytest.fixture(scope="module")
def quiet(room: ReadingRoom) -> Dataset:
    made = make_cxr(patient_name="Quiet^Quentin")
    room.receive(made)
    room.work({made.SOPInstanceUID: seen(made, 0.01)})
    return made


def of_row(name: str) -> str:
    """The row of a patient, in a script."""
    return f"[...document.querySelectorAll('tbody tr')].find(row => row.textContent.includes({name!r}))"


def test_the_row_that_is_looked_at_stays_where_it_is(room: ReadingRoom, quiet: Dataset) -> None:
    room.receive(*(make_cxr(rows=16, columns=16, patient_name=f"Many^{at:02d}") for at in range(8)))
    held = "document.activeElement.getBoundingClientRect().top"
    with Browser(1200, 500) as page:
        page.goto(room.url)
        page.wait("document.querySelector('#live.on') && document.querySelectorAll('tbody tr').length > 8")
        page.look(f"{of_row('Quiet, Quentin')}.querySelector('a').focus()")
        top = page.look(held)
        ill = make_cxr(patient_name="Above^Ann")
        room.receive(ill)
        room.work({ill.SOPInstanceUID: seen(ill, 0.99, (10.0, 10.0, 90.0, 90.0), label="Pneumothorax")})
        page.wait(f"{of_row('Above, Ann')}?.textContent.includes('99 %')")
        page.look("new Promise(done => setTimeout(done, 600))")  # rows that moved have slid to their places

        assert page.look("document.activeElement.textContent") == "Quiet, Quentin"
        assert page.look(held) == pytest.approx(top, abs=1)
        assert page.complaints == []


def test_an_answer_that_comes_while_the_film_is_looked_at_is_drawn_on_it(room: ReadingRoom) -> None:
    late = make_cxr()
    room.receive(late)
    room.wait_listed(str(late.StudyInstanceUID))
    with Browser(1200, 900) as page:
        page.goto(room.url + room.href(late.StudyInstanceUID))
        page.wait("document.getElementById('film').width > 300 && document.querySelector('#live.on')")
        loaded = page.navigations
        page.press("+", "]")
        page.look("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        shown = page.look("document.getElementById('scale').textContent")
        room.work({late.SOPInstanceUID: seen(late, 0.9, *BOXES)})
        page.wait(
            "document.querySelectorAll('#overlay .outline').length == 2 && !document.getElementById('heat').disabled"
        )

        assert page.look("document.getElementById('scale').textContent") == shown and page.navigations == loaded
        assert page.complaints == []


def test_a_lateral_is_shown_beside_the_film_that_is_analysed(room: ReadingRoom) -> None:
    side = make_cxr(view="LL", rows=300, columns=200)
    front = make_cxr(study_uid=side.StudyInstanceUID, rows=320, columns=240)
    room.receive(side, front)
    room.work({front.SOPInstanceUID: seen(front, 0.7)})
    with Browser() as page:
        page.goto(room.url + room.href(front.StudyInstanceUID))
        page.wait("document.getElementById('film').width == 240")
        assert page.look("document.getElementById('strip').innerText.split('\\n')") == [
            "Film 1 · not analysed",
            "Film 2 · 70 %",
        ]
        page.press("f")
        page.wait("document.getElementById('film').width == 200")
        assert page.complaints == []


def test_a_pixel_that_is_higher_than_wide_is_shown_so(room: ReadingRoom) -> None:
    tall = make_cxr(rows=300, columns=400, pixel_spacing=(0.3, 0.15))
    room.receive(tall)
    box = (100.0, 60.0, 200.0, 120.0)
    room.work({tall.SOPInstanceUID: seen(tall, 0.9, box)})
    with Browser(1200, 900) as page:
        page.goto(room.url + room.href(tall.StudyInstanceUID))
        page.wait("document.querySelectorAll('#overlay .outline').length == 1")
        page.press("+")
        page.look("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        left, top, wide, high = page.look(
            "(r => [r.left, r.top, r.width, r.height])(document.getElementById('film').getBoundingClientRect())"
        )
        assert high / wide == pytest.approx(600 / 400)
        x, y = wide / 400, high / 300
        at = [left + box[0] * x, top + box[1] * y, left + box[2] * x, top + box[3] * y]
        assert page.look(OUTLINE) == pytest.approx(at, abs=0.1)


def test_a_study_is_marked_as_read_by_a_key_and_a_refusal_is_seen(room: ReadingRoom) -> None:
    films = [make_cxr(patient_name="Mark^Mary"), make_cxr(patient_name="Next^Nell")]
    room.receive(*films)
    room.work({one.SOPInstanceUID: seen(one, 0.5) for one in films})
    with Browser() as page:
        page.goto(room.url + room.href(films[0].StudyInstanceUID))
        page.wait("document.querySelector('.read button') && document.querySelector('#live.on')")
        page.look("document.querySelector('.read button').focus()")
        page.press("m")
        page.wait("!document.querySelector('.read')")
        assert page.look("document.getElementById('said').className") == "sr"
        assert page.look("document.activeElement.id") == "stage"  # not Accept, which stands there now

        page.goto(room.url + room.href(films[1].StudyInstanceUID))
        page.wait("document.querySelector('.read button') && document.querySelector('#live.on')")
        page.look("new Promise(done => setTimeout(done, 500))")  # what has changed since the page was made is on it
        page.look("document.querySelector('.read [name=csrf]').value = 'of another session'")
        page.press("m")
        page.wait("document.getElementById('said').className == 'notice'")
        assert "Not on record: this form is of another session" in page.look(
            "document.getElementById('said').textContent"
        )


def test_a_reading_that_another_system_has_claimed_says_so(room: ReadingRoom) -> None:
    film = make_cxr(patient_name="Claim^Carl")
    room.receive(film)
    room.work({film.SOPInstanceUID: seen(film, 0.5)})
    with Browser() as page:
        page.goto(room.url + room.href(film.StudyInstanceUID))
        page.wait("document.querySelector('.read button') && document.querySelector('#live.on')")
        item = room.ledger.screens.work_items([film.StudyInstanceUID])[film.StudyInstanceUID]
        room.daemon._worklist.change_state(item.ups_uid, State.IN_PROGRESS, str(generate_uid()))
        page.wait("document.querySelector('.work').textContent.includes('another system has claimed it')")
        assert page.look("document.querySelector('.read')") is None


def test_keys_reach_the_film_from_the_choice_of_windows(room: ReadingRoom, quiet: Dataset) -> None:
    with Browser(1200, 900) as page:
        page.goto(room.url + room.href(quiet.StudyInstanceUID))
        page.wait("document.getElementById('film').width > 300")
        page.look("document.getElementById('preset').focus()")
        page.press("i")
        page.wait("document.getElementById('invert').ariaPressed == 'true'")
        page.look("document.getElementById('opacity').focus()")
        page.press("ArrowRight", "i")
        page.wait("document.getElementById('invert').ariaPressed == 'false'")
        assert page.look("document.getElementById('opacity').value") == "46"
