"""STOW-RS as a destination (PS3.18 10.5): what an origin server may do to a Store request, and what becomes of it."""

from __future__ import annotations

import ssl
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from daemon.core.errors import DestinationUnreachable, SettingsError
from daemon.core.outcome import Answer, Outcome, Outgoing
from daemon.sections import Destination
from daemon.web.client import MAX_REPLY, OriginServer, retry_after_s
from daemon.web.stow_scu import store
from tests.conftest import need
from tests.support.peers.programs import free_port
from tests.support.peers.stow_server import Exchange, StowServer, module, serving
from tests.support.reports import make_request, one, reread

Script = Callable[[StowServer, Exchange], None]


def objects_of_one_study() -> list[Outgoing]:
    request = make_request()
    files = [one(request, kind).to_bytes() for kind in ("sr", "gsps")]
    return [Outgoing(file, reread(file)) for file in files]


OBJECTS = objects_of_one_study()
UIDS = [str(outgoing.dataset.SOPInstanceUID) for outgoing in OBJECTS]


@dataclass(frozen=True)
class Result:
    """What a server did, and what was made of it."""

    outcomes: list[Outcome]
    server: StowServer

    @property
    def answers(self) -> list[Answer]:
        return [outcome.answer for outcome in self.outcomes]


def sent(script: Script | None = None, objects: list[Outgoing] = OBJECTS, **settings: Any) -> Result:
    with serving(StowServer(script)) as server:
        destination = Destination(**server.destination(**settings))
        return Result(list(store(OriginServer(destination), objects)), server)


def test_the_objects_of_a_study_go_in_one_request_with_the_bytes_that_are_archived():
    result = sent()
    assert result.answers == [Answer.ACCEPTED, Answer.ACCEPTED]
    assert [outcome.status for outcome in result.outcomes] == [0x0000, 0x0000]
    assert result.server.stored == [UIDS]
    assert result.server.held == dict(zip(UIDS, (outgoing.content for outgoing in OBJECTS), strict=True))


def test_each_study_has_a_request_of_its_own_and_outcomes_keep_their_order():
    others = objects_of_one_study()
    result = sent(objects=OBJECTS + others)
    assert result.answers == [Answer.ACCEPTED] * 4
    assert result.server.stored == [UIDS, [str(outgoing.dataset.SOPInstanceUID) for outgoing in others]]


def test_the_request_is_what_the_standard_asks_for():
    seen: list[Exchange] = []

    def script(server: StowServer, exchange: Exchange) -> None:
        seen.append(exchange)
        server.take(exchange)

    sent(script)
    assert seen[0].path == "/dicom-web/studies"
    assert seen[0].headers["Accept"] == "application/dicom+json"
    assert seen[0].headers.get_content_type() == "multipart/related"
    assert seen[0].headers.get_param("type") == "application/dicom"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, None),
        ({"username": "ai", "password": "secret"}, "Basic YWk6c2VjcmV0"),
        ({"token": "t0ken"}, "Bearer t0ken"),
    ],
)
def test_credentials_are_sent_as_the_settings_say(settings, expected):
    assert sent(**settings).server.authorization == [expected]


def per_object(_: StowServer, exchange: Exchange) -> None:
    exchange.read()
    exchange.answer(202, module([UIDS[0]], {UIDS[1]: 0xC000}))


def test_one_object_of_a_request_may_be_refused():
    result = sent(per_object)
    assert result.outcomes == [
        Outcome(Answer.ACCEPTED, 0x0000, ""),
        Outcome(Answer.REFUSED, 0xC000, "C000 cannot understand"),
    ]


def warns(server: StowServer, exchange: Exchange) -> None:
    exchange.answer(202, module(warned=dict.fromkeys(server.keep(exchange), 0xB000)))


def has_them(_: StowServer, exchange: Exchange) -> None:
    exchange.answer(409, module(failed=dict.fromkeys(exchange.read(), 0x0111)))


def is_full(_: StowServer, exchange: Exchange) -> None:
    exchange.answer(409, module(failed=dict.fromkeys(exchange.read(), 0xA700)))


def silent_about_the_second(server: StowServer, exchange: Exchange) -> None:
    exchange.answer(200, module(server.keep(exchange)[:1]))


def contradicts_itself(server: StowServer, exchange: Exchange) -> None:
    exchange.answer(409, module(server.keep(exchange)))


@pytest.mark.parametrize(
    ("script", "answers"),
    [
        (warns, [Answer.ALTERED, Answer.ALTERED]),
        (has_them, [Answer.ACCEPTED, Answer.ACCEPTED]),
        (is_full, [Answer.BUSY, Answer.BUSY]),
        (silent_about_the_second, [Answer.ACCEPTED, Answer.REFUSED]),
        (contradicts_itself, [Answer.REFUSED, Answer.REFUSED]),
    ],
)
def test_an_answer_about_each_object_is_asked_for_once(script, answers):
    result = sent(script)
    assert result.answers == answers
    assert len(result.server.authorization) == 1


def whole(status: int, body: bytes = b"", *, limit: int = 1) -> Script:
    """Requests with more than `limit` objects get this answer."""

    def script(server: StowServer, exchange: Exchange) -> None:
        files = exchange.read()
        if len(files) > limit:
            exchange.answer(status, body)
        else:
            server.held |= files
            exchange.answer(200, module(files))

    return script


@pytest.mark.parametrize(("status", "body"), [(413, b""), (400, b"no"), (500, b""), (200, b"{"), (200, b"")])
def test_what_is_said_of_a_request_as_a_whole_is_found_out_object_by_object(status, body):
    result = sent(whole(status, body))
    assert result.answers == [Answer.ACCEPTED, Answer.ACCEPTED]
    assert sorted(result.server.held) == sorted(UIDS)
    assert len(result.server.authorization) == 3


@pytest.mark.parametrize(
    ("status", "body", "answer", "reason"),
    [
        (400, b"", Answer.REFUSED, "HTTP 400 Bad Request"),
        (409, b"<html>", Answer.REFUSED, "HTTP 409 Conflict"),
        (413, b"", Answer.REFUSED, "HTTP 413 Request Entity Too Large"),
        (415, b"", Answer.REFUSED, "HTTP 415 Unsupported Media Type"),
        (500, b"", Answer.BROKEN, "HTTP 500 Internal Server Error"),
        (200, b"{", Answer.REFUSED, "HTTP 200 OK, without a Store Instances Response that can be read"),
        (200, b"x" * (MAX_REPLY + 1), Answer.BROKEN, f"HTTP 200, with more than {MAX_REPLY} bytes"),
    ],
)
def test_an_answer_that_names_no_object_is_not_taken_for_acceptance(status, body, answer, reason):
    (outcome,) = sent(whole(status, body, limit=0), OBJECTS[:1]).outcomes
    assert outcome == Outcome(answer, None, reason)


@pytest.mark.parametrize("status", [301, 307, 401, 403, 404, 429, 502, 503])
def test_a_server_that_serves_nobody_is_unreachable_and_blames_no_object(status):
    def script(_: StowServer, exchange: Exchange) -> None:
        exchange.read()
        exchange.answer(status, Retry_After="7", Location="http://127.0.0.1:1/")

    with pytest.raises(DestinationUnreachable, match=f"HTTP {status}") as raised:
        sent(script)
    assert raised.value.retry_after_s == (7.0 if status not in (301, 307) else 0.0)


def test_a_server_that_stops_serving_leaves_the_rest_without_an_outcome():
    def script(server: StowServer, exchange: Exchange) -> None:
        if exchange.number == 1:
            server.take(exchange)
        else:
            exchange.read()
            exchange.answer(503)

    assert sent(script, OBJECTS + objects_of_one_study()).answers == [Answer.ACCEPTED, Answer.ACCEPTED]


def test_nobody_there_is_unreachable():
    nobody = Destination(name="web", kind="stow", url=f"http://127.0.0.1:{free_port()}/dicom-web")
    with pytest.raises(DestinationUnreachable, match="no connection"):
        list(store(OriginServer(nobody), OBJECTS))


def cut_in_the_request(_: StowServer, exchange: Exchange) -> None:
    exchange.read_half()
    exchange.hang_up()


def kept_without_an_answer(server: StowServer, exchange: Exchange) -> None:
    server.keep(exchange)
    exchange.hang_up()


def cut_in_the_answer(server: StowServer, exchange: Exchange) -> None:
    exchange.answer(200, module(server.keep(exchange)), cut=10)


def silent(_: StowServer, exchange: Exchange) -> None:
    exchange.read()
    time.sleep(1.5)


def trickling(server: StowServer, exchange: Exchange) -> None:
    server.keep(exchange)
    handler = exchange._handler
    handler.send_response(200)
    handler.end_headers()
    for _ in range(20):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.2)


def dripping(start: bytes, drop: bytes) -> Script:
    """Answers, once all is read, with `start`, and then with `drop` again and again."""

    def script(server: StowServer, exchange: Exchange) -> None:
        server.keep(exchange)
        with suppress(OSError):
            exchange._handler.connection.sendall(start)
            for _ in range(30):
                exchange._handler.connection.sendall(drop)
                time.sleep(0.1)
        exchange._handler.close_connection = True

    return script


OK = b"HTTP/1.1 200 OK\r\n"
DRIPPING = {
    "interim responses": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a field": dripping(OK + b"X-A: ", b"a"),
    "a body of no stated length": dripping(OK + b"\r\n", b" "),
    "a chunk's size": dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n1;a=", b"a"),
}


@pytest.mark.parametrize("over", ["http", "https"])
@pytest.mark.parametrize("script", DRIPPING.values(), ids=DRIPPING)
def test_a_server_that_drips_has_no_more_time_than_one_that_is_silent(script, over, certificate):
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if over == "https" else None
    if tls:
        tls.load_cert_chain(certificate)
    with serving(StowServer(script, tls=tls)) as server:
        settings = {"ca_file": certificate} if tls else {}
        origin = OriginServer(Destination(**server.destination(timeout_s=0.5, **settings)))
        started = time.monotonic()
        (outcome,) = store(origin, OBJECTS[:1])
        took_s = time.monotonic() - started
    assert (outcome.answer, outcome.reason) == (Answer.BROKEN, "no whole answer within 0.5 s")
    assert took_s < 1.6  # the head and the body have half a second each


def test_a_server_that_reads_ever_so_slowly_has_a_limited_time():
    def script(_: StowServer, exchange: Exchange) -> None:
        with suppress(OSError):
            while exchange._handler.connection.recv(1000):
                time.sleep(0.02)

    big = [Outgoing(bytes(6_000_000), OBJECTS[0].dataset)]
    started = time.monotonic()
    assert sent(script, big, timeout_s=0.2).answers == [Answer.BROKEN]
    assert time.monotonic() - started < 4.0


def test_a_slow_server_that_answers_in_time_is_not_cut():
    def script(server: StowServer, exchange: Exchange) -> None:
        body, connection = module(server.keep(exchange)), exchange._handler.connection
        time.sleep(0.4)
        connection.sendall(OK + b"Content-Type: application/dicom+json\r\nContent-Length: %d\r\n\r\n" % len(body))
        time.sleep(0.4)
        connection.sendall(body)

    assert sent(script, timeout_s=0.6).answers == [Answer.ACCEPTED] * 2


@pytest.mark.parametrize(
    ("script", "word"),
    [
        (cut_in_the_request, "broke"),
        (kept_without_an_answer, "broke"),
        (cut_in_the_answer, "broke"),
        (silent, "no whole answer within"),
        (trickling, "no whole answer within"),
    ],
)
def test_only_the_object_under_way_is_blamed_for_a_break(script, word):
    result = sent(script, timeout_s=0.5)
    assert result.answers == [Answer.BROKEN]
    assert word in result.outcomes[0].reason


def test_no_reason_holds_what_the_server_wrote():
    def script(_: StowServer, exchange: Exchange) -> None:
        exchange.read()
        exchange.answer(400, b"patient DOE^JOHN is unknown", "text/plain", X_Hint="DOE^JOHN")

    assert "DOE" not in "".join(outcome.reason for outcome in sent(script).outcomes)


def test_a_ca_file_without_certificates_is_a_mistake_in_the_settings(tmp_path):
    empty = tmp_path / "ca.pem"
    empty.touch()
    with pytest.raises(SettingsError, match="ca_file"):
        OriginServer(Destination(name="web", kind="stow", url="https://127.0.0.1/", ca_file=empty))


def test_an_empty_ca_file_in_the_settings_is_none():
    assert Destination(name="web", kind="stow", url="https://127.0.0.1/", ca_file="").ca_file is None


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A certificate of 127.0.0.1, signed by itself, and its key, in one file."""
    key, both = (tmp_path_factory.mktemp("tls") / name for name in ("key.pem", "both.pem"))
    command = [need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=peer"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(both)]
    subprocess.run(command, check=True, capture_output=True)
    both.write_text(both.read_text() + key.read_text())
    return both


def over_tls(certificate: Path, **settings: Any) -> list[Outcome]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(StowServer(tls=context)) as server:
        return list(store(OriginServer(Destination(**server.destination(**settings))), OBJECTS))


def test_a_server_is_believed_whose_certificate_the_ca_file_holds(certificate):
    assert [outcome.answer for outcome in over_tls(certificate, ca_file=certificate)] == [Answer.ACCEPTED] * 2


def test_a_server_whose_certificate_nobody_signed_gets_nothing(certificate):
    with pytest.raises(DestinationUnreachable, match="CERTIFICATE_VERIFY_FAILED"):
        over_tls(certificate)


def test_credentials_in_the_url_are_a_mistake_in_the_settings():
    with pytest.raises(ValueError, match="credentials"):
        Destination(name="web", kind="stow", url="http://ai:secret@127.0.0.1/dicom-web")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), ("", 0.0), ("-3", 0.0), ("soon", 0.0), ("9" * 400, 3600.0), ("Fri, 01 Jan 2027 00:00:00 GMT", 3600.0)],
)
def test_retry_after_is_a_number_or_a_date_and_an_hour_at_most(text, seconds):
    assert retry_after_s(text) == seconds
