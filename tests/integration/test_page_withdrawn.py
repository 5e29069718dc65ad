"""Results that somebody withdrew (IHE RAD IOCM, `thoraxd reject`) are on no page, nor do they stay on an open one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset

from tests.support.builders import make_cxr
from tests.support.peers import programs
from tests.support.reading_room import ReadingRoom, seen
from tests.support.viewers import browser
from tests.support.viewers.browser import Browser

BOX = (50.0, 60.0, 120.0, 140.0)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ReadingRoom]:
    with ReadingRoom(tmp_path) as opened:
        yield opened


def analysed(room: ReadingRoom) -> Dataset:
    film = make_cxr(patient_name="Taken^Back")
    room.receive(film)
    room.work({film.SOPInstanceUID: seen(film, 0.82, BOX, label="Pneumothorax")})
    return film


def reject(room: ReadingRoom, film: Dataset) -> None:
    assert room.ledger.rejections.reject(film.StudyInstanceUID, "safety", "", 1.0) == ""
    programs.wait_until(lambda: not room.ledger.reading.awaiting(1), 20, "the study's new place on the worklist")


def test_withdrawn_results_are_on_no_page_until_the_study_is_analysed_anew(room: ReadingRoom) -> None:
    film = analysed(room)
    pages = ("/", room.href(film.StudyInstanceUID))
    assert all("82 %" in room.client.get(page).text for page in pages)

    reject(room, film)
    for page in pages:
        text = room.client.get(page).text
        assert "results withdrawn (safety)" in text and "Taken, Back" in text
        assert not re.search('82 %|90 %|Nodule|class="lesion"', text)
    drawn = re.search(r'id="drawn" hidden>(.*?)</div>', text)
    assert drawn is not None
    (shown,) = json.loads(drawn[1].replace("&#34;", '"'))
    assert (shown["title"], shown["lesions"], shown["heat"]) == ("Film 1 · withdrawn", [], None)

    room.ledger.deliveries.replay_analysis(film.StudyInstanceUID)
    room.work({film.SOPInstanceUID: seen(film, 0.64, BOX)})
    assert all("64 %" in room.client.get(page).text for page in pages)


def test_a_page_that_is_open_lets_go_of_withdrawn_lesions(room: ReadingRoom) -> None:
    if absent := browser.missing():
        pytest.skip(f"not installed: {', '.join(absent)}")
    film = analysed(room)
    with Browser(1280, 720) as page:
        page.goto(room.url + room.href(film.StudyInstanceUID))
        page.wait("document.querySelectorAll('#overlay .outline').length == 1")
        page.press("h")
        page.wait("document.getElementById('heat-layer').naturalWidth > 0")
        reject(room, film)
        page.wait("document.getElementById('panel').textContent.includes('results withdrawn (safety)')")

        page.wait("document.querySelectorAll('#overlay .outline').length == 0")
        assert page.look("document.getElementById('heat-layer').naturalWidth") == 0
        assert page.look("document.getElementById('heat').disabled")
        assert page.look("document.getElementById('film').width") > 300  # the film itself stays
        assert page.complaints == []
