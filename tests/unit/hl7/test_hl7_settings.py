"""Destinations of kind mllp and the section [hl7]: what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon import settings
from daemon.core.errors import SettingsError

RIS = '[[destination]]\nname = "ris"\nkind = "mllp"\nhost = "127.0.0.1"\nport = 2575\n'


def load(tmp_path: Path, text: str) -> settings.Settings:
    path = tmp_path / "thoraxd.toml"
    path.write_text(text)
    return settings.load(path)


def test_a_receiver_gets_messages_and_needs_no_more_than_its_address(tmp_path: Path) -> None:
    (ris,) = load(tmp_path, RIS).destination

    assert (ris.outputs, ris.charset, ris.tls, ris.marking) == (("oru",), "UNICODE UTF-8", False, True)


@pytest.mark.parametrize(
    "text, said",
    [
        (RIS + 'outputs = ["sr"]\n', 'outputs = ["oru"]'),
        (RIS + 'outputs = ["oru", "sr"]\n', "takes nothing else"),
        (RIS.replace("mllp", "dimse") + 'ae_title = "A"\noutputs = ["sr", "oru"]\n', "kind mllp"),
        (RIS.replace("port = 2575\n", ""), "needs host and port"),
        (RIS + "commitment = true\n", "no storage commitment"),
        (RIS + 'charset = "EBCDIC"\n', "HL7 table 0211"),
        (RIS + 'receiving_application = "A|B"\n', "none of |"),
        (RIS + 'certificate = "own.pem"\n', "go together"),
        ("[hl7]\nport = 99999\n", "hl7.port"),
        ("[hl7]\nmax_message_kb = 0\n", "hl7.max_message_kb"),
    ],
)
def test_a_mistake_is_told_in_words(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as mistakes:
        load(tmp_path, text)

    assert said in str(mistakes.value)
