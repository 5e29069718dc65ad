"""Who may use the pages and DICOMweb, and what no other web site can make a reader's browser do."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from daemon.core.errors import SettingsError
from daemon.core.passwords import hashed, matches
from daemon.settings import load
from daemon.web.signin import ATTEMPTS
from tests.support.reading_room import ReadingRoom

USERS = [{"name": "reader", "password": hashed("a long one")}, {"name": "script", "password": "plain"}]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadingRoom]:
    with ReadingRoom(tmp_path_factory.mktemp("locked"), user=USERS) as room:
        yield room


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadingRoom]:
    with ReadingRoom(tmp_path_factory.mktemp("open")) as opened:
        yield opened


def signed_in(room: ReadingRoom, name: str = "reader", password: str = "a long one") -> httpx.Response:
    csrf = room.csrf("/login")
    return room.client.post("/login", data={"csrf": csrf, "name": name, "password": password, "next": "/queue"})


def test_a_server_for_other_machines_without_users_is_refused_with_the_reason(tmp_path: Path) -> None:
    config = tmp_path / "thoraxd.toml"
    config.write_text('[web]\nhost = "0.0.0.0"\n')

    with pytest.raises(SettingsError, match=r"\[\[user\]\]"):
        load(config)

    config.write_text('[web]\nhost = "0.0.0.0"\n[[user]]\nname = "a"\npassword = "b"\n')
    assert load(config).user[0].name == "a"


@pytest.mark.parametrize("password", ["", "scrypt$1$2", "scrypt$3$8$1$AAAA$AAAA", f"scrypt${2**30}$8$1$AAAA$AAAA"])
def test_a_password_that_nobody_could_type_is_refused(tmp_path: Path, password: str) -> None:
    config = tmp_path / "thoraxd.toml"
    config.write_text(f'[[user]]\nname = "a"\npassword = "{password}"\n')

    with pytest.raises(SettingsError, match="thoraxd password"):
        load(config)


def test_a_hash_matches_its_password_and_no_other() -> None:
    kept = hashed("pässword")

    assert matches("pässword", kept) and not matches("password", kept) and not matches(kept, kept)


def test_on_this_machine_without_users_nobody_signs_in(room: ReadingRoom) -> None:
    assert room.client.get("/").status_code == 200
    assert room.client.get("/login").headers["location"] == "/"


def test_pages_lead_to_the_form_and_programs_are_asked_for_credentials(locked: ReadingRoom) -> None:
    with httpx.Client(base_url=locked.url) as stranger:
        page = stranger.get("/queue", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["location"]) == (303, "/login?next=/queue")
        assert stranger.get("/events?of=queue").status_code == 401
        assert stranger.post("/").status_code == 401
        studies = stranger.get("/dicom-web/studies")
        assert studies.status_code == 401 and studies.headers["www-authenticate"].startswith("Basic ")
        assert stranger.get("/health").status_code == 200
        assert stranger.get("/static/theme.css").status_code == 200


def test_programs_use_basic_credentials_for_dicomweb_alone(locked: ReadingRoom) -> None:
    for credentials in (("script", "plain"), ("reader", "a long one")):
        for _ in range(2):
            assert httpx.get(f"{locked.url}/dicom-web/studies", auth=credentials).status_code in (200, 204)
    assert httpx.get(f"{locked.url}/dicom-web/studies", auth=("script", "wrong")).status_code == 401
    assert httpx.get(f"{locked.url}/queue", auth=("script", "plain")).status_code == 401


def test_a_person_signs_in_sees_the_page_asked_for_and_signs_out(locked: ReadingRoom) -> None:
    entered = signed_in(locked)

    assert (entered.status_code, entered.headers["location"]) == (303, "/queue")
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert locked.client.get("/queue").status_code == 200
    assert locked.client.get("/dicom-web/studies").status_code in (200, 204)  # a viewer on the same server
    assert locked.client.post("/logout", data={"csrf": locked.csrf("/queue")}).status_code == 303
    assert locked.client.get("/queue").status_code == 401


def test_a_target_outside_is_not_gone_to(locked: ReadingRoom) -> None:
    fields = {"csrf": locked.csrf("/login"), "name": "reader", "password": "a long one", "next": "//evil.example/"}

    assert locked.client.post("/login", data=fields).headers["location"] == "/"
    locked.client.cookies.clear()


def test_wrong_passwords_are_counted_and_then_refused(tmp_path: Path) -> None:
    with ReadingRoom(tmp_path, user=USERS) as room:
        answers = [signed_in(room, password="guess").status_code for _ in range(ATTEMPTS + 1)]

        assert answers == [403] * ATTEMPTS + [429]
        assert signed_in(room).status_code == 429  # the right one too, for a while
        assert httpx.get(f"{room.url}/dicom-web/studies", auth=("script", "guess")).status_code == 429
        elsewhere = {"X-Forwarded-For": "192.0.2.7"}  # there is no proxy: whoever says so is not believed
        assert httpx.get(f"{room.url}/dicom-web/studies", auth=("script", "x"), headers=elsewhere).status_code == 429


def test_a_form_of_another_session_is_refused(room: ReadingRoom) -> None:
    token = room.csrf("/")
    with httpx.Client(base_url=room.url) as other:
        assert other.post("/logout", data={"csrf": token}).status_code == 403
        assert other.post("/logout").status_code == 403


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("application/x-www-form-urlencoded", "csrf=%C3%A9&name=reader&password=%ED%A0%80"),
        ("application/x-www-form-urlencoded", "csrf=&csrf=%00&name=%00"),
        ("multipart/form-data; boundary=B; charset=undefined", "--B\r\n{}csrf\r\n\r\nA\r\n--B--\r\n"),
        ("multipart/form-data; boundary=B; charset=unicode_escape", "--B\r\n{}csrf\r\n\r\n\\ud800\r\n--B--\r\n"),
        ("multipart/form-data", "no parts"),
        ("text/plain", "csrf=A"),
    ],
)
def test_a_form_that_no_page_sends_is_refused(room: ReadingRoom, kind: str, content: str) -> None:
    room.csrf("/")
    body = content.replace("{}", "Content-Disposition: form-data; name=")
    for path, status in (("/login", 403), ("/logout", 403), ("/", 200)):
        assert room.client.post(path, content=body, headers={"Content-Type": kind}).status_code == status, path


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "", "[::1"])
def test_another_name_for_this_machine_is_refused(room: ReadingRoom, host: str) -> None:
    assert room.client.get("/", headers={"Host": host}).status_code in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]:8080", "LOCALHOST:1"])
def test_this_machines_own_names_are_not(room: ReadingRoom, host: str) -> None:
    assert room.client.get("/health", headers={"Host": host}).status_code == 200


def test_a_page_of_another_origin_cannot_change_anything(room: ReadingRoom) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "http://[", ""):
        refused = room.client.post("/dicom-web/studies", headers={"Origin": origin}, content=b"")
        assert refused.status_code == 403, origin
    assert room.client.post("/", headers={"Origin": room.url}).status_code == 200


def test_no_page_allows_a_script_or_style_within_it(room: ReadingRoom) -> None:
    for path in ("/", "/queue", "/login", "/nowhere", "/static/theme.js"):
        headers = room.client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "same-origin"
    page = room.client.get("/").text
    assert "style=" not in page and "onclick" not in page and "<script>" not in page
    assert room.client.get("/").headers["cache-control"] == "no-store"


def test_the_secret_is_its_owners_alone(room: ReadingRoom) -> None:
    path = room.settings.home / "web.secret"

    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and len(path.read_bytes()) == 32


def test_a_page_of_another_origin_opens_no_websocket_and_a_stranger_none_at_all(
    room: ReadingRoom, locked: ReadingRoom
) -> None:
    for server, origin, status in ((room, "https://evil.example", 403), (locked, None, 401)):
        url = f"ws://127.0.0.1:{server.settings.web.port}/dicom-web/subscribers/VIEWER"
        with pytest.raises(InvalidStatus) as refused, connect(url, origin=origin, proxy=None):  # type: ignore[arg-type]
            pass
        assert refused.value.response.status_code == status
