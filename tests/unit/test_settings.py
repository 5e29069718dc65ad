from __future__ import annotations

from pathlib import Path

import pytest

from daemon import settings
from daemon.app import origin
from daemon.core.errors import SettingsError

REPOSITORY = Path(__file__).parents[2]

DESTINATION = """
[[destination]]
name = "pacs"
kind = "dimse"
ae_title = "ORTHANC"
host = "127.0.0.1"
port = 4242
outputs = ["sr", "gsps"]
profile = "stone"
marking = true
commitment = false
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "thoraxd.toml"
    path.write_text(text)
    return path


def test_the_shipped_file_says_what_the_defaults_are():
    assert settings.load(REPOSITORY / "thoraxd.toml") == settings.load(None)


def test_a_destination_is_read(tmp_path):
    loaded = settings.load(write(tmp_path, DESTINATION))
    assert loaded.destination[0].profile == "stone"


def test_the_environment_overrides_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("THORAXD_SCP__PORT", "104")
    assert settings.load(write(tmp_path, "[scp]\nport = 4000\nae_title = 'XRAY'")).scp.port == 104
    assert settings.load(write(tmp_path, "[scp]\nport = 4000\nae_title = 'XRAY'")).scp.ae_title == "XRAY"


def test_all_mistakes_are_reported_together(tmp_path, monkeypatch):
    monkeypatch.setenv("THORAXD_SCP__PRT", "104")
    text = "[scp]\nae_title = 'A TITLE THAT IS TOO LONG'\nport = 0\n[study]\nquiet = 1\n[broker]\nurl = 'amqp://x'\n"
    with pytest.raises(SettingsError) as caught:
        settings.load(write(tmp_path, text))
    complaints = "\n".join(caught.value.mistakes)
    for part in ("THORAXD_SCP__PRT", "scp.ae_title", "scp.port", "study.quiet", "broker"):
        assert part in complaints


@pytest.mark.parametrize(
    "change, complaint",
    [
        (('"sr", "gsps"', '"fax"'), "outputs"),
        (('"sr", "gsps"', '"sr", "sr"'), "named twice"),
        (('"sr", "gsps"]\nprofile = "stone"\nmarking = true', '"parametric-map"]\nmarking = false'), "heat map"),
        (("port = 4242", ""), "needs ae_title, host and port"),
        (('kind = "dimse"', 'kind = "stow"'), "needs a url"),
        (('"sr", "gsps"', ""), "outputs"),
        (('"stone"', '"weasis"'), "profile"),
        (("port = 4242", "port = 70000"), "port"),
        (("[[destination]]", DESTINATION + "[[destination]]"), "same name"),
    ],
)
def test_a_destination_that_cannot_be_served_is_refused_at_start(tmp_path, change, complaint):
    with pytest.raises(SettingsError, match=complaint):
        settings.load(write(tmp_path, DESTINATION.replace(*change)))


def test_a_file_that_is_no_toml_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"thoraxd\.toml"):
        settings.load(write(tmp_path, "port: 104"))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match="no such file"):
        settings.load(tmp_path / "other.toml")


def test_the_redis_socket_fits_a_socket_address_however_long_home_is(tmp_path):
    loaded = settings.load(write(tmp_path, f'home = "{tmp_path / ("deep" * 40)}"'))
    assert len(str(loaded.redis_socket)) < 108
    assert loaded.redis_socket == settings.load(write(tmp_path, f'home = "{loaded.home}"')).redis_socket


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("[scp]\nprot = 104", r"scp\.prot: no such setting \(port\?\)"),
        ("[spc]\nport = 104", r"spc: no such setting \(scp\?\)"),
        ("[[destinations]]\nname = 'pacs'", r"destinations: no such setting \(destination\?\)"),
        (DESTINATION + "calling_aet = 'X'", r"destination pacs\.calling_aet: no such setting \(calling_ae\?\)"),
        ("[scp]\ncolour = 1", r"scp\.colour: no such setting$"),
        ("[destination]\nname = 'pacs'", r"destination: .* write \[\[destination\]\]"),
        ("[[scp]]\nport = 104", r"scp: .* write \[scp\]"),
        ("[web]\nnames = 'reading.example'", r"web\.names: .* in square brackets"),
        ("[[user]]\nname = 'reader'", r"user reader\.password: is missing"),
        ("[web]\nnames = ['reading.example:8080']", r"web\.names.*without scheme, port or path"),
        ("[web]\nohif_url = 'ohif.example/viewer?StudyInstanceUIDs={study_uid}'", r"web\.ohif_url.*http://"),
        ("[web]\nohif_url = 'https://ohif.example/viewer'", r"web\.ohif_url.*\{study_uid\}"),
        ("[web]\nport = 11112", "scp and web listen on the same port of 127.0.0.1"),
        ("[hl7]\nport = 8080", "web and hl7 listen on the same port of 127.0.0.1"),
        ("[database]\nurl = 'postgres://me:hidden@db/thoraxd'", r"postgresql\+psycopg://"),
        ("[web]\nhost = '0.0.0.0'", r"\[\[user\]\]"),
    ],
)
def test_a_mistake_is_told_in_words_that_say_what_to_write_instead(tmp_path, text, complaint):
    with pytest.raises(SettingsError, match=complaint) as caught:
        settings.load(write(tmp_path, text))
    assert "hidden" not in str(caught.value)


def test_a_list_in_the_environment_that_is_no_json_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("THORAXD_DESTINATION", "{")
    with pytest.raises(SettingsError, match="THORAXD_DESTINATION: this is no JSON"):
        settings.load(None)


@pytest.mark.parametrize("url", ["/ohif/viewer?StudyInstanceUIDs={study_uid}", "", "https://v/{study_uid}"])
def test_a_viewer_may_be_beside_us_or_elsewhere(tmp_path, url):
    assert settings.load(write(tmp_path, f"[web]\nohif_url = '{url}'")).web.ohif_url == url


@pytest.mark.parametrize(
    ("web", "place"),
    [({}, "127.0.0.1"), ({"host": "::1"}, "[::1]"), ({"host": "::1", "names": ["pacs"]}, "pacs")],
)
def test_a_reading_says_where_its_images_are_as_a_url(web: dict[str, object], place: str) -> None:
    assert origin(settings.Settings(web=web)).url == f"http://{place}:8080/dicom-web"
