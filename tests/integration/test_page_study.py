"""The study page over HTTP: its films' values, what readers say, and that no URL names a patient."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset

from model.findings import HeatMap
from tests.support.builders import make_cxr
from tests.support.peers import programs
from tests.support.reading_room import ReadingRoom, seen

BOXES = ((50.25, 60.5, 120.75, 140.125), (200.0, 300.5, 260.0, 380.25))


@pytest.fixture(scope="module")
def film() -> Dataset:
    return make_cxr(patient_name="Doe^Jane", patient_id="PID-4711", AccessionNumber="ACC-0815", bits_stored=14)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, film: Dataset) -> Iterator[ReadingRoom]:
    web = {"ohif_url": "http://viewer.example/viewer?StudyInstanceUIDs={study_uid}"}
    with ReadingRoom(tmp_path_factory.mktemp("study"), web=web) as opened:
        opened.receive(film)
        opened.work({film.SOPInstanceUID: seen(film, 0.87, *BOXES)})
        yield opened


def give(
    room: ReadingRoom, film: Dataset, verdict: str, on: tuple[int, int] = (1, 2), answer: str = "1-abababababab"
) -> httpx.Response:
    page = room.href(film.StudyInstanceUID)
    fields = {"csrf": room.csrf(page), "film": on[0], "lesion": on[1], "verdict": verdict, "answer": answer}
    return room.client.post(f"{page}/feedback", data=fields)


def test_the_page_says_who_what_and_how_sure(room: ReadingRoom, film: Dataset) -> None:
    page = room.client.get(room.href(film.StudyInstanceUID)).text

    for words in ("Doe, Jane", "PID-4711", "ACC-0815", "66 y", "87 %", "AI, unverified", "Nodule"):
        assert words in page, words
    assert "operating point" in page and "of 30 %" in " ".join(page.split())
    assert f"http://viewer.example/viewer?StudyInstanceUIDs={film.StudyInstanceUID}" in page


def test_no_url_of_ours_names_the_patient_or_the_study(room: ReadingRoom, film: Dataset) -> None:
    said = room.client.post("/", data={"q": "Doe"})
    pages = [said.text, *(room.client.get(path).text for path in ("/", "/queue", room.href(film.StudyInstanceUID)))]
    urls = [url for page in pages for url in re.findall(r'(?:href|src|action)="([^"]+)"', page) if url.startswith("/")]

    assert len(urls) > 20 and "Doe, Jane" in said.text
    for secret in ("Doe", "Jane", "4711", "0815", film.StudyInstanceUID, film.SOPInstanceUID):
        assert not any(secret in url for url in urls), secret


def test_a_films_values_are_those_that_were_sent(room: ReadingRoom, film: Dataset) -> None:
    url = f"{room.href(film.StudyInstanceUID)}/films/1/pixels"
    answer = room.client.get(url)

    said = json.loads(answer.headers["thoraxd-film"])
    levels = np.frombuffer(answer.content[said["table"] :], "<u2").reshape(said["rows"], said["columns"])
    assert (said["source_rows"], said["source_columns"], said["step"]) == (512, 400, 1)
    assert np.array_equal(levels * said["slope"] + said["intercept"], film.pixel_array)
    again = room.client.get(url, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "no-cache" in answer.headers["cache-control"] and "private" in answer.headers["cache-control"]


def test_a_quick_version_comes_in_whole_steps(room: ReadingRoom) -> None:
    large = make_cxr(rows=2100, columns=1500, patient_name="Large^Film")
    room.receive(large)
    room.work({large.SOPInstanceUID: seen(large, 0.4)})

    said = json.loads(
        room.client.get(f"{room.href(large.StudyInstanceUID)}/films/1/pixels?side=1024").headers["thoraxd-film"]
    )

    assert (said["source_rows"], said["source_columns"]) == (2100, 1500)
    assert said["step"] == 3 and (said["rows"], said["columns"]) == (700, 500)


def test_heat_map_and_thumbnail_are_pictures_of_the_film(room: ReadingRoom, film: Dataset) -> None:
    page = room.href(film.StudyInstanceUID)
    heat, small = (room.client.get(f"{page}/{what}") for what in ("films/1/heat", "thumbnail"))

    with Image.open(BytesIO(heat.content)) as opened:
        assert opened.mode == "RGBA" and opened.width / opened.height == pytest.approx(400 / 512, abs=0.01)
    with Image.open(BytesIO(small.content)) as opened:
        assert opened.format == "JPEG" and max(opened.size) <= 96


def test_the_heat_map_of_another_answer_is_not_the_one_that_a_browser_kept(room: ReadingRoom) -> None:
    film = make_cxr(patient_name="Seen^Twice")
    first = seen(film, 0.4)
    room.receive(film)
    room.work({film.SOPInstanceUID: first})
    url = f"{room.href(film.StudyInstanceUID)}/films/1/heat"
    kept = room.client.get(url)
    unchanged = {"If-None-Match": kept.headers["etag"]}
    assert room.client.get(url, headers=unchanged).status_code == 304

    room.ledger.deliveries.replay_analysis(film.StudyInstanceUID)
    room.work({film.SOPInstanceUID: replace(first, heat=HeatMap(4, 3, (0.5,) * 12))})
    again = room.client.get(url, headers=unchanged)
    assert again.status_code == 200 and again.content != kept.content


@pytest.mark.parametrize("path", ["", "/thumbnail", "/films/1/pixels", "/films/1/heat"])
def test_what_is_not_there_is_not_found(room: ReadingRoom, film: Dataset, path: str) -> None:
    assert room.client.get(f"/study/{film.StudyInstanceUID}{path}").status_code == 404
    assert room.client.get(f"{room.href('1.2.3.4')}{path}").status_code == 404
    assert room.client.get(f"{room.href(film.StudyInstanceUID)}/films/7/pixels").status_code == 404


def test_a_verdict_is_kept_shown_and_taken_back_by_a_newer_one(room: ReadingRoom, film: Dataset) -> None:
    uid = film.StudyInstanceUID
    assert give(room, film, "ACCEPTED").status_code == 303
    assert give(room, film, "REJECTED").status_code == 303
    (one,) = room.ledger.feedback.of_study(uid)
    assert (one.sop_uid, one.lesion, one.verdict, one.revision) == (film.SOPInstanceUID, 2, "REJECTED", 1)
    assert one.model == "ab" * 32
    assert 'aria-pressed="true" aria-label="Reject Nodule 80 %"' in room.client.get(room.href(uid)).text

    assert give(room, film, "WITHDRAWN").status_code == 303
    assert room.ledger.feedback.of_study(uid) == []
    assert [item.verdict for item in room.ledger.feedback.all()][-3:] == ["ACCEPTED", "REJECTED", "WITHDRAWN"]


@pytest.mark.parametrize(
    ("on", "verdict"),
    [((1, 3), "ACCEPTED"), ((2, 0), "ACCEPTED"), ((0, 1), "ACCEPTED"), ((1, 1), "MAYBE"), ((-1, 0), "ACCEPTED")],
)
def test_a_verdict_on_what_is_not_shown_is_refused(
    room: ReadingRoom, film: Dataset, on: tuple[int, int], verdict: str
) -> None:
    assert give(room, film, verdict, on).status_code == 400


def test_a_verdict_on_an_answer_that_is_no_longer_the_studys_is_refused(room: ReadingRoom, film: Dataset) -> None:
    assert give(room, film, "ACCEPTED", answer="1-cdcdcdcdcdcd").status_code == 409
    assert give(room, film, "ACCEPTED", answer="2-abababababab").status_code == 409


def test_a_verdict_without_the_forms_token_is_refused(room: ReadingRoom, film: Dataset) -> None:
    fields = {"film": 0, "lesion": 0, "verdict": "ACCEPTED"}

    assert room.client.post(f"{room.href(film.StudyInstanceUID)}/feedback", data=fields).status_code == 403


def test_a_study_that_is_read_leaves_the_list_and_its_work_item_is_completed(room: ReadingRoom) -> None:
    film = make_cxr(patient_name="Read^Me")
    room.receive(film)
    room.work({film.SOPInstanceUID: seen(film, 0.5)})
    page = room.href(film.StudyInstanceUID)
    assert "Read, Me" in room.client.get("/").text

    for expected in (303, 409):  # the second time it is done already
        assert room.client.post(f"{page}/read", data={"csrf": room.csrf(page)}).status_code == expected

    item = room.ledger.screens.work_items([film.StudyInstanceUID])[film.StudyInstanceUID]
    assert item.state == "COMPLETED"
    done = room.daemon._worklist.get(item.ups_uid).UnifiedProcedureStepPerformedProcedureSequence[0]
    assert done.PerformedWorkitemCodeSequence[0].CodeMeaning == "Interpretation"
    assert "Read, Me" not in room.client.get("/").text and "Read, Me" in room.client.get("/?list=read").text


def test_a_study_without_an_answer_says_so(room: ReadingRoom) -> None:
    waiting, lateral = make_cxr(patient_name="Wait^Wendy"), make_cxr(view="LL", patient_name="Side^Sam")
    room.receive(waiting, lateral)
    room.wait_listed(str(waiting.StudyInstanceUID))

    assert "No answer yet." in room.client.get(room.href(waiting.StudyInstanceUID)).text
    page = room.client.get(room.href(lateral.StudyInstanceUID)).text
    assert "Film 1 \\u00b7 not analysed" in page and "lateral view" in page


def test_what_could_not_be_delivered_says_where_and_why(tmp_path: Path) -> None:
    nobody = {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": programs.free_port()}
    with ReadingRoom(tmp_path, destination=[nobody], retry={"first_s": 0.1, "give_up_s": 0.2}) as room:
        film = make_cxr()
        room.receive(film)
        room.work({film.SOPInstanceUID: seen(film, 0.9, (10.0, 10.0, 20.0, 20.0))})
        room.wait_state(film.StudyInstanceUID, "FAILED")

        page, queue = room.client.get(room.href(film.StudyInstanceUID)).text, room.client.get("/queue").text
        assert '<span class="delivery dead">dead</span><span class="who">no ' in page  # connection, or answer
        assert "2 given up" in queue and room.href(film.StudyInstanceUID) in queue
