"""STOW-RS as origin server, over real sockets: PS3.18 10.5."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydicom.uid import JPEG2000Lossless, MRImageStorage

from tests.conftest import skip_where_missing
from tests.support.builders import make_cxr
from tests.support.origin import PARTS, Origin, encoded, in_parts, origin
from tests.support.peers.orthanc import orthanc
from tests.support.peers.programs import wait_until
from tests.support.peers.sender import send


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    with origin(tmp_path_factory.mktemp("origin"), web={"timeout_s": 1.0, "store_instance_mb": 4}) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_is_left(server: Origin) -> Iterator[None]:
    yield
    deadline = time.monotonic() + 5
    while server.incoming() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.incoming() == []


def film(**attributes):
    return make_cxr(rows=32, columns=32, **attributes)


def kept(server: Origin, sop_uid: str) -> bool:
    return server.ledger.intake.known(sop_uid) is not None


def items(response: httpx.Response, tag: str) -> list[dict]:
    return response.json().get(tag, {}).get("Value", [])


def reasons(response: httpx.Response, tag: str = "00081198") -> list[int]:
    return [item["00081197"]["Value"][0] for item in items(response, tag)]


def test_orthanc_stores_by_its_plug_in(server: Origin, tmp_path: Path) -> None:
    films = [film(), film(transfer_syntax=JPEG2000Lossless)]
    with skip_where_missing(orthanc(tmp_path, dicomweb=True)) as peer:
        assert send(peer.dicom_port, films) == [0x0000] * 2
        peer.change("PUT", "/dicom-web/servers/thoraxd", {"Url": f"{server.url}/"})
        studies = json.loads(peer.get("/studies"))
        peer.change("POST", "/dicom-web/servers/thoraxd/stow", {"Resources": studies, "Synchronous": True})
    assert all(kept(server, ds.SOPInstanceUID) for ds in films)


def test_instances_are_stored_and_each_is_named_with_its_url(server: Origin) -> None:
    first = film()
    second = film(study_uid=first.StudyInstanceUID, transfer_syntax=JPEG2000Lossless)
    response = server.store(first, second)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/dicom+json")
    named = items(response, "00081199")
    assert [item["00081155"]["Value"] for item in named] == [[first.SOPInstanceUID], [second.SOPInstanceUID]]
    assert response.json()["00081190"]["Value"] == [f"{server.url}/studies/{first.StudyInstanceUID}"]
    for item, sent in zip(named, (first, second), strict=True):
        url = item["00081190"]["Value"][0]
        got = httpx.get(url, headers={"Accept": "application/dicom; transfer-syntax=*"}, trust_env=False)
        assert got.content == encoded(sent)


def test_one_instance_may_be_the_whole_body(server: Origin) -> None:
    sent = film()
    response = server.client.post(
        "/studies", content=encoded(sent), headers={"Content-Type": "application/dicom; transfer-syntax=1.2"}
    )
    assert response.status_code == 200
    assert kept(server, sent.SOPInstanceUID)


def test_a_body_without_a_stated_length_is_taken(server: Origin) -> None:
    sent = film()
    body = in_parts(encoded(sent))
    chunks = (body[at : at + 7] for at in range(0, len(body), 7))
    assert server.client.post("/studies", content=chunks, headers={"Content-Type": PARTS}).status_code == 200
    assert kept(server, sent.SOPInstanceUID)


def test_the_parts_type_may_be_left_out_of_the_requests(server: Origin) -> None:
    headers = {"Content-Type": PARTS.replace('type="application/dicom"; ', "")}
    assert server.store(film(), headers=headers).status_code == 200


def test_the_same_instance_again_is_accepted(server: Origin) -> None:
    sent = film()
    assert [server.store(sent).status_code for _ in range(2)] == [200, 200]


def test_each_failure_has_its_reason_and_the_others_are_stored(server: Origin) -> None:
    good, no_class, other = film(), film(), film()
    no_class.SOPClassUID = no_class.file_meta.MediaStorageSOPClassUID = MRImageStorage
    uid = str(other.SOPInstanceUID).encode()
    misnamed = encoded(other).replace(uid, uid[::-1].replace(b".", b"1"), 1)  # in the file meta information alone
    broken = encoded(film())[:700]
    big_endian = encoded(film()).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.2\0", 1)
    response = server.store(good, no_class, misnamed, broken, big_endian, b"no DICOM", broken[:10])
    assert response.status_code == 202
    assert len(items(response, "00081199")) == 1
    assert reasons(response) == [0x0122, 0xA900, 0xC000, 0xC122]
    assert reasons(response, "0008119A") == [0xC000, 0xC000]
    assert kept(server, good.SOPInstanceUID)
    assert not kept(server, other.SOPInstanceUID)


def test_an_instance_of_another_study_than_the_urls_fails_alone(server: Origin) -> None:
    here, elsewhere = film(), film()
    response = server.store(here, elsewhere, study=here.StudyInstanceUID)
    assert (response.status_code, reasons(response)) == (202, [0xA900])
    assert (kept(server, here.SOPInstanceUID), kept(server, elsewhere.SOPInstanceUID)) == (True, False)


def test_nothing_stored_is_a_conflict(server: Origin) -> None:
    response = server.store(b"", b"no DICOM")
    assert (response.status_code, reasons(response, "0008119A")) == (409, [0xC000, 0xC000])


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("", 415),
        ("text/plain", 415),
        ("multipart/form-data; boundary=b", 415),
        ('multipart/related; type="application/dicom+json"; boundary=b', 415),
        ('multipart/related; type="application/dicom"', 400),
        ('multipart/related; type="application/dicom"; boundary="a\x01b"', 400),
    ],
)
def test_a_request_of_another_kind_is_refused(server: Origin, content_type: str, status: int) -> None:
    response = server.client.post("/studies", content=b"--b--", headers={"Content-Type": content_type})
    assert response.status_code == status
    assert response.json()["error"]


@pytest.mark.parametrize("cut", [0, 10, -40, -4])
def test_a_body_without_its_end_is_malformed(server: Origin, cut: int) -> None:
    body = in_parts(encoded(film()), encoded(film()))[:cut]
    response = server.client.post("/studies", content=body, headers={"Content-Type": PARTS})
    assert response.status_code == 400


def test_what_is_too_large_is_refused(server: Origin) -> None:
    assert server.store(b"x" * 4_000_001).status_code == 413
    headers = {"Content-Type": PARTS, "Content-Length": str(10**12), "Expect": "100-continue"}
    answered = raw(server, headers, b"")
    assert answered.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content-Encoding": "gzip"}, 415), ({"Accept": "application/dicom+xml"}, 406)],
)
def test_what_cannot_be_read_or_answered_is_refused_unread(server: Origin, headers, status: int) -> None:
    assert server.store(film(), headers=headers).status_code == status


def test_a_study_in_the_url_is_a_uid(server: Origin) -> None:
    assert server.store(film(), study="not-a-uid").status_code == 400


def head_of(length: int) -> bytes:
    """A Store transaction's header, but for its last line."""
    fields = f"Host: 127.0.0.1\r\nContent-Type: {PARTS}\r\nContent-Length: {length}\r\n"
    return f"POST /dicom-web/studies HTTP/1.1\r\n{fields}".encode()


def raw(server: Origin, headers: dict[str, str], body: bytes, *, wait_s: float = 10.0) -> bytes:
    """A request by hand, and what comes back until the server closes."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.settings.web.port), timeout=wait_s) as connection:
        connection.sendall(head + body)
        answered = b""
        while chunk := connection.recv(65536):
            answered += chunk
    return answered


def test_a_sender_that_falls_silent_is_told_and_leaves_nothing(server: Origin) -> None:
    sent = film()
    body = in_parts(encoded(sent))
    began = time.monotonic()
    answered = raw(server, {"Content-Type": PARTS, "Content-Length": str(len(body))}, body[:1000])
    assert answered.startswith(b"HTTP/1.1 408")
    assert 0.9 < time.monotonic() - began < 5
    assert not kept(server, sent.SOPInstanceUID)


def test_a_sender_that_drips_is_told_too(server: Origin) -> None:
    body = in_parts(encoded(film()))
    head = head_of(len(body))
    began, answered = time.monotonic(), b""
    with socket.create_connection(("127.0.0.1", server.settings.web.port), timeout=0.1) as connection:
        connection.sendall(head + b"\r\n")
        for byte in body:
            try:
                connection.sendall(bytes([byte]))
                answered = connection.recv(100)
                break
            except TimeoutError:
                continue
    assert answered.startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began < 5


def test_a_sender_that_breaks_off_leaves_nothing_half_stored(server: Origin) -> None:
    whole, half = film(), film()
    body = in_parts(encoded(whole), encoded(half))
    head = head_of(len(body))
    with socket.create_connection(("127.0.0.1", server.settings.web.port), timeout=5) as connection:
        connection.sendall(head + b"\r\n" + body[:-500])
        deadline = time.monotonic() + 5
        while not server.incoming() and not kept(server, whole.SOPInstanceUID) and time.monotonic() < deadline:
            time.sleep(0.01)
    time.sleep(0.2)
    assert not kept(server, half.SOPInstanceUID)


def test_expect_100_is_answered_before_the_body(server: Origin) -> None:
    body = in_parts(encoded(film()))
    head = head_of(len(body))
    with socket.create_connection(("127.0.0.1", server.settings.web.port), timeout=5) as connection:
        connection.sendall(head + b"Expect: 100-continue\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_a_study_is_open_while_its_request_lasts_and_complete_after_it(tmp_path: Path) -> None:
    sent = film()
    body = in_parts(encoded(sent), b"a part that is long in coming")

    def completed() -> float | None:
        found = patient.ledger.views.studies([sent.StudyInstanceUID])
        return found[0]["completed_at"] if found else None

    with origin(tmp_path, study={"quiet_s": 0.2}) as patient:
        head = head_of(len(body))
        with socket.create_connection(("127.0.0.1", patient.settings.web.port), timeout=10) as connection:
            connection.sendall(head + b"\r\n" + body[:-20])
            wait_until(lambda: kept(patient, sent.SOPInstanceUID), 10, "the first instance")
            time.sleep(1.5)
            assert completed() is None
            connection.sendall(body[-20:])
            assert connection.recv(100).startswith(b"HTTP/1.1 202")
        wait_until(lambda: completed() is not None, 10, "the study's end")


def test_too_many_requests_and_a_full_archive_are_told_to_wait(tmp_path: Path) -> None:
    with origin(tmp_path, archive={"reserve_mb": 10**9}) as full:
        response = full.store(film())
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert full.incoming() == []
    with origin(tmp_path / "busy", web={"store_requests": 1, "timeout_s": 2.0}) as busy:
        sent = film()
        with socket.create_connection(("127.0.0.1", busy.settings.web.port)) as slow:
            head = head_of(9999)
            slow.sendall(head + b"\r\n" + b"--")
            time.sleep(0.3)
            response = busy.store(sent)
            assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        time.sleep(0.3)
        assert busy.store(sent).status_code == 200
