"""The reading worklist and the queue over HTTP: what stands there, in which order, and what is told."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydicom import Dataset

from daemon.web.pages.worklist import PAGE
from tests.support.builders import make_cxr
from tests.support.reading_room import ReadingRoom, seen


@pytest.fixture(scope="module")
def films() -> dict[str, Dataset]:
    quiet = make_cxr(
        patient_name="Quiet^Quentin", patient_id="Q-1", AccessionNumber="ACC1", StudyDescription="CHEST PA"
    )
    ill = make_cxr(patient_name="Ill^Ida", patient_id="I-2", AccessionNumber="ACC2", PatientSex="F")
    lateral = make_cxr(view="LL", patient_name="Side^Sam", patient_id="S-3", AccessionNumber="XYZ3")
    return {"quiet": quiet, "ill": ill, "lateral": lateral}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, films: dict[str, Dataset]) -> Iterator[ReadingRoom]:
    with ReadingRoom(tmp_path_factory.mktemp("list")) as opened:
        opened.receive(*films.values())
        quiet, ill = films["quiet"], films["ill"]
        opened.work(
            {
                quiet.SOPInstanceUID: seen(quiet, 0.02),
                ill.SOPInstanceUID: seen(ill, 0.97, (10.0, 10.0, 50.0, 50.0), label="Pneumothorax"),
            }
        )
        opened.wait_listed(str(films["lateral"].StudyInstanceUID))
        yield opened


def rows(page: str) -> list[str]:
    """The rows' text, in order, one line each."""
    found = re.findall(r'<tr role="row" data-key=.*?</tr>', page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in found]


def test_the_most_urgent_study_stands_first_with_all_that_a_reader_needs(room: ReadingRoom) -> None:
    listed = rows(room.client.get("/").text)

    assert len(listed) == 3 and listed[0].startswith("1 High")
    for words in ("97 %", "Pneumothorax", "Ill, Ida", "I-2 · F · 66 y", "ACC2", "due in"):
        assert words in listed[0], words
    quiet = next(row for row in listed if "Quiet" in row)
    assert "2 %" in quiet and "below the operating point" in quiet and "High" not in quiet
    assert "not analysed: lateral view" in next(row for row in listed if "Side" in row)


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ("ida", ["Ill, Ida"]), ("ILL Ida", ["Ill, Ida"]), ("Ill, Ida", ["Ill, Ida"]), ("Q-1", ["Quiet, Quentin"]),
        ("ACC2", ["Ill, Ida"]), ("ACC", ["Ill, Ida", "Quiet, Quentin"]), ("nobody", []), ("*", []), ("\\", []),
    ],
)  # fmt: skip
def test_a_search_finds_by_name_id_and_accession_number(room: ReadingRoom, sought: str, found: list[str]) -> None:
    answer = room.client.post("/", data={"q": sought}, headers={"X-Fragment": "1"})

    names = sorted(re.findall(r'<a href="/study/[^"]+">([^<]+)</a>', answer.text))
    assert answer.status_code == 200 and names == found
    assert "<html" not in answer.text


def test_what_a_sender_or_a_reader_writes_is_text_and_never_markup(room: ReadingRoom) -> None:
    film = make_cxr(patient_name="<script>alert(1)</script>", StudyDescription='"><img src=x onerror=alert(1)>')
    room.receive(film)
    room.work({film.SOPInstanceUID: seen(film, 0.5)})

    for page in (
        room.client.get("/"),
        room.client.post("/", data={"q": "<b>bold</b>"}),
        room.client.get(room.href(film.StudyInstanceUID)),
    ):
        assert page.status_code == 200
        assert not re.search(r"<script>|<img src=x|<b>bold", page.text)


def test_odd_parameters_give_the_list_from_its_beginning(room: ReadingRoom) -> None:
    for query in (
        "list=nothing",
        "after=x~y",
        "after=nan~",
        "start=-3",
        "start=99999999999",
        "start=٣",
        "after=~~~&list=read",
    ):
        assert room.client.get(f"/?{query}").status_code == 200, query


def test_pages_follow_each_other_and_places_go_on(tmp_path: Path) -> None:
    with ReadingRoom(tmp_path) as room:
        films = [make_cxr(rows=16, columns=16, patient_name=f"P^{at:03d}") for at in range(PAGE + 10)]
        room.receive(*films)
        room.wait_listed(str(films[-1].StudyInstanceUID))

        first = room.client.get("/").text
        link = re.search(r'rel="next" href="([^"]+)"', first)
        assert link is not None
        second = room.client.get(link[1].replace("&amp;", "&")).text

        places = [row.split()[0] for row in (*rows(first), *rows(second))]
        assert len(rows(first)) == PAGE and places == [str(at + 1) for at in range(PAGE + 10)]
        assert len(set(re.findall(r"P, \d+", first + second))) == PAGE + 10 and 'rel="next"' not in second


def test_a_page_hears_that_the_list_changed_and_nothing_about_whom(room: ReadingRoom) -> None:
    heard: list[str] = []

    def listen() -> None:
        with room.client.stream("GET", "/events?of=worklist") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            for line in stream.iter_lines():
                heard.append(line)
                if heard[-2:] == ["event: changed", "data:"]:
                    return

    listener = threading.Thread(target=listen)
    listener.start()
    time.sleep(1.5)
    assert "event: changed" not in heard
    film = make_cxr(patient_name="New^Nora")
    room.receive(film)
    listener.join(10)

    assert [line for line in heard if line] == [
        "retry: 2000", "event: here", "data: 15.0", "event: changed", "data:",
    ]  # fmt: skip
    assert room.client.get("/events?of=somebody").status_code == 404


def test_open_streams_do_not_hold_up_the_servers_end(tmp_path: Path) -> None:
    with ReadingRoom(tmp_path) as room:
        ended = threading.Event()

        def listen() -> None:
            with httpx.Client(timeout=30) as client, client.stream("GET", f"{room.url}/events?of=queue") as stream:
                lines = list(stream.iter_lines())
                assert "event: closing" in lines
            ended.set()

        threading.Thread(target=listen).start()
        time.sleep(0.5)
        began = time.monotonic()
        room.daemon._web.stop(5.0)
        assert time.monotonic() - began < 4.0 and ended.wait(2)


def test_the_queue_says_what_waits_what_failed_and_what_does_not_answer(room: ReadingRoom) -> None:
    page = " ".join(re.sub(r"<[^>]+>", " ", room.client.get("/queue").text).split())

    assert "not analysed SET_ASIDE 1" in page
    assert "broker not well Redis does not answer" in page and "workers not well" in page
    assert "database well sqlite" in page and "GB free" in page
    assert "ab" * 32 in page  # the weights that gave the last answer
    assert "None is configured" in page
