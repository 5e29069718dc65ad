"""The pages while thoraxd or the network is away: what they say meanwhile, and that they recover by themselves."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from pydicom import Dataset

from daemon.web import events
from tests.support.builders import make_cxr
from tests.support.peers import programs
from tests.support.reading_room import ReadingRoom, seen
from tests.support.viewers import browser
from tests.support.viewers.browser import Browser

LIVE = "document.querySelector('#live.on') != null"
NOT_LIVE = "document.getElementById('live').textContent == 'not live'"


@pytest.fixture(autouse=True)
def chromium() -> None:
    if absent := browser.missing():
        pytest.skip(f"not installed: {', '.join(absent)}")


def received(room: ReadingRoom, name: str) -> Dataset:
    film = make_cxr(patient_name=name)
    room.receive(film)
    room.work({film.SOPInstanceUID: seen(film, 0.8, (100.0, 100.0, 300.0, 300.0))})
    return film


def test_a_page_comes_back_by_itself_after_a_restart(tmp_path: Path) -> None:
    port = programs.free_port()
    with ReadingRoom(tmp_path, web={"port": port}) as room, Browser(1280, 720) as page, Browser(1280, 720) as list_:
        film = received(room, "Stay^Here")
        href = room.url + room.href(film.StudyInstanceUID)
        list_.goto(room.url)
        list_.wait(LIVE)
        page.goto(href)
        page.wait(f"{LIVE} && document.getElementById('film').width > 300")
        room.daemon.stop()
        for shown in (page, list_):
            shown.wait(NOT_LIVE)

        page.press("m")  # neither is a reading lost silently,
        page.wait("document.getElementById('said').textContent == 'Not on record: thoraxd does not answer'")
        list_.press("/", *"stay", "Enter")  # nor is what was never asked for said to be missing
        list_.wait("document.getElementById('rows').textContent.includes('Not searched yet: thoraxd does not answer')")
        assert "Nothing found" not in list_.look("document.body.textContent")

        with ReadingRoom(tmp_path, web={"port": port}) as again:
            for shown in (page, list_):
                shown.wait(LIVE)
            list_.wait("document.querySelector('.found').textContent.startsWith('1 found for stay')")
            received(again, "Come^Later")
            list_.press("Escape")
            list_.wait("document.querySelectorAll('tbody tr').length == 2")


def test_a_film_that_could_not_be_fetched_comes_when_thoraxd_is_back(tmp_path: Path) -> None:
    port = programs.free_port()
    with ReadingRoom(tmp_path, web={"port": port}) as room, Browser(1280, 720) as page:
        uid = two_films(room)
        page.goto(room.url + room.href(uid))
        page.wait(f"{LIVE} && document.querySelectorAll('#overlay .outline').length == 1")
        room.daemon.stop()
        page.wait(NOT_LIVE)
        page.press("f")
        page.wait("document.getElementById('message').textContent == 'thoraxd does not answer'")

        with ReadingRoom(tmp_path, web={"port": port}):
            page.wait(f"{LIVE} && document.getElementById('film').width == 640")
            assert page.look("document.getElementById('message').textContent") == ""
            page.wait("document.querySelectorAll('#overlay .outline').length == 2")


def two_films(room: ReadingRoom) -> str:
    """Two films of one study, the second of 640 columns with two lesions; its Study Instance UID."""
    first = make_cxr(patient_name="Two^Films")
    second = make_cxr(patient_name="Two^Films", study_uid=first.StudyInstanceUID, columns=640)
    boxes = ((10.0, 10.0, 90.0, 90.0), (200.0, 200.0, 300.0, 300.0))
    room.receive(first, second)
    room.work({first.SOPInstanceUID: seen(first, 0.9, boxes[0]), second.SOPInstanceUID: seen(second, 0.4, *boxes)})
    return str(first.StudyInstanceUID)


class Cable:
    """What a browser is told to connect to: hands bytes on to `port`, until it is cut. Then nobody is told."""

    def __init__(self, port: int) -> None:
        self._to, self._ends, self.cut = port, list[socket.socket](), threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, far = self._server.accept()[0], socket.create_connection(("127.0.0.1", self._to))
                self._ends += near, far
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if not self.cut.is_set():
                    target.sendall(data)
            if not self.cut.is_set():
                target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Ends all connections."""
        for end in (self._server, *self._ends):
            end.close()


@contextmanager
def cabled(port: int) -> Iterator[Cable]:
    cable = Cable(port)
    try:
        yield cable
    finally:
        cable.close()


def test_a_page_is_not_live_once_the_network_has_gone_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEEP_ALIVE_S", 0.2)
    with ReadingRoom(tmp_path) as room, cabled(room.settings.web.port) as cable, Browser(1280, 720) as page:
        page.goto(cable.url)
        page.wait(LIVE)
        cable.cut.set()
        page.wait(NOT_LIVE)

        received(room, "Missed^Mary")
        assert "Missed" not in page.look("document.body.textContent")
        cable.cut.clear()
        page.wait(f"{LIVE} && document.body.textContent.includes('Missed, Mary')")
        assert page.navigations == 1
